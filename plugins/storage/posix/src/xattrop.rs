//! Arithmetic on xattr values: the counters that replicate and disperse keep.

use rustix::fs::XattrFlags;
use rustix::io::{Errno, Result};

use crate::brick::Brick;
use crate::find::Found;

/// Longest operand: no counter is anywhere near.
const MAX_OPERAND: usize = 4096;

/// What is done with each value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Op {
    /// Adds 32-bit or (`true`) 64-bit elements.
    Add { wide: bool },
    /// Stores the operand, answers what was there.
    GetAndSet,
    /// Adds; where an element is zero or missing, its default (the second half of the operand) is added first.
    AddWithDefault { wide: bool },
}

impl Op {
    /// From the wire. `EINVAL` for what posix does not do (OR and AND too).
    pub(crate) fn from_wire(op: u32) -> Result<Self> {
        Ok(match op {
            0 => Self::Add { wide: false },
            1 => Self::Add { wide: true },
            4 => Self::GetAndSet,
            5 => Self::AddWithDefault { wide: false },
            6 => Self::AddWithDefault { wide: true },
            _ => return Err(Errno::INVAL),
        })
    }

    fn width(self) -> usize {
        match self {
            Self::Add { wide: true } | Self::AddWithDefault { wide: true } => 8,
            _ => 4,
        }
    }
}

impl Brick {
    /// Applies `op` with `operand` to the xattr `name`; gives the value to answer, if there is one.
    ///
    /// The caller holds the inode's `xattrop` lock.
    pub(crate) fn xattrop(
        &self,
        found: &Found<'_>,
        op: Op,
        name: &[u8],
        operand: &[u8],
    ) -> Result<Option<Vec<u8>>> {
        if operand.len() > MAX_OPERAND {
            return Err(Errno::INVAL);
        }
        let answer_len = match op {
            Op::AddWithDefault { .. } => operand.len() / 2,
            _ => operand.len(),
        };
        if op == Op::GetAndSet {
            let before = match found.place.xattr_vec(name) {
                Ok(value) => Some(value),
                Err(Errno::NODATA) => None,
                Err(e) => return Err(e),
            };
            found.place.set_xattr(name, operand, XattrFlags::empty())?;
            return Ok(before);
        }
        if answer_len == 0 || !answer_len.is_multiple_of(op.width()) {
            return Err(Errno::INVAL);
        }
        let mut stored = vec![0; answer_len];
        match found.place.xattr(name, &mut stored) {
            Ok(_) => {}
            Err(Errno::NODATA) => stored.fill(0),
            Err(e) => return Err(e),
        }
        // Nothing but zeros is how a counter is read.
        if operand.iter().all(|b| *b == 0) {
            return Ok(Some(stored));
        }
        let (step, default) = operand.split_at(answer_len);
        let added = add(&stored, step, default, op.width());
        found.place.set_xattr(name, &added, XattrFlags::empty())?;
        Ok(Some(added))
    }
}

/// Adds big-endian elements of `width` bytes; they wrap around.
fn add(stored: &[u8], step: &[u8], default: &[u8], width: usize) -> Vec<u8> {
    let element = |bytes: &[u8]| bytes.iter().fold(0_u64, |sum, byte| sum << 8 | u64::from(*byte));
    let mut out = Vec::with_capacity(stored.len());
    for (at, have) in stored.chunks_exact(width).enumerate() {
        let range = at * width..(at + 1) * width;
        let mut sum = element(have);
        if sum == 0 && !default.is_empty() {
            sum = element(&default[range.clone()]);
        }
        let sum = sum.wrapping_add(element(&step[range]));
        out.extend_from_slice(&sum.to_be_bytes()[8 - width..]);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn elements_are_big_endian_and_wrap() {
        assert_eq!(
            add(&[0, 0, 0, 1, 0, 0, 0, 0], &[0, 0, 0, 2, 255, 255, 255, 255], &[], 4),
            [0, 0, 0, 3, 255, 255, 255, 255]
        );
        assert_eq!(add(&[0, 0, 0, 1], &[255, 255, 255, 255], &[], 4), [0; 4]);
        assert_eq!(
            add(&[0, 0, 0, 0, 255, 255, 255, 255], &[0, 0, 0, 0, 0, 0, 0, 1], &[], 8),
            [0, 0, 0, 1, 0, 0, 0, 0]
        );
    }

    #[test]
    fn a_default_counts_only_where_nothing_was() {
        assert_eq!(add(&[0; 4], &[0, 0, 0, 1], &[0, 0, 0, 9], 4), [0, 0, 0, 10]);
        assert_eq!(add(&[0, 0, 0, 2], &[0, 0, 0, 1], &[0, 0, 0, 9], 4), [0, 0, 0, 3]);
    }

    #[test]
    fn operations_that_posix_does_not_know_are_refused() {
        assert_eq!(Op::from_wire(2), Err(Errno::INVAL));
        assert_eq!(Op::from_wire(7), Err(Errno::INVAL));
    }
}
