//! What a process tells a translator about itself and about the graph that the translator stands in.

use abi_stable::StableAbi;
use abi_stable::std_types::{ROption, RStr, RString, RVec};

use super::host::try_host;

/// The id of the extension of a host that tells; the table is an [`Inspect`].
pub const INSPECT: &str = "mortar.inspect/1";

/// A graph as it serves just now.
#[repr(C)]
#[derive(StableAbi, Debug, Clone, Default)]
pub struct GraphView {
    /// What tells it from others of this process and of any other.
    pub name: RString,
    /// The volfile in force, as it came.
    pub volfile: RVec<u8>,
    /// The volumes, children before their parents; the top is the last.
    pub volumes: RVec<VolumeView>,
}

/// A volume of a graph.
#[repr(C)]
#[derive(StableAbi, Debug, Clone, Default)]
pub struct VolumeView {
    /// Its name.
    pub name: RString,
    /// Its translator's type.
    pub type_name: RString,
    /// Its children, by their places among the volumes.
    pub children: RVec<usize>,
    /// The options that are set, keys and values, but for those that are secret.
    pub options: RVec<Setting>,
}

/// An option that is set.
#[repr(C)]
#[derive(StableAbi, Debug, Clone, Default)]
pub struct Setting {
    /// The key.
    pub key: RString,
    /// The value as it is written in the volfile.
    pub value: RString,
}

/// What a host tells; all from any thread.
#[repr(C)]
#[derive(Debug, Clone, Copy)]
pub struct Inspect {
    /// The graph that a node stands in; nothing before it serves. `node` is a node of a live graph.
    pub graph: unsafe extern "C" fn(node: *const ()) -> ROption<GraphView>,
    /// What the volume at a place in that graph has to say of its state: lines of `key=value`.
    pub dump: unsafe extern "C" fn(node: *const (), volume: usize) -> RString,
    /// How many calls are under way in that graph.
    pub calls: unsafe extern "C" fn(node: *const ()) -> u64,
    /// The least severe level that is logged, as the incumbent counts: 0 none … 9 trace.
    pub log_level: extern "C" fn() -> u8,
    /// Changes that level; false for a number that is none.
    pub set_log_level: extern "C" fn(level: u8) -> bool,
}

/// The host's table, if the host has one: what runs in a process of its own has no graph to look at.
pub(crate) fn table() -> Option<&'static Inspect> {
    let table = try_host()?.extension()(RStr::from_str(INSPECT)).cast::<Inspect>();
    // SAFETY: the id says what the table is, and the host stays.
    unsafe { table.as_ref() }
}
