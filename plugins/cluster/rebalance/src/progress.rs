//! How far the task has come.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use plugin_api::{Dict, Value};

use crate::Task;

/// How a task stands, as the daemon numbers it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum Status {
    #[default]
    NotStarted = 0,
    Started = 1,
    Stopped = 2,
    Complete = 3,
    Failed = 4,
}

/// What layouts alone are numbered beyond the others.
const OF_LAYOUT: u32 = 4;

#[derive(Debug, Default)]
struct State {
    task: Task,
    status: Status,
    begun: Option<Instant>,
    took: Option<Duration>,
}

/// The counts of a task, and whether it is to stop.
#[derive(Debug, Default)]
pub(crate) struct Progress {
    state: Mutex<State>,
    stopped: AtomicBool,
    pub(crate) files: AtomicU64,
    pub(crate) size: AtomicU64,
    pub(crate) lookups: AtomicU64,
    pub(crate) failures: AtomicU64,
    pub(crate) skipped: AtomicU64,
}

impl Progress {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn begin(&self, task: Task) {
        *self.state() = State { task, status: Status::Started, begun: Some(Instant::now()), took: None };
    }

    pub(crate) fn end(&self, status: Status) {
        let mut state = self.state();
        state.took = state.begun.map(|begun| begun.elapsed());
        state.status = status;
    }

    /// Asks the task to end after the files that it is at.
    pub(crate) fn stop(&self) {
        self.stopped.store(true, Relaxed);
    }

    pub(crate) fn is_stopped(&self) -> bool {
        self.stopped.load(Relaxed)
    }

    /// What the daemon is told.
    pub(crate) fn told(&self) -> Dict {
        let state = self.state();
        let number = |count: &AtomicU64| count.load(Relaxed);
        let took = state.took.or_else(|| state.begun.map(|begun| begun.elapsed())).unwrap_or_default();
        let status = match (state.status, state.task) {
            (Status::NotStarted, _) => 0,
            (Status::Started, _) if self.is_stopped() => Status::Stopped as u32,
            (status, _) => status as u32,
        };
        let of_layout = if state.task == Task::FixLayout && status != 0 { OF_LAYOUT } else { 0 };
        Dict::new()
            .with("files", number(&self.files))
            .with("size", number(&self.size))
            .with("lookups", number(&self.lookups))
            .with("status", status + of_layout)
            .with("run-time", Value::Double(took.as_secs_f64()))
            .with("failures", number(&self.failures))
            .with("skipped", number(&self.skipped))
            .with("time-left", 0_u64)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_status_of_layouts_is_numbered_apart() {
        let progress = Progress::default();
        assert_eq!(progress.told().int("status"), Some(0));
        progress.begin(Task::FixLayout);
        assert_eq!(progress.told().int("status"), Some(5));
        progress.end(Status::Complete);
        assert_eq!(progress.told().int("status"), Some(7));
        progress.begin(Task::Move);
        progress.stop();
        assert_eq!(progress.told().int("status"), Some(2));
    }
}
