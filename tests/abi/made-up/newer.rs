//! A plugin of a made-up version: passes on, and answers `statfs` with what only the made-up host has.
#![forbid(unsafe_code)]

use plugin_api::prelude::*;

/// Knows more than 1.0 does, and makes do with less.
#[derive(Debug, Default)]
struct Newer;

#[cfg_attr(feature = "modest", xlator("abi/modest", unknown_fops = "pass", needs = "1.0"))]
#[cfg_attr(not(feature = "modest"), xlator("abi/newer", unknown_fops = "pass"))]
impl Xlator for Newer {
    async fn stat(&self, frame: &Frame, args: Stat) -> FopResult<Attr> {
        let mut answer = frame.child().stat(args).await?;
        answer.xdata.set("newer", 1);
        Ok(answer)
    }

    async fn statfs(&self, frame: &Frame, _args: Statfs) -> FopResult<SpaceReply> {
        let mut reply = SpaceReply::default();
        reply.space.files = u64::from(made_up(frame));
        Ok(reply)
    }
}

/// What it finds of the made-up version: 1 for the function of the host.
fn made_up(_frame: &Frame) -> u32 {
    let host = plugin_api::abi::host::try_host();
    u32::from(host.and_then(|host| host.made_up_clock()).is_some_and(|clock| clock() == 59))
}
