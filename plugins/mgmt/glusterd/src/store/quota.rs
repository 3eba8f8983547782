//! `quota.conf` and `quota.cksum`: a volume's limits, and what peers compare of them.

use super::fields::Fields;
use super::{Lines, StoreError, atomic};
use std::path::Path;

/// First line of `quota.conf`.
const HEADER: &[u8] = b"GlusterFS Quota conf | version: v1.2\n";
/// First line of the format before inode quota: no type byte in the records.
const HEADER_1_1: &[u8] = b"GlusterFS Quota conf | version: v1.1\n";

/// What is limited.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LimitKind {
    /// Bytes.
    Usage,
    /// Files and folders.
    Objects,
}

/// One limited folder; the limit itself lies in the folder's xattrs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limit {
    /// The folder.
    pub gfid: [u8; 16],
    /// What is limited.
    pub kind: LimitKind,
}

/// Reads `quota.conf`; an empty file, as a restart leaves it for volumes without quota, has no limits.
///
/// # Errors
/// The file cannot be read, or is neither of the formats 1.1 and 1.2.
pub fn read_limits(path: &Path) -> Result<Vec<Limit>, StoreError> {
    let bytes = std::fs::read(path).map_err(StoreError::std_io(path, "read"))?;
    let wrong = |found: &[u8]| StoreError::Line {
        path: path.to_owned(),
        line: 1,
        found: String::from_utf8_lossy(&found[..found.len().min(40)]).into_owned(),
    };
    let gfid = |record: &[u8]| <[u8; 16]>::try_from(&record[..16]).expect("records have at least 16 bytes");
    if bytes.is_empty() {
        return Ok(Vec::new());
    }
    if let Some(records) = bytes.strip_prefix(HEADER_1_1) {
        let whole = records.chunks_exact(16);
        if !whole.remainder().is_empty() {
            return Err(wrong(whole.remainder()));
        }
        return Ok(whole.map(|record| Limit { gfid: gfid(record), kind: LimitKind::Usage }).collect());
    }
    let whole = bytes.strip_prefix(HEADER).ok_or_else(|| wrong(&bytes))?.chunks_exact(17);
    if !whole.remainder().is_empty() {
        return Err(wrong(whole.remainder()));
    }
    whole
        .map(|record| match record[16] {
            1 => Ok(Limit { gfid: gfid(record), kind: LimitKind::Usage }),
            2 => Ok(Limit { gfid: gfid(record), kind: LimitKind::Objects }),
            _ => Err(wrong(record)),
        })
        .collect()
}

/// Replaces `quota.conf`.
///
/// # Errors
/// The file cannot be written.
pub fn write_limits(path: &Path, limits: &[Limit]) -> Result<(), StoreError> {
    let mut bytes = HEADER.to_vec();
    for limit in limits {
        bytes.extend_from_slice(&limit.gfid);
        bytes.push(match limit.kind {
            LimitKind::Usage => 1,
            LimitKind::Objects => 2,
        });
    }
    atomic::replace(path, &bytes)
}

/// `quota.cksum`: the limits' checksum, and how often they changed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct QuotaChecksum {
    /// 0 from op-version 70000 on.
    pub checksum: u32,
    /// Counts each change.
    pub version: u32,
}

impl QuotaChecksum {
    /// Reads the file.
    ///
    /// # Errors
    /// The file cannot be read or a value is malformed.
    pub fn read(path: &Path) -> Result<Self, StoreError> {
        let mut fields = Fields::read(path)?;
        Ok(Self { checksum: fields.number("cksum")?, version: fields.number("version")? })
    }

    /// Replaces the file.
    ///
    /// # Errors
    /// The file cannot be written.
    pub fn write(&self, path: &Path) -> Result<(), StoreError> {
        let mut lines = Lines::default();
        lines.push("cksum", self.checksum);
        lines.push("version", self.version);
        lines.write(path)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn limits_come_back_and_a_torn_record_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("quota.conf");
        let limits = vec![
            Limit { gfid: [1; 16], kind: LimitKind::Usage },
            Limit { gfid: [2; 16], kind: LimitKind::Objects },
        ];
        write_limits(&path, &limits).unwrap();
        assert_eq!(read_limits(&path).unwrap(), limits);
        let mut torn = std::fs::read(&path).unwrap();
        torn.pop();
        std::fs::write(&path, &torn).unwrap();
        assert!(read_limits(&path).is_err());
        std::fs::write(&path, b"").unwrap();
        assert!(read_limits(&path).unwrap().is_empty());
    }
}
