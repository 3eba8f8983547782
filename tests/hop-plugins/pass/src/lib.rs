//! A translator that hands on what it is given: the price of a hop that implements the fop.
#![forbid(unsafe_code)]

use std::sync::atomic::{AtomicBool, Ordering};

use plugin_api::prelude::*;

/// Refuses while it is closed, else passes on.
#[derive(Debug, Default)]
struct Pass {
    closed: AtomicBool,
}

macro_rules! passing {
    ($($name:ident $args:ident $reply:ident,)*) => {
        #[xlator("bench/pass", unknown_fops = "pass")]
        impl Xlator for Pass {
            $(
                async fn $name(&self, frame: &Frame, args: $args) -> FopResult<$reply> {
                    if self.closed.load(Ordering::Relaxed) {
                        return Err(Errno::EROFS.into());
                    }
                    frame.child().$name(args).await
                }
            )*
        }
    };
}

passing! {
    flush Flush Done,
    stat Stat Attr,
    lookup Lookup Looked,
    readv Readv Data,
    writev Writev Written,
}
