//! A translator that keeps the thread it is called on for a while.
#![forbid(unsafe_code)]

use plugin_api::prelude::*;

/// Sleeps as no translator may.
#[derive(Debug, Default)]
struct Blocks;

#[xlator("bad/blocks", unknown_fops = "deny")]
impl Xlator for Blocks {
    async fn stat(&self, frame: &Frame, args: Stat) -> FopResult<Attr> {
        std::thread::sleep(std::time::Duration::from_secs(3));
        frame.child().stat(args).await
    }
}
