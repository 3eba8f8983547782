//! Moments, as one number: nanoseconds since this library was first asked.

use std::sync::LazyLock;
use std::time::{Duration, Instant};

/// A moment; later ones are greater, and none is 0.
pub type Moment = u64;

static START: LazyLock<Instant> = LazyLock::new(Instant::now);

/// This moment.
#[must_use]
pub fn now() -> Moment {
    nanos(START.elapsed()).saturating_add(1)
}

/// A duration in the unit of moments.
#[must_use]
pub fn nanos(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_do_not_go_back() {
        let first = now();
        assert!(first > 0 && now() >= first);
        assert_eq!(nanos(Duration::from_secs(2)), 2_000_000_000);
    }
}
