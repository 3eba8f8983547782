//! Extended attributes, and the arithmetic on them.

use plugin_api::prelude::*;

use super::Answer;
use super::store::{Node, When};

/// Names of xattrs begin with one of these; all else in an xdata is a word between translators.
pub(super) fn is_xattr(key: &[u8]) -> bool {
    [&b"user."[..], b"trusted.", b"system.", b"security."].iter().any(|space| key.starts_with(space))
}

/// Longest name, and longest value, as Linux has them.
const LONGEST_NAME: usize = 255;
const LONGEST_VALUE: usize = 64 * 1024;

impl Node {
    /// One xattr, or all where none is named.
    pub(super) fn xattr(&self, name: &[u8]) -> Answer<Xattrs> {
        let all = self.xattrs.iter().filter(|(key, _)| name.is_empty() || key.as_bytes() == name);
        let xattrs: Dict = all.map(|(key, value)| (key.clone(), value.clone())).collect();
        if xattrs.is_empty() && !name.is_empty() {
            return Err(Errno::ENODATA);
        }
        Ok(Xattrs { xattrs, xdata: Dict::new() })
    }

    /// Those of the xattrs that an xdata asks for which are there.
    pub(super) fn asked_for(&self, xdata: &Dict) -> Dict {
        let there = xdata.iter().filter(|(key, _)| is_xattr(key.as_bytes()));
        there.filter_map(|(key, _)| Some((key.clone(), self.xattrs.get(key.as_str())?.clone()))).collect()
    }

    pub(super) fn set_xattrs(&mut self, xattrs: &Dict, flags: i32, when: When) -> Answer<Done> {
        for (key, value) in xattrs.iter() {
            let len = value.as_bytes().map_or(8, <[u8]>::len);
            if key.as_bytes().is_empty() || key.as_bytes().len() > LONGEST_NAME {
                return Err(Errno::ERANGE);
            }
            if len > LONGEST_VALUE {
                return Err(Errno::E2BIG);
            }
            match self.xattrs.contains(key.as_str()) {
                true if flags & libc::XATTR_CREATE != 0 => return Err(Errno::EEXIST),
                false if flags & libc::XATTR_REPLACE != 0 => return Err(Errno::ENODATA),
                _ => {}
            }
        }
        for (key, value) in xattrs.iter() {
            self.xattrs.set(key.clone(), value.clone());
        }
        Ok(self.touched(when))
    }

    /// The answer of a brick that has changed an xattr: it tells the attributes before and after.
    fn touched(&mut self, when: When) -> Done {
        let pre = self.iatt;
        self.touch(when, false);
        let xdata = Dict::new().with("dht-get-iatt-in-xattr", self.iatt);
        Done { xdata: xdata.with("virt-gf-prestat", pre).with("virt-gf-poststat", self.iatt) }
    }

    pub(super) fn remove_xattr(&mut self, name: &[u8], when: When) -> Answer<Done> {
        let name = std::str::from_utf8(name).map_err(|_| Errno::ENODATA)?;
        self.xattrs.remove(name).ok_or(Errno::ENODATA)?;
        Ok(self.touched(when))
    }

    /// Adds to counters (0 and 1: of 4 and of 8 bytes), or sets and answers what was there (4).
    pub(super) fn xattrop(&mut self, op: u32, operands: &Dict) -> Answer<Xattrs> {
        let width = match op {
            0 => 4,
            1 => 8,
            4 => 0,
            _ => return Err(Errno::EINVAL),
        };
        let mut xattrs = Dict::new();
        for (key, operand) in operands.iter() {
            let operand = operand.as_bytes().ok_or(Errno::EINVAL)?;
            let stored = self.xattrs.get(key.as_str()).and_then(Value::as_bytes).map(<[u8]>::to_vec);
            let (kept, told) = match (width, stored) {
                (0, stored) => (operand.to_vec(), stored),
                (_, _) if operand.is_empty() || operand.len() % width != 0 => return Err(Errno::EINVAL),
                (_, stored) => {
                    let mut stored = stored.unwrap_or_default();
                    stored.resize(operand.len(), 0);
                    let sum = add(&stored, operand, width);
                    (sum.clone(), Some(sum))
                }
            };
            self.xattrs.set(key.clone(), Value::bytes(kept));
            if let Some(told) = told {
                xattrs.set(key.clone(), Value::bytes(told));
            }
        }
        Ok(Xattrs { xattrs, xdata: Dict::new() })
    }
}

/// Adds big-endian numbers of `width` bytes, which wrap around.
fn add(stored: &[u8], operand: &[u8], width: usize) -> Vec<u8> {
    let number = |bytes: &[u8]| bytes.iter().fold(0_u64, |sum, byte| sum << 8 | u64::from(*byte));
    let sums = stored.chunks(width).zip(operand.chunks(width));
    sums.flat_map(|(a, b)| number(a).wrapping_add(number(b)).to_be_bytes()[8 - width..].to_vec()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counters_add_up_and_wrap() {
        assert_eq!(
            add(&[0, 0, 0, 1, 255, 255, 255, 255], &[0, 0, 0, 2, 0, 0, 0, 1], 4),
            [0, 0, 0, 3, 0, 0, 0, 0]
        );
        assert_eq!(add(&[0; 8], &[0, 0, 0, 0, 0, 0, 1, 0], 8), [0, 0, 0, 0, 0, 0, 1, 0]);
    }
}
