//! Notices for the kernel that what it has cached is out of date, sent by a thread of their own.
//!
//! The kernel may hold a notice back until a request is answered, so no thread that answers requests sends one.

use std::collections::HashSet;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

/// Nodes of which the kernel is to be told. Each is in it once, so there are never more than nodes.
#[derive(Debug, Default)]
pub(crate) struct Notices {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct State {
    nodes: HashSet<u64>,
    over: bool,
}

impl Notices {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Content and attributes of a node are out of date.
    pub(crate) fn add(&self, node: u64) {
        if self.state().nodes.insert(node) {
            self.changed.notify_one();
        }
    }

    /// Waits for some; `None` once it is over.
    pub(crate) fn next(&self) -> Option<Vec<u64>> {
        let mut state = self.state();
        while state.nodes.is_empty() && !state.over {
            state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
        (!state.over).then(|| state.nodes.drain().collect())
    }

    /// Ends the wait for good.
    pub(crate) fn end(&self) {
        self.state().over = true;
        self.changed.notify_all();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_node_waits_once_and_the_end_ends_the_wait() {
        let notices = Notices::default();
        notices.add(5);
        notices.add(5);
        assert_eq!(notices.next(), Some(vec![5]));
        notices.end();
        assert_eq!(notices.next(), None);
    }
}
