//! How many nodes the kernel is to know: when there are more, it is told to look up names again that were not used for long,
//! and forgets what they led to.

use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

/// A limit, and when to look through the nodes for its sake.
#[derive(Debug)]
pub(crate) struct Crowd {
    limit: usize,
    /// The most names that are told of at once.
    at_once: usize,
    /// With more nodes than this they are looked through.
    next: AtomicUsize,
    /// How many there were when they were looked through last,
    before: AtomicUsize,
    /// and the least that there were since.
    least: AtomicUsize,
}

impl Crowd {
    /// 0 stands for no limit.
    pub(crate) fn new(limit: usize, at_once: usize) -> Self {
        let unlimited = |number: usize| if number == 0 { usize::MAX } else { number };
        let limit = unlimited(limit);
        let next = if limit == usize::MAX { limit } else { limit - limit / 8 };
        let [before, least] = [usize::MAX, 0].map(AtomicUsize::new);
        Self { limit, at_once: unlimited(at_once), next: AtomicUsize::new(next), before, least }
    }

    /// The limit; 0 for none.
    pub(crate) fn limit(&self) -> usize {
        if self.limit == usize::MAX { 0 } else { self.limit }
    }

    /// Whether so many nodes are to be looked through: told to one caller, until they [were](Self::was_swept).
    pub(crate) fn is_too_large(&self, nodes: usize) -> bool {
        if nodes < self.least.load(Relaxed) {
            self.least.store(nodes, Relaxed);
        }
        let next = self.next.load(Relaxed);
        nodes > next && self.next.compare_exchange(next, usize::MAX, Relaxed, Relaxed).is_ok()
    }

    /// How many names of so many nodes are to go: an eighth of the limit stays free.
    pub(crate) fn surplus(&self, nodes: usize) -> usize {
        nodes.saturating_sub(self.limit - self.limit / 8).max(self.limit / 8).min(self.at_once)
    }

    /// Of so many nodes so many names were told of. Where that helped nothing the last time, since all are in use, the next
    /// time is later.
    pub(crate) fn was_swept(&self, nodes: usize, told: usize) {
        let step = (self.limit / 16).max(1);
        let helped = self.least.swap(nodes, Relaxed) < self.before.swap(nodes, Relaxed);
        let next = match helped {
            true => (nodes.saturating_sub(told) + step).max(self.limit - self.limit / 8),
            false => nodes + step,
        };
        self.next.store(next, Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nodes_are_looked_through_once_before_there_are_too_many() {
        let crowd = Crowd::new(1000, 0);
        assert!(!crowd.is_too_large(875));
        assert!(crowd.is_too_large(876));
        assert!(!crowd.is_too_large(900), "somebody does already");
        assert_eq!((crowd.surplus(876), crowd.surplus(1500)), (125, 625));
        for _ in 0..3 {
            crowd.was_swept(876, 125);
            assert!(!crowd.is_too_large(760), "they went");
            assert!(crowd.is_too_large(876), "again as soon as there are as many");
        }
    }

    #[test]
    fn nodes_that_are_all_in_use_are_not_looked_through_again_and_again() {
        let crowd = Crowd::new(1000, 10);
        assert_eq!(crowd.surplus(2000), 10);
        assert!(crowd.is_too_large(900));
        crowd.was_swept(900, 10);
        crowd.was_swept(901, 10);
        assert!(!crowd.is_too_large(960) && crowd.is_too_large(964));
    }

    #[test]
    fn no_limit_is_no_limit() {
        let crowd = Crowd::new(0, 0);
        assert!(!crowd.is_too_large(usize::MAX) && crowd.limit() == 0);
    }
}
