//! The locks of an open file as an xattr, by which a client moves them to another connection of its own.
//!
//! `trusted.glusterfs.lockinfo` holds a serialized dict of brick to file number; reading it names this brick's file,
//! setting it on another descriptor moves the locks there.

use plugin_api::Frame;
use plugin_api::{Dict, Fd, IoBuf, Value};

use crate::Locks;
use crate::engine::FdKey;
use crate::files::LockedFile;
use crate::who::Clients;

/// The xattr's name.
pub(crate) const NAME: &str = "trusted.glusterfs.lockinfo";

impl Locks {
    /// What reading the xattr answers: nothing for a file without locks.
    pub(crate) async fn lock_info(&self, frame: &Frame, fd: &Fd) -> Dict {
        let Some(file) = LockedFile::find(fd, frame.key()) else { return Dict::new() };
        let locked = self.table.with_known(fd.inode().gfid(), |locks, _| locks.posix.has_fd(file.key));
        if locked != Some(true) {
            return Dict::new();
        }
        let brick = self.brick(frame, fd.inode().gfid()).await;
        Dict::new().with(NAME, Value::Bytes(IoBuf::from(serialize(brick, file.key.0))))
    }

    /// Moves the locks of the file that `value` names for this brick to `fd` and its client.
    pub(crate) async fn move_locks(&self, frame: &Frame, fd: &Fd, value: &[u8]) {
        let brick = self.brick(frame, fd.inode().gfid()).await;
        let Some(from) = find(value, brick) else { return };
        let to = LockedFile::of(fd, frame.key(), &self.table);
        let asker = self.clients.anybody(frame, Clients::name(frame));
        self.table.with_known(fd.inode().gfid(), |locks, _| {
            if !asker.is_gone() {
                locks.posix.move_fd(FdKey(from), to.key, asker.holder.client);
            }
        });
    }
}

/// Count, then for each pair the lengths of key (without its NUL) and value (with it), key, NUL, value.
fn serialize(brick: &str, number: u64) -> Vec<u8> {
    let value = format!("{number}\0");
    let word = |n: usize| u32::try_from(n).expect("short texts").to_be_bytes();
    [
        &1_u32.to_be_bytes()[..],
        &word(brick.len()),
        &word(value.len()),
        brick.as_bytes(),
        b"\0",
        value.as_bytes(),
    ]
    .concat()
}

/// The number of `brick` in such a dict; `None` when it is damaged or has none.
fn find(value: &[u8], brick: &str) -> Option<u64> {
    let (count, mut rest) = word(value)?;
    for _ in 0..count {
        let (key_len, after) = word(rest)?;
        let (value_len, after) = word(after)?;
        let (key, after) = after.split_at_checked(usize::try_from(key_len).ok()?)?;
        let (_nul, after) = after.split_first()?;
        let (text, after) = after.split_at_checked(usize::try_from(value_len).ok()?)?;
        if key == brick.as_bytes() {
            let digits = text.split(|byte| *byte == 0).next()?;
            return std::str::from_utf8(digits).ok()?.parse().ok();
        }
        rest = after;
    }
    None
}

fn word(bytes: &[u8]) -> Option<(u32, &[u8])> {
    let (word, rest) = bytes.split_first_chunk::<4>()?;
    Some((u32::from_be_bytes(*word), rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_is_found_for_its_own_brick_only() {
        let value = serialize("/b/1", 77);
        assert_eq!(find(&value, "/b/1"), Some(77));
        assert_eq!(find(&value, "/b/2"), None);
    }

    #[test]
    fn damaged_values_name_no_file() {
        let value = serialize("/b/1", 77);
        for end in 0..value.len() - 1 {
            assert_eq!(find(&value[..end], "/b/1"), None, "cut at {end}");
        }
        assert_eq!(find(&[0xff; 64], "/b/1"), None);
    }
}
