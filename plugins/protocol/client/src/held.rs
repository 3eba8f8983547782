//! The POSIX locks that are held on a descriptor: what the brick would have to know again after it was away.

use plugin_api::IoBuf;
use plugin_api::fop::{Flock, LockKind};

/// Ranges by owner; none overlaps another of the same owner.
#[derive(Debug, Default)]
pub(crate) struct Held(Vec<Range>);

#[derive(Debug, Clone)]
struct Range {
    owner: IoBuf,
    start: u64,
    /// The first byte behind it; `u64::MAX` for no end.
    end: u64,
}

impl Held {
    /// Whether there is none.
    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Notes a lock that was granted, or an unlock.
    pub(crate) fn note(&mut self, owner: &[u8], flock: &Flock) {
        let end = if flock.len == 0 { u64::MAX } else { flock.start.saturating_add(flock.len) };
        let mut left = Vec::with_capacity(self.0.len() + 1);
        for range in self.0.drain(..) {
            if range.owner[..] != *owner || range.end <= flock.start || end <= range.start {
                left.push(range);
                continue;
            }
            if range.start < flock.start {
                left.push(Range { end: flock.start, ..range.clone() });
            }
            if end < range.end {
                left.push(Range { start: end, ..range });
            }
        }
        if flock.kind != LockKind::Unlock {
            left.push(Range { owner: IoBuf::copy_from_slice(owner), start: flock.start, end });
        }
        self.0 = left;
    }

    /// Forgets the locks of an owner: a flush gives them back.
    pub(crate) fn flushed(&mut self, owner: &[u8]) {
        self.0.retain(|range| range.owner[..] != *owner);
    }

    /// Forgets all.
    pub(crate) fn clear(&mut self) {
        self.0.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn flock(kind: LockKind, start: u64, len: u64) -> Flock {
        Flock { kind, start, len, ..Flock::default() }
    }

    #[test]
    fn what_is_unlocked_piece_by_piece_is_held_until_the_last() {
        let mut held = Held::default();
        held.note(b"a", &flock(LockKind::Write, 0, 0));
        held.note(b"a", &flock(LockKind::Unlock, 10, 10));
        held.note(b"a", &flock(LockKind::Unlock, 0, 10));
        assert!(!held.is_empty());
        held.note(b"a", &flock(LockKind::Unlock, 20, 0));
        assert!(held.is_empty());
    }

    #[test]
    fn owners_do_not_unlock_each_other() {
        let mut held = Held::default();
        held.note(b"a", &flock(LockKind::Read, 5, 5));
        held.note(b"b", &flock(LockKind::Unlock, 0, 0));
        held.flushed(b"b");
        assert!(!held.is_empty());
        held.flushed(b"a");
        assert!(held.is_empty());
    }

    #[test]
    fn a_lock_taken_twice_is_one() {
        let mut held = Held::default();
        for _ in 0..1000 {
            held.note(b"a", &flock(LockKind::Write, 7, 3));
        }
        assert_eq!(held.0.len(), 1);
    }
}
