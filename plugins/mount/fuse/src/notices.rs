//! Notices for the kernel that what it has cached is out of date, sent by a thread of their own.
//!
//! The kernel may hold a notice back until a request is answered, so no thread that answers requests sends one.

use std::collections::HashSet;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

use tokio::sync::oneshot;

/// Nodes of which the kernel is to be told. Each is in it once, so there are never more than nodes.
#[derive(Debug, Default)]
pub(crate) struct Notices {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct State {
    nodes: HashSet<u64>,
    /// There are too many nodes.
    crowded: bool,
    /// Who goes on once the kernel was told of the nodes.
    waiting: Vec<oneshot::Sender<()>>,
    over: bool,
}

/// Nodes that the kernel is to be told of now; who waits for it goes on when this is dropped.
#[derive(Debug)]
pub(crate) struct Round {
    pub(crate) nodes: HashSet<u64>,
    /// Nodes that nobody uses are to be forgotten.
    pub(crate) crowded: bool,
    _waiting: Vec<oneshot::Sender<()>>,
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

    /// There are too many nodes.
    pub(crate) fn crowd(&self) {
        self.state().crowded = true;
        self.changed.notify_one();
    }

    /// As [`add`](Self::add), and waits until the kernel was told.
    pub(crate) async fn told(&self, node: u64) {
        let (goes_on, told) = oneshot::channel();
        {
            let mut state = self.state();
            if state.over {
                return;
            }
            state.waiting.push(goes_on);
            state.nodes.insert(node);
        }
        self.changed.notify_one();
        // The end of the round is its only word.
        let _ = told.await;
    }

    /// Waits for some; `None` once it is over.
    pub(crate) fn next(&self) -> Option<Round> {
        let mut state = self.state();
        while state.nodes.is_empty() && !state.crowded && !state.over {
            state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
        let round = Round {
            nodes: std::mem::take(&mut state.nodes),
            crowded: std::mem::take(&mut state.crowded),
            _waiting: std::mem::take(&mut state.waiting),
        };
        (!state.over).then_some(round)
    }

    /// Ends the wait for good.
    pub(crate) fn end(&self) {
        let waiting = {
            let mut state = self.state();
            state.over = true;
            std::mem::take(&mut state.waiting)
        };
        self.changed.notify_all();
        drop(waiting);
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
        assert_eq!(notices.next().unwrap().nodes, HashSet::from([5]));
        notices.end();
        assert!(notices.next().is_none());
    }

    #[test]
    fn who_waits_for_a_notice_goes_on_when_it_was_sent_or_never_will_be() {
        let notices = Notices::default();
        let mut told = Box::pin(notices.told(5));
        assert!(plugin_testkit::poll(&mut told).is_none());
        let round = notices.next().unwrap();
        assert!(round.nodes.contains(&5) && plugin_testkit::poll(&mut told).is_none());
        drop(round);
        assert!(plugin_testkit::poll(&mut told).is_some());
        let mut never = Box::pin(notices.told(6));
        assert!(plugin_testkit::poll(&mut never).is_none());
        notices.end();
        assert!(plugin_testkit::poll(&mut never).is_some());
        plugin_testkit::block_on(notices.told(7));
    }
}
