//! The 16-byte file id.

use std::fmt;
use std::str::FromStr;

use abi_stable::StableAbi;

use crate::carry::Carry;

/// A file id: what names an inode on every brick, in the order the bytes travel in.
///
/// # Source
/// GlusterFS 10: `trusted.gfid` on disk, every fop on the wire.
#[repr(transparent)]
#[derive(StableAbi, Carry, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
pub struct Gfid(pub [u8; 16]);

impl Gfid {
    /// No file: sixteen zero bytes.
    pub const NULL: Self = Self([0; 16]);
    /// The root of every brick: fifteen zero bytes and a one.
    pub const ROOT: Self = Self([0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1]);

    /// Whether this names no file.
    #[must_use]
    pub const fn is_null(self) -> bool {
        u128::from_be_bytes(self.0) == 0
    }

    /// Whether this is the root of the volume.
    #[must_use]
    pub const fn is_root(self) -> bool {
        u128::from_be_bytes(self.0) == 1
    }

    /// The inode number that clients show: the last eight bytes, big-endian; 1 for the root, all ones for none.
    #[must_use]
    pub fn ino(self) -> u64 {
        if self.is_null() {
            return u64::MAX;
        }
        let mut low = [0; 8];
        low.copy_from_slice(&self.0[8..]);
        u64::from_be_bytes(low)
    }

    /// The id in the first 16 of `bytes`, or `None` when there are not exactly 16.
    #[must_use]
    pub fn from_slice(bytes: &[u8]) -> Option<Self> {
        bytes.try_into().ok().map(Self)
    }
}

impl fmt::Display for Gfid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, byte) in self.0.iter().enumerate() {
            if matches!(at, 4 | 6 | 8 | 10) {
                f.write_str("-")?;
            }
            write!(f, "{byte:02x}")?;
        }
        Ok(())
    }
}

impl fmt::Debug for Gfid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Gfid({self})")
    }
}

/// The text is no file id: 32 hexadecimal digits, with or without the four dashes, were expected.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is no gfid: 32 hexadecimal digits were expected, as in 00000000-0000-0000-0000-000000000001")]
pub struct ParseGfidError(String);

impl FromStr for Gfid {
    type Err = ParseGfidError;

    fn from_str(text: &str) -> Result<Self, ParseGfidError> {
        let wrong = || ParseGfidError(text.to_owned());
        let mut id = [0; 16];
        let mut digits = 0;
        for c in text.bytes().filter(|c| *c != b'-') {
            let value = char::from(c).to_digit(16).and_then(|d| u8::try_from(d).ok()).ok_or_else(wrong)?;
            let slot = id.get_mut(digits / 2).ok_or_else(wrong)?;
            *slot = *slot << 4 | value;
            digits += 1;
        }
        if digits == 32 { Ok(Self(id)) } else { Err(wrong()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_and_bytes_are_the_same_id() {
        let id: Gfid = "0123cdef-0000-4000-8000-00000000000a".parse().unwrap();
        assert_eq!(id.to_string(), "0123cdef-0000-4000-8000-00000000000a");
        assert_eq!(id.ino(), 0x8000_0000_0000_000a);
        assert!("0123".parse::<Gfid>().is_err());
        assert!("z123cdef-0000-4000-8000-00000000000a".parse::<Gfid>().is_err());
    }

    #[test]
    fn the_root_shows_inode_one_and_no_file_shows_all_ones() {
        assert_eq!(Gfid::ROOT.ino(), 1);
        assert_eq!(Gfid::NULL.ino(), u64::MAX);
    }
}
