//! The programs that are served: what each procedure asks, and how it is answered.

pub mod cli;
pub mod handshake;
pub mod mgmt;
pub mod mgmt_handshake;
pub mod peer;

use plugin_api::rt;
use std::future::Future;

/// Runs `work` on a thread that may block; `None` when it panicked.
pub(crate) async fn on_blocking_thread<T: Send + 'static>(
    work: impl Future<Output = T> + Send + 'static,
) -> Option<T> {
    let (done, result) = tokio::sync::oneshot::channel();
    rt::spawn_blocking(async move {
        // Nobody waits any more when the caller has gone; the work was done all the same.
        let _ = done.send(work.await);
    });
    result.await.ok()
}
