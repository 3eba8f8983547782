//! The end of the chain: answers at once, or after suspending once.
#![forbid(unsafe_code)]

use plugin_api::prelude::*;

/// Answers with nothing in it.
#[derive(Debug, Default)]
struct Leaf {
    suspend: bool,
}

macro_rules! answering {
    ($($name:ident $args:ident $reply:ident,)*) => {
        #[xlator("bench/leaf", unknown_fops = "deny")]
        impl Xlator for Leaf {
            fn options() -> Options {
                Options::new().bool("suspend", "whether each answer waits once").default_value("off")
            }

            fn init(&mut self, cx: &InitCx<'_>) -> Result<(), InitError> {
                self.suspend = cx.bool("suspend")?;
                Ok(())
            }

            $(
                async fn $name(&self, _frame: &Frame, _args: $args) -> FopResult<$reply> {
                    if self.suspend {
                        rt::yield_now().await;
                    }
                    Ok($reply::default())
                }
            )*
        }
    };
}

answering! {
    flush Flush Done,
    stat Stat Attr,
    lookup Lookup Looked,
    readv Readv Data,
    writev Writev Written,
}
