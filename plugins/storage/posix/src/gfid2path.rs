//! `trusted.gfid2path.*`: under which names an object is known, kept on the object itself.

use gluster_brick::Name;
use plugin_api::Gfid;
use xxhash_rust::xxh64::xxh64;

use crate::handle::{gfid_text, parse_gfid};

/// What the names of these xattrs start with.
pub(crate) const PREFIX: &[u8] = b"trusted.gfid2path.";

/// The incumbent stops recording names past this many links.
pub(crate) const MAX_LINKS: u32 = 500;

/// One xattr: its name and its value.
#[derive(Debug)]
pub(crate) struct Record {
    pub(crate) key: [u8; 34],
    pub(crate) value: Vec<u8>,
}

/// The record of `name` in `parent`.
pub(crate) fn record(parent: Gfid, name: Name<'_>) -> Record {
    let mut value = Vec::with_capacity(37 + name.bytes().len());
    value.extend_from_slice(&gfid_text(parent));
    value.push(b'/');
    value.extend_from_slice(name.bytes());
    let mut key = [0; 34];
    key[..18].copy_from_slice(PREFIX);
    let hash = xxh64(&value, 0);
    for (n, slot) in key[18..].iter_mut().enumerate() {
        let nibble = (hash >> (60 - 4 * n)) & 15;
        *slot = b"0123456789abcdef"[usize::try_from(nibble).expect("four bits")];
    }
    Record { key, value }
}

/// The parent and the name in a record's value; `None` when it has another shape.
pub(crate) fn parse(value: &[u8]) -> Option<(Gfid, &[u8])> {
    let (parent, name) = (parse_gfid(value.get(..36)?)?, value.get(37..)?);
    (value[36] == b'/' && Name::new(name).is_ok()).then_some((parent, name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_those_that_the_incumbent_writes() {
        for (value, hash) in [
            ("00000000-0000-0000-0000-000000000001/f1b", "b7cfe3753c715df8"),
            ("f5ed0674-0433-46ed-983b-19dd06856421/blk", "64ff6c9ab9b652a8"),
            ("f5ed0674-0433-46ed-983b-19dd06856421/file", "f89d3d74ff1b6904"),
        ] {
            let (parent, name) = parse(value.as_bytes()).unwrap();
            let record = record(parent, Name::new(name).unwrap());
            assert_eq!(record.value, value.as_bytes());
            assert_eq!(record.key.as_slice(), format!("trusted.gfid2path.{hash}").as_bytes());
        }
    }
}
