//! The graph: from the plan of a volfile to linked translators that serve.
//!
//! [`construct`](construct::construct) opens translators, [`prepare`](prepare::prepare) does what the command line asks
//! for, [`check`](check::check) holds options against declarations, [`activate`](activate::activate) links and starts;
//! [`evolve`] and [`reconfigure`] are for a volfile or a plugin that changed, [`dump`] and [`statedump`] for people.
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::time::Duration;

use plugin_api::abi::graph::Graph;
use plugin_api::abi::host::Direction;
use plugin_api::abi::root::XlatorModuleRef;
use plugin_api::fop::{Done, FopResult, FopType, Ipc, kind};
use plugin_api::{Dict, Event, EventKind, Identity};

pub mod activate;
pub mod check;
pub mod construct;
pub mod dump;
pub mod evolve;
mod fault;
pub mod faults;
mod hooks;
mod matching;
pub mod prepare;
pub mod reconfigure;
pub(crate) mod root;
pub mod section;
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
    /// The volumes, and the root above them as its last.
    graph: Arc<Graph>,
    told: Arc<hooks::Told>,
    /// In the graph's order, with the options that are in force; held where places in the graph are counted on.
    nodes: RwLock<Vec<DraftNode>>,
    /// Held while the graph changes: one change at a time.
    changing: Mutex<()>,
    init_timeout: Duration,
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
        self.with_nodes(<[DraftNode]>::to_vec)
    }

    /// Does something with the volumes while each stands in its place of the graph.
    pub fn with_nodes<R>(&self, work: impl FnOnce(&[DraftNode]) -> R) -> R {
        work(&self.nodes.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// The port that a server at the top listens on, once it told.
    pub fn port(&self) -> Option<u16> {
        self.told.port()
    }

    /// Waits until a brick says that it cannot go on: an event that rises past the top with the key `failed`.
    pub fn failed(&self) -> impl Future<Output = ()> + Send + use<> {
        let told = self.told.clone();
        async move { told.failed().await }
    }

    /// Waits until a task that the graph was made for has ended: an event that rises past the top, with what came of it.
    pub fn ended(&self) -> impl Future<Output = Dict> + Send + use<> {
        let told = self.told.clone();
        async move { told.ended().await }
    }

    /// Whether a brick of this name stands below a top, or is one.
    pub fn has_brick(&self, name: &str) -> bool {
        let Some(index) = self.graph.find(name) else { return false };
        let tops = self.tops();
        tops.contains(&index) || tops.iter().any(|top| self.graph.children(*top).contains(&index))
    }

    /// The translators that stand below none but the root.
    pub fn tops(&self) -> Vec<usize> {
        let root = self.graph.len() - 1;
        self.graph.children(root)
    }

    /// Gives an event to the tops.
    pub fn notify_tops(&self, kind: EventKind) {
        for top in self.tops() {
            self.graph.notify(top, Direction::Down, &Event::from(kind));
        }
    }

    /// Asks one translator about itself, by an `ipc` that its parent winds: what stands below it is not asked in its
    /// place. Nothing when it does not answer such questions at all.
    pub async fn ask(&self, index: usize, about: Ipc) -> Option<FopResult<Done>> {
        let answers = |module: XlatorModuleRef| module.fops().iter().any(|slot| slot.code == kind::ipc::CODE);
        if !self.nodes().get(index)?.opened.as_ref().is_some_and(|opened| answers(opened.module)) {
            return None;
        }
        let place = |parent: usize| self.graph.children(parent).iter().position(|child| *child == index);
        let (parent, place) = (0..self.graph.len()).find_map(|parent| Some((parent, place(parent)?)))?;
        let frame = self.graph.handle(parent).frame(Identity::default());
        Some(frame.child_at(place).ipc(about).await)
    }

    /// Stops the graph: what was acknowledged is sent down, the tops hear PARENT_DOWN, then `fini` runs, the top first.
    ///
    /// Blocks as long as the translators do.
    pub fn stop(&self) {
        for (at, node) in self.nodes().iter().enumerate().rev() {
            if let Err(error) = self.drain(at, node) {
                tracing::error!("{error}; what it holds back may be lost");
            }
        }
        self.notify_tops(EventKind::PARENT_DOWN);
        self.graph.fini();
    }

    /// How many besides this hold the graph: calls under way, and handles that translators keep until they are gone.
    pub fn users(&self) -> usize {
        self.graph.users()
    }
}
