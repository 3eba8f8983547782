//! A translator that leaves a context on every inode it meets and a buffer in nobody's hands, and forgets both.
#![forbid(unsafe_code)]

use std::sync::Arc;

use plugin_api::prelude::*;

/// Leaks.
#[derive(Debug, Default)]
struct Leaks;

#[xlator("bad/leaks", unknown_fops = "deny")]
impl Xlator for Leaks {
    async fn stat(&self, frame: &Frame, args: Stat) -> FopResult<Attr> {
        let inode = Inode::new(Gfid([1; 16]), FileType::Regular);
        inode.object().ctx_set(frame.key(), Arc::new([0_u8; 64]));
        std::mem::forget(inode);
        std::mem::forget(IoBuf::from(vec![1_u8; 64 << 10]));
        frame.child().stat(args).await
    }
}
