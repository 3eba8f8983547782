//! How many fops may block at once, and who is next.

use std::collections::VecDeque;
use std::future::poll_fn;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Poll, Waker};

/// How soon a fop is wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Priority {
    /// Somebody looks at a name.
    High,
    /// Names and locks change.
    Normal,
    /// Data moves.
    Low,
    /// The cluster's own work.
    Least,
}

/// The number of priorities.
pub(crate) const PRIORITIES: usize = 4;

/// How many fops at once, together and of each priority.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Limits {
    pub(crate) together: usize,
    pub(crate) each: [usize; PRIORITIES],
}

/// Lets fops through while there is room; the others wait by priority, in the order they came.
#[derive(Debug, Default)]
pub(crate) struct Gate {
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    limits: Limits,
    running: [usize; PRIORITIES],
    waiting: [VecDeque<Arc<Ticket>>; PRIORITIES],
}

impl Default for State {
    fn default() -> Self {
        let limits = Limits { together: 1, each: [1; PRIORITIES] };
        Self { limits, running: [0; PRIORITIES], waiting: Default::default() }
    }
}

/// One who waits. What it waits for is noted under its own lock, so that the gate's is never held while waking.
#[derive(Debug)]
struct Ticket {
    client: u64,
    turn: Mutex<Turn>,
}

#[derive(Debug, Default)]
struct Turn {
    called: Option<Called>,
    waker: Option<Waker>,
}

#[derive(Clone, Copy, Debug)]
enum Called {
    In,
    Away,
}

/// A fop that was let through; when it goes the next may come.
#[derive(Debug)]
pub(crate) struct Pass {
    gate: Arc<Gate>,
    priority: Priority,
}

impl Gate {
    /// Sets how many may be through at once. Who waits and fits now is let through.
    pub(crate) fn set_limits(&self, limits: Limits) {
        let called = {
            let mut state = self.state();
            state.limits = limits;
            state.call()
        };
        wake(called);
    }

    /// Waits for room. `None` when `client` was turned away meanwhile.
    pub(crate) async fn enter(self: &Arc<Self>, priority: Priority, client: u64) -> Option<Pass> {
        let ticket = {
            let mut state = self.state();
            if state.waiting[priority as usize].is_empty() && state.has_room(priority as usize) {
                state.running[priority as usize] += 1;
                return Some(Pass { gate: Arc::clone(self), priority });
            }
            let ticket = Arc::new(Ticket { client, turn: Mutex::default() });
            state.waiting[priority as usize].push_back(Arc::clone(&ticket));
            ticket
        };
        let called = poll_fn(|cx| {
            let mut turn = ticket.turn.lock().unwrap_or_else(PoisonError::into_inner);
            match turn.called {
                Some(called) => Poll::Ready(called),
                None => {
                    turn.waker = Some(cx.waker().clone());
                    Poll::Pending
                }
            }
        });
        match called.await {
            Called::In => Some(Pass { gate: Arc::clone(self), priority }),
            Called::Away => None,
        }
    }

    /// Turns those away who wait for a client that is gone.
    pub(crate) fn turn_away(&self, client: u64) {
        let away = {
            let mut state = self.state();
            let queues = state.waiting.iter_mut();
            queues.flat_map(|queue| take_where(queue, |ticket| ticket.client == client)).collect()
        };
        call_all(away, Called::Away);
    }

    /// How many wait.
    pub(crate) fn waiting(&self) -> usize {
        self.state().waiting.iter().map(VecDeque::len).sum()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Pass {
    fn drop(&mut self) {
        let called = {
            let mut state = self.gate.state();
            state.running[self.priority as usize] -= 1;
            state.call()
        };
        wake(called);
    }
}

impl State {
    fn has_room(&self, priority: usize) -> bool {
        self.running.iter().sum::<usize>() < self.limits.together
            && self.running[priority] < self.limits.each[priority]
    }

    /// Takes everybody off the queues who fits, the most urgent first, and counts them as running.
    fn call(&mut self) -> Vec<Arc<Ticket>> {
        let mut called = Vec::new();
        for priority in 0..PRIORITIES {
            while self.has_room(priority) {
                let Some(ticket) = self.waiting[priority].pop_front() else { break };
                self.running[priority] += 1;
                called.push(ticket);
            }
        }
        called
    }
}

fn take_where(queue: &mut VecDeque<Arc<Ticket>>, pick: impl Fn(&Ticket) -> bool) -> Vec<Arc<Ticket>> {
    let (taken, kept) = queue.drain(..).partition(|ticket| pick(ticket));
    *queue = kept;
    let taken: VecDeque<_> = taken;
    taken.into()
}

fn wake(called: Vec<Arc<Ticket>>) {
    call_all(called, Called::In);
}

fn call_all(tickets: Vec<Arc<Ticket>>, called: Called) {
    for ticket in tickets {
        let waker = {
            let mut turn = ticket.turn.lock().unwrap_or_else(PoisonError::into_inner);
            turn.called = Some(called);
            turn.waker.take()
        };
        if let Some(waker) = waker {
            waker.wake();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::future::Future;
    use std::pin::pin;
    use std::task::Context;

    use super::*;

    fn poll<F: Future>(future: std::pin::Pin<&mut F>) -> Poll<F::Output> {
        future.poll(&mut Context::from_waker(Waker::noop()))
    }

    fn gate(together: usize) -> Arc<Gate> {
        let gate = Arc::new(Gate::default());
        gate.set_limits(Limits { together, each: [together, together, together, 1] });
        gate
    }

    #[test]
    fn the_urgent_come_before_those_who_waited_longer() {
        let gate = gate(1);
        let Poll::Ready(Some(first)) = poll(pin!(gate.enter(Priority::Low, 1))) else {
            panic!("there is room")
        };
        let mut low = pin!(gate.enter(Priority::Low, 1));
        let mut high = pin!(gate.enter(Priority::High, 1));
        assert!(poll(low.as_mut()).is_pending() && poll(high.as_mut()).is_pending());
        drop(first);
        assert!(poll(low.as_mut()).is_pending());
        let Poll::Ready(Some(second)) = poll(high.as_mut()) else { panic!("it is its turn") };
        drop(second);
        assert!(poll(low.as_mut()).is_ready());
    }

    #[test]
    fn each_priority_has_its_own_limit() {
        let gate = gate(4);
        let one = poll(pin!(gate.enter(Priority::Least, 1)));
        let mut two = pin!(gate.enter(Priority::Least, 1));
        assert!(one.is_ready() && poll(two.as_mut()).is_pending());
        assert!(poll(pin!(gate.enter(Priority::Low, 1))).is_ready());
        gate.set_limits(Limits { together: 4, each: [4; PRIORITIES] });
        assert!(poll(two.as_mut()).is_ready(), "there is room for two now");
    }

    #[test]
    fn those_of_a_client_that_is_gone_are_turned_away() {
        let gate = gate(1);
        let pass = poll(pin!(gate.enter(Priority::Low, 1)));
        let mut gone = pin!(gate.enter(Priority::Low, 1));
        let mut other = pin!(gate.enter(Priority::Low, 2));
        assert!(poll(gone.as_mut()).is_pending() && poll(other.as_mut()).is_pending());
        gate.turn_away(1);
        assert!(matches!(poll(gone.as_mut()), Poll::Ready(None)));
        assert_eq!(gate.waiting(), 1);
        drop(pass);
        assert!(matches!(poll(other.as_mut()), Poll::Ready(Some(_))));
    }
}
