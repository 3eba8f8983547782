//! Where the bricks of a volume lie.

use super::RULE;
use super::row::Row;
use crate::facts::Facts;
use crate::tree::Element;

/// A block of lines for each brick.
pub(super) fn text(facts: &Facts<'_>, rows: &[Row<'_>]) -> String {
    let blocks: String = rows.iter().map(|row| format!("{RULE}{}", block(row))).collect();
    format!("Status of volume: {}\n{blocks} \n", facts.str("volname"))
}

fn block(row: &Row<'_>) -> String {
    let known = |key: &str| row.facts.text(key).unwrap_or("N/A").to_owned();
    let number = |key: &str| row.facts.number(key).map_or_else(|| "N/A".to_owned(), |n| n.to_string());
    let size = |key: &str| row.facts.number(key).map_or_else(|| "N/A".to_owned(), human);
    let lines = [
        ("Brick", format!("Brick {}:{}", row.host(), row.path())),
        ("TCP Port", row.port()),
        ("RDMA Port", row.rdma_port()),
        ("Online", if row.is_online() { "Y" } else { "N" }.to_owned()),
        ("Pid", row.pid()),
        ("File System", known("fs_name")),
        ("Device", known("device")),
        ("Mount Options", known("mnt_options")),
        ("Inode Size", known("inode_size")),
        ("Disk Space Free", size("free")),
        ("Total Disk Space", size("total")),
        ("Inode Count", number("total_inodes")),
        ("Free Inodes", number("free_inodes")),
    ];
    lines.map(|(name, value)| format!("{name:<20} : {value:<20}\n")).concat()
}

/// The same in a node's element.
pub(super) fn add(node: Element, row: &Row<'_>) -> Element {
    let keys = [
        ("sizeTotal", "total"),
        ("sizeFree", "free"),
        ("device", "device"),
        ("blockSize", "block_size"),
        ("mntOptions", "mnt_options"),
        ("fsName", "fs_name"),
        ("inodeSize", "inode_size"),
        ("inodesTotal", "total_inodes"),
        ("inodesFree", "free_inodes"),
    ];
    keys.iter().fold(node, |node, (name, key)| match row.facts.number(key) {
        Some(number) => node.number(name, number),
        None => node.maybe_leaf(name, row.facts.text(key)),
    })
}

/// Bytes in the largest unit of which there is more than one, or `Bytes`.
pub(crate) fn human(bytes: i64) -> String {
    const UNITS: [(&str, u32); 5] = [("PB", 50), ("TB", 40), ("GB", 30), ("MB", 20), ("KB", 10)];
    let unit = UNITS.iter().find(|(_, bits)| bytes >= 1 << bits);
    #[allow(clippy::cast_precision_loss, reason = "one decimal is shown")]
    match unit {
        Some((name, bits)) => format!("{:.1}{name}", bytes as f64 / (1_u64 << bits) as f64),
        None => format!("{bytes}Bytes"),
    }
}

#[cfg(test)]
mod tests {
    use super::human;

    #[test]
    fn sizes_have_the_unit_in_which_they_are_at_least_one() {
        let shown = [0, 1023, 1024, 1536, 900_096, 1 << 20, 1 << 50].map(human);
        assert_eq!(shown, ["0Bytes", "1023Bytes", "1.0KB", "1.5KB", "879.0KB", "1.0MB", "1.0PB"]);
    }
}
