//! A translator that says that all is well when its child says otherwise.
#![forbid(unsafe_code)]

use plugin_api::prelude::*;

/// Knows no bad news.
#[derive(Debug, Default)]
struct SwallowsErrors;

#[xlator("bad/swallows-errors", unknown_fops = "deny")]
impl Xlator for SwallowsErrors {
    async fn fsync(&self, frame: &Frame, args: Fsync) -> FopResult<PrePost> {
        Ok(frame.child().fsync(args).await.unwrap_or_default())
    }
}
