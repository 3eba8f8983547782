//! A translator in which a call that is not answered stops all others.
#![forbid(unsafe_code)]

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use plugin_api::prelude::*;

/// Lets one write through at a time, for all files together.
#[derive(Debug, Default)]
struct OneAtATime {
    busy: AtomicBool,
}

#[xlator("bad/one-at-a-time", unknown_fops = "deny")]
impl Xlator for OneAtATime {
    async fn writev(&self, frame: &Frame, args: Writev) -> FopResult<Written> {
        while self.busy.swap(true, Ordering::Acquire) {
            rt::sleep(Duration::from_millis(1)).await;
        }
        let written = frame.child().writev(args).await;
        self.busy.store(false, Ordering::Release);
        written
    }
}
