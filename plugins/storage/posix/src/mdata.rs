//! `trusted.glusterfs.mdata`: the three times that a client's clock decides.

use plugin_api::{Iatt, Mdata};

/// Name of the xattr.
pub(crate) const XATTR: &[u8] = b"trusted.glusterfs.mdata";

/// Bytes of the value: version, flags, then ctime, mtime, atime, each in seconds and nanoseconds.
pub(crate) const LEN: usize = 57;

const VERSION: u8 = 1;
const NANOS: u64 = 1_000_000_000;

/// A point in time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub(crate) struct Time {
    pub(crate) sec: i64,
    pub(crate) nsec: u32,
}

impl Time {
    pub(crate) fn is_zero(self) -> bool {
        self == Self::default()
    }
}

/// The three times of one object.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Times {
    pub(crate) ctime: Time,
    pub(crate) mtime: Time,
    pub(crate) atime: Time,
}

/// Which of the times an operation moves.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Which {
    pub(crate) ctime: bool,
    pub(crate) mtime: bool,
    pub(crate) atime: bool,
}

impl Which {
    /// The object's bits of the credential's flags. What moves an mtime moves the ctime, whether the client says so or
    /// not: for an allocation it names mtime and atime alone.
    pub(crate) fn object(flags: u32) -> Self {
        Self { ctime: flags & 0x3 != 0, mtime: flags & 0x2 != 0, atime: flags & 0x4 != 0 }
    }

    /// The parent's bits of the credential's flags.
    pub(crate) fn parent(flags: u32) -> Self {
        Self { ctime: flags & 0x8 != 0, mtime: flags & 0x10 != 0, atime: flags & 0x20 != 0 }
    }

    pub(crate) fn none(self) -> bool {
        self == Self::default()
    }
}

impl Times {
    /// All three at `time`.
    pub(crate) fn all(time: Time) -> Self {
        Self { ctime: time, mtime: time, atime: time }
    }

    /// Moves the times in `which` forward to `time`; never back.
    pub(crate) fn advance(&mut self, which: Which, time: Time) {
        let slots =
            [(which.ctime, &mut self.ctime), (which.mtime, &mut self.mtime), (which.atime, &mut self.atime)];
        for (moves, slot) in slots {
            if moves {
                *slot = time.max(*slot);
            }
        }
    }

    /// The later of each, for values that a heal or a rebalance brings.
    pub(crate) fn merge(&mut self, other: &Self) {
        self.ctime = self.ctime.max(other.ctime);
        self.mtime = self.mtime.max(other.mtime);
        self.atime = self.atime.max(other.atime);
    }

    pub(crate) fn encode(&self) -> [u8; LEN] {
        let mut value = [0; LEN];
        value[0] = VERSION;
        for (time, at) in [(self.ctime, 9), (self.mtime, 25), (self.atime, 41)] {
            value[at..at + 8].copy_from_slice(&time.sec.to_be_bytes());
            value[at + 8..at + 16].copy_from_slice(&u64::from(time.nsec).to_be_bytes());
        }
        value
    }

    /// Reads a value from disk or from a heal; `None` when it has another shape.
    pub(crate) fn decode(value: &[u8]) -> Option<Self> {
        let value: &[u8; LEN] = value.try_into().ok()?;
        let word = |at: usize| {
            let mut word = [0; 8];
            word.copy_from_slice(&value[at..at + 8]);
            word
        };
        let time = |at: usize| {
            let nsec = u64::from_be_bytes(word(at + 8));
            let nsec = u32::try_from(nsec).ok().filter(|_| nsec < NANOS)?;
            Some(Time { sec: i64::from_be_bytes(word(at)), nsec })
        };
        (value[0] == VERSION).then_some(())?;
        Some(Self { ctime: time(9)?, mtime: time(25)?, atime: time(41)? })
    }

    /// Puts the times into attributes.
    pub(crate) fn show_in(&self, iatt: &mut Iatt) {
        (iatt.ctime, iatt.ctime_nsec) = (self.ctime.sec, self.ctime.nsec);
        (iatt.mtime, iatt.mtime_nsec) = (self.mtime.sec, self.mtime.nsec);
        (iatt.atime, iatt.atime_nsec) = (self.atime.sec, self.atime.nsec);
    }
}

impl From<&Mdata> for Times {
    fn from(m: &Mdata) -> Self {
        Self {
            ctime: Time { sec: m.ctime, nsec: m.ctime_nsec },
            mtime: Time { sec: m.mtime, nsec: m.mtime_nsec },
            atime: Time { sec: m.atime, nsec: m.atime_nsec },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_value_reads_back_and_has_the_incumbents_places() {
        let times = Times {
            ctime: Time { sec: 1, nsec: 2 },
            mtime: Time { sec: 3, nsec: 4 },
            atime: Time { sec: -5, nsec: 6 },
        };
        let value = times.encode();
        assert_eq!((value[0], value[16], value[24], value[32]), (1, 1, 2, 3));
        assert_eq!(Times::decode(&value), Some(times));
    }

    #[test]
    fn values_of_another_shape_are_refused() {
        assert_eq!(Times::decode(&[1; 56]), None);
        assert_eq!(Times::decode(&[0; LEN]), None);
        assert_eq!(Times::decode(&[1; LEN]), None, "nanoseconds past a second");
    }

    #[test]
    fn times_never_move_back() {
        let mut times = Times::all(Time { sec: 10, nsec: 0 });
        times.advance(Which { ctime: true, mtime: true, atime: false }, Time { sec: 9, nsec: 9 });
        assert_eq!(times, Times::all(Time { sec: 10, nsec: 0 }));
        times.advance(Which { ctime: true, ..Which::default() }, Time { sec: 11, nsec: 0 });
        assert_eq!((times.ctime.sec, times.mtime.sec), (11, 10));
    }
}
