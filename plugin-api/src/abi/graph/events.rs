//! Events on their way through a graph.

use std::sync::atomic::Ordering;

use super::member::{Member, lock};
use super::{Graph, Shape};
use crate::abi::host::Direction;
use crate::abi::node::Node;
use crate::{Client, Event, EventKind};

impl Graph {
    /// Sends an event on from a translator: to its children or to its parents, or past the top.
    ///
    /// # Safety
    /// `from` is a node of a live graph that [`link`](Self::link) made.
    pub unsafe fn route(from: *const Node, direction: Direction, event: &Event) {
        // SAFETY: the caller's promise.
        let member = unsafe { Member::of(from) };
        if direction == Direction::Up && member.has_told(event) {
            return;
        }
        let shape = member.core.shape();
        // One that was taken out of the graph speaks to nobody.
        let Some(index) = shape.find(member) else { return };
        let next = match direction {
            Direction::Down => &shape.children[index],
            Direction::Up => &shape.parents[index],
        };
        if next.is_empty() && direction == Direction::Up {
            member.core.hooks.risen(event);
        }
        for index in next {
            let next = &shape.members[*index];
            let repeats = direction == Direction::Down && event.kind == EventKind::PARENT_UP;
            if repeats && member.is_being_introduced() && !next.is_being_introduced() {
                // It heard so long ago.
                continue;
            }
            next.deliver(from, direction, event);
        }
    }

    /// As [`client_disconnect`](Self::client_disconnect), for all below a node.
    ///
    /// # Safety
    /// `node` is a node of a live graph that [`link`](Self::link) made.
    pub unsafe fn client_gone_below(node: *const Node, client: &Client) {
        // SAFETY: the caller's promise.
        let member = unsafe { Member::of(node) };
        let shape = member.core.shape();
        let Some(index) = shape.find(member) else { return };
        for child in &shape.children[index] {
            shape.client_disconnect(*child, client);
        }
    }
}

impl Shape {
    pub(super) fn client_disconnect(&self, index: usize, client: &Client) {
        let member = &self.members[index];
        member.while_started(|| {
            // SAFETY: a live instance of this module.
            unsafe {
                member.module.client_disconnect()(member.node.instance, member.as_node().cast(), client);
            };
        });
        for child in &self.children[index] {
            self.client_disconnect(*child, client);
        }
    }
}

impl Member {
    pub(super) fn deliver(&self, source: *const Node, direction: Direction, event: &Event) {
        self.while_started(|| {
            // SAFETY: a live instance of this module, and nodes of its graph.
            unsafe {
                self.module.notify()(
                    self.node.instance,
                    self.as_node().cast(),
                    source.cast(),
                    direction,
                    event,
                );
            }
        });
    }

    pub(super) fn is_being_introduced(&self) -> bool {
        self.introduced.load(Ordering::Acquire)
    }

    /// Notes whether the parents believe this child up, from what it sends; whether it is being put into a running graph
    /// and says what they know.
    fn has_told(&self, event: &Event) -> bool {
        if ![EventKind::CHILD_UP, EventKind::CHILD_DOWN].contains(&event.kind) {
            return false;
        }
        let before = lock(&self.told).replace(event.clone());
        self.is_being_introduced() && before.is_some_and(|before| before.kind == event.kind)
    }
}
