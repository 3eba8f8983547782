//! The layout of a directory: which child holds which part of the range of hashes.

use plugin_api::Errno;

/// What a child has of a directory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Has {
    /// The directory, with a range (0 to 0 for none).
    Range,
    /// The directory, without a layout.
    Bare,
    /// Nothing.
    Nothing,
    /// Who knows: it cannot be asked.
    Unknown(Errno),
}

/// A child's part.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Part {
    pub(crate) has: Has,
    /// The rebalance that last looked at the directory; see [`INVALID`].
    pub(crate) commit: u32,
    /// 0, or 1 when a user has set the layout by hand.
    pub(crate) kind: u32,
    pub(crate) start: u32,
    pub(crate) stop: u32,
}

/// The commit hash of a layout that was repaired: names may lie anywhere.
pub(crate) const INVALID: u32 = 1;

impl Part {
    pub(crate) fn without(has: Has) -> Self {
        Self { has, commit: 0, kind: 0, start: 0, stop: 0 }
    }

    /// From the xattr; one that reads otherwise is as none.
    pub(crate) fn decode(bytes: Option<&[u8]>) -> Self {
        let (Some(words), true) = (bytes.map(|b| b.as_chunks::<4>().0), bytes.is_some_and(|b| b.len() == 16))
        else {
            return Self::without(Has::Bare);
        };
        let [commit, kind, start, stop] = [0, 1, 2, 3].map(|at| u32::from_be_bytes(words[at]));
        if kind > 1 {
            return Self::without(Has::Unknown(Errno::EINVAL));
        }
        Self { has: Has::Range, commit, kind, start, stop }
    }

    /// For the xattr.
    pub(crate) fn encode(&self) -> Vec<u8> {
        [self.commit, self.kind, self.start, self.stop].iter().flat_map(|word| word.to_be_bytes()).collect()
    }

    fn holds_some(&self) -> bool {
        self.has == Has::Range && self.start != self.stop
    }
}

/// All parts, by child.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Layout {
    pub(crate) parts: Vec<Part>,
}

/// What is wrong with a layout.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Faults {
    /// Hashes that nobody holds, or several.
    pub(crate) ranges: bool,
    /// A child lacks the directory.
    pub(crate) missing: bool,
    /// A child cannot be asked: nothing is repaired meanwhile.
    pub(crate) unknown: bool,
}

/// A child that may hold a part of a new layout.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Candidate<'n> {
    pub(crate) name: &'n str,
    pub(crate) usable: bool,
    /// Its size in MiB; 0 when it is not known.
    pub(crate) weight: u64,
}

impl Layout {
    /// The child whose range a hash falls into.
    pub(crate) fn holder(&self, hash: u32) -> Option<usize> {
        self.parts.iter().position(|part| part.holds_some() && part.start <= hash && hash <= part.stop)
    }

    /// The commit hash that all have; [`INVALID`] when they differ.
    pub(crate) fn commit(&self) -> u32 {
        let mut commits = self.parts.iter().filter(|p| p.has == Has::Range).map(|part| part.commit);
        match commits.next() {
            Some(first) if commits.all(|commit| commit == first) => first,
            _ => INVALID,
        }
    }

    /// What is to be repaired.
    pub(crate) fn faults(&self) -> Faults {
        let mut held: Vec<_> = self.parts.iter().filter(|part| part.holds_some()).collect();
        held.sort_by_key(|part| part.start);
        let mut next = Some(0);
        let mut ranges = false;
        for part in &held {
            ranges |= next != Some(part.start);
            next = part.stop.checked_add(1);
        }
        Faults {
            ranges: ranges || next.is_some(),
            missing: self.parts.iter().any(|part| part.has == Has::Nothing),
            unknown: self.parts.iter().any(|part| matches!(part.has, Has::Unknown(_))),
        }
    }

