//! The graph: from the plan of a volfile to linked translators that serve.
//!
//! [`construct`](construct::construct) opens translators, [`prepare`](prepare::prepare) does what the command line asks
//! for, [`check`](check::check) holds options against declarations, [`activate`](activate::activate) links and starts;
//! [`reconfigure`] is for a volfile that changed, [`dump`] and [`statedump`] for people.
use std::sync::{Arc, Mutex, PoisonError};

use plugin_api::abi::graph::Graph;
use plugin_api::abi::host::Direction;
use plugin_api::{Event, EventKind};

pub mod activate;
pub mod check;
pub mod construct;
pub mod dump;
mod fault;
mod hooks;
pub mod prepare;
pub mod reconfigure;
pub mod statedump;
#[cfg(test)]
pub(crate) mod testing;

pub use check::Unknown;
pub use construct::{Draft, DraftNode, Modules, Opened, construct, unopened};
pub use fault::{GraphError, GraphFault};
pub use prepare::Wishes;

use crate::volfile::Plan;

/// A graph that serves, with what it was made from.
#[derive(Debug)]
pub struct Running {
    graph: Arc<Graph>,
    told: Arc<hooks::Told>,
    /// In the graph's order, with the options that are in force.
    nodes: Mutex<Vec<DraftNode>>,
}

/// Construct, prepare, check: everything that comes before a translator runs.
/// # Errors
/// Every fault found.
pub fn draft(
    plan: Plan,
    wishes: Wishes<'_>,
    unknown: Unknown,
    modules: &impl Modules,
) -> Result<Draft, GraphError> {
    let mut draft = construct(plan, modules);
    prepare::prepare(&mut draft, wishes, modules);
    check::check(&mut draft, unknown);
    if draft.faults.is_empty() {
        return Ok(draft);
    }
    let Draft { faults, origin, text, .. } = draft;
    Err(GraphError::Faults { origin, text, faults })
}

impl Running {
    /// The graph itself.
    pub fn graph(&self) -> &Arc<Graph> {
        &self.graph
    }

    /// The volumes, with the options that are in force.
    pub fn nodes(&self) -> Vec<DraftNode> {
        self.nodes.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The port that a server at the top listens on, once it told.
    pub fn port(&self) -> Option<u16> {
        self.told.port()
    }

    /// Gives an event to the translators without a parent.
    pub fn notify_tops(&self, kind: EventKind) {
        for top in self.graph.tops() {
            self.graph.notify(top, Direction::Down, &Event::from(kind));
        }
    }

    /// Stops the graph: the tops hear PARENT_DOWN, then `fini` runs, the top first.
    pub fn stop(&self) {
        self.notify_tops(EventKind::PARENT_DOWN);
        self.graph.fini();
    }

    /// How many besides this hold the graph: calls under way, and handles that translators keep until they are gone.
    pub fn users(&self) -> usize {
        Arc::strong_count(&self.graph).saturating_sub(1)
    }
}
