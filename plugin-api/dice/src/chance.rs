//! Chance: numbers that nobody foresees, from any thread, without a lock.

use std::collections::hash_map::RandomState;
use std::hash::BuildHasher;
use std::sync::atomic::{AtomicU64, Ordering};

/// The step of SplitMix64, an odd number whose multiples go through all 64-bit numbers.
const STEP: u64 = 0x9e37_79b9_7f4a_7c15;

/// Throws that follow each other without a pattern. Good for tests, not for secrets.
#[derive(Debug)]
pub struct Dice(AtomicU64);

impl Default for Dice {
    /// Begins somewhere else in each process and each translator.
    fn default() -> Self {
        Self(AtomicU64::new(RandomState::new().hash_one(STEP)))
    }
}

impl Dice {
    /// Begins at `seed`, so that the throws can be foreseen.
    #[must_use]
    pub fn seeded(seed: u64) -> Self {
        Self(AtomicU64::new(seed))
    }

    /// Any number.
    pub fn throw(&self) -> u64 {
        let mut bits = self.0.fetch_add(STEP, Ordering::Relaxed).wrapping_add(STEP);
        bits = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        bits ^ (bits >> 31)
    }

    /// A number below `limit`; 0 when that is 0.
    pub fn below(&self, limit: u64) -> u64 {
        self.throw().checked_rem(limit).unwrap_or_default()
    }

    /// Whether something happens that does in `percent` of a hundred cases.
    pub fn happens(&self, percent: f64) -> bool {
        const WHOLE: u32 = 1 << 24;
        // The upper bits of the throw, as a number of a hundred; 24 of them fit a float exactly.
        let thrown = u32::try_from(self.throw() >> 40).unwrap_or(WHOLE);
        f64::from(thrown) * 100.0 < percent * f64::from(WHOLE)
    }

    /// One of a list; `None` when it is empty.
    pub fn pick<'a, T>(&self, list: &'a [T]) -> Option<&'a T> {
        let at = self.below(list.len() as u64);
        list.get(usize::try_from(at).ok()?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_happens_in_a_part_of_all_cases_does_so() {
        let dice = Dice::seeded(1);
        let count = |percent: f64| (0..10_000).filter(|_| dice.happens(percent)).count();
        assert_eq!((count(0.0), count(100.0)), (0, 10_000));
        assert!((2_700..3_300).contains(&count(30.0)));
        assert!((20..90).contains(&count(0.5)));
    }

    #[test]
    fn every_member_of_a_list_comes_up() {
        let dice = Dice::seeded(2);
        let mut seen: Vec<_> = (0..100).filter_map(|_| dice.pick(&[1, 2, 3]).copied()).collect();
        seen.sort_unstable();
        seen.dedup();
        assert_eq!((seen, dice.pick::<u8>(&[])), (vec![1, 2, 3], None));
    }
}
