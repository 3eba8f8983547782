//! Evolution: a graph that serves becomes another one in place. Translators that stay keep their instances, and calls go
//! on; new ones are started before they are linked, and old ones leave when nothing is inside them any more.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::Duration;

use super::member::{Member, lock};
use super::wiring::Wiring;
use super::{Core, Graph, Part, Shape, StartError};
use crate::EventKind;
use crate::abi::host::Direction;
use crate::options::OptionValues;

/// Where a translator of the next graph comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Origin {
    /// It is this one of the running graph, as it is.
    Kept(usize),
    /// It is new, and stands in the place of this one.
    Replaces(usize),
    /// It is new.
    New,
}

/// A translator of the next graph.
#[derive(Debug)]
pub struct Next {
    /// Where it comes from.
    pub origin: Origin,
    /// What it is; of a kept one only the children are looked at, which are as many as before.
    pub part: Part,
}

/// The next graph, with its new translators made and not yet linked: they are to be [started](Self::init), then
/// [`switch`](Self::switch) links them. One that is let go before stops what it started.
pub struct Evolution {
    core: Arc<Core>,
    next: Vec<Origin>,
    shape: Option<Shape>,
    before: Arc<Shape>,
}

/// What waits for the calls that may use it.
pub(super) enum Retired {
    /// Where links led, kept for calls that still follow it.
    Wiring(#[allow(dead_code, reason = "kept to be dropped")] Wiring),
    /// A member whose `fini` is done.
    Member(Arc<Member>),
    /// Somebody who wants to know.
    Asker(Sender<()>),
}

/// The translators that a [switch](Evolution::switch) took out of the graph. They serve the calls that are inside them;
/// letting this go stops them.
pub struct Retiring {
    core: Arc<Core>,
    members: Vec<Arc<Member>>,
    empty: Receiver<()>,
}

impl Graph {
    /// Makes the new translators of the graph that this one is to become; `next` has children before parents, the top
    /// last.
    ///
    /// # Errors
    /// A translator that could not be made.
    ///
    /// # Panics
    /// When a kept translator has another number of children than before, or one of `next` is there twice.
    pub fn evolve(&self, next: Vec<Next>) -> Result<Evolution, StartError> {
        let before = self.core.shape();
        let mut origins = Vec::with_capacity(next.len());
        let mut children = Vec::with_capacity(next.len());
        let mut members: Vec<Arc<Member>> = Vec::with_capacity(next.len());
        for Next { origin, part } in next {
            members.push(match origin {
                Origin::Kept(index) => {
                    let links = before.members[index].links.len();
                    assert_eq!(part.children.len(), links, "a kept translator keeps the number of its links");
                    before.members[index].clone()
                }
                Origin::Replaces(index) => {
                    Member::new(&part, self.core.clone(), Some(&before.members[index]))?
                }
                Origin::New => Member::new(&part, self.core.clone(), None)?,
            });
            origins.push(origin);
            children.push(part.children);
        }
        let shape = Shape::new(members, children);
        for (index, member) in shape.members.iter().enumerate() {
            assert_eq!(shape.find(member), Some(index), "a translator stands in one place");
        }
        let evolution = Evolution { core: self.core.clone(), next: origins, shape: Some(shape), before };
        // New ones may wind while they start, to what is there already.
        for index in evolution.fresh() {
            evolution.shape().wire(index);
        }
        Ok(evolution)
    }
}

impl Evolution {
    /// The new translators, the top first: the order to [start](Self::init) them in.
    pub fn fresh(&self) -> impl Iterator<Item = usize> + '_ {
        (0..self.next.len()).rev().filter(|index| !matches!(self.next[*index], Origin::Kept(_)))
    }

    /// Runs the `init` of a new translator.
    ///
    /// # Errors
    /// What the translator said: the graph stays as it is.
    pub fn init(&self, index: usize, options: &OptionValues) -> Result<(), StartError> {
        self.shape().members[index].init(options)
    }

    /// Changes after how many faults a new translator is marked down; without a limit of its own, the graph's holds.
    pub fn set_fault_limit(&self, index: usize, limit: Option<u64>) {
        let limit = limit.unwrap_or(self.core.fault_limit);
        self.shape().members[index].fault_limit.store(limit, Ordering::Relaxed);
    }

    /// Leads every link of the running graph to where it leads in the next one, and tells the new translators what those
    /// they replace have heard. Calls that come from now on take the new way.
    pub fn switch(mut self) -> Retiring {
        let shape = self.shape.take().expect("taken here only");
        let fresh: Vec<_> = self.fresh().collect();
        for index in fresh.iter().rev() {
            let member = &shape.members[*index];
            *lock(&member.told) = self.known_of(&shape, *index);
            member.introduced.store(true, Ordering::Release);
        }
        let gone: Vec<_> =
            self.before.members.iter().filter(|member| shape.find(member).is_none()).cloned().collect();
        let shape = self.core.lead_to(&self.before, shape, &gone, &self.stand_ins());
        for index in &fresh {
            shape.introduce(*index);
        }
        for index in &fresh {
            shape.members[*index].introduced.store(false, Ordering::Release);
        }
        let (told, empty) = channel();
        self.core.calls.retire([Retired::Asker(told)]);
        self.core.dispose();
        Retiring { core: self.core.clone(), members: gone, empty }
    }

    fn shape(&self) -> &Shape {
        self.shape.as_ref().expect("there until the switch")
    }

