//! What goes wrong with a call to a child, and when.

use std::collections::BTreeMap;
use std::future::poll_fn;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Poll, Waker};
use std::thread;
use std::time::Duration;

use plugin_api::Errno;

/// What becomes of one call to a [`Fake`](crate::Fake).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// It fails; the fake does nothing else.
    Fail(Errno),
    /// It is answered after so long, from another thread.
    Delay(Duration),
    /// It is answered from another thread.
    Elsewhere,
    /// It is not answered until the test lets it: [`Fake::release`](crate::Fake::release).
    Hold,
    /// It is not answered until `fini` was asked of the graph.
    AfterFini,
    /// It is done, and fails: the answer got lost on its way.
    Lose(Errno),
}

/// Faults to come, and calls that wait.
#[derive(Debug, Default)]
pub(crate) struct Faults(Mutex<Inner>);

#[derive(Debug, Default)]
struct Inner {
    /// Calls that came.
    calls: u64,
    /// By the number of the call.
    to_come: BTreeMap<u64, Fault>,
    /// For every call that has no fault of its own.
    always: Option<Fault>,
    held: Gate,
    until_fini: Gate,
}

/// Calls that wait for one word.
#[derive(Debug, Default)]
struct Gate {
    turn: u64,
    waiting: Vec<Waker>,
    count: usize,
}

impl Gate {
    fn open(&mut self) -> Vec<Waker> {
        self.turn += 1;
        self.count = 0;
        std::mem::take(&mut self.waiting)
    }
}

impl Faults {
    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The `n`th call from now has a fault, 0 for the next one.
    pub(crate) fn add(&self, n: u64, fault: Fault) {
        let mut inner = self.inner();
        let at = inner.calls + n;
        inner.to_come.insert(at, fault);
    }

    /// Every call has a fault, or none.
    pub(crate) fn always(&self, fault: Option<Fault>) {
        self.inner().always = fault;
    }

    pub(crate) fn clear(&self) {
        let mut inner = self.inner();
        inner.to_come.clear();
        inner.always = None;
    }

    /// Whether a call that was to have a fault has not come yet.
    pub(crate) fn is_one_to_come(&self) -> bool {
        !self.inner().to_come.is_empty()
    }

    /// Calls that are held.
    pub(crate) fn held(&self) -> usize {
        let inner = self.inner();
        inner.held.count + inner.until_fini.count
    }

    /// Lets calls go that are held.
    pub(crate) fn release(&self) {
        let waiting = self.inner().held.open();
        waiting.into_iter().for_each(Waker::wake);
    }

    /// `fini` was asked for: lets go what waits for that, from another thread, as late answers come.
    pub(crate) fn finished(self: &Arc<Self>) {
        let waiting = self.inner().until_fini.open();
        if !waiting.is_empty() {
            thread::spawn(move || {
                thread::sleep(Duration::from_millis(1));
                waiting.into_iter().for_each(Waker::wake);
            });
        }
    }

    /// The fault of the call that comes now.
    pub(crate) fn next(&self) -> Option<Fault> {
        let mut inner = self.inner();
        let call = inner.calls;
        inner.calls += 1;
        inner.to_come.remove(&call).or(inner.always)
    }

    /// Goes through what comes before an answer.
    pub(crate) async fn before(&self, fault: Fault) -> Result<(), Errno> {
        match fault {
            Fault::Fail(errno) => return Err(errno),
            Fault::Lose(_) => {}
            Fault::Delay(time) => elsewhere(time).await,
            Fault::Elsewhere => elsewhere(Duration::ZERO).await,
            Fault::Hold => self.wait(|inner| &mut inner.held).await,
            Fault::AfterFini => self.wait(|inner| &mut inner.until_fini).await,
        }
        Ok(())
    }

    async fn wait(&self, gate: fn(&mut Inner) -> &mut Gate) {
        let mut came = None;
        poll_fn(|cx| {
            let mut inner = self.inner();
            let gate = gate(&mut inner);
            match came {
                None => {
                    came = Some(gate.turn);
                    gate.count += 1;
                }
                Some(turn) if turn < gate.turn => return Poll::Ready(()),
                Some(_) => {}
            }
            if !gate.waiting.iter().any(|waker| waker.will_wake(cx.waker())) {
                gate.waiting.push(cx.waker().clone());
            }
            Poll::Pending
        })
        .await;
    }
}

/// Goes on when a thread of its own has woken it, after so long. Whoever polled last is woken.
async fn elsewhere(time: Duration) {
    let state: Arc<Mutex<(bool, Option<Waker>)>> = Arc::default();
    let mut begun = false;
    poll_fn(|cx| {
        let mut now = state.lock().unwrap_or_else(PoisonError::into_inner);
        if now.0 {
            return Poll::Ready(());
        }
        now.1 = Some(cx.waker().clone());
        drop(now);
        if !std::mem::replace(&mut begun, true) {
            let state = state.clone();
            thread::spawn(move || {
                thread::sleep(time);
                let waker = {
                    let mut now = state.lock().unwrap_or_else(PoisonError::into_inner);
                    now.0 = true;
                    now.1.take()
                };
                waker.into_iter().for_each(Waker::wake);
            });
        }
        Poll::Pending
    })
    .await;
}
