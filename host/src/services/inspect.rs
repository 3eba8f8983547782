//! Inspect: what translators may show people of the process and of the graph around them.

use std::sync::{Arc, Mutex, Weak};

use abi_stable::std_types::{ROption, RString};
use plugin_api::abi::inspect::{GraphView, Inspect};
use plugin_api::abi::node::Node;

use super::lock;
use crate::logging::{self, Level};

/// Who knows the graphs of this process.
pub trait Inspected: Send + Sync {
    /// The graph that a node stands in.
    fn graph(&self, node: *const Node) -> Option<GraphView>;
    /// What the volume at a place in it has to say of its state.
    fn dump(&self, node: *const Node, volume: usize) -> Option<String>;
    /// How many calls are under way in it.
    fn calls(&self, node: *const Node) -> Option<u64>;
}

static INSPECTED: Mutex<Option<Weak<dyn Inspected>>> = Mutex::new(None);

/// Shows the graphs of this process from now on.
pub fn be_inspected(inspected: Weak<dyn Inspected>) {
    *lock(&INSPECTED) = Some(inspected);
}

fn ask<R>(question: impl FnOnce(&dyn Inspected) -> Option<R>) -> Option<R> {
    let inspected: Arc<dyn Inspected> = lock(&INSPECTED).as_ref()?.upgrade()?;
    question(&*inspected)
}

pub(super) static TABLE: Inspect = Inspect { graph, dump, calls, log_level, set_log_level };

unsafe extern "C" fn graph(node: *const ()) -> ROption<GraphView> {
    ask(|inspected| inspected.graph(node.cast())).into()
}

unsafe extern "C" fn dump(node: *const (), volume: usize) -> RString {
    ask(|inspected| inspected.dump(node.cast(), volume)).unwrap_or_default().into()
}

unsafe extern "C" fn calls(node: *const ()) -> u64 {
    ask(|inspected| inspected.calls(node.cast())).unwrap_or_default()
}

extern "C" fn log_level() -> u8 {
    logging::level().incumbents()
}

extern "C" fn set_log_level(level: u8) -> bool {
    Level::of_incumbents(level).map(logging::set_level).is_some()
}
