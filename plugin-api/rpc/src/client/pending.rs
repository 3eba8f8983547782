//! Calls that wait for their replies.

use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};
use std::time::Instant;

use plugin_api::IoBuf;
use slab::Slab;

use super::{CallError, Inner};

/// Every call that is out, found by the low bits of its xid.
#[derive(Default)]
pub(super) struct Calls(Mutex<Table>);

#[derive(Default)]
struct Table {
    slots: Slab<Slot>,
    round: u32,
}

struct Slot {
    xid: u32,
    /// The connection it went out on.
    connection: usize,
    deadline: Instant,
    state: State,
}

enum State {
    Waiting(Option<Waker>),
    Done(Result<IoBuf, CallError>),
}

/// The low bits of an xid are the slot, so that a reply finds it at once; the others tell old calls from new ones.
const SLOT_BITS: u32 = 20;

impl Calls {
    fn table(&self) -> MutexGuard<'_, Table> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A slot and its xid; `None` when a million calls are out.
    fn register(&self, connection: usize, deadline: Instant) -> Option<(usize, u32)> {
        let mut table = self.table();
        let at = table.slots.vacant_key();
        let low = u32::try_from(at).ok().filter(|low| low >> SLOT_BITS == 0)?;
        table.round = table.round.wrapping_add(1);
        let xid = table.round << SLOT_BITS | low;
        table.slots.insert(Slot { xid, connection, deadline, state: State::Waiting(None) });
        Some((at, xid))
    }

    /// Ends the call with this xid; a reply to no call is ignored, late ones after a timeout among them.
    pub(super) fn finish(&self, xid: u32, result: Result<IoBuf, CallError>) {
        let at = usize::try_from(xid & ((1 << SLOT_BITS) - 1)).unwrap_or(usize::MAX);
        let waker = {
            let mut table = self.table();
            table.slots.get_mut(at).filter(|slot| slot.xid == xid).and_then(|slot| slot.end(result))
        };
        if let Some(waker) = waker {
            waker.wake();
        }
    }

    /// Ends every call of a connection.
    pub(super) fn fail_all(&self, connection: usize, why: &CallError) {
        self.fail_where(why, |slot| slot.connection == connection);
    }

    /// Ends every call whose time is over.
    pub(super) fn fail_overdue(&self, now: Instant) {
        self.fail_where(&CallError::TimedOut, |slot| slot.deadline <= now);
    }

    fn fail_where(&self, why: &CallError, which: impl Fn(&Slot) -> bool) {
        let wakers: Vec<Waker> = {
            let mut table = self.table();
            let slots = table.slots.iter_mut().map(|(_, slot)| slot);
            slots
                .filter(|slot| slot.is_waiting() && which(slot))
                .filter_map(|slot| slot.end(Err(why.clone())))
                .collect()
        };
        wakers.into_iter().for_each(Waker::wake);
    }

    /// How many calls wait.
    pub(super) fn waiting(&self) -> usize {
        self.table().slots.iter().filter(|(_, slot)| slot.is_waiting()).count()
    }
}

impl Slot {
    fn is_waiting(&self) -> bool {
        matches!(self.state, State::Waiting(_))
    }

    fn end(&mut self, result: Result<IoBuf, CallError>) -> Option<Waker> {
        match std::mem::replace(&mut self.state, State::Done(result)) {
            State::Waiting(waker) => waker,
            // A second reply to one call: the first one counts.
            State::Done(first) => {
                self.state = State::Done(first);
                None
            }
        }
    }
}

/// A call's answer to come: the results, as XDR. Dropped, the answer is thrown away when it comes.
#[must_use = "the call is out, but nobody would see its answer"]
pub struct PendingReply(Option<Waits>);

enum Waits {
    In(Arc<Inner>, usize),
    Failed(CallError),
}

impl std::fmt::Debug for PendingReply {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("PendingReply")
    }
}

impl PendingReply {
    pub(super) fn failed(why: CallError) -> Self {
        Self(Some(Waits::Failed(why)))
    }

    pub(super) fn register(inner: &Arc<Inner>, connection: usize, deadline: Instant) -> (Self, u32) {
        match inner.calls.register(connection, deadline) {
            Some((at, xid)) => (Self(Some(Waits::In(inner.clone(), at))), xid),
            None => (Self::failed(CallError::Send(plugin_api::Errno::ENOBUFS)), 0),
        }
    }
}

impl Future for PendingReply {
    type Output = Result<IoBuf, CallError>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let (inner, at) = match &self.0 {
            Some(Waits::In(inner, at)) => (inner, *at),
            Some(Waits::Failed(why)) => return Poll::Ready(Err(why.clone())),
            None => return Poll::Ready(Err(CallError::NotConnected)),
        };
        let done = {
            let mut table = inner.calls.table();
            match &mut table.slots[at].state {
                State::Waiting(waker) => {
                    if !waker.as_ref().is_some_and(|waker| waker.will_wake(cx.waker())) {
                        *waker = Some(cx.waker().clone());
                    }
                    return Poll::Pending;
                }
                State::Done(_) => table.slots.remove(at),
            }
        };
        self.0 = None;
        match done.state {
            State::Done(result) => Poll::Ready(result),
            State::Waiting(_) => unreachable!("looked at above, under the lock"),
        }
    }
}

impl Drop for PendingReply {
    fn drop(&mut self) {
        if let Some(Waits::In(inner, at)) = &self.0 {
            // What the slot held goes after the lock: its last holder may make calls.
            let slot = inner.calls.table().slots.try_remove(*at);
            drop(slot);
        }
    }
}
