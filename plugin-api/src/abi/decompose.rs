//! Decompose: the entries that stand in for a translator which has never heard of a fop, and do it by fops that it knows.
//!
//! What such a fop becomes is in [`fop::recipes`](crate::fop); here is how an older translator is wound to as if from above,
//! so that it sees every part.

use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::task::Poll;

use abi_stable::std_types::RResult;

use super::frame::FrameHead;
use super::future::{PENDING, READY, RawFuture, WakerHeader, with_waker};
use super::graph::unsupported;
use super::node::{FopEntry, Link, Node, Route};
use crate::Errno;
use crate::fop::{FOPS, FopError, FopResult, FopType, recipe};
use crate::sdk::Child;

/// A fop that can be done by others.
pub(crate) trait Recipe: FopType {
    /// Does it, in a translator that does not know it.
    fn cook(older: &Older, args: Self::Args) -> impl Future<Output = FopResult<Self::Reply>> + Send;
}

/// A translator that has never heard of a fop, wound to from above by fops that it knows.
pub(crate) struct Older {
    head: *const FrameHead,
    link: Link,
    /// What the link's routes point to.
    _routes: Box<[Route]>,
}

// SAFETY: head and node outlive the fop, as for every entry, and are shared by reference only.
unsafe impl Send for Older {}
// SAFETY: as above.
unsafe impl Sync for Older {}

impl Older {
    /// # Safety
    /// Node and head are those that an entry was called with; the answer does not outlive its fop.
    unsafe fn new(node: *const Node, head: *const FrameHead) -> Self {
        // SAFETY: the caller's promise.
        let routes: Box<[Route]> = (0..FOPS).map(|code| unsafe { route(node, code) }).collect();
        Self { head, link: Link::to(node, &routes), _routes: routes }
    }

    /// The translator itself, to wind to.
    pub(crate) fn itself(&self) -> Child<'_> {
        // SAFETY: the head outlives the fop.
        Child::by(unsafe { &*self.head }, &self.link)
    }

    /// The process that asks.
    pub(crate) fn pid(&self) -> i32 {
        // SAFETY: as above.
        unsafe { &*self.head }.identity.pid
    }
}

/// Where a fop goes that is wound to this node from above.
///
/// # Safety
/// A node of a live graph.
unsafe fn route(node: *const Node, code: u32) -> Route {
    // SAFETY: the caller's promise.
    let known = unsafe { &*node };
    if let Some(slot) = known.fops.iter().find(|slot| slot.code == code) {
        return Route { entry: slot.entry, node };
    }
    if code >= known.known_fops {
        return Route { entry: entry(code), node };
    }
    let below = known.links().first().and_then(|link| link.route(code));
    below.unwrap_or(Route { entry: unsupported(code), node })
}

/// What stands in for a translator that has never heard of fop `code`: its parts, or `EOPNOTSUPP` where there are none.
pub(crate) fn entry(code: u32) -> FopEntry {
    recipe(code).unwrap_or_else(|| unsupported(code))
}

/// The entry of a recipe.
pub(crate) const fn by_parts<F: Recipe>() -> FopEntry {
    FopEntry(start::<F>)
}

unsafe extern "C" fn start<F: Recipe>(
    node: *const (),
    frame: *const (),
    waker: *const WakerHeader,
    args: *mut (),
    out: *mut (),
    later: *mut RawFuture,
) -> u8 {
    // SAFETY: by the entry's contract these are of fop type `F`, `args` is moved out of, and node and frame outlive the
    // answer.
    let (older, args) = unsafe { (Older::new(node.cast(), frame.cast()), args.cast::<F::Args>().read()) };
    let out = out.cast::<RResult<F::Reply, FopError>>();
    // Its parts are what takes time: one box a fop is not.
    let mut cooking = Box::pin(async move { RResult::from(F::cook(&older, args).await) });
    let polled = catch_unwind(AssertUnwindSafe(|| with_waker(waker, |cx| cooking.as_mut().poll(cx))));
    // SAFETY: by the entry's contract `out` and `later` are room for an answer and a future.
    unsafe {
        match polled {
            Ok(Poll::Ready(answer)) => out.write(answer),
            Ok(Poll::Pending) => {
                later.write(RawFuture::boxed(cooking));
                return PENDING;
            }
            Err(cause) => {
                std::mem::forget(cause);
                out.write(RResult::RErr(Errno::EIO.into()));
            }
        }
    }
    READY
}