    /// Deals the range out anew, beginning with the child that `turn` (a hash) points at in the order of names.
    pub(crate) fn dealt(candidates: &[Candidate<'_>], spread: Option<usize>, turn: u32, commit: u32) -> Self {
        let mut parts = vec![Part { has: Has::Range, commit, ..Part::without(Has::Range) }; candidates.len()];
        let mut order: Vec<usize> = (0..candidates.len()).collect();
        order.sort_by_key(|at| candidates[*at].name);
        let usable = candidates.iter().filter(|candidate| candidate.usable).count();
        let count = spread.filter(|spread| (1..=usable).contains(spread)).unwrap_or(usable);
        let known = candidates.iter().all(|candidate| !candidate.usable || candidate.weight > 0);
        let weight = |at: usize| if known { candidates[at].weight } else { 1 };
        let first = usize::try_from(turn).unwrap_or(0) % order.len().max(1);
        order.rotate_left(first);
        let used: Vec<usize> = order.into_iter().filter(|at| candidates[*at].usable).take(count).collect();
        let chunk = f64::from(u32::MAX) / used.iter().map(|at| weight(*at)).sum::<u64>().max(1) as f64;
        let mut start = 0_u32;
        for at in &used {
            let span = truncated(chunk * weight(*at) as f64);
            parts[*at].start = start;
            parts[*at].stop = start.saturating_add(span).saturating_sub(1);
            start = start.saturating_add(span);
        }
        if let Some(last) = used.last() {
            parts[*last].stop = u32::MAX;
        }
        Self { parts }
    }
}

/// The whole part of a number that lies in the range of hashes.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "the cast saturates, and truncates as wanted"
)]
fn truncated(number: f64) -> u32 {
    number as u32
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hash::hash;

    fn dealt(weights: &[u64], spread: Option<usize>, turn: u32) -> Layout {
        let names: Vec<String> = (0..weights.len()).map(|at| format!("v-client-{at}")).collect();
        let candidate =
            |(name, weight): (&'static str, &u64)| Candidate { name, usable: true, weight: *weight };
        let names = names.into_iter().map(|name| &*name.leak());
        Layout::dealt(&names.zip(weights).map(candidate).collect::<Vec<_>>(), spread, turn, 0)
    }

    fn ranges(layout: &Layout) -> Vec<(u32, u32)> {
        layout.parts.iter().map(|part| (part.start, part.stop)).collect()
    }

    const A: (u32, u32) = (0xaaaa_aaaa, 0xffff_ffff);
    const B: (u32, u32) = (0, 0x5555_5554);
    const C: (u32, u32) = (0x5555_5555, 0xaaaa_aaa9);

    #[test]
    fn equal_bricks_get_the_incumbents_ranges() {
        assert_eq!(ranges(&dealt(&[7, 7, 7], None, 0)), [B, C, A]);
        assert_eq!(ranges(&dealt(&[7, 7], None, 0)), [(0, 0x7fff_fffe), (0x7fff_ffff, 0xffff_ffff)]);
        assert_eq!(ranges(&dealt(&[7], None, 3)), [(0, 0xffff_ffff)]);
        assert_eq!(ranges(&dealt(&[7, 7, 7], None, hash(b"/dir1"))).iter().filter(|r| **r == A).count(), 1);
    }

    #[test]
    fn a_larger_brick_holds_more_unless_one_is_of_unknown_size() {
        let weighted = ranges(&dealt(&[100, 300], None, 0));
        assert_eq!(weighted, [(0, 0x3fff_fffe), (0x3fff_ffff, 0xffff_ffff)]);
        assert_eq!(ranges(&dealt(&[0, 300], None, 0)), ranges(&dealt(&[1, 1], None, 0)));
    }

    #[test]
    fn a_spread_leaves_children_without_a_range() {
        let spread = dealt(&[5, 5, 5], Some(1), 1);
        assert_eq!(ranges(&spread), [(0, 0), (0, u32::MAX), (0, 0)]);
        assert_eq!(spread.faults(), Faults::default(), "none is no fault");
    }

    #[test]
    fn children_are_dealt_to_in_the_order_of_their_names() {
        let child = |name| Candidate { name, usable: true, weight: 1 };
        let layout = Layout::dealt(&[child("v-client-2"), child("v-client-10")], None, 0, 0);
        assert_eq!(layout.parts[1].start, 0, "10 sorts before 2");
    }

    #[test]
    fn holes_overlaps_and_missing_directories_are_seen() {
        let sound = dealt(&[1, 1, 1], None, 0);
        assert_eq!(sound.faults(), Faults::default());
        let mut hole = sound.clone();
        hole.parts[1].start += 1;
        assert!(hole.faults().ranges);
        let mut overlap = sound.clone();
        overlap.parts[1].start -= 1;
        assert!(overlap.faults().ranges);
        let mut short = sound.clone();
        short.parts[2].stop -= 1;
        assert!(short.faults().ranges);
        let mut missing = sound;
        missing.parts[0] = Part::without(Has::Nothing);
        assert!(missing.faults().missing && missing.faults().ranges);
    }

    #[test]
    fn a_part_is_sixteen_bytes_and_nonsense_is_no_range() {
        let bytes = [0, 0, 0, 1, 0, 0, 0, 0, 0x55, 0x55, 0x55, 0x55, 0xaa, 0xaa, 0xaa, 0xa9];
        let part = Part::decode(Some(&bytes));
        assert_eq!((part.commit, part.kind, (part.start, part.stop)), (1, 0, C));
        assert_eq!(part.encode(), bytes);
        assert_eq!(Part::decode(Some(&bytes[..15])).has, Has::Bare);
        assert_eq!(Part::decode(None).has, Has::Bare);
        let mut strange = bytes;
        strange[7] = 9;
        assert_eq!(Part::decode(Some(&strange)).has, Has::Unknown(Errno::EINVAL));
    }
}
