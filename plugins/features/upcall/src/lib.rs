//! `features/upcall`: tells clients of other clients' changes; here it passes every fop, and refuses to be switched on.
#![forbid(unsafe_code)]

mod options;

use plugin_api::prelude::*;

/// Has its place in every brick graph; what it would do is not built yet, and it says so instead of doing nothing.
#[derive(Debug, Default)]
pub struct Upcall;

#[xlator(
    "features/upcall",
    positions = "brick",
    unknown_fops = "pass",
    doc = "tells clients of other clients' changes (not built yet: passes everything, refuses to be switched on)"
)]
impl Xlator for Upcall {
    fn options() -> Options {
        options::declare()
    }

    fn init(&mut self, cx: &InitCx<'_>) -> Result<(), InitError> {
        options::check(cx)
    }

    fn reconfigure(&self, cx: &InitCx<'_>) -> Result<(), InitError> {
        options::check(cx)
    }
}
