//! One process's end of both rings, with the bell that wakes it and the one that wakes the other.
//!
//! A bell is rung only for who sleeps: a call and its answer cost one ring each, and fewer the more are under way.

use std::collections::VecDeque;
use std::future::poll_fn;
use std::io;
use std::os::fd::OwnedFd;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Poll, Waker};

use plugin_api::IoBuf;
use plugin_api::carry::Parcel;
use rustix::event::{EventfdFlags, eventfd};
use tokio::io::unix::AsyncFd;

use super::ring::{Broken, LONGEST, Lane, Reader, Writer};
use super::shm::Map;
use crate::process::confined;

/// Records that nobody waits for and that found no room, at most: the other end does not read any more beyond that.
const BACKLOG: usize = 65_536;

/// The other end is gone, or as good as gone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Closed;

/// A record that no ring takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum SendError {
    /// The other end is gone.
    Closed,
    /// It is longer than the longest.
    TooLong,
}

/// A new bell.
pub(super) fn bell() -> io::Result<OwnedFd> {
    Ok(eventfd(0, EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK)?)
}

/// The end that sends.
#[derive(Debug)]
pub(super) struct Outbox {
    state: Mutex<Sending>,
    their_bell: OwnedFd,
}

#[derive(Debug)]
struct Sending {
    writer: Writer,
    /// What nobody waits for, in order.
    backlog: VecDeque<Parcel>,
    /// Who waits for room.
    waiting: Vec<Waker>,
    closed: bool,
}

impl Outbox {
    pub(super) fn new(map: Arc<Map>, lane: Lane, their_bell: OwnedFd) -> Self {
        let writer = Writer::new(map, lane);
        let sending = Sending { writer, backlog: VecDeque::new(), waiting: Vec::new(), closed: false };
        Self { state: Mutex::new(sending), their_bell }
    }

    fn state(&self) -> MutexGuard<'_, Sending> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Sends a record as soon as there is room.
    pub(super) async fn send(&self, record: &Parcel) -> Result<(), SendError> {
        if record.len() > LONGEST {
            return Err(SendError::TooLong);
        }
        poll_fn(|cx| {
            let mut state = self.state();
            match state.offer(record) {
                Ok(true) => {
                    self.ring_if_asleep(&state);
                    Poll::Ready(Ok(()))
                }
                Ok(false) => {
                    state.waiting.push(cx.waker().clone());
                    Poll::Pending
                }
                Err(Closed) => Poll::Ready(Err(SendError::Closed)),
            }
        })
        .await
    }

    /// Sends a record that nobody waits for: now, or before anything that is sent later.
    pub(super) fn post(&self, record: Parcel) -> Result<(), SendError> {
        if record.len() > LONGEST {
            return Err(SendError::TooLong);
        }
        let mut state = self.state();
        match state.offer(&record) {
            Ok(true) => self.ring_if_asleep(&state),
            Ok(false) if state.backlog.len() < BACKLOG => state.backlog.push_back(record),
            Ok(false) | Err(Closed) => {
                state.closed = true;
                return Err(SendError::Closed);
            }
        }
        Ok(())
    }

    /// Uses the room that may be there again.
    pub(super) fn flush(&self) {
        let mut state = self.state();
        while let Some(first) = state.backlog.pop_front() {
            match state.offer_first(&first) {
                Ok(true) => self.ring_if_asleep(&state),
                Ok(false) => {
                    state.backlog.push_front(first);
                    return;
                }
                Err(Closed) => break,
            }
        }
        let waiting = std::mem::take(&mut state.waiting);
        drop(state);
        waiting.into_iter().for_each(Waker::wake);
    }

    /// Nothing is sent any more.
    pub(super) fn close(&self) {
        let mut state = self.state();
        state.closed = true;
        state.backlog.clear();
        let waiting = std::mem::take(&mut state.waiting);
        drop(state);
        waiting.into_iter().for_each(Waker::wake);
    }

    fn ring_if_asleep(&self, state: &Sending) {
        if state.writer.reader_sleeps() {
            self.ring();
        }
    }

    /// Wakes the other end. A bell that cannot be rung any louder is ringing.
    fn ring(&self) {
        let _ = rustix::io::write(&self.their_bell, &1_u64.to_ne_bytes());
    }
}

impl Sending {
    fn offer(&mut self, record: &Parcel) -> Result<bool, Closed> {
        if self.closed {
            return Err(Closed);
        }
        if self.backlog.is_empty() { self.offer_first(record) } else { Ok(false) }
    }

    fn offer_first(&mut self, record: &Parcel) -> Result<bool, Closed> {
        if self.push(record)? {
            return Ok(true);
        }
        self.writer.wait_for_room();
        // Room that came before the other end saw that we wait would come unnoticed.
        self.push(record)
    }

    fn push(&mut self, record: &Parcel) -> Result<bool, Closed> {
        self.writer.push(record).map_err(|Broken(_)| {
            self.closed = true;
            Closed
        })
    }
}

/// The end that receives; one task has it.
#[derive(Debug)]
pub(super) struct Inbox {
    reader: Reader,
    my_bell: AsyncFd<OwnedFd>,
}

impl Inbox {
    /// To be called inside the event pool.
    pub(super) fn new(map: Arc<Map>, lane: Lane, my_bell: OwnedFd) -> io::Result<Self> {
        Self::with_reader(Reader::new(map, lane), my_bell)
    }

    /// Goes on where `reader` is. To be called inside the event pool.
    pub(super) fn with_reader(reader: Reader, my_bell: OwnedFd) -> io::Result<Self> {
        Ok(Self { reader, my_bell: confined::watched(my_bell)? })
    }

    /// The next record, with whether another one waits behind it.
    pub(super) async fn next(&mut self, out: &Outbox) -> Result<(IoBuf, bool), Broken> {
        loop {
            if let Some(record) = self.reader.pop()? {
                if self.reader.writer_waits() {
                    out.ring();
                }
                return Ok((record, self.reader.has_record()?));
            }
            if !self.reader.fall_asleep()? {
                continue;
            }
            // The bell is never read: each ring is an edge of its own, and its number does not matter.
            match self.my_bell.readable().await {
                Ok(mut ready) => ready.clear_ready(),
                Err(_) => return Err(Broken("the event pool is gone")),
            }
            out.flush();
        }
    }
}
