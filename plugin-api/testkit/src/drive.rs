//! Drives futures on the thread of the test.

use std::future::Future;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll, Wake, Waker};
use std::thread::{self, Thread};
use std::time::{Duration, Instant};

/// How long an answer may take that is there at once on a quiet machine.
const PATIENCE: Duration = Duration::from_secs(60);

/// How long is waited for what comes at once, before it counts as not coming.
pub const SOON: Duration = Duration::from_secs(5);

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
    within(pin!(future), PATIENCE).unwrap_or_else(|| panic!("no answer after {PATIENCE:?}"))
}

/// Runs a future on this thread until it is done, or for so long.
pub(crate) fn within<F: Future>(future: Pin<&mut F>, patience: Duration) -> Option<F::Output> {
    until(future, Some(Instant::now() + patience))
}

/// The same, however long it takes.
pub(crate) fn to_its_end<F: Future>(future: F) -> F::Output {
    until(pin!(future), None).expect("there is no end to wait for")
}

fn until<F: Future>(mut future: Pin<&mut F>, end: Option<Instant>) -> Option<F::Output> {
    let waker = Arc::new(Unpark(thread::current())).into();
    loop {
        match future.as_mut().poll(&mut Context::from_waker(&waker)) {
            Poll::Ready(output) => return Some(output),
            Poll::Pending => match end.map(|end| end.saturating_duration_since(Instant::now())) {
                None => thread::park(),
                Some(Duration::ZERO) => return None,
                Some(left) => thread::park_timeout(left),
            },
        }
    }
}
