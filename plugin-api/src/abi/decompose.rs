//! Decompose: the entries that stand in for a translator which has never heard of a fop, and do it by fops that it knows.
//!
//! What such a fop becomes is in [`fop::recipes`](crate::fop); here is how an older translator is wound to as if from above,
//! so that it sees every part.

use std::future::Future;

use super::future::{RawFuture, WakerHeader};
use super::graph::UNSUPPORTED;
use super::node::{FopEntry, Link, Node, ROUTES, Route};
use crate::fop::{FOPS, FopResult, FopType, recipe};
use crate::sdk::{Child, Frame, run};

/// A fop that can be done by others.
pub(crate) trait Recipe: FopType {
    /// Does it, in a translator that does not know it.
    fn cook(older: &Older, args: Self::Args) -> impl Future<Output = FopResult<Self::Reply>> + Send;
}

/// A translator that has never heard of a fop, wound to from above by fops that it knows.
pub(crate) struct Older {
    frame: &'static Frame,
    link: Link,
    /// What the link's routes point to.
    _routes: Box<[Route]>,
}

impl Older {
    /// Stands in for the translator of `frame`.
    fn new(frame: &'static Frame) -> Self {
        let node = frame.node();
        let codes = 0..u32::try_from(ROUTES).expect("a small number");
        let routes: Box<[Route]> = codes.map(|code| route(node, code)).collect();
        Self { frame, link: Link::to(node, &routes), _routes: routes }
    }

    /// The translator itself, to wind to.
    pub(crate) fn itself(&self) -> Child<'_> {
        Child::by(self.frame, &self.link)
    }

    /// The process that asks.
    pub(crate) fn pid(&self) -> i32 {
        self.frame.identity().pid
    }
}

/// Where a fop goes that is wound to this node from above.
fn route(node: &Node, code: u32) -> Route {
    if code >= FOPS {
        return Route { entry: UNSUPPORTED, node };
    }
    if let Some(slot) = node.fops.iter().find(|slot| slot.code == code) {
        return Route { entry: slot.entry, node };
    }
    if code >= node.known_fops {
        return Route { entry: entry(code), node };
    }
    node.link(0).route(code).unwrap_or(Route { entry: UNSUPPORTED, node })
}

/// What stands in for a translator that has never heard of fop `code`: its parts, or `EOPNOTSUPP` where there are none.
pub(crate) fn entry(code: u32) -> FopEntry {
    recipe(code).unwrap_or(UNSUPPORTED)
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
    // SAFETY: by the entry's contract, and the route leads here for fop `F` only.
    unsafe {
        run::<F, _>(node, frame, waker, args, out, later, |frame, args| async move {
            F::cook(&Older::new(frame), args).await
        })
    }
}
