//! How long a file is over all its blocks, as its xattrs say.

use plugin_api::{Dict, Value};

/// Xattr of a file in blocks: bytes of a block, 64 bits big-endian. A file without it lies in one piece.
pub(crate) const BLOCK_SIZE: &str = "trusted.glusterfs.shard.block-size";
/// Xattr of a file in blocks: four numbers of 64 bits, big-endian, of which the second and the last are 0.
pub(crate) const FILE_SIZE: &str = "trusted.glusterfs.shard.file-size";

/// Bytes, and the units of 512 that they take; of a change, how many more, which wraps around below 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Extent {
    pub(crate) size: u64,
    pub(crate) blocks: u64,
}

impl Extent {
    /// What has to be added to come here from `before`.
    pub(crate) fn since(self, before: Self) -> Self {
        Self { size: self.size.wrapping_sub(before.size), blocks: self.blocks.wrapping_sub(before.blocks) }
    }

    /// The xattr's value.
    pub(crate) fn encode(self) -> Value {
        Value::bytes([self.size, 0, self.blocks, 0].map(u64::to_be_bytes).concat())
    }

    /// What an answer says.
    pub(crate) fn told(xattrs: &Dict) -> Option<Self> {
        let bytes = xattrs.get(FILE_SIZE)?.as_bytes()?;
        let number = |at: usize| Some(u64::from_be_bytes(bytes.get(at..at + 8)?.try_into().ok()?));
        Some(Self { size: number(0)?, blocks: number(16)? })
    }
}

/// The bytes of a block, as an answer says.
pub(crate) fn block_size(xattrs: &Dict) -> Option<u64> {
    let bytes = xattrs.get(BLOCK_SIZE)?.as_bytes()?;
    Some(u64::from_be_bytes(bytes.try_into().ok()?)).filter(|size| *size > 0)
}

/// Has a fop bring both xattrs.
pub(crate) fn ask(xdata: &mut Dict) {
    for (key, length) in [(BLOCK_SIZE, 8_u64), (FILE_SIZE, 32)] {
        if !xdata.contains(key) {
            xdata.push(key, length);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_xattr_is_that_of_the_incumbent() {
        // Ten MiB, as GlusterFS 10.3 has them on disk.
        let extent = Extent { size: 10 << 20, blocks: 20480 };
        let value = extent.encode();
        let on_disk = [0, 0, 0, 0, 0, 0xa0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];
        assert_eq!(value.as_bytes().unwrap()[..16], on_disk);
        assert_eq!(value.as_bytes().unwrap()[16..], [[0, 0, 0, 0, 0, 0, 0x50, 0], [0; 8]].concat());
        assert_eq!(Extent::told(&Dict::new().with(FILE_SIZE, value)), Some(extent));
        assert_eq!(Extent::told(&Dict::new().with(FILE_SIZE, vec![0; 8])), None);
    }

    #[test]
    fn a_change_to_less_wraps_around() {
        let change = Extent { size: 1, blocks: 0 }.since(Extent { size: 2, blocks: 8 });
        assert_eq!((change.size, change.blocks), (u64::MAX, u64::MAX - 7));
    }
}
