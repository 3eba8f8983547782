//! Calls that wait for their answers.

use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

use plugin_api::IoBuf;

use super::port::Closed;

/// The calls of one end.
#[derive(Debug, Default)]
pub(super) struct Pending {
    slots: Mutex<Slots>,
}

#[derive(Debug, Default)]
struct Slots {
    slots: Vec<Slot>,
    free: Vec<u32>,
    closed: bool,
}

#[derive(Debug, Default)]
struct Slot {
    /// Counts the uses of the slot, so that a late answer finds nobody.
    generation: u32,
    state: State,
    /// The objects that the call has named: ours until it is answered.
    leases: Vec<u64>,
    /// How many ticks it may take, nothing for any number, and how many it has taken.
    patience: Option<u32>,
    ticks: u32,
}

/// What waits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Waiting {
    /// Calls without an answer.
    pub(super) calls: usize,
    /// Those that should have had theirs.
    pub(super) overdue: usize,
}

#[derive(Debug, Default)]
enum State {
    #[default]
    Free,
    Waiting(Option<Waker>),
    /// Nobody waits any more, but the objects are still lent.
    Abandoned,
    Answered(IoBuf),
    Dead,
}

impl Pending {
    fn slots(&self) -> MutexGuard<'_, Slots> {
        self.slots.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A call that is about to be sent, and should be answered within so many ticks.
    pub(super) fn open(self: &Arc<Self>, patience: Option<u32>) -> Result<Ticket, Closed> {
        let mut slots = self.slots();
        if slots.closed {
            return Err(Closed);
        }
        let index = match slots.free.pop() {
            Some(index) => index,
            None => {
                let index = u32::try_from(slots.slots.len()).map_err(|_| Closed)?;
                slots.slots.push(Slot::default());
                index
            }
        };
        let slot = &mut slots.slots[index as usize];
        slot.state = State::Waiting(None);
        (slot.patience, slot.ticks) = (patience, 0);
        let id = u64::from(slot.generation) << 32 | u64::from(index);
        Ok(Ticket { id, pending: self.clone() })
    }

    /// Notes what a call has named.
    pub(super) fn lend(&self, ticket: &Ticket, leases: Vec<u64>) {
        if let Some(slot) = self.slots().of(ticket.id) {
            slot.leases = leases;
        }
    }

    /// What a call has named, once the other side does not need it any more: it was answered, or not `sent` after all.
    pub(super) fn take_back(&self, ticket: &Ticket, sent: bool) -> Vec<u64> {
        let mut slots = self.slots();
        let slot = slots.of(ticket.id).filter(|slot| !sent || matches!(slot.state, State::Answered(_)));
        slot.map(|slot| std::mem::take(&mut slot.leases)).unwrap_or_default()
    }

    /// Answers a call. Where nobody waits for the answer any more, what the call had named comes back.
    pub(super) fn answer(&self, id: u64, answer: IoBuf) -> Vec<u64> {
        let mut slots = self.slots();
        let Some(slot) = slots.of(id) else { return Vec::new() };
        match std::mem::take(&mut slot.state) {
            State::Waiting(waker) => {
                slot.state = State::Answered(answer);
                drop(slots);
                waker.into_iter().for_each(Waker::wake);
                Vec::new()
            }
            State::Abandoned => {
                let leases = std::mem::take(&mut slot.leases);
                slots.release(id);
                leases
            }
            other => {
                slot.state = other;
                Vec::new()
            }
        }
    }

    /// Time goes by for every call that waits, also for those that nobody waits for any more.
    pub(super) fn tick(&self) -> Waiting {
        let mut waiting = Waiting { calls: 0, overdue: 0 };
        for slot in &mut self.slots().slots {
            if matches!(slot.state, State::Waiting(_) | State::Abandoned) {
                slot.ticks = slot.ticks.saturating_add(1);
                waiting.calls += 1;
                waiting.overdue += usize::from(slot.patience.is_some_and(|patience| slot.ticks > patience));
            }
        }
        waiting
    }

    /// Ends every call: there will be no answers.
    pub(super) fn close(&self) {
        let mut slots = self.slots();
        slots.closed = true;
        let mut wakers = Vec::new();
        for slot in &mut slots.slots {
            match &mut slot.state {
                State::Waiting(waker) => {
                    wakers.extend(waker.take());
                    slot.state = State::Dead;
                }
                State::Abandoned => slot.state = State::Free,
                State::Free | State::Answered(_) | State::Dead => {}
            }
        }
        drop(slots);
        wakers.into_iter().for_each(Waker::wake);
    }
}

