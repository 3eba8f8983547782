//! The processes of a volume in a table.

use super::row::{Row, rows};
use super::{RULE, tasks};
use crate::facts::Facts;

/// The column in which a row's numbers begin; the name before it leaves one blank.
const NAME_WIDTH: usize = 44;

/// The table, and for a whole volume what is done with it.
pub(super) fn text(facts: &Facts<'_>, with_tasks: bool) -> String {
    let mut out = format!(
        "Status of volume: {}\nGluster process                             TCP Port  RDMA Port  Online  Pid\n{RULE}",
        facts.str("volname")
    );
    rows(facts).iter().for_each(|row| out += &line(row));
    out += " \n";
    if with_tasks {
        out += &tasks::text(facts);
    }
    out
}

fn line(row: &Row<'_>) -> String {
    let name = match row.is_brick {
        true => format!("Brick {}:{}", row.host(), row.path()),
        false => format!("{} on {}", row.host(), row.path()),
    };
    let online = if row.is_online() { "Y" } else { "N" };
    let (port, rdma, pid) = (row.port(), row.rdma_port(), row.pid());
    format!("{}{port:<10}{rdma:<11}{online:<8}{pid:<5}\n", broken(&name))
}

/// A name padded to its column; a longer one is broken over several lines, the last of which is padded.
fn broken(name: &str) -> String {
    let letters: Vec<char> = name.chars().collect();
    let mut lines: Vec<String> = letters.chunks(NAME_WIDTH - 1).map(|line| line.iter().collect()).collect();
    if let Some(last) = lines.last_mut() {
        *last = format!("{last:<NAME_WIDTH$}");
    }
    lines.join("\n")
}

#[cfg(test)]
mod tests {
    use super::broken;

    #[test]
    fn a_long_name_is_broken_at_its_column() {
        assert_eq!(broken(&"x".repeat(43)), format!("{} ", "x".repeat(43)));
        assert_eq!(broken(&"x".repeat(44)), format!("{}\nx{}", "x".repeat(43), " ".repeat(43)));
        assert_eq!(broken(&"x".repeat(86)), format!("{0}\n{0} ", "x".repeat(43)));
    }
}
