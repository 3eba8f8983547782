//! A look at the process and at the graph around a translator, for those that show them to people.

pub use crate::abi::inspect::{GraphView, Setting, VolumeView};

use crate::Handle;
use crate::abi::inspect::table;

/// The graph that a translator stands in; nothing before it serves, and where the translator runs apart.
#[must_use]
pub fn graph(handle: &Handle) -> Option<GraphView> {
    // SAFETY: a handle's node is one of a live graph.
    unsafe { (table()?.graph)(handle.raw().cast()) }.into_option()
}

/// What the volume at a place in that graph has to say of its state: lines of `key=value`; empty when there is no such.
#[must_use]
pub fn dump(handle: &Handle, volume: usize) -> String {
    // SAFETY: as above.
    table().map(|table| unsafe { (table.dump)(handle.raw().cast(), volume) }.into()).unwrap_or_default()
}

/// How many calls are under way in that graph.
#[must_use]
pub fn calls(handle: &Handle) -> u64 {
    // SAFETY: as above.
    table().map_or(0, |table| unsafe { (table.calls)(handle.raw().cast()) })
}

/// The least severe level that this process logs, as the incumbent counts: 0 none … 9 trace.
#[must_use]
pub fn log_level() -> u8 {
    table().map_or(0, |table| (table.log_level)())
}

/// Changes that level; false for a number that is none.
#[must_use]
pub fn set_log_level(level: u8) -> bool {
    table().is_some_and(|table| (table.set_log_level)(level))
}
