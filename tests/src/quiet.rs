//! Quiet: what a graph tells its host, for tests in which it has nothing to tell.

use plugin_api::Event;
use plugin_api::abi::graph::{Fault, GraphHooks};

/// Hears of no event; a fault fails the test.
#[derive(Debug)]
pub struct Quiet;

impl GraphHooks for Quiet {
    fn fault(&self, xlator: &str, fault: &Fault, _: u64) {
        panic!("{xlator}: {}", fault.what);
    }
    fn risen(&self, _: &Event) {}
    fn marked_down(&self, _: &str) {}
}
