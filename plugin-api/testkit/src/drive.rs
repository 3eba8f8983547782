//! Drives futures on the thread of the test.

use std::future::Future;
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, Wake, Waker};
use std::thread::{self, Thread};
use std::time::{Duration, Instant};

/// How long an answer may take that is there at once on a quiet machine.
const PATIENCE: Duration = Duration::from_secs(60);

struct Unpark(Thread);

impl Wake for Unpark {
    fn wake(self: Arc<Self>) {
        self.0.unpark();
    }
}

/// Polls once: `None` while it waits. Nobody is woken: poll again after what it waits for was done.
pub fn poll<F: Future + Unpin>(future: &mut F) -> Option<F::Output> {
    match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(output) => Some(output),
        Poll::Pending => None,
    }
}

/// Runs a future to its end on this thread.
///
/// # Panics
/// When nobody woke it for a minute: a fop that is never answered fails its test.
pub fn block_on<F: Future>(future: F) -> F::Output {
    until(future, Some(Instant::now() + PATIENCE))
}

/// The same, however long it takes.
pub(crate) fn to_its_end<F: Future>(future: F) -> F::Output {
    until(future, None)
}

fn until<F: Future>(future: F, end: Option<Instant>) -> F::Output {
    let waker = Arc::new(Unpark(thread::current())).into();
    let mut future = pin!(future);
    loop {
        match future.as_mut().poll(&mut Context::from_waker(&waker)) {
            Poll::Ready(output) => return output,
            Poll::Pending => match end.map(|end| end.saturating_duration_since(Instant::now())) {
                None => thread::park(),
                Some(Duration::ZERO) => panic!("no answer after {PATIENCE:?}"),
                Some(left) => thread::park_timeout(left),
            },
        }
    }
}
