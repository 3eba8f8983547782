//! The end of the chain: answers at once, or after suspending once.
#![forbid(unsafe_code)]

use plugin_api::prelude::*;

/// Answers with nothing in it.
#[derive(Debug, Default)]
struct Leaf {
    suspend: bool,
}

#[xlator("bench/leaf", unknown_fops = "deny")]
impl Xlator for Leaf {
    fn options() -> Options {
        Options::new().bool("suspend", "whether each answer waits once").default_value("off")
    }

    fn init(&mut self, cx: &InitCx<'_>) -> Result<(), InitError> {
        self.suspend = cx.bool("suspend")?;
        Ok(())
    }

    async fn stat(&self, _frame: &Frame, _args: Stat) -> FopResult<Attr> {
        if self.suspend {
            rt::yield_now().await;
        }
        Ok(Attr::default())
    }

    async fn flush(&self, _frame: &Frame, _args: Flush) -> FopResult<Done> {
        if self.suspend {
            rt::yield_now().await;
        }
        Ok(Done::default())
    }
}
