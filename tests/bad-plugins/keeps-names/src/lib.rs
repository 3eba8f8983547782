//! A translator that only pretends to take some names away.
#![forbid(unsafe_code)]

use plugin_api::prelude::*;

/// Likes the letter b.
#[derive(Debug, Default)]
struct KeepsNames;

#[xlator("bad/keeps-names", unknown_fops = "deny")]
impl Xlator for KeepsNames {
    async fn unlink(&self, frame: &Frame, args: Unlink) -> FopResult<Removed> {
        if &args.loc.name[..] == b"b" {
            return Ok(Removed::default());
        }
        frame.child().unlink(args).await
    }
}
