//! A range of bytes, both ends included.

use super::Refusal;

/// The last byte a file can have; a range that reaches it has no end on the wire (`len` 0).
pub const LAST: u64 = i64::MAX.unsigned_abs();

/// Bytes `start..=end` of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Range {
    /// First byte.
    pub start: u64,
    /// Last byte; [`LAST`] when the range has no end.
    pub end: u64,
}

impl Range {
    /// Every byte of a file, also those it does not have yet.
    pub const ALL: Self = Self { start: 0, end: LAST };

    /// Reads the wire's `start` and `len`, where `len` 0 means "to the end".
    ///
    /// # Errors
    /// [`Refusal::BadRange`] when `start` or `len` is negative, or the range passes the last byte.
    pub fn from_wire(start: i64, len: i64) -> Result<Self, Refusal> {
        let start = u64::try_from(start).map_err(|_| Refusal::BadRange)?;
        let len = u64::try_from(len).map_err(|_| Refusal::BadRange)?;
        match len {
            0 => Ok(Self { start, end: LAST }),
            len => match start + (len - 1) {
                end if end <= LAST => Ok(Self { start, end }),
                _ => Err(Refusal::BadRange),
            },
        }
    }

    /// As [`Range::from_wire`], but a negative `len` means the bytes before `start`, as POSIX has it.
    ///
    /// # Errors
    /// [`Refusal::BadRange`] when the range starts before byte 0 or passes the last byte.
    pub fn from_wire_signed(start: i64, len: i64) -> Result<Self, Refusal> {
        if len >= 0 {
            return Self::from_wire(start, len);
        }
        let first = start.checked_add(len).ok_or(Refusal::BadRange)?;
        Self::from_wire(first, len.checked_neg().ok_or(Refusal::BadRange)?)
    }

    /// The wire's `start` and `len`.
    pub fn to_wire(self) -> (i64, i64) {
        let start = i64::try_from(self.start).expect("a range starts within a file");
        match self.end {
            LAST => (start, 0),
            end => (start, i64::try_from(end - self.start + 1).expect("a range ends within a file")),
        }
    }

    /// True when the two have a byte in common.
    pub fn overlaps(self, other: Self) -> bool {
        self.start <= other.end && other.start <= self.end
    }

    /// True when the two have a byte in common, or one begins where the other ends.
    pub fn touches(self, other: Self) -> bool {
        self.start <= other.end.saturating_add(1) && other.start <= self.end.saturating_add(1)
    }

    /// The smallest range that holds both.
    pub fn hull(self, other: Self) -> Self {
        Self { start: self.start.min(other.start), end: self.end.max(other.end) }
    }

    /// What is left of it on either side once `cut` is taken away.
    pub fn without(self, cut: Self) -> (Option<Self>, Option<Self>) {
        let before = (self.start < cut.start)
            .then(|| Self { start: self.start, end: self.end.min(cut.start.saturating_sub(1)) });
        let after = (self.end > cut.end)
            .then(|| Self { start: self.start.max(cut.end.saturating_add(1)), end: self.end });
        (before, after)
    }
}

/// What a lock lets others do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Access {
    /// Shared with other readers.
    Read,
    /// Shared with nobody.
    Write,
}

impl Access {
    /// True when two owners cannot have these at once.
    pub fn excludes(self, other: Self) -> bool {
        self == Self::Write || other == Self::Write
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_range_without_length_runs_to_the_last_byte_and_back() {
        let range = Range::from_wire(5, 0).unwrap();
        assert_eq!(range, Range { start: 5, end: LAST });
        assert_eq!(range.to_wire(), (5, 0));
    }

    #[test]
    fn a_negative_length_names_the_bytes_before() {
        assert_eq!(Range::from_wire_signed(10, -4).unwrap(), Range { start: 6, end: 9 });
        assert!(Range::from_wire_signed(3, -4).is_err());
        assert!(Range::from_wire_signed(0, i64::MIN).is_err());
        assert!(Range::from_wire(0, -1).is_err());
        assert!(Range::from_wire(-1, 0).is_err());
    }

    #[test]
    fn a_range_past_the_last_byte_is_refused() {
        assert!(Range::from_wire(i64::MAX, 1).is_ok());
        assert!(Range::from_wire(i64::MAX, 2).is_err());
        assert!(Range::from_wire(i64::MAX, i64::MAX).is_err());
    }

    #[test]
    fn cutting_leaves_what_lies_outside() {
        let range = Range { start: 10, end: 20 };
        let at = |start, end| Some(Range { start, end });
        assert_eq!(range.without(Range { start: 13, end: 15 }), (at(10, 12), at(16, 20)));
        assert_eq!(range.without(Range { start: 0, end: 15 }), (None, at(16, 20)));
        assert_eq!(range.without(Range { start: 15, end: LAST }), (at(10, 14), None));
        assert_eq!(range.without(Range::ALL), (None, None));
    }

    #[test]
    fn neighbours_touch_but_do_not_overlap() {
        let (low, high) = (Range { start: 0, end: 9 }, Range { start: 10, end: 19 });
        assert!(low.touches(high) && high.touches(low) && !low.overlaps(high));
        assert!(!low.touches(Range { start: 11, end: 11 }));
    }
}
