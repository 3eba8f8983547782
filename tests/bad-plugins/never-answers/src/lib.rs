//! A translator that does not answer some of its fops: until somebody asks it to by an ipc, which may be never.
#![forbid(unsafe_code)]

use std::sync::{Mutex, PoisonError};
use std::task::{Poll, Waker};

use plugin_api::prelude::*;

/// Holds what it is asked for, and knows how to go on.
#[derive(Debug, Default)]
struct NeverAnswers {
    held: Mutex<Held>,
}

#[derive(Debug, Default)]
struct Held {
    released: bool,
    wakers: Vec<Waker>,
}

impl NeverAnswers {
    async fn hold(&self) {
        std::future::poll_fn(|cx| {
            let mut held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
            if held.released {
                return Poll::Ready(());
            }
            held.wakers.push(cx.waker().clone());
            Poll::Pending
        })
        .await;
    }
}

#[xlator("bad/never-answers", unknown_fops = "pass")]
impl Xlator for NeverAnswers {
    async fn statfs(&self, _frame: &Frame, _args: Statfs) -> FopResult<SpaceReply> {
        self.hold().await;
        Ok(SpaceReply::default())
    }

    async fn lk(&self, frame: &Frame, args: Lk) -> FopResult<Locked> {
        self.hold().await;
        frame.child().lk(args).await
    }

    async fn ipc(&self, _frame: &Frame, _args: Ipc) -> FopResult<Done> {
        let mut held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        held.released = true;
        let wakers = std::mem::take(&mut held.wakers);
        drop(held);
        wakers.into_iter().for_each(Waker::wake);
        Ok(Done::default())
    }
}
