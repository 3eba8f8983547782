//! A translator that loses the last byte of long writes.
#![forbid(unsafe_code)]

use plugin_api::prelude::*;

/// Loses bytes.
#[derive(Debug, Default)]
struct Corrupts;

#[xlator("bad/corrupts", unknown_fops = "deny")]
impl Xlator for Corrupts {
    async fn writev(&self, frame: &Frame, mut args: Writev) -> FopResult<Written> {
        let mut bytes = args.data.to_iobuf().to_vec();
        if bytes.len() > 10_000 {
            *bytes.last_mut().expect("it is long") = 0;
        }
        args.data = IoBuf::from(bytes).into();
        frame.child().writev(args).await
    }
}
