//! The bytes that a fop is about, and the pages that they lie in.

use std::ops::RangeInclusive;

use plugin_api::Payload;
use plugin_api::fop::Data;

use crate::page::{PAGE, Piece};

/// From here to there; one byte at least.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Span {
    from: u64,
    to: u64,
}

impl Span {
    /// `None` for no bytes, and for those beyond all files.
    pub(crate) fn of(offset: u64, len: u64) -> Option<Self> {
        let to = offset.checked_add(len)?;
        (len > 0).then_some(Self { from: offset, to })
    }

    pub(crate) fn pages(self) -> RangeInclusive<u64> {
        self.from / PAGE..=(self.to - 1) / PAGE
    }

    /// What a read of these bytes brings, from all their pages.
    pub(crate) fn cut(self, pieces: &[Piece]) -> Data {
        let (mut data, mut at_end) = (Payload::default(), false);
        for (number, piece) in self.pages().zip(pieces) {
            let (start, len) = (number * PAGE, piece.bytes.len());
            let within =
                |offset: u64| usize::try_from(offset.saturating_sub(start)).map_or(len, |at| at.min(len));
            let (from, to) = (within(self.from), within(self.to));
            if from < to {
                data.push(piece.bytes.slice(from..to));
            }
            if piece.at_end {
                at_end = self.to >= start + len as u64;
                break;
            }
        }
        // Attributes may have changed since then, and nobody has to take these for new ones.
        Data { data, at_end, ..Data::default() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use plugin_api::IoBuf;

    #[test]
    fn a_read_is_cut_out_of_its_pages_and_ends_with_the_file() {
        let full = Piece { bytes: IoBuf::from(vec![1; 128 << 10]), at_end: false };
        let last = Piece { bytes: IoBuf::from(vec![2; 10]), at_end: true };
        let cut = |offset, len, pieces: &[&Piece]| {
            let pieces: Vec<_> = pieces.iter().map(|piece| (*piece).clone()).collect();
            let data = Span::of(offset, len).unwrap().cut(&pieces);
            (data.data.len(), data.at_end)
        };
        assert_eq!(cut(PAGE - 5, 5, &[&full]), (5, false));
        assert_eq!(cut(PAGE - 5, 10, &[&full, &last]), (10, false));
        assert_eq!(cut(PAGE - 5, 15, &[&full, &last]), (15, true));
        assert_eq!(cut(PAGE - 5, 2 * PAGE, &[&full, &last, &full]), (15, true));
        assert_eq!(cut(PAGE + 10, 1, &[&last]), (0, true));
        assert_eq!(cut(PAGE + 99, 1, &[&last]), (0, true));
        assert!(Span::of(3, 0).is_none() && Span::of(u64::MAX, 1).is_none());
    }
}
