//! A translator that breaks the contract of wakers, as one in C can: it keeps the pointers it was polled with and wakes them
//! from a thread of its own, long after it has given them up or answered.
#![allow(unsafe_code, reason = "the contract cannot be broken in safe code")]

use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};
use std::task::{Poll, Waker};

use plugin_api::abi::future::WakerHeader;
use plugin_api::prelude::*;

/// Headers that it was polled with and has no right to any more.
static STALE: Mutex<VecDeque<usize>> = Mutex::new(VecDeque::new());
const REMEMBERED: usize = 512;

/// Answers each stat after it was polled twice, and remembers by whom.
#[derive(Debug, Default)]
struct LateWaker;

fn remember(waker: &Waker) {
    let mut stale = STALE.lock().unwrap_or_else(PoisonError::into_inner);
    stale.push_back(waker.data() as usize);
    if stale.len() > REMEMBERED {
        stale.pop_front();
    }
}

fn wake_them_all() {
    let stale = STALE.lock().unwrap_or_else(PoisonError::into_inner).clone();
    for address in stale {
        let header = std::ptr::with_exposed_provenance::<WakerHeader>(address);
        // SAFETY: there is no right to do this: the test is that nothing comes of it.
        unsafe { ((*(*header).vtable).wake_by_ref)(header) };
    }
}

#[xlator("bad/late-waker", unknown_fops = "pass")]
impl Xlator for LateWaker {
    fn init(&mut self, _cx: &InitCx<'_>) -> Result<(), InitError> {
        std::thread::Builder::new().name("late-waker".into()).spawn(|| {
            loop {
                wake_them_all();
                std::thread::yield_now();
            }
        })?;
        Ok(())
    }

    async fn stat(&self, frame: &Frame, args: Stat) -> FopResult<Attr> {
        let mut polled = 0;
        std::future::poll_fn(|cx| {
            remember(cx.waker());
            let kept = cx.waker().clone();
            remember(&kept);
            polled += 1;
            if polled == 3 {
                return Poll::Ready(());
            }
            kept.wake();
            Poll::Pending
        })
        .await;
        frame.child().stat(args).await
    }
}
