//! A translator that takes memory that nobody counts, more with each call, and never gives any back.
#![forbid(unsafe_code)]

use std::sync::Mutex;

use plugin_api::prelude::*;

/// Hoards.
#[derive(Debug, Default)]
struct Hoards {
    held: Mutex<Vec<Vec<u8>>>,
}

#[xlator("bad/hoards", unknown_fops = "deny", allocator = "own")]
impl Xlator for Hoards {
    async fn stat(&self, frame: &Frame, args: Stat) -> FopResult<Attr> {
        self.held.lock().expect("no panic under it").push(vec![1; 8 << 20]);
        frame.child().stat(args).await
    }
}
