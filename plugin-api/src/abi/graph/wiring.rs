//! Wiring: for every link of a member the child it leads to and, fop by fop, the first translator below that implements
//! it. Made as a whole and swapped link by link while calls run.

use std::ptr;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::atomic::Ordering;

use super::member::{Member, lock};
use crate::abi::decompose;
use crate::abi::future::{DOWN, RawFuture, UNKNOWN, WakerHeader};
use crate::abi::node::{FopEntry, Link, ROUTES, Route};
use crate::fop::FOPS;
use crate::xlator::UnknownFops;

/// Where links lead: as long as this lives, so does all that they point to.
pub(super) struct Wiring {
    children: Vec<Arc<Member>>,
    routes: Vec<Box<[Route]>>,
}

/// The links of a member, which stay where they are, and behind them one that leads to nobody.
pub(super) struct Links {
    links: Box<[Link]>,
    now: Mutex<Now>,
}

enum Now {
    Leads(Wiring),
    /// For good.
    Cut,
}

/// The members of a graph and who stands below whom, children before parents.
pub(super) struct Plan<'a> {
    pub(super) members: &'a [Arc<Member>],
    pub(super) children: &'a [Vec<usize>],
}

impl Wiring {
    fn nowhere(links: usize) -> Self {
        Self { children: Vec::new(), routes: (0..links).map(|_| NOWHERE.into()).collect() }
    }

    fn is(&self, other: &Self) -> bool {
        let same = |one: &Route, two: &Route| {
            ptr::eq(one.node, two.node) && ptr::fn_addr_eq(one.entry.0, two.entry.0)
        };
        self.children.len() == other.children.len()
            && self.children.iter().zip(&other.children).all(|(one, two)| Arc::ptr_eq(one, two))
            && self
                .routes
                .iter()
                .flatten()
                .zip(other.routes.iter().flatten())
                .all(|(one, two)| same(one, two))
    }
}

impl Links {
    pub(super) fn new(count: usize) -> Self {
        let now = Wiring::nowhere(count);
        let nobody = Link::to(ptr::null(), &NOBODY);
        let links = now.routes.iter().map(|routes| Link::to(ptr::null(), routes)).chain([nobody]);
        Self { links: links.collect(), now: Mutex::new(Now::Leads(now)) }
    }

    pub(super) fn as_ptr(&self) -> *const Link {
        self.links.as_ptr()
    }

    pub(super) fn len(&self) -> usize {
        self.links.len() - 1
    }

    /// Leads them by another wiring, of as many children; answers the one before, or nothing where nothing changed.
    pub(super) fn set(&self, wiring: Wiring) -> Option<Wiring> {
        let mut now = lock(&self.now);
        let Now::Leads(before) = &mut *now else { return None };
        if before.is(&wiring) {
            return None;
        }
        self.lead(&wiring);
        Some(std::mem::replace(before, wiring))
    }

    /// Leads them nowhere for good; answers the wiring before.
    pub(super) fn cut(&self) -> Option<Wiring> {
        let mut now = lock(&self.now);
        let Now::Leads(before) = std::mem::replace(&mut *now, Now::Cut) else { return None };
        for link in &self.links[..self.len()] {
            link.routes.store(NOWHERE.as_ptr().cast_mut(), Ordering::Release);
            link.child.store(ptr::null_mut(), Ordering::Release);
        }
        Some(before)
    }

    fn lead(&self, wiring: &Wiring) {
        for ((link, routes), child) in self.links.iter().zip(&wiring.routes).zip(&wiring.children) {
            link.routes.store(routes.as_ptr().cast_mut(), Ordering::Release);
            link.child.store(child.as_node().cast_mut(), Ordering::Release);
        }
    }

    /// How often they point to a member.
    pub(super) fn count(&self, member: &Arc<Member>) -> usize {
        match &*lock(&self.now) {
            Now::Leads(wiring) => wiring.children.iter().filter(|child| Arc::ptr_eq(child, member)).count(),
            Now::Cut => 0,
        }
    }

    /// The members that they lead to.
    pub(super) fn children(&self) -> Vec<Arc<Member>> {
        match &*lock(&self.now) {
            Now::Leads(wiring) => wiring.children.clone(),
            Now::Cut => Vec::new(),
        }
    }
}

// SAFETY: routes are read only, and what they point to is `Sync` and counted.
unsafe impl Send for Wiring {}
// SAFETY: as above.
unsafe impl Sync for Wiring {}

fn routes(mut route: impl FnMut(u32) -> Route) -> Box<[Route]> {
    let nobody = &NOBODY[FOPS as usize..];
    (0..FOPS).map(&mut route).chain(nobody.iter().copied()).collect()
}

impl Plan<'_> {
    /// The wiring of a member whose children stand at these places.
    pub(super) fn wiring(&self, children: &[usize]) -> Wiring {
        Wiring {
            children: children.iter().map(|child| self.members[*child].clone()).collect(),
            routes: children.iter().map(|child| routes(|code| self.route(*child, code))).collect(),
        }
    }

    /// The first translator at or below `index` that implements fop `code`, or one that may not let it pass unseen.
    fn route(&self, index: usize, code: u32) -> Route {
        let member = &self.members[index];
        let node = member.as_node();
        if let Some(slot) = member.module.fops().iter().find(|slot| slot.code == code) {
            return Route { entry: slot.entry, node };
        }
        let heard_of = code < member.module.known_fops();
        let policy = if heard_of { UnknownFops::PASS } else { member.module.declare().unknown_fops };
        match (policy, self.children[index].first()) {
            (UnknownFops::PASS, Some(child)) => self.route(*child, code),
            (UnknownFops::DECOMPOSE, _) => Route { entry: decompose::entry(code), node },
            // Denied, or a policy of later versions; a caller that hears EOPNOTSUPP falls back to what everybody knows.
            _ => Route { entry: UNSUPPORTED, node },
        }
    }
}

/// The entry of what nobody below knows; needs no types, since it touches nothing.
pub(crate) const UNSUPPORTED: FopEntry = FopEntry(refuse::<UNKNOWN>);

/// The routes of the link behind the last.
static NOBODY: [Route; ROUTES] = [Route { entry: UNSUPPORTED, node: ptr::null() }; ROUTES];
/// Routes that lead nowhere any more, or not yet.
static NOWHERE: [Route; ROUTES] = [Route { entry: FopEntry(refuse::<DOWN>), node: ptr::null() }; ROUTES];

unsafe extern "C" fn refuse<const CODE: u8>(
    _: *const (),
    _: *const (),
    _: *const WakerHeader,
    _: *mut (),
    _: *mut (),
    _: *mut RawFuture,
) -> u8 {
    CODE
}
