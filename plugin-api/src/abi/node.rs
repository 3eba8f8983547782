//! A translator's place in a graph, as the libraries see it: whom it calls, and through which entry.
//!
//! The host allocates nodes, links and routes. Fields are only ever added at the end of [`Node`], so a plugin may read
//! those it knows.

use std::sync::atomic::{AtomicPtr, AtomicU8, Ordering};

use abi_stable::StableAbi;
use abi_stable::std_types::RSlice;

use super::frame::FrameHead;
use super::future::{RawFuture, WakerHeader};
use super::root::FopSlot;

/// Starts a fop in a translator. The answer is [`READY`](super::future::READY) with the reply written to `out`,
/// [`FAILED`](super::future::FAILED) with a `FopError` written there, [`PENDING`](super::future::PENDING) with `later`
/// written, whose polls answer just so; or [`UNKNOWN`](super::future::UNKNOWN) or [`DOWN`](super::future::DOWN) with
/// nothing touched. A panic has been turned into `EIO` before.
///
/// Otherwise `args` is moved out of; `out` is room for a reply and for an error, whichever is larger; `waker` lives
/// through the call. The node, its graph and the frame outlive the answer and `later`. The caller has set the frame's
/// `current` to the node, and sets it back.
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
    /// What `frame.child()` calls, in the volfile's order, and behind them one that refuses every fop.
    pub links: *const Link,
    /// How many, without the last.
    pub link_count: usize,
    /// [`UP`], or why not; read before every fop.
    pub state: AtomicU8,
    /// The name in the volfile.
    pub name: *const u8,
    /// Bytes of `name`.
    pub name_len: usize,
    /// Tells the host of a fault: a panic that the barrier caught. Any thread.
    pub fault: unsafe extern "C" fn(node: *const Node, fop: u32, what: *const u8, what_len: usize),
    /// Counts a user of the node beside the calls in its graph.
    pub retain: unsafe extern "C" fn(node: *const Node),
    /// Gives such a count up; the last one frees a node that stands in no graph any more.
    pub release: unsafe extern "C" fn(node: *const Node),
    /// A call is about to begin: the instances of the graph stay until it has ended.
    /// The answer is for `end`.
    pub begin: unsafe extern "C" fn(node: *const Node) -> usize,
    /// Such a call has ended, of which `begin` answered `call`; the caller still counts the node.
    pub end: unsafe extern "C" fn(node: *const Node, call: usize),
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

// SAFETY: all fields but `state` and what links lead to are fixed, and the instance is `Sync`.
unsafe impl Sync for Node {}
// SAFETY: as above.
unsafe impl Send for Node {}

/// From a translator to a child: for every fop, the first translator below that implements it.
///
/// Frozen, since links lie in a row: what else a link may need becomes a row of its own in [`Node`].
#[repr(C)]
#[derive(StableAbi, Debug)]
pub struct Link {
    /// The child itself, whoever answers; null where there is none any more, and in the link behind the last. It may be
    /// another one at the next look, and whoever looks has begun a call.
    pub child: AtomicPtr<Node>,
    /// Indexed by fop number; fops that the host does not know have a route that refuses them. As the child, it may change
    /// while calls run: loaded once for each fop.
    pub routes: AtomicPtr<Route>,
    /// How many routes there are: [`ROUTES`] or more.
    pub route_count: usize,
}

/// Routes that every link has, so that nobody asks how many there are before fops with a number this high.
pub const ROUTES: usize = 128;

/// Where a fop goes. Frozen, since routes lie in a row.
#[repr(C)]
#[derive(StableAbi, Debug, Clone, Copy)]
pub struct Route {
    /// The entry to call.
    pub entry: FopEntry,
    /// The translator it belongs to.
    pub node: *const Node,
}

// SAFETY: a route is never changed where it lies.
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
        // SAFETY: the host keeps the links as long as the node.
        unsafe { std::slice::from_raw_parts(self.links, self.link_count) }
    }

    /// The link to the child at `index`, or the one that refuses.
    #[must_use]
    #[inline]
    pub fn link(&self, index: usize) -> &Link {
        // SAFETY: within the links, or the one behind them, all of which the host keeps as long as the node.
        unsafe { &*self.links.add(index.min(self.link_count)) }
    }
}

impl Link {
    /// A link to a node by routes that outlive it, [`ROUTES`] at least.
    pub(crate) fn to(child: *const Node, routes: &[Route]) -> Self {
        assert!(routes.len() >= ROUTES, "every fop has a route");
        let (child, at) = (AtomicPtr::new(child.cast_mut()), AtomicPtr::new(routes.as_ptr().cast_mut()));
        Self { child, routes: at, route_count: routes.len() }
    }

    /// Where fop `code` goes, or `None` when the host is so old that there is no route.
    #[must_use]
    #[inline]
    pub fn route(&self, code: u32) -> Option<Route> {
        let at = usize::try_from(code).ok().filter(|at| *at < ROUTES || *at < self.route_count)?;
        let routes = self.routes.load(Ordering::Acquire);
        // SAFETY: within the routes, which the host keeps as long as a call runs that may have loaded them.
        Some(unsafe { *routes.add(at) })
    }
}

/// The frame pointer of an entry's signature, typed.
pub(crate) fn frame_of(frame: *const ()) -> *const FrameHead {
    frame.cast()
}
