//! A translator each of whose instances leaves memory behind.
#![forbid(unsafe_code)]

use plugin_api::prelude::*;

/// Keeps what it had.
#[derive(Debug, Default)]
struct KeepsMemory;

#[xlator("bad/keeps-memory", unknown_fops = "pass")]
impl Xlator for KeepsMemory {
    fn init(&mut self, _cx: &InitCx<'_>) -> Result<(), InitError> {
        vec![7_u8; 20_000].leak();
        Ok(())
    }
}