    /// What the parents of a new translator believe of it: what the one in its place told, or what lies below told.
    fn known_of(&self, shape: &Shape, index: usize) -> Option<crate::Event> {
        let speaker = match self.next[index] {
            Origin::Replaces(old) => Some(&self.before.members[old]),
            _ => shape.children[index].first().map(|child| &shape.members[*child]),
        };
        speaker.and_then(|member| lock(&member.told).clone())
    }

    /// For every place of the running graph the place in the next one that stands in for it: its own, its successor's, or
    /// where nothing followed, that of what stood below it.
    fn stand_ins(&self) -> Vec<Option<usize>> {
        let mut places: Vec<Option<usize>> = Vec::with_capacity(self.before.members.len());
        for (index, children) in self.before.children.iter().enumerate() {
            let is_in_place = |origin: &Origin| matches!(origin, Origin::Kept(old) | Origin::Replaces(old) if *old == index);
            let own = self.next.iter().position(is_in_place);
            places.push(own.or_else(|| children.first().and_then(|child| places[*child])));
        }
        places
    }
}

impl Drop for Evolution {
    fn drop(&mut self) {
        // Not switched to: what was started is stopped. Nothing of the running graph led there.
        let Some(shape) = self.shape.take() else { return };
        let fresh: Vec<_> = self.fresh().map(|index| shape.members[index].clone()).collect();
        fresh.iter().for_each(|member| member.fini(true));
        self.core.retire_members(fresh);
    }
}

impl Core {
    /// Makes `shape` the graph. The links of those that `gone` lists, and of others that left before, go on to what
    /// stands in for the places they knew.
    fn lead_to(
        &self,
        before: &Shape,
        shape: Shape,
        gone: &[Arc<Member>],
        stand_ins: &[Option<usize>],
    ) -> Arc<Shape> {
        let mut leaving = lock(&self.leaving);
        leaving.extend(gone.iter().cloned());
        let mut unused = Vec::new();
        for (index, member) in shape.members.iter().enumerate() {
            unused.extend(member.links.set(shape.plan().wiring(&shape.children[index])));
        }
        for member in leaving.iter() {
            let children = member.links.children();
            let places = children.iter().map(|child| {
                let place = before.find(child).and_then(|old| stand_ins[old]);
                place.or_else(|| shape.find(child))
            });
            // What has nothing left to wind to goes on as it was: nothing new comes in.
            if let Some(children) = places.collect::<Option<Vec<_>>>() {
                unused.extend(member.links.set(shape.plan().wiring(&children)));
            }
        }
        self.put(shape);
        drop(leaving);
        self.calls.retire(unused.into_iter().map(Retired::Wiring));
        self.shape()
    }

    /// Frees the instances of members whose `fini` is done, once no call can be inside them.
    pub(super) fn retire_members(&self, members: impl IntoIterator<Item = Arc<Member>>) {
        let first = |member: &Arc<Member>| !member.leaves.swap(true, Ordering::AcqRel);
        self.calls.retire(members.into_iter().filter(first).map(Retired::Member));
        self.dispose();
    }

    /// Frees what was retired and is used no more.
    pub(super) fn free(&self, retired: Vec<Retired>) {
        let mut members = Vec::new();
        for item in retired {
            match item {
                Retired::Wiring(wiring) => drop(wiring),
                Retired::Member(member) => members.push(member),
                // Who asked may have gone.
                Retired::Asker(asker) => drop(asker.send(())),
            }
        }
        if members.is_empty() {
            return;
        }
        let cut: Vec<_> = {
            let mut leaving = lock(&self.leaving);
            leaving.retain(|other| !members.iter().any(|member| Arc::ptr_eq(member, other)));
            members.iter().filter_map(|member| member.links.cut()).collect()
        };
        // A handle that somebody kept may be winding by it just now.
        self.calls.retire(cut.into_iter().map(Retired::Wiring));
        members.iter().rev().for_each(|member| member.destroy());
    }
}

impl Shape {
    fn wire(&self, index: usize) {
        drop(self.members[index].links.set(self.plan().wiring(&self.children[index])));
    }

    /// Tells a new translator that it serves, and what its children told before it came.
    fn introduce(&self, index: usize) {
        let member = &self.members[index];
        let above = &self.parents[index];
        if above.iter().all(|parent| !self.members[*parent].is_being_introduced()) {
            member.deliver(member.as_node(), Direction::Down, &EventKind::PARENT_UP.into());
        }
        for child in &self.children[index] {
            let child = &self.members[*child];
            let told = lock(&child.told).clone();
            if let Some(event) = told.filter(|_| !child.is_being_introduced()) {
                member.deliver(child.as_node(), Direction::Up, &event);
            }
        }
    }
}

impl Retiring {
    /// Whether every call that began before the switch ends within this time.
    #[must_use]
    pub fn is_empty_within(&self, limit: Duration) -> bool {
        self.empty.recv_timeout(limit).is_ok()
    }

    /// How many translators left the graph.
    #[must_use]
    pub fn len(&self) -> usize {
        self.members.len()
    }

    /// Whether none did.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.members.is_empty()
    }
}

impl Drop for Retiring {
    fn drop(&mut self) {
        // They answer as before whatever still comes: nothing new leads to them.
        self.members.iter().rev().for_each(|member| member.fini(false));
        self.core.retire_members(std::mem::take(&mut self.members));
    }
}

impl fmt::Debug for Evolution {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(&self.next).finish()
    }
}

impl fmt::Debug for Retiring {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.members.iter().map(|member| member.name)).finish()
    }
}
