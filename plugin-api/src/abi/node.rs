//! A translator's place in a graph, as the libraries see it: whom it calls, and through which entry.
//!
//! The host allocates nodes, links and routes. Fields are only ever added at the end of [`Node`], so a plugin may read
//! those it knows.

use std::sync::atomic::AtomicU8;

use abi_stable::StableAbi;
use abi_stable::std_types::RSlice;

use super::frame::FrameHead;
use super::future::{RawFuture, WakerHeader};
use super::root::FopSlot;

/// Starts a fop in a translator. The answer is [`READY`](super::future::READY) with `out` written, or
/// [`PENDING`](super::future::PENDING) with `later` written; a panic has been turned into `EIO` before.
///
/// `args` is moved out of, whatever the answer; `out` is room for an `RResult<Reply, FopError>`; `waker` lives through
/// the call. The node, its graph and the frame outlive the answer and `later`.
#[repr(transparent)]
#[derive(StableAbi, Clone, Copy)]
pub struct FopEntry(
    pub  unsafe extern "C" fn(
        node: *const (),
        frame: *const (),
        waker: *const WakerHeader,
        args: *mut (),
        out: *mut (),
        later: *mut RawFuture,
    ) -> u8,
);

impl std::fmt::Debug for FopEntry {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("FopEntry")
    }
}

/// A translator in a graph. The host allocates it, and fields are only ever added at its end.
#[repr(C)]
#[derive(StableAbi, Debug)]
pub struct Node {
    /// The translator's instance; the plugin's own type.
    pub instance: *const (),
    /// Never used twice in a process: names the slots of this instance.
    pub id: u64,
    /// What `frame.child()` calls, in the volfile's order.
    pub links: *const Link,
    /// How many.
    pub link_count: usize,
    /// [`UP`], or why not; read before every fop.
    pub state: AtomicU8,
    /// The name in the volfile.
    pub name: *const u8,
    /// Bytes of `name`.
    pub name_len: usize,
    /// Tells the host of a fault: a panic that the barrier caught. Any thread.
    pub fault: unsafe extern "C" fn(node: *const Node, fop: u32, what: *const u8, what_len: usize),
    /// Counts a user of the node's graph beside the calls in it.
    pub retain: unsafe extern "C" fn(node: *const Node),
    /// Gives such a count up; the last one frees the graph.
    pub release: unsafe extern "C" fn(node: *const Node),
    /// A call is about to begin: the instances of the graph stay until it has ended.
    pub begin: unsafe extern "C" fn(node: *const Node),
    /// Such a call has ended; the caller still counts the graph.
    pub end: unsafe extern "C" fn(node: *const Node),
    /// The fops that the translator implements.
    pub fops: RSlice<'static, FopSlot>,
    /// One more than the highest fop number that it has heard of.
    pub known_fops: u32,
}

/// The node serves.
pub const UP: u8 = 0;
/// The node had too many faults: it answers `ENOTCONN`.
pub const FAULTED: u8 = 1;
/// The node's `fini` has begun: it answers `ENOTCONN`.
pub const FINISHED: u8 = 2;

// SAFETY: all fields but `state` are fixed from activation on, and the instance is `Sync`.
unsafe impl Sync for Node {}
// SAFETY: as above.
unsafe impl Send for Node {}

/// From a translator to a child: for every fop, the first translator below that implements it.
///
/// Frozen, since links lie in a row: what else a link may need becomes a row of its own in [`Node`].
#[repr(C)]
#[derive(StableAbi, Debug)]
pub struct Link {
    /// The child itself, whoever answers.
    pub child: *const Node,
    /// Indexed by fop number.
    pub routes: *const Route,
    /// How many fops the host knows; a higher number is answered with `EOPNOTSUPP`.
    pub route_count: usize,
}

// SAFETY: fixed from activation on.
unsafe impl Sync for Link {}
// SAFETY: as above.
unsafe impl Send for Link {}

/// Where a fop goes. Frozen, since routes lie in a row.
#[repr(C)]
#[derive(StableAbi, Debug, Clone, Copy)]
pub struct Route {
    /// The entry to call.
    pub entry: FopEntry,
    /// The translator it belongs to.
    pub node: *const Node,
}

// SAFETY: fixed from activation on.
unsafe impl Sync for Route {}
// SAFETY: as above.
unsafe impl Send for Route {}

impl Node {
    /// The name in the volfile.
    #[must_use]
    pub fn name(&self) -> &str {
        // SAFETY: the host keeps the name as long as the node.
        let bytes = unsafe { std::slice::from_raw_parts(self.name, self.name_len) };
        std::str::from_utf8(bytes).unwrap_or_default()
    }

    /// The links to the children.
    #[must_use]
    #[inline]
    pub fn links(&self) -> &[Link] {
        if self.link_count == 0 {
            return &[];
        }
        // SAFETY: the host keeps the links as long as the node.
        unsafe { std::slice::from_raw_parts(self.links, self.link_count) }
    }
}

impl Link {
    /// Where fop `code` goes, or `None` when the host is too old to know it.
    #[must_use]
    #[inline]
    pub fn route(&self, code: u32) -> Option<Route> {
        let at = usize::try_from(code).ok().filter(|at| *at < self.route_count)?;
        // SAFETY: within the routes, which the host keeps as long as the link.
        Some(unsafe { *self.routes.add(at) })
    }
}

/// The frame pointer of an entry's signature, typed.
pub(crate) fn frame_of(frame: *const ()) -> *const FrameHead {
    frame.cast()
}
