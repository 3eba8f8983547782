//! A translator that takes the whole process along.
#![forbid(unsafe_code)]

use plugin_api::prelude::*;

/// Gives up on everybody.
#[derive(Debug, Default)]
struct Aborts;

#[xlator("bad/aborts", unknown_fops = "deny")]
impl Xlator for Aborts {
    async fn fsync(&self, _frame: &Frame, _args: Fsync) -> FopResult<PrePost> {
        std::process::abort()
    }
}
