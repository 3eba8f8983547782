//! Winding a fop on a thread that may block, while the one that brought it goes on with other work.

use std::future::poll_fn;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Poll, Waker};

use plugin_api::fop::{FopResult, FopType};
use plugin_api::{Errno, Frame, rt};

use crate::gate::Pass;

/// Where the answer is handed over.
struct Slot<T>(Arc<Mutex<Handover<T>>>);

struct Handover<T> {
    answer: Option<T>,
    waker: Option<Waker>,
    gone: bool,
}

/// The worker's side; when it goes without an answer, the other side hears of it.
struct Giver<T>(Slot<T>);

/// Winds `args` to the first child on a worker.
pub(crate) async fn wind<F: FopType>(frame: &Frame, pass: Pass, args: F::Args) -> FopResult<F::Reply> {
    let slot = Slot(Arc::new(Mutex::new(Handover { answer: None, waker: None, gone: false })));
    let giver = Giver(Slot(Arc::clone(&slot.0)));
    // The worker needs a frame of its own: this one's arena belongs to the thread that brought the call.
    let own = frame.fork();
    rt::spawn_blocking(async move {
        let answer = own.child().wind::<F>(args).await;
        // Let the next one in before this one's caller is woken.
        drop((own, pass));
        giver.give(answer);
    });
    slot.take().await.unwrap_or_else(|| Err(Errno::EIO.into()))
}

impl<T> Slot<T> {
    async fn take(&self) -> Option<T> {
        poll_fn(|cx| {
            let mut handover = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            match handover.answer.take() {
                Some(answer) => Poll::Ready(Some(answer)),
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
    fn give(self, answer: T) {
        self.0.0.lock().unwrap_or_else(PoisonError::into_inner).answer = Some(answer);
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
