//! A translator that never lets go of the files that it has seen.
#![forbid(unsafe_code)]

use std::sync::Mutex;

use plugin_api::prelude::*;

/// Every file that any instance has seen.
static SEEN: Mutex<Vec<Fd>> = Mutex::new(Vec::new());

/// Collects descriptors.
#[derive(Debug, Default)]
struct KeepsInodes;

#[xlator("bad/keeps-inodes", unknown_fops = "pass")]
impl Xlator for KeepsInodes {
    async fn writev(&self, frame: &Frame, args: Writev) -> FopResult<Written> {
        SEEN.lock().expect("no panic under it").push(args.fd.clone());
        frame.child().writev(args).await
    }
}
