//! Offsets in a directory that lies on several children: each says which child it is of.

/// Set in offsets that did not fit.
const HUGE: u64 = 1 << 62;

fn bits(children: u64) -> u32 {
    children.next_power_of_two().trailing_zeros()
}

/// What is shown for offset `raw` of child `child` of `children`.
pub(crate) fn encode(raw: u64, child: u64, children: u64) -> u64 {
    if raw == u64::MAX || children < 2 {
        return raw;
    }
    let bits = bits(children);
    if raw >> (63 - bits - 1) == 0 {
        return raw * children + child;
    }
    HUGE | ((raw & (u64::MAX >> 1)) >> 1 >> bits << bits) | child
}

/// The child and its offset behind what was shown.
pub(crate) fn decode(shown: u64, children: u64) -> (u64, u64) {
    if shown == 0 || shown == u64::MAX || children < 2 {
        return (0, shown);
    }
    if shown & HUGE == 0 {
        return (shown % children, shown / children);
    }
    let low = (1 << bits(children)) - 1;
    (shown & low, (shown & !HUGE & !low) << 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn small_offsets_come_back_whole_and_huge_ones_but_for_their_last_bits() {
        for children in [2, 3, 4, 7] {
            for child in 0..children {
                for raw in [0, 1, 2, 77, 1 << 40, (1 << 58) - 1] {
                    assert_eq!(decode(encode(raw, child, children), children), (child, raw));
                }
                let (of, raw) = decode(encode(0x7fff_ffff_ffff_ffff, child, children), children);
                assert_eq!(of, child);
                assert!(0x7fff_ffff_ffff_ffff - raw <= 15, "{raw:x}");
            }
        }
        assert_eq!(decode(encode(0x7fff_ffff_ffff_ffff, 1, 3), 3), (1, 0x7fff_ffff_ffff_fff8));
        assert_eq!(encode(123, 0, 1), 123);
    }
}
