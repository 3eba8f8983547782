//! Matching: which translator of a running graph each volume of a new draft is, and whether the one graph can become the
//! other in place.
use plugin_api::abi::graph::Origin;

use super::DraftNode;
use crate::volfile::Node;

/// How a running graph becomes a draft.
#[derive(Debug)]
pub(super) struct Match {
    /// For each volume of the draft where its translator comes from.
    pub(super) origins: Vec<Origin>,
    /// Volumes that keep a build that is no longer the newest, as indices of the draft.
    pub(super) waiting: Vec<usize>,
}

/// What may become of a running translator that holds what clients rely on and nobody could hand over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Holds {
    /// Nothing: another instance may take its place.
    Nothing,
    /// What ends when its volume leaves the graph, and not before.
    WithVolume,
    /// What the graph cannot do without.
    Always,
}

fn holds(node: &DraftNode) -> Holds {
    match node.opened.as_ref().and_then(|opened| opened.declaration.more.str("replace")) {
        Some("restart") => Holds::Always,
        Some("with-volume") => Holds::WithVolume,
        _ => Holds::Nothing,
    }
}

fn build(node: &DraftNode) -> Option<&crate::loader::Build> {
    node.opened.as_ref().map(|opened| &opened.build)
}

/// Matches volumes by name, type and build.
/// # Errors
/// The first difference that cannot be made in place.
pub(super) fn matching(old: &[DraftNode], new: &[DraftNode]) -> Result<Match, String> {
    let mut origins = Vec::with_capacity(new.len());
    let mut waiting = Vec::new();
    for (index, node) in new.iter().enumerate() {
        let Some(at) = find(old, &node.node.name) else {
            origins.push(Origin::New);
            continue;
        };
        let before = &old[at];
        let is_held = holds(before) != Holds::Nothing;
        let same_type = before.node.type_name == node.node.type_name;
        if !same_type && is_held {
            return Err(format!(
                "volume `{}` was of type {} and is of type {}",
                node.node.name, before.node.type_name, node.node.type_name
            ));
        }
        let same_children = same_children(old, &before.node, new, &node.node);
        if !same_children && is_held {
            return Err(format!("volume `{}` has other subvolumes", node.node.name));
        }
        if !same_type || !same_children {
            origins.push(Origin::Replaces(at));
        } else if build(before) == build(node) {
            origins.push(Origin::Kept(at));
        } else if is_held || holds(node) != Holds::Nothing {
            waiting.push(index);
            origins.push(Origin::Kept(at));
        } else {
            origins.push(Origin::Replaces(at));
        }
    }
    let is_gone = |before: &&DraftNode| find(new, &before.node.name).is_none();
    match old.iter().filter(is_gone).find(|before| holds(before) == Holds::Always) {
        Some(before) => Err(format!("volume `{}` is gone", before.node.name)),
        None => Ok(Match { origins, waiting }),
    }
}

fn find(nodes: &[DraftNode], name: &str) -> Option<usize> {
    nodes.iter().position(|other| other.node.name == name)
}

/// Whether a volume has the subvolumes that it had, but for translators that were put in or taken out between.
fn same_children(old: &[DraftNode], before: &Node, new: &[DraftNode], now: &Node) -> bool {
    before.children.len() == now.children.len()
        && before
            .children
            .iter()
            .zip(&now.children)
            .all(|(one, two)| stays_below(old, *one, new).is_some_and(|name| reaches(new, *two, name, old)))
}

/// The first volume from here down the chain that is in both graphs.
fn stays_below<'a>(old: &'a [DraftNode], mut at: usize, new: &[DraftNode]) -> Option<&'a str> {
    loop {
        let node = &old[at].node;
        if find(new, &node.name).is_some() {
            return Some(&node.name);
        }
        at = *node.children.first()?;
    }
}

/// Whether what is new, from here down the chain, leads to the volume called `name`.
fn reaches(new: &[DraftNode], mut at: usize, name: &str, old: &[DraftNode]) -> bool {
    loop {
        let node = &new[at].node;
        if node.name == name {
            return true;
        }
        match node.children.first() {
            Some(child) if find(old, &node.name).is_none() => at = *child,
            _ => return false,
        }
    }
}
