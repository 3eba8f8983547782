//! The profile of a brick: totals since it started, and since somebody last looked.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use crate::counters::{Counters, Sums};

/// Counters with a memory: one running interval, and all that came before it.
#[derive(Debug)]
pub struct Profile {
    /// The running interval. Fops count here.
    pub counters: Counters,
    past: Mutex<Past>,
}

#[derive(Debug)]
struct Past {
    sums: Sums,
    started: Instant,
    interval_started: Instant,
    interval: i32,
}

/// What was counted over a span of time.
#[derive(Clone, Debug)]
pub struct Report {
    /// The interval's number; -1 for the totals.
    pub interval: i32,
    /// How long the span was.
    pub duration: Duration,
    /// What was counted.
    pub sums: Sums,
}

impl Profile {
    /// Starts counting at `now`.
    pub fn new(now: Instant) -> Self {
        Self {
            counters: Counters::default(),
            past: Mutex::new(Past {
                sums: Sums::default(),
                started: now,
                interval_started: now,
                interval: 0,
            }),
        }
    }

    /// Everything since the start, or since the counters were cleared.
    pub fn cumulative(&self, now: Instant) -> Report {
        let past = self.past();
        let mut sums = past.sums.clone();
        sums.add(&self.counters.sums());
        Report { interval: -1, duration: now.saturating_duration_since(past.started), sums }
    }

    /// The running interval. Unless the caller only peeks, it ends here and the next begins.
    pub fn interval(&self, now: Instant, peek: bool) -> Report {
        let mut past = self.past();
        let duration = now.saturating_duration_since(past.interval_started);
        let interval = past.interval;
        if peek {
            return Report { interval, duration, sums: self.counters.sums() };
        }
        let sums = self.counters.take();
        past.sums.add(&sums);
        past.interval_started = now;
        past.interval = past.interval.wrapping_add(1);
        Report { interval, duration, sums }
    }

    /// Forgets everything and starts again.
    pub fn clear(&self, now: Instant) {
        let mut past = self.past();
        self.counters.take();
        *past = Past { sums: Sums::default(), started: now, interval_started: now, interval: 0 };
    }

    fn past(&self) -> MutexGuard<'_, Past> {
        self.past.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_interval_ends_when_it_is_read_and_the_totals_keep_it() {
        let start = Instant::now();
        let at = |seconds| start + Duration::from_secs(seconds);
        let profile = Profile::new(start);
        profile.counters.fop(1, Some(9));
        let first = profile.interval(at(5), false);
        assert_eq!((first.interval, first.duration.as_secs(), first.sums.fops[1].hits), (0, 5, 1));
        profile.counters.fop(1, Some(3));
        let second = profile.interval(at(7), true);
        assert_eq!((second.interval, second.duration.as_secs(), second.sums.fops[1].hits), (1, 2, 1));
        assert_eq!(profile.interval(at(8), false).interval, 1, "peeking ended nothing");
        let all = profile.cumulative(at(9));
        assert_eq!((all.interval, all.duration.as_secs(), all.sums.fops[1].hits), (-1, 9, 2));
        assert_eq!((all.sums.fops[1].min, all.sums.fops[1].max), (3, 9));
    }

    #[test]
    fn clearing_starts_everything_again() {
        let start = Instant::now();
        let profile = Profile::new(start);
        profile.counters.fop(1, None);
        profile.interval(start, false);
        profile.clear(start + Duration::from_secs(3));
        let all = profile.cumulative(start + Duration::from_secs(4));
        assert_eq!((all.sums, all.duration.as_secs()), (Sums::default(), 1));
        assert_eq!(profile.interval(start, true).interval, 0);
    }
}