impl Slots {
    fn of(&mut self, id: u64) -> Option<&mut Slot> {
        let [generation, index] = [id >> 32, id & u64::from(u32::MAX)];
        let slot = self.slots.get_mut(usize::try_from(index).ok()?)?;
        (u64::from(slot.generation) == generation && !matches!(slot.state, State::Free)).then_some(slot)
    }

    fn release(&mut self, id: u64) {
        let index = u32::try_from(id & u64::from(u32::MAX)).expect("masked");
        let slot = &mut self.slots[index as usize];
        slot.generation = slot.generation.wrapping_add(1);
        slot.state = State::Free;
        slot.leases = Vec::new();
        self.free.push(index);
    }
}

/// A call that waits: the bytes of its answer, or the end of the other process.
#[derive(Debug)]
pub(super) struct Ticket {
    id: u64,
    pending: Arc<Pending>,
}

impl Ticket {
    /// The call's number.
    pub(super) fn id(&self) -> u64 {
        self.id
    }
}

impl Future for Ticket {
    type Output = Result<IoBuf, Closed>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let mut slots = self.pending.slots();
        let slot = slots.of(self.id).expect("a ticket has its slot until it is dropped");
        match &mut slot.state {
            State::Answered(answer) => Poll::Ready(Ok(std::mem::take(answer))),
            State::Waiting(waker) => {
                if !waker.as_ref().is_some_and(|waker| waker.will_wake(cx.waker())) {
                    *waker = Some(cx.waker().clone());
                }
                Poll::Pending
            }
            State::Dead | State::Abandoned | State::Free => Poll::Ready(Err(Closed)),
        }
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        let mut slots = self.pending.slots();
        let closed = slots.closed;
        let Some(slot) = slots.of(self.id) else { return };
        if matches!(slot.state, State::Waiting(_)) && !slot.leases.is_empty() && !closed {
            slot.state = State::Abandoned;
        } else {
            slots.release(self.id);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn poll(ticket: &mut Ticket) -> Poll<Result<IoBuf, Closed>> {
        Pin::new(ticket).poll(&mut Context::from_waker(Waker::noop()))
    }

    #[test]
    fn an_answer_finds_its_call_once_and_nobody_elses() {
        let pending = Arc::new(Pending::default());
        let mut one = pending.open(None).unwrap();
        let id = one.id();
        assert!(poll(&mut one).is_pending());
        pending.lend(&one, vec![8]);
        pending.answer(id ^ 1 << 40, IoBuf::from_static(b"not this one"));
        assert!(poll(&mut one).is_pending());
        assert!(pending.take_back(&one, true).is_empty(), "it is needed");
        pending.answer(id, IoBuf::from_static(b"yes"));
        pending.answer(id, IoBuf::from_static(b"no"));
        assert!(matches!(poll(&mut one), Poll::Ready(Ok(answer)) if &answer[..] == b"yes"));
        assert_eq!(pending.take_back(&one, true), [8]);
        drop(one);
        let other = pending.open(None).unwrap();
        assert_ne!(other.id(), id, "a slot is used again, its number is not");
        assert!(pending.answer(id, IoBuf::new()).is_empty());
    }

    #[test]
    fn what_an_abandoned_call_has_named_comes_back_with_its_late_answer() {
        let pending = Arc::new(Pending::default());
        let ticket = pending.open(None).unwrap();
        pending.lend(&ticket, vec![4, 6]);
        let id = ticket.id();
        drop(ticket);
        assert_eq!(pending.answer(id, IoBuf::new()), [4, 6]);
        assert!(pending.answer(id, IoBuf::new()).is_empty());
    }

    #[test]
    fn a_call_is_overdue_after_its_patience_until_it_is_answered() {
        let pending = Arc::new(Pending::default());
        let (short, _long) = (pending.open(Some(1)).unwrap(), pending.open(None).unwrap());
        let overdue = [pending.tick(), pending.tick()].map(|waiting| (waiting.calls, waiting.overdue));
        assert_eq!(overdue, [(2, 0), (2, 1)]);
        pending.answer(short.id(), IoBuf::new());
        assert_eq!(pending.tick(), Waiting { calls: 1, overdue: 0 });
        drop(short);
        let _again = pending.open(Some(1)).unwrap();
        assert_eq!(pending.tick().overdue, 0, "the slot is another call's now");
    }

    #[test]
    fn the_end_of_the_other_process_ends_every_call() {
        let pending = Arc::new(Pending::default());
        let mut ticket = pending.open(None).unwrap();
        assert!(poll(&mut ticket).is_pending());
        pending.close();
        assert!(matches!(poll(&mut ticket), Poll::Ready(Err(Closed))));
        assert!(pending.open(None).is_err());
    }
}
