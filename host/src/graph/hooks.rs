//! What a graph tells the host: faults, events past the top, translators marked down.
use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use plugin_api::Event;
use plugin_api::abi::graph::GraphHooks;
use plugin_api::fop;

/// A translator's faults are logged this often at most.
const PAUSE: Duration = Duration::from_secs(1);

/// Logs what a graph tells.
#[derive(Debug, Default)]
pub(super) struct Hooks {
    logged: Mutex<HashMap<String, Logged>>,
}

/// What was logged of one translator's faults.
#[derive(Debug, Clone, Copy)]
struct Logged {
    at: Instant,
    count: u64,
}

impl GraphHooks for Hooks {
    fn fault(&self, xlator: &str, code: u32, what: &str, count: u64) {
        if let Some(since) = self.due(xlator, count, Instant::now()) {
            let fop = fop::name(code).unwrap_or("no fop");
            tracing::error!(xl = %xlator, fop, what = %what, faults = count, since, "translator panicked");
        }
    }

    fn risen(&self, event: &Event) {
        tracing::debug!(event = event.kind.0, "event went past the top");
    }

    fn marked_down(&self, xlator: &str) {
        tracing::error!(xl = %xlator, "translator had its last fault and is marked down: it answers ENOTCONN");
    }
}

impl Hooks {
    /// How many faults there were since the last line, when a line is due.
    fn due(&self, xlator: &str, count: u64, now: Instant) -> Option<u64> {
        let mut logged = self.logged.lock().unwrap_or_else(PoisonError::into_inner);
        match logged.get_mut(xlator) {
            Some(last) if now.saturating_duration_since(last.at) < PAUSE => None,
            Some(last) => {
                // Faults of two threads may be counted in one order and told in the other.
                let since = count.saturating_sub(last.count);
                *last = Logged { at: now, count };
                Some(since)
            }
            None => {
                logged.insert(xlator.to_owned(), Logged { at: now, count });
                Some(count)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_translators_faults_are_logged_once_a_second_with_their_count() {
        let hooks = Hooks::default();
        let start = Instant::now();
        assert_eq!(hooks.due("a", 1, start), Some(1));
        assert_eq!(hooks.due("a", 2, start), None);
        assert_eq!(hooks.due("b", 1, start), Some(1));
        assert_eq!(hooks.due("a", 7, start + PAUSE), Some(6));
        assert_eq!(hooks.due("a", 8, start + PAUSE), None);
    }
}
