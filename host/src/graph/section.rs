//! Section: the options that every volume takes, whatever its translator: they are the host's, and the translator does
//! not see them.
use std::sync::OnceLock;

use plugin_api::options::{OptionDecl, OptionValues, Options, parse_bool, parse_int, parse_size};

use super::DraftNode;
use crate::isolate;
use crate::volfile::Node;

/// The options of the host for one volume, read.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Section {
    /// After so many faults the translator is marked down, 0 for never; nothing where the process's own limit holds.
    pub fault_limit: Option<u64>,
    /// So much memory the translator's library may hold; nothing for all that there is.
    pub memory_limit: Option<u64>,
}

/// What every volume takes beside the options of its translator.
pub fn declared() -> &'static Options {
    static DECLARED: OnceLock<Options> = OnceLock::new();
    DECLARED.get_or_init(|| {
        Options::new()
            .int(
                "fault-limit",
                "faults after which the translator answers ENOTCONN; 0 for never, --fault-limit without it",
            )
            .range(0.0, f64::from(u32::MAX))
            .reconfigurable()
            .size(
                "memory-limit",
                "bytes that the translator's library may hold, after which it answers ENOTCONN; 0 for no limit",
            )
            .default_value("0")
            .reconfigurable()
            .bool("isolate", "runs the translator in a process of its own, over shared memory, for code that nobody trusts")
            .default_value("no")
    })
}

/// Whether `key` of a volume is the host's: a translator that declares the same name itself keeps it.
pub fn find(node: &DraftNode, key: &str) -> Option<&'static OptionDecl> {
    let own = node.opened.as_ref().and_then(|opened| opened.declaration.options.find(key));
    if own.is_some() { None } else { declared().find(key) }
}

/// Whether the translator of a volume is told of `key`. What stands in for one that runs apart hears of its memory, too: it
/// is held where it is taken.
pub fn is_told(node: &DraftNode, key: &str) -> bool {
    find(node, key).is_none() || (key == "memory-limit" && is_isolated(&node.node))
}

/// The options of a volume as its translator is given them: without the host's. For one that runs apart its memory limit
/// is there as [`isolate::MEMORY_LIMIT`].
pub fn values(node: &DraftNode) -> OptionValues {
    let limit =
        Section::of(node).memory_limit.filter(|_| is_isolated(&node.node)).map(|limit| limit.to_string());
    let settings = node.node.options.iter().filter(|setting| find(node, &setting.key).is_none());
    let settings = settings.map(|setting| (setting.key.as_str(), setting.value.as_str()));
    settings.chain(limit.as_deref().map(|limit| (isolate::MEMORY_LIMIT, limit))).collect()
}

/// Whether the translator of a volume is to run in a process of its own; asked before anybody has opened it.
pub fn is_isolated(node: &Node) -> bool {
    node.option("isolate").and_then(parse_bool).unwrap_or_default()
}

impl Section {
    /// The host's options of a volume, which were checked.
    pub fn of(node: &DraftNode) -> Section {
        let text = |key| find(node, key).and_then(|_| node.node.option(key));
        let number = |key| u64::try_from(parse_int(text(key)?)?).ok();
        let memory_limit = text("memory-limit").and_then(parse_size).filter(|limit| *limit > 0);
        Section { fault_limit: number("fault-limit"), memory_limit }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::graph::check::{Unknown, check};
    use crate::graph::testing::draft;

    #[test]
    fn the_hosts_options_are_taken_away_before_a_translator_sees_its_own() {
        let mut draft =
            draft("volume a\n type test/leaf\n option size 1\n option fault-limit 7\nend-volume\n");
        check(&mut draft, Unknown::Refused);
        assert!(draft.faults.is_empty(), "{:?}", draft.faults);
        assert_eq!(Section::of(&draft.nodes[0]).fault_limit, Some(7));
        assert_eq!(values(&draft.nodes[0]).iter().collect::<Vec<_>>(), [("size", "1")]);
    }

    #[test]
    fn a_bad_value_for_the_host_is_a_fault_as_any_other() {
        let mut draft = draft("volume a\n type test/leaf\n option fault-limit many\nend-volume\n");
        check(&mut draft, Unknown::Warned);
        assert_eq!(
            draft.faults[0].to_string(),
            "option `fault-limit` of volume `a` is `many`, expected a whole number"
        );
    }
}
