//! Work that may block, on a thread that may, while who needs its outcome waits and the event pool does not.

use std::future::{Future, poll_fn};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Poll, Waker};

use super::rt;

/// Runs `task` on a thread that may block, and answers its outcome; `None` when it panicked.
pub async fn offload<T: Send + 'static>(task: impl Future<Output = T> + Send + 'static) -> Option<T> {
    let slot = Slot(Arc::new(Mutex::new(Handover { outcome: None, waker: None, gone: false })));
    let giver = Giver(Slot(Arc::clone(&slot.0)));
    rt::spawn_blocking(async move {
        let outcome = task.await;
        giver.give(outcome);
    });
    slot.take().await
}

/// Where the outcome is handed over.
struct Slot<T>(Arc<Mutex<Handover<T>>>);

struct Handover<T> {
    outcome: Option<T>,
    waker: Option<Waker>,
    gone: bool,
}

/// The worker's side; when it goes without an outcome, the other side hears of it.
struct Giver<T>(Slot<T>);

impl<T> Slot<T> {
    async fn take(&self) -> Option<T> {
        poll_fn(|cx| {
            let mut handover = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            match handover.outcome.take() {
                Some(outcome) => Poll::Ready(Some(outcome)),
                None if handover.gone => Poll::Ready(None),
                None => {
                    handover.waker = Some(cx.waker().clone());
                    Poll::Pending
                }
            }
        })
        .await
    }
}

impl<T> Giver<T> {
    fn give(self, outcome: T) {
        self.0.0.lock().unwrap_or_else(PoisonError::into_inner).outcome = Some(outcome);
    }
}

impl<T> Drop for Giver<T> {
    fn drop(&mut self) {
        let waker = {
            let mut handover = self.0.0.lock().unwrap_or_else(PoisonError::into_inner);
            handover.gone = true;
            handover.waker.take()
        };
        if let Some(waker) = waker {
            waker.wake();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::pin::pin;
    use std::task::Context;

    use super::*;

    fn pair<T>() -> (Slot<T>, Giver<T>) {
        let slot = Slot(Arc::new(Mutex::new(Handover { outcome: None, waker: None, gone: false })));
        let giver = Giver(Slot(Arc::clone(&slot.0)));
        (slot, giver)
    }

    #[test]
    fn an_outcome_is_handed_over_and_a_worker_that_ends_without_one_is_noticed() {
        let cx = &mut Context::from_waker(Waker::noop());
        let (slot, giver) = pair();
        let mut taken = pin!(slot.take());
        assert!(taken.as_mut().poll(cx).is_pending());
        giver.give(7);
        assert_eq!(taken.as_mut().poll(cx), Poll::Ready(Some(7)));
        let (slot, giver) = pair::<u8>();
        drop(giver);
        assert_eq!(pin!(slot.take()).poll(cx), Poll::Ready(None));
    }
}
