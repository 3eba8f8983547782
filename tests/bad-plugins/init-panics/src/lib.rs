//! A translator that panics when it is started.
#![forbid(unsafe_code)]

use plugin_api::prelude::*;

/// Never starts.
#[derive(Debug, Default)]
struct InitPanics;

#[xlator("bad/init-panics", unknown_fops = "pass")]
impl Xlator for InitPanics {
    fn init(&mut self, _cx: &InitCx<'_>) -> Result<(), InitError> {
        panic!("the stars were wrong")
    }
}
