//! A translator whose calls wait for good once it was told to stop.
#![forbid(unsafe_code)]

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use plugin_api::prelude::*;

/// Forgets who waits.
#[derive(Debug, Default)]
struct FiniForgets {
    stopped: AtomicBool,
}

#[xlator("bad/fini-forgets", unknown_fops = "pass")]
impl Xlator for FiniForgets {
    fn fini(&self) {
        self.stopped.store(true, Ordering::Release);
    }

    async fn writev(&self, frame: &Frame, args: Writev) -> FopResult<Written> {
        rt::sleep(Duration::from_millis(3)).await;
        if self.stopped.load(Ordering::Acquire) {
            std::future::pending::<()>().await;
        }
        frame.child().writev(args).await
    }
}
