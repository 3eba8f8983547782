//! A translator that panics in two of its fops: at once, and after it has waited.
#![forbid(unsafe_code)]

use plugin_api::prelude::*;

/// Panics.
#[derive(Debug, Default)]
struct FopPanics;

#[xlator("bad/fop-panics", unknown_fops = "deny")]
impl Xlator for FopPanics {
    async fn stat(&self, _frame: &Frame, _args: Stat) -> FopResult<Attr> {
        panic!("stat was too much")
    }

    async fn statfs(&self, _frame: &Frame, _args: Statfs) -> FopResult<SpaceReply> {
        rt::yield_now().await;
        panic!("statfs was too much, later")
    }
}
