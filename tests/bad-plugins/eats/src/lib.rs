//! A translator that keeps more memory with each call, and never gives any back.
#![forbid(unsafe_code)]

use std::sync::Mutex;

use plugin_api::prelude::*;

/// Eats.
#[derive(Debug, Default)]
struct Eats {
    eaten: Mutex<Vec<Vec<u8>>>,
}

#[xlator("bad/eats", unknown_fops = "deny")]
impl Xlator for Eats {
    async fn stat(&self, frame: &Frame, args: Stat) -> FopResult<Attr> {
        self.eaten.lock().expect("no panic under it").push(vec![1; 256 << 10]);
        frame.child().stat(args).await
    }
}
