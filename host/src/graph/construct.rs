//! Construct: opens the translator of every volume of a plan.
use std::collections::HashMap;

use plugin_api::Declaration;
use plugin_api::abi::account::Account;
use plugin_api::abi::root::XlatorModuleRef;

use super::fault::GraphFault;
use super::section;
use crate::loader::{Build, Loader};
use crate::mount;
use crate::volfile::{Node, Plan, Span};

/// Where translators come from.
pub trait Modules {
    /// The translator of a volfile type.
    /// # Errors
    /// A sentence: there is none, or it cannot be used.
    fn xlator(&self, type_name: &str) -> Result<Opened, String>;

    /// As [`xlator`](Self::xlator), for a translator that is to run in a process of its own.
    /// # Errors
    /// A sentence: there is none, or it cannot be used.
    fn isolated(&self, type_name: &str) -> Result<Opened, String> {
        self.xlator(type_name)
    }
}

impl Modules for Loader {
    fn xlator(&self, type_name: &str) -> Result<Opened, String> {
        Loader::xlator_build(self, type_name).map_err(|error| error.to_string())
    }

    fn isolated(&self, type_name: &str) -> Result<Opened, String> {
        Loader::isolated(self, type_name)
    }
}

/// A graph before it is linked: the volumes, and what was found wrong with them so far.
#[derive(Debug, Default)]
pub struct Draft {
    /// Children before their parents, the top last.
    pub nodes: Vec<DraftNode>,
    /// Every fault found so far.
    pub faults: Vec<GraphFault>,
    /// Names the text in messages.
    pub origin: String,
    /// The volfile.
    pub text: String,
}

/// A volume with its translator.
#[derive(Debug, Clone)]
pub struct DraftNode {
    /// What the volfile says.
    pub node: Node,
    /// The translator's functions and what it declares; nothing where it could not be opened.
    pub opened: Option<Opened>,
}

/// A translator that was opened.
#[derive(Debug, Clone)]
pub struct Opened {
    /// Its functions.
    pub module: XlatorModuleRef,
    /// What it declares.
    pub declaration: Declaration,
    /// Which build it is.
    pub build: Build,
    /// How much memory its library holds, where that is counted.
    pub account: Option<&'static Account>,
}

/// Opens every type of a plan; what cannot be opened is noted, so that all faults are told at once.
pub fn construct(plan: Plan, modules: &impl Modules) -> Draft {
    let mut draft = Draft { origin: plan.origin, text: plan.text, ..Draft::default() };
    let mut seen = HashMap::new();
    for node in plan.nodes {
        let at = node.place.as_ref().map(|place| place.type_name.clone());
        let opened = if node.type_name == mount::TYPE {
            draft.faults.push(GraphFault::Mount { volume: node.name.clone(), at });
            None
        } else {
            let isolated = section::is_isolated(&node);
            let open = || match isolated {
                true => modules.isolated(&node.type_name),
                false => modules.xlator(&node.type_name),
            };
            let found = seen.entry((node.type_name.clone(), isolated)).or_insert_with(open);
            note(found.clone(), &node.name, at, &mut draft.faults)
        };
        draft.nodes.push(DraftNode { node, opened });
    }
    draft
}

/// The volumes of a plan without their translators, for who only looks.
pub fn unopened(plan: Plan) -> Vec<DraftNode> {
    plan.nodes.into_iter().map(|node| DraftNode { node, opened: None }).collect()
}

impl Draft {
    /// Puts a volume of the host's own on top, its only child the top so far.
    pub(super) fn put_on_top(&mut self, name: &str, type_name: &str, modules: &impl Modules) {
        let node = Node {
            name: name.to_owned(),
            written_type: type_name.to_owned(),
            type_name: type_name.to_owned(),
            options: Vec::new(),
            children: self.nodes.len().checked_sub(1).into_iter().collect(),
            place: None,
        };
        let opened = note(modules.xlator(type_name), name, None, &mut self.faults);
        self.nodes.push(DraftNode { node, opened });
    }
}

fn note(
    found: Result<Opened, String>,
    volume: &str,
    at: Option<Span>,
    faults: &mut Vec<GraphFault>,
) -> Option<Opened> {
    found.map_err(|why| faults.push(GraphFault::Load { volume: volume.to_owned(), at, why })).ok()
}
