//! Reconfigure: a translator that stays takes the options of a volfile that changed.
use plugin_api::abi::graph::StartError;

use super::activate::set_budget;
use super::section::{self, Section, values};
use super::{DraftNode, GraphError, Running};
use crate::volfile::Node;

/// What came of a translator's new options, as `volume: key`.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Taken {
    /// In force now.
    pub(super) now: Vec<String>,
    /// They take effect when the process is started again.
    pub(super) later: Vec<String>,
}

impl Running {
    /// Gives the translator at `index` the options of `new`, where they differ from those of `old`.
    pub(super) fn reconfigure(
        &self,
        index: usize,
        old: &Node,
        new: &DraftNode,
        taken: &mut Taken,
    ) -> Result<(), GraphError> {
        let keys = changed_keys(old, &new.node);
        // What is the host's alone the translator does not hear of.
        if keys.iter().any(|key| section::is_told(new, key)) {
            self.graph.reconfigure(index, &values(new)).map_err(|error| refused(error, new))?;
        }
        self.graph.set_fault_limit(index, Section::of(new).fault_limit);
        if keys.iter().any(|key| key == "memory-limit") {
            set_budget(&self.graph, new);
        }
        for key in keys {
            let list = if takes(new, &key) { &mut taken.now } else { &mut taken.later };
            list.push(format!("{}: {key}", new.node.name));
        }
        Ok(())
    }
}

/// By this option a translator that holds back what it has acknowledged is told to send it on, and to hold back nothing
/// more; its `reconfigure` comes back when that is done.
const PASS_THROUGH: &str = "pass-through";

impl Running {
    /// Has the translator at `index` let go of what it holds back, where it does: calls are about to go around it, or the
    /// graph ends.
    pub(super) fn drain(&self, index: usize, node: &DraftNode) -> Result<(), GraphError> {
        if !holds_back(node) {
            return Ok(());
        }
        let own = values(node);
        let others = own.iter().filter(|(key, _)| *key != PASS_THROUGH);
        let passing = others.chain([(PASS_THROUGH, "on")]).collect();
        self.graph.reconfigure(index, &passing).map_err(|error| refused(error, node))
    }

    /// Has it go on as its options say: it stays after all.
    pub(super) fn resume(&self, index: usize, node: &DraftNode) {
        if holds_back(node)
            && let Err(error) = self.graph.reconfigure(index, &values(node))
        {
            tracing::error!("{}", refused(error, node));
        }
    }
}

fn holds_back(node: &DraftNode) -> bool {
    node.opened.as_ref().is_some_and(|opened| opened.declaration.options.find(PASS_THROUGH).is_some())
}

fn refused(error: StartError, node: &DraftNode) -> GraphError {
    GraphError::Reconfigure { volume: error.xlator, type_name: node.node.type_name.clone(), why: error.why }
}

/// Whether a running translator takes a new value for `key`; what it does not declare it does not look at.
fn takes(node: &DraftNode, key: &str) -> bool {
    let own = node.opened.as_ref().and_then(|opened| opened.declaration.options.find(key));
    own.or_else(|| section::find(node, key)).is_none_or(|decl| decl.reconfigurable)
}

/// The keys that are new, gone, or have another value.
fn changed_keys(old: &Node, new: &Node) -> Vec<String> {
    let differs = |key: &&str| old.option(key) != new.option(key);
    let keys = |node: &'_ Node| node.options.iter().map(|s| s.key.clone()).collect::<Vec<_>>();
    let mut all = keys(new);
    all.extend(keys(old).into_iter().filter(|key| new.option(key).is_none()));
    all.retain(|key| differs(&key.as_str()));
    all
}
