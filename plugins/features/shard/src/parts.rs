//! A range of a file, cut where its blocks end.

/// What of a range lies in one block.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Part {
    /// Which block; 0 is the file itself.
    pub(crate) block: u64,
    /// From where in the block, bytes.
    pub(crate) offset: u64,
    /// How many bytes.
    pub(crate) len: u64,
    /// How many bytes of the range lie before.
    pub(crate) before: u64,
}

/// The parts of a range, in order. An empty range is one of the first block, so that whoever answers it is asked.
pub(crate) fn parts(offset: u64, len: u64, block_size: u64) -> impl Iterator<Item = Part> {
    let end = offset.saturating_add(len);
    let mut next = Some(offset);
    std::iter::from_fn(move || {
        let at = next?;
        if len == 0 {
            next = None;
            return Some(Part { block: 0, offset, len, before: 0 });
        }
        let within = at % block_size;
        let len = (block_size - within).min(end - at);
        next = (at + len < end).then_some(at + len);
        Some(Part { block: at / block_size, offset: within, len, before: at - offset })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_range_is_cut_where_blocks_end() {
        let all = |offset, len| {
            parts(offset, len, 10).map(|p| (p.block, p.offset, p.len, p.before)).collect::<Vec<_>>()
        };
        assert_eq!(all(0, 10), [(0, 0, 10, 0)]);
        assert_eq!(all(10, 1), [(1, 0, 1, 0)]);
        assert_eq!(all(8, 14), [(0, 8, 2, 0), (1, 0, 10, 2), (2, 0, 2, 12)]);
        assert_eq!(all(25, 0), [(0, 25, 0, 0)]);
    }
}
