//! Winding a fop on a thread that may block, while the one that brought it goes on with other work.

use plugin_api::fop::{FopResult, FopType};
use plugin_api::{Errno, Frame, rt};

use crate::gate::Pass;

/// Winds `args` to the first child on a worker.
pub(crate) async fn wind<F: FopType>(frame: &Frame, pass: Pass, args: F::Args) -> FopResult<F::Reply> {
    // The worker needs a frame of its own: this one's arena belongs to the thread that brought the call.
    let own = frame.fork();
    let answered = rt::offload(async move {
        let answer = own.child().wind::<F>(args).await;
        // Let the next one in before this one's caller is woken.
        drop((own, pass));
        answer
    });
    answered.await.unwrap_or_else(|| Err(Errno::EIO.into()))
}
