//! A translator that would look at each answer if it were switched on: the price of one that is off.
#![forbid(unsafe_code)]

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use plugin_api::prelude::*;

/// Counts what failed, when it is to.
#[derive(Debug, Default)]
struct Off {
    on: AtomicBool,
    failed: AtomicU64,
}

impl Off {
    fn is_off(&self) -> bool {
        !self.on.load(Ordering::Relaxed)
    }
}

macro_rules! switched {
    ($($name:ident $args:ident $reply:ident,)*) => {
        #[xlator("bench/off", unknown_fops = "pass")]
        impl Xlator for Off {
            fn options() -> Options {
                Options::new().bool("on", "looks at answers").default_value("off")
            }

            fn init(&mut self, cx: &InitCx<'_>) -> Result<(), InitError> {
                self.on.store(cx.bool("on")?, Ordering::Relaxed);
                Ok(())
            }

            $(
                async fn $name(&self, frame: &Frame, args: $args) -> FopResult<$reply> {
                    if self.is_off() {
                        return frame.child().$name(args).await;
                    }
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

switched! {
    flush Flush Done,
    stat Stat Attr,
    lookup Lookup Looked,
    readv Readv Data,
    writev Writev Written,
}
