//! A translator that never comes back from its start.
#![forbid(unsafe_code)]

use plugin_api::prelude::*;

/// Never comes back.
#[derive(Debug, Default)]
struct InitHangs;

#[xlator("bad/init-hangs", unknown_fops = "pass")]
impl Xlator for InitHangs {
    fn init(&mut self, _cx: &InitCx<'_>) -> Result<(), InitError> {
        loop {
            std::thread::park();
        }
    }
}
