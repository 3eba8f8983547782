//! The calls under way in a graph, and what has to wait until those that may still use it have ended.
//!
//! A call counts in the phase it began in. What is retired waits for one turn of the phase: once nothing is left in the
//! old one, every call that began before has ended. Calls never wait, and one that takes an hour delays only what waits.

use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Counts calls, and keeps what was retired.
#[derive(Debug)]
pub(super) struct Calls<T> {
    /// 0 or 1: where calls that begin are counted.
    phase: AtomicUsize,
    under_way: [AtomicU64; 2],
    waiting: Mutex<Waiting<T>>,
}

#[derive(Debug)]
struct Waiting<T> {
    /// Goes when the phase that is not current is empty.
    now: Vec<T>,
    /// Goes with the turn after that.
    next: Vec<T>,
    turning: bool,
}

impl<T> Calls<T> {
    pub(super) fn new() -> Self {
        let waiting = Mutex::new(Waiting { now: Vec::new(), next: Vec::new(), turning: false });
        Self { phase: AtomicUsize::new(0), under_way: [AtomicU64::new(0), AtomicU64::new(0)], waiting }
    }

    /// Counts a call; the answer is to be given to [`end`](Self::end). `ask` asks [`ripe`](Self::ripe), where this
    /// stood in its way for a moment.
    #[inline]
    pub(super) fn begin(&self, ask: impl Fn()) -> usize {
        loop {
            let phase = self.phase.load(Ordering::SeqCst);
            self.under_way[phase].fetch_add(1, Ordering::SeqCst);
            // Counted, and the phase is still the same: whoever turns it from now on waits for this call.
            if self.phase.load(Ordering::SeqCst) == phase {
                return phase;
            }
            if self.end(phase) {
                ask();
            }
        }
    }

    /// Ends a call; whether [`ripe`](Self::ripe) has to be asked.
    #[inline]
    #[must_use]
    pub(super) fn end(&self, phase: usize) -> bool {
        let last = self.under_way[phase].fetch_sub(1, Ordering::SeqCst) == 1;
        last && self.phase.load(Ordering::SeqCst) != phase
    }

    /// How many there are.
    pub(super) fn under_way(&self) -> u64 {
        self.under_way.iter().map(|count| count.load(Ordering::SeqCst)).sum()
    }

    /// Keeps what no call that begins from now on can reach; [`ripe`](Self::ripe) is to be asked then.
    pub(super) fn retire(&self, items: impl IntoIterator<Item = T>) {
        self.waiting().next.extend(items);
    }

    /// What no call can be using any more: once for each item. To be asked until the answer is nothing.
    pub(super) fn ripe(&self) -> Option<Vec<T>> {
        let mut waiting = self.waiting();
        loop {
            let phase = self.phase.load(Ordering::SeqCst);
            if !waiting.turning {
                if waiting.next.is_empty() {
                    return None;
                }
                waiting.now = std::mem::take(&mut waiting.next);
                waiting.turning = true;
                self.phase.store(1 - phase, Ordering::SeqCst);
            } else if self.under_way[1 - phase].load(Ordering::SeqCst) > 0 {
                // Its last call asks again, or one that only tried to count itself there.
                return None;
            } else {
                waiting.turning = false;
                return Some(std::mem::take(&mut waiting.now));
            }
        }
    }

    fn waiting(&self) -> MutexGuard<'_, Waiting<T>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_retired_waits_for_the_calls_that_began_before_and_for_no_others() {
        let calls = Calls::new();
        let before = calls.begin(|| ());
        calls.retire(["old"]);
        assert_eq!(calls.ripe(), None);
        let after = calls.begin(|| ());
        assert_ne!(before, after);
        assert!(calls.end(before), "the last of its phase asks");
        assert_eq!(calls.ripe(), Some(vec!["old"]));
        assert_eq!(calls.ripe(), None);
        assert!(!calls.end(after));
    }

    #[test]
    fn what_is_retired_during_a_turn_goes_with_the_next_one() {
        let calls = Calls::new();
        let first = calls.begin(|| ());
        calls.retire([1]);
        assert_eq!(calls.ripe(), None);
        let second = calls.begin(|| ());
        calls.retire([2]);
        assert_eq!(calls.ripe(), None);
        assert!(calls.end(first));
        assert_eq!(calls.ripe(), Some(vec![1]));
        assert_eq!(calls.ripe(), None, "the second call began before 2 was retired");
        assert!(calls.end(second));
        assert_eq!(calls.ripe(), Some(vec![2]));
    }

    #[test]
    fn nothing_goes_while_a_thread_may_use_it() {
        use std::sync::atomic::AtomicBool;
        let calls = Calls::<Box<AtomicBool>>::new();
        let current = std::sync::atomic::AtomicPtr::new(Box::into_raw(Box::new(AtomicBool::new(true))));
        let dispose = |done: Vec<Box<AtomicBool>>| {
            done.into_iter().for_each(|item| {
                item.store(false, Ordering::SeqCst);
                // Leaked, so that a reader that comes too late fails the test and not the machine.
                Box::leak(item);
            });
        };
        let clear = || {
            while let Some(done) = calls.ripe() {
                dispose(done);
            }
        };
        std::thread::scope(|scope| {
            for _ in 0..3 {
                scope.spawn(|| {
                    for _ in 0..20_000 {
                        let phase = calls.begin(clear);
                        let seen = current.load(Ordering::Acquire);
                        std::hint::spin_loop();
                        // SAFETY: never freed, see above.
                        assert!(unsafe { &*seen }.load(Ordering::SeqCst), "used after it was given up");
                        if calls.end(phase) {
                            clear();
                        }
                    }
                });
            }
            scope.spawn(|| {
                for _ in 0..5_000 {
                    let fresh = Box::into_raw(Box::new(AtomicBool::new(true)));
                    let old = current.swap(fresh, Ordering::AcqRel);
                    // SAFETY: from `into_raw` above, taken out once.
                    calls.retire([unsafe { Box::from_raw(old) }]);
                    clear();
                }
            });
        });
        assert_eq!(calls.under_way(), 0);
        assert!(calls.ripe().is_none(), "nothing was forgotten");
    }
}
