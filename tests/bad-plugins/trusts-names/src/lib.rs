//! A translator that takes for granted that a name has a first byte.
#![forbid(unsafe_code)]

use plugin_api::prelude::*;

/// Hides what begins with a dot.
#[derive(Debug, Default)]
struct TrustsNames;

#[xlator("bad/trusts-names", unknown_fops = "deny")]
impl Xlator for TrustsNames {
    async fn mkdir(&self, frame: &Frame, args: Mkdir) -> FopResult<Made> {
        if args.loc.name[0] == b'.' {
            return Err(Errno::EPERM.into());
        }
        frame.child().mkdir(args).await
    }
}
