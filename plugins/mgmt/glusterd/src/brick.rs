//! A brick: one exported folder of one node.

use crate::store::Lines;
use uuid::Uuid;

/// One exported folder; `vols/<volume>/bricks/<host>:<path with dashes>` holds it on disk.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Brick {
    /// The node that owns it.
    pub node: Uuid,
    /// The node's name, as typed at create time.
    pub host: String,
    /// Absolute path as typed, byte for byte: clients and bricks name the brick by it.
    pub path: String,
    /// The path with symbolic links resolved; overlap with other bricks is judged by it.
    pub real_path: String,
    /// Last TCP port the brick listened on; 0 before the first start and for bricks of other nodes.
    pub port: u16,
    /// Kept for the format: 0.
    pub rdma_port: u16,
    /// Being emptied by remove-brick.
    pub decommissioned: bool,
    /// `<volume>-client-<n>`: the client translator's name, and replicate's pending xattr.
    pub id: String,
    /// Volume group, for bricks on thin logical volumes.
    pub volume_group: String,
    /// Device of a snapshot brick.
    pub device_path: String,
    /// File system of a snapshot brick.
    pub fs_type: String,
    /// Mount options of a snapshot brick.
    pub mount_options: String,
    /// The part of the path below the mount point of its file system.
    pub mount_dir: String,
    /// Kept for the format: 0, or -1 for a snapshot brick that is missing.
    pub snap_status: i32,
    /// `f_fsid` of the file system; bricks of one volume that share it share its space. 0 for other nodes' bricks.
    pub fsid: u64,
    /// Keys of newer versions, kept through a rewrite.
    pub unknown: Lines,
}

impl Brick {
    /// A brick as `volume create` makes it.
    #[must_use]
    pub fn new(node: Uuid, host: &str, path: &str, id: &str) -> Self {
        Self {
            node,
            host: host.to_owned(),
            path: path.to_owned(),
            real_path: path.to_owned(),
            port: 0,
            rdma_port: 0,
            decommissioned: false,
            id: id.to_owned(),
            volume_group: String::new(),
            device_path: String::new(),
            fs_type: String::new(),
            mount_options: String::new(),
            mount_dir: String::new(),
            snap_status: 0,
            fsid: 0,
            unknown: Lines::default(),
        }
    }

    /// `host:/path`, as the CLI types and prints it.
    #[must_use]
    pub fn display_name(&self) -> String {
        format!("{}:{}", self.host, self.path)
    }

    /// The `n` of the id `<volume>-client-<n>`.
    #[must_use]
    pub fn id_number(&self) -> Option<u32> {
        self.id.rsplit_once("-client-")?.1.parse().ok()
    }

    /// File name of its store, and the value of `brick-<n>` in the info file: `host:` and the path with dashes.
    #[must_use]
    pub fn store_name(&self) -> String {
        format!("{}:{}", self.host, self.path.replace('/', "-"))
    }

    /// The path with dashes and without its leading slash, as in pidfile, log and volfile names.
    #[must_use]
    pub fn path_dashes(&self) -> String {
        path_dashes(&self.path)
    }
}

/// `/bricks/1/v` as `bricks-1-v`.
#[must_use]
pub fn path_dashes(path: &str) -> String {
    path.strip_prefix('/').unwrap_or(path).replace('/', "-")
}

/// A brick as the command line names it: `host:/absolute/path`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BrickName {
    /// Before the first `:/`, so that IPv6 addresses pass.
    pub host: String,
    /// From the slash on.
    pub path: String,
}

impl std::str::FromStr for BrickName {
    type Err = BrickNameError;

    fn from_str(text: &str) -> Result<Self, BrickNameError> {
        let wrong = || BrickNameError { text: text.to_owned() };
        let split = text.find(":/").ok_or_else(wrong)?;
        let (host, path) = (&text[..split], &text[split + 1..]);
        if host.is_empty() || host.contains('/') || path.contains(['\0', '\n']) || host.contains(['\0', '\n'])
        {
            return Err(wrong());
        }
        Ok(Self { host: host.to_owned(), path: path.to_owned() })
    }
}

impl std::fmt::Display for BrickName {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}:{}", self.host, self.path)
    }
}

/// Not `host:/absolute/path`.
#[derive(Debug, thiserror::Error)]
#[error("brick {text:?} is not of the form host:/absolute/path")]
pub struct BrickNameError {
    text: String,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_brick_name_needs_a_host_and_an_absolute_path() {
        let name: BrickName = "box:/bricks/1".parse().unwrap();
        assert_eq!((name.host.as_str(), name.path.as_str()), ("box", "/bricks/1"));
        let name: BrickName = "fe80::1:/b".parse().unwrap();
        assert_eq!((name.host.as_str(), name.path.as_str()), ("fe80::1", "/b"));
        for bad in ["", "box", "box:b", ":/b", "/b", "a/b:/c", "h:/a\nb=c"] {
            assert!(bad.parse::<BrickName>().is_err(), "{bad:?}");
        }
    }
}
