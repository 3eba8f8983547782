//! The wait of a fop for its lock: one answer, given once, from any thread.

use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, Waker};

use crate::engine::Refusal;

type Answer = Result<(), Refusal>;

#[derive(Debug, Default)]
struct Shared {
    answer: Option<Answer>,
    waker: Option<Waker>,
}

/// The side that lies in a lock queue.
#[derive(Debug)]
pub(crate) struct Waiter(Arc<Mutex<Shared>>);

/// The side that the fop awaits.
#[derive(Debug)]
pub(crate) struct Wait(Arc<Mutex<Shared>>);

/// A fresh pair.
pub(crate) fn pair() -> (Waiter, Wait) {
    let shared = Arc::default();
    (Waiter(Arc::clone(&shared)), Wait(shared))
}

impl Waiter {
    /// Ends the wait.
    pub(crate) fn wake(self, answer: Answer) {
        let waker = {
            let mut shared = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            shared.answer = Some(answer);
            shared.waker.take()
        };
        if let Some(waker) = waker {
            waker.wake();
        }
    }
}

impl Future for Wait {
    type Output = Answer;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Answer> {
        let mut shared = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(answer) = shared.answer {
            return Poll::Ready(answer);
        }
        match &mut shared.waker {
            Some(waker) => waker.clone_from(cx.waker()),
            none => *none = Some(cx.waker().clone()),
        }
        Poll::Pending
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::task::Wake;

    use super::*;

    #[derive(Default)]
    struct Counter(AtomicUsize);

    impl Wake for Counter {
        fn wake(self: Arc<Self>) {
            self.0.fetch_add(1, Ordering::Relaxed);
        }
    }

    #[test]
    fn an_answer_wakes_whoever_polled_last() {
        let (waiter, mut wait) = pair();
        let (first, last) = (Arc::new(Counter::default()), Arc::new(Counter::default()));
        let mut poll = |counter: &Arc<Counter>| {
            let waker = Arc::clone(counter).into();
            Pin::new(&mut wait).poll(&mut Context::from_waker(&waker))
        };
        assert_eq!(poll(&first), Poll::Pending);
        assert_eq!(poll(&last), Poll::Pending);
        waiter.wake(Ok(()));
        assert_eq!((first.0.load(Ordering::Relaxed), last.0.load(Ordering::Relaxed)), (0, 1));
        assert_eq!(poll(&last), Poll::Ready(Ok(())));
    }

    #[test]
    fn an_answer_that_comes_first_is_there_at_once() {
        let (waiter, mut wait) = pair();
        waiter.wake(Err(Refusal::Withdrawn));
        let answer = Pin::new(&mut wait).poll(&mut Context::from_waker(Waker::noop()));
        assert_eq!(answer, Poll::Ready(Err(Refusal::Withdrawn)));
    }
}
