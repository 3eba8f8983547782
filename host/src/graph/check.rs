//! Check: holds the options and places of every volume against what its translator declares.
use abi_stable::std_types::{ROption, RString};
use plugin_api::options::OptionDecl;
use plugin_api::positions;

use super::construct::{Draft, DraftNode, Opened};
use super::fault::GraphFault;
use super::section;
use crate::suggest;
use crate::volfile::{Node, SetBy, Setting};

/// How an option that nobody declares is taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unknown {
    /// As a fault: somebody wrote the volfile by hand.
    Refused,
    /// As a warning: a daemon wrote it, maybe of another version, which knows options that we do not.
    Warned,
}

/// The most faults that are shown for one graph.
const FAULT_LIMIT: usize = 20;

/// Adds every fault of options and places to the draft's faults, in file order.
pub fn check(draft: &mut Draft, unknown: Unknown) {
    let mut found = Vec::new();
    for node in &draft.nodes {
        if let Some(opened) = &node.opened {
            check_options(node, opened, unknown, &mut found);
        }
    }
    found.extend(check_positions(&draft.nodes));
    draft.faults.append(&mut found);
    draft.faults.sort_by_key(|fault| crate::volfile::render::Pointed::at(fault).map(|at| at.start));
    draft.faults.truncate(FAULT_LIMIT);
}

fn check_options(whole: &DraftNode, opened: &Opened, unknown: Unknown, faults: &mut Vec<GraphFault>) {
    let (node, declared) = (&whole.node, &opened.declaration.options);
    for setting in &node.options {
        match declared.find(&setting.key).or_else(|| section::find(whole, &setting.key)) {
            Some(decl) => faults.extend(bad_value(node, setting, decl)),
            // The host's own additions are for translators that look for them.
            None if setting.by == SetBy::Host => {}
            None => {
                let fault = unknown_option(node, opened, setting);
                // A daemon writes the command line of its bricks, too.
                if unknown == Unknown::Warned || setting.by == SetBy::CommandLine {
                    tracing::warn!(xl = %node.name, "{fault}; it does nothing");
                } else {
                    faults.push(fault);
                }
            }
        }
    }
    let given = section::values(whole);
    for decl in declared.0.iter().filter(|decl| decl.required) {
        let Some(key) = decl.keys.first() else { continue };
        let family = key.contains('*');
        if !family && given.resolve(declared, key).is_none() {
            faults.push(GraphFault::MissingOption {
                volume: node.name.clone(),
                type_name: node.type_name.clone(),
                key: key.to_string(),
                what: decl.help.to_string(),
                at: node.place.as_ref().map(|place| place.name.clone()),
            });
        }
    }
}

fn bad_value(node: &Node, setting: &Setting, decl: &OptionDecl) -> Option<GraphFault> {
    let expected = decl.check(&setting.value).err()?;
    let expected = match &decl.default {
        ROption::RSome(default) => format!("{expected} (the default is {default})"),
        ROption::RNone => expected,
    };
    Some(GraphFault::BadValue {
        volume: node.name.clone(),
        key: setting.key.clone(),
        value: setting.value.clone(),
        expected,
        by: setting.by.clone(),
    })
}

fn unknown_option(node: &Node, opened: &Opened, setting: &Setting) -> GraphFault {
    let declared = opened.declaration.options.0.iter().chain(section::declared().0.iter());
    let keys = declared.flat_map(|decl| decl.keys.iter());
    let known = keys.map(RString::as_str).filter(|key| !key.contains('*'));
    GraphFault::UnknownOption {
        volume: node.name.clone(),
        type_name: node.type_name.clone(),
        key: setting.key.clone(),
        by: setting.by.clone(),
        meant: suggest::nearest(&setting.key, known).map(str::to_owned),
    }
}

/// The first volume that leaves no kind of graph in which all so far may stand.
fn check_positions(nodes: &[DraftNode]) -> Option<GraphFault> {
    let mut common = positions::ANY;
    for (at, DraftNode { node, opened }) in nodes.iter().enumerate() {
        let Some(opened) = opened else { continue };
        let own = opened.declaration.positions & positions::ANY;
        if own & common != 0 {
            common &= own;
            continue;
        }
        let place = |node: &Node| node.place.as_ref().map(|place| place.type_name.clone());
        let others = nodes[..at].iter().filter_map(|other| Some((&other.node, other.opened.as_ref()?)));
        let (other, other_opened) =
            others.into_iter().find(|(_, opened)| opened.declaration.positions & own == 0)?;
        return Some(GraphFault::Position {
            volume: node.name.clone(),
            type_name: node.type_name.clone(),
            allowed: position_words(own),
            at: place(node),
            other: other.name.clone(),
            other_type: other.type_name.clone(),
            other_allowed: position_words(other_opened.declaration.positions),
            other_at: place(other),
        });
    }
    None
}

/// The kinds of graph in a set, for people.
pub fn position_words(set: u32) -> String {
    let kinds =
        [(positions::CLIENT, "client"), (positions::BRICK, "brick"), (positions::MANAGEMENT, "management")];
    let names: Vec<_> = kinds.iter().filter(|(bit, _)| set & bit != 0).map(|(_, name)| *name).collect();
    if names.is_empty() { "no".to_owned() } else { names.join(" and ") }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::graph::testing::draft;

    fn faults(text: &str, unknown: Unknown) -> Vec<String> {
        let mut draft = draft(text);
        check(&mut draft, unknown);
        draft.faults.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn every_fault_is_told_at_once_in_file_order() {
        let text = "volume a\n type test/leaf\n option siez 1\n option size 5 apples\nend-volume\n"
            .replace("5 apples", "apples")
            + "volume b\n type test/gone\n subvolumes a\nend-volume\n\
               volume c\n type test/needy\n subvolumes b\nend-volume\n";
        assert_eq!(
            faults(&text, Unknown::Refused),
            [
                "volume `a`, type test/leaf, knows no option `siez`",
                "option `size` of volume `a` is `apples`, expected a size such as 128KB or 1GB (the default is 4KB)",
                "volume `b`: there is no translator `test/gone`",
                "volume `c`, type test/needy, has no option `must`, which it needs",
            ]
        );
    }

    #[test]
    fn an_unknown_option_of_a_fetched_volfile_is_let_be_and_a_bad_value_is_not() {
        let text = "volume a\n type test/leaf\n option siez 1\n option size 0\nend-volume\n";
        let found = faults(text, Unknown::Warned);
        assert_eq!(
            found,
            ["option `size` of volume `a` is `0`, expected a value from 1 to 1048576 (the default is 4KB)"]
        );
    }

    #[test]
    fn a_key_that_is_nearly_declared_is_suggested() {
        let mut draft = draft("volume a\n type test/leaf\n option siez 1\nend-volume\n");
        check(&mut draft, Unknown::Refused);
        let [GraphFault::UnknownOption { meant, .. }] = &draft.faults[..] else { panic!() };
        assert_eq!(meant.as_deref(), Some("size"));
    }

    #[test]
    fn translators_of_two_kinds_of_graph_do_not_mix() {
        let text = "volume a\n type test/brick-only\nend-volume\n\
                    volume b\n type test/pass\n subvolumes a\nend-volume\n\
                    volume c\n type test/client-only\n subvolumes b\nend-volume\n";
        assert_eq!(
            faults(text, Unknown::Refused),
            ["volume `c`, type test/client-only, stands in client graphs only, and volume `a`, type \
              test/brick-only, in brick graphs only"]
        );
    }
}
