//! What a graph tells the host: faults, events past the top, translators marked down.
use std::collections::HashMap;
use std::sync::atomic::{AtomicU16, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use plugin_api::abi::graph::{Fault, FaultKind, GraphHooks};
use plugin_api::{Dict, Event, EventKind, fop};
use tokio::sync::Notify;

/// A translator's faults are logged this often at most.
const PAUSE: Duration = Duration::from_secs(1);

/// Logs what a graph tells.
#[derive(Debug, Default)]
pub(super) struct Hooks {
    logged: Mutex<HashMap<(String, &'static str), Logged>>,
    told: Arc<Told>,
}

/// What a graph told of itself by events that rose past its top.
#[derive(Debug, Default)]
pub(super) struct Told {
    port: AtomicU16,
    failed: Notify,
    /// What a task of the graph said at its end.
    done: Mutex<Option<Dict>>,
    ended: Notify,
}

impl Told {
    /// Waits until a brick of the graph says that it cannot go on.
    pub(super) async fn failed(&self) {
        self.failed.notified().await;
    }

    /// Waits until a task that the graph was made for has ended, and answers what it said.
    pub(super) async fn ended(&self) -> Dict {
        loop {
            if let Some(done) = self.done.lock().unwrap_or_else(PoisonError::into_inner).take() {
                return done;
            }
            self.ended.notified().await;
        }
    }

    /// The port that a server at the top listens on: it comes with the first CHILD_UP.
    pub(super) fn port(&self) -> Option<u16> {
        Some(self.port.load(Ordering::Acquire)).filter(|port| *port != 0)
    }
}

/// What was logged of one translator's faults.
#[derive(Debug, Clone, Copy)]
struct Logged {
    at: Instant,
    count: u64,
}

impl GraphHooks for Hooks {
    fn fault(&self, xlator: &str, fault: &Fault, count: u64) {
        if let Some(since) = self.due(xlator, fault.kind, count, Instant::now()) {
            let fop = fop::name(fault.fop).unwrap_or("no fop");
            let words = match fault.kind {
                FaultKind::Panic => "translator panicked",
                FaultKind::Deadline => "translator did not answer in time",
                FaultKind::Stall => "translator keeps a thread for itself",
                FaultKind::Memory => "translator took more memory than it may",
                FaultKind::Crash => "translator's process ended",
                _ => "translator had a fault",
            };
            tracing::error!(xl = %xlator, fop, what = %fault.what, faults = count, since, "{words}");
        }
    }

    fn risen(&self, event: &Event) {
        tracing::debug!(event = event.kind.0, "event went past the top");
        let port = event.data.uint("listen-port").and_then(|port| u16::try_from(port).ok());
        if let (EventKind::CHILD_UP, Some(port)) = (event.kind, port) {
            self.told.port.store(port, Ordering::Release);
        }
        if event.kind == EventKind::CHILD_DOWN && event.data.get("failed").is_some() {
            // Kept for who waits later.
            self.told.failed.notify_one();
        }
        if event.kind == EventKind::VOLUME_DEFRAG {
            *self.told.done.lock().unwrap_or_else(PoisonError::into_inner) = Some(event.data.clone());
            self.told.ended.notify_one();
        }
    }

    fn marked_down(&self, xlator: &str) {
        tracing::error!(xl = %xlator, "translator had its last fault and is marked down: it answers ENOTCONN");
    }
}

impl Hooks {
    /// What the graph tells of itself, now and later.
    pub(super) fn told(&self) -> Arc<Told> {
        self.told.clone()
    }

    /// How many faults there were since the last line, when a line is due.
    fn due(&self, xlator: &str, kind: FaultKind, count: u64, now: Instant) -> Option<u64> {
        let mut logged = self.logged.lock().unwrap_or_else(PoisonError::into_inner);
        let key = (xlator.to_owned(), kind.name());
        match logged.get_mut(&key) {
            Some(last) if now.saturating_duration_since(last.at) < PAUSE => None,
            Some(last) => {
                // Faults of two threads may be counted in one order and told in the other.
                let since = count.saturating_sub(last.count);
                *last = Logged { at: now, count };
                Some(since)
            }
            None => {
                logged.insert(key, Logged { at: now, count });
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
        assert_eq!(hooks.due("a", FaultKind::Panic, 1, start), Some(1));
        assert_eq!(hooks.due("a", FaultKind::Panic, 2, start), None);
        assert_eq!(hooks.due("b", FaultKind::Panic, 1, start), Some(1));
        assert_eq!(hooks.due("a", FaultKind::Stall, 1, start), Some(1));
        assert_eq!(hooks.due("a", FaultKind::Panic, 7, start + PAUSE), Some(6));
        assert_eq!(hooks.due("a", FaultKind::Panic, 8, start + PAUSE), None);
    }

    #[test]
    fn a_server_tells_its_port_when_its_child_is_up() {
        let hooks = Hooks::default();
        let told = hooks.told();
        let event = |kind, port| Event { kind, data: plugin_api::Dict::new().with("listen-port", port) };
        hooks.risen(&event(EventKind::CHILD_DOWN, 1));
        hooks.risen(&event(EventKind::CHILD_UP, 70_000));
        assert_eq!(told.port(), None);
        hooks.risen(&event(EventKind::CHILD_UP, 49_152));
        assert_eq!(told.port(), Some(49_152));
    }
}
