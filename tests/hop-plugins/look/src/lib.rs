//! A translator that looks at each answer: the price of a hop that comes back to an `async fn`.
#![forbid(unsafe_code)]

use std::sync::atomic::{AtomicU64, Ordering};

use plugin_api::prelude::*;

/// Counts what failed.
#[derive(Debug, Default)]
struct Look {
    failed: AtomicU64,
}

macro_rules! looking {
    ($($name:ident $args:ident $reply:ident,)*) => {
        #[xlator("bench/look", unknown_fops = "pass")]
        impl Xlator for Look {
            $(
                async fn $name(&self, frame: &Frame, args: $args) -> FopResult<$reply> {
                    let answer = frame.child().$name(args).await;
                    if answer.is_err() {
                        self.failed.fetch_add(1, Ordering::Relaxed);
                    }
                    answer
                }
            )*
        }
    };
}

looking! {
    flush Flush Done,
    stat Stat Attr,
    lookup Lookup Looked,
    readv Readv Data,
    writev Writev Written,
}
