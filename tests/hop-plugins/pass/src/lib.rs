//! A translator that hands on what it is given: the price of a hop that implements the fop.
#![forbid(unsafe_code)]

use plugin_api::prelude::*;

/// Awaits its child and returns the answer.
#[derive(Debug, Default)]
struct Pass;

#[xlator("bench/pass", unknown_fops = "pass")]
impl Xlator for Pass {
    async fn stat(&self, frame: &Frame, args: Stat) -> FopResult<Attr> {
        frame.child().stat(args).await
    }

    async fn flush(&self, frame: &Frame, args: Flush) -> FopResult<Done> {
        frame.child().flush(args).await
    }
}
