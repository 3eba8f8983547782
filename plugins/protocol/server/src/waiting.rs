//! Lock calls of a client that are under way: they may wait for long, so they are bounded on their own.

use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use plugin_api::rt::BoxFuture;

/// Locks that one client may wait for at once.
const MOST: usize = 4096;

/// How many there are.
#[derive(Debug, Default)]
pub(crate) struct Locks(Arc<AtomicUsize>);

/// One of them, until it is dropped.
#[derive(Debug)]
pub(crate) struct Waiting(Arc<AtomicUsize>);

impl Locks {
    /// How many there are now.
    pub(crate) fn len(&self) -> usize {
        self.0.load(Ordering::Relaxed)
    }

    /// Counts one more, unless there are too many.
    pub(crate) fn enter(&self) -> Option<Waiting> {
        let waiting = Waiting(self.0.clone());
        (self.0.fetch_add(1, Ordering::Relaxed) < MOST).then_some(waiting)
    }
}

impl Waiting {
    /// Counts until `work` is done.
    pub(crate) fn until<T>(self, work: impl Future<Output = T> + Send + 'static) -> BoxFuture<T> {
        Box::pin(async move {
            let _counted = self;
            work.await
        })
    }
}

impl Drop for Waiting {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lock_that_ended_makes_room_for_another() {
        let locks = Locks::default();
        let mut all: Vec<_> = (0..MOST).filter_map(|_| locks.enter()).collect();
        assert_eq!(all.len(), MOST);
        assert!(locks.enter().is_none());
        all.pop();
        assert!(locks.enter().is_some());
    }
}
