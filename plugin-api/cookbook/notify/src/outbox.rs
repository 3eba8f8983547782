//! The queue between fops and the poster: bounded, and nobody waits for room in it.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use serde_json::Value as Json;
use tokio::sync::mpsc::{self, Receiver, Sender};

/// Where fops leave events.
#[derive(Debug)]
pub(crate) struct Outbox {
    sender: Sender<Json>,
    counts: Arc<Counts>,
}

/// What became of events.
#[derive(Debug, Default)]
pub(crate) struct Counts {
    /// The server took them.
    pub(crate) posted: AtomicU64,
    /// There was no room for them.
    pub(crate) dropped: AtomicU64,
    /// The server did not take them, however often it was asked.
    pub(crate) given_up: AtomicU64,
}

impl Outbox {
    /// A queue of `length` events, and its other end.
    pub(crate) fn new(length: usize) -> (Self, Receiver<Json>) {
        let (sender, events) = mpsc::channel(length);
        (Self { sender, counts: Arc::default() }, events)
    }

    /// Takes an event when there is room, and counts it as dropped otherwise.
    pub(crate) fn offer(&self, event: Json) {
        if self.sender.try_send(event).is_err() {
            self.counts.dropped.fetch_add(1, Relaxed);
        }
    }

    pub(crate) fn counts(&self) -> Arc<Counts> {
        self.counts.clone()
    }

    pub(crate) fn dump(&self, out: &mut String) {
        let Counts { posted, dropped, given_up } = &*self.counts;
        let waiting = self.sender.max_capacity() - self.sender.capacity();
        for (name, count) in [("posted", posted), ("dropped", dropped), ("given-up", given_up)] {
            out.push_str(&format!("{name}={}\n", count.load(Relaxed)));
        }
        out.push_str(&format!("waiting={waiting}\n"));
    }
}
