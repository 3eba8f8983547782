//! Reconfigure: a running graph takes the options of a volfile that changed.
use super::section::{self, Section, values};
use super::{Draft, DraftNode, GraphError, Running};
use crate::volfile::Node;

/// What a new volfile did to a running graph.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Changed {
    /// Options that are in force now, as `volume: key`.
    pub now: Vec<String>,
    /// Options that take effect when the process is started again, as `volume: key`.
    pub later: Vec<String>,
}

impl Running {
    /// Gives the options of `draft`, which has no faults, to the translators they differ for, the top first.
    ///
    /// Blocks as long as the translators do.
    /// # Errors
    /// Another graph than the running one, or a translator that refuses its new options: those above it keep theirs, all
    /// others go on with the old ones.
    pub fn reconfigure(&self, draft: Draft) -> Result<Changed, GraphError> {
        let mut nodes = self.nodes.lock().expect("no panic under it");
        if let Some(difference) = difference(&nodes, &draft.nodes) {
            return Err(GraphError::Topology { difference });
        }
        let mut changed = Changed::default();
        for new in draft.nodes.into_iter().rev() {
            let at = nodes.iter().position(|old| old.node.name == new.node.name);
            let at = at.expect("the same names, by the comparison above");
            let keys = changed_keys(&nodes[at].node, &new.node);
            if keys.is_empty() {
                continue;
            }
            // What is the host's alone the translator does not hear of.
            if keys.iter().any(|key| section::find(&new, key).is_none()) {
                self.graph.reconfigure(at, &values(&new)).map_err(|error| GraphError::Reconfigure {
                    volume: error.xlator,
                    type_name: new.node.type_name.clone(),
                    why: error.why,
                })?;
            }
            self.graph.set_fault_limit(at, Section::of(&new).fault_limit);
            for key in keys {
                let list = if takes(&new, &key) { &mut changed.now } else { &mut changed.later };
                list.push(format!("{}: {key}", new.node.name));
            }
            nodes[at].node.options = new.node.options;
        }
        Ok(changed)
    }
}

/// Whether a running translator takes a new value for `key`; what it does not declare it does not look at.
fn takes(node: &DraftNode, key: &str) -> bool {
    let own = node.opened.as_ref().and_then(|opened| opened.declaration.options.find(key));
    own.or_else(|| section::find(node, key)).is_none_or(|decl| decl.reconfigurable)
}

/// The first difference between the shapes of two graphs.
fn difference(old: &[DraftNode], new: &[DraftNode]) -> Option<String> {
    for DraftNode { node, .. } in new {
        let Some(before) = old.iter().find(|other| other.node.name == node.name) else {
            return Some(format!("volume `{}` is new", node.name));
        };
        let before = &before.node;
        if before.type_name != node.type_name {
            return Some(format!(
                "volume `{}` was of type {} and is of type {}",
                node.name, before.type_name, node.type_name
            ));
        }
        if children(old, before) != children(new, node) {
            return Some(format!("volume `{}` has other subvolumes", node.name));
        }
    }
    let gone = old.iter().find(|before| new.iter().all(|other| other.node.name != before.node.name));
    gone.map(|before| format!("volume `{}` is gone", before.node.name))
}

fn children<'a>(nodes: &'a [DraftNode], node: &Node) -> Vec<&'a str> {
    node.children.iter().map(|child| nodes[*child].node.name.as_str()).collect()
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

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::graph::activate::{Start, activate};
    use crate::graph::testing::{draft, heard};

    fn volfile(name: &str, leaf: &str, top: &str) -> String {
        format!(
            "volume {name}1\n type test/leaf\n{leaf}end-volume\nvolume {name}2\n type test/leaf\n{top} \
             subvolumes {name}1\nend-volume\n"
        )
    }

    async fn running(text: &str) -> Running {
        let start = Start { init_timeout: Duration::from_secs(10), fault_limit: 0 };
        activate(draft(text), start).await.unwrap()
    }

    #[tokio::test]
    async fn only_who_has_new_options_hears_of_them_the_top_first() {
        let running = running(&volfile("rc", " option size 1\n", "")).await;
        let changed = running.reconfigure(draft(&volfile("rc", " option size 1\n", ""))).unwrap();
        assert_eq!(changed, Changed::default());
        let new = volfile("rc", " option size 2\n", " option fixed x\n");
        let changed = running.reconfigure(draft(&new)).unwrap();
        assert_eq!(changed, Changed { now: vec!["rc1: size".into()], later: vec!["rc2: fixed".into()] });
        assert_eq!(heard("rc")[3..], ["reconfigure 4KB rc2", "reconfigure 2 rc1"]);
        assert_eq!(running.nodes()[0].node.option("size"), Some("2"));
    }

    #[tokio::test]
    async fn an_option_that_is_gone_falls_back_to_its_default() {
        let running = running(&volfile("gone", " option size 1\n", "")).await;
        running.reconfigure(draft(&volfile("gone", "", ""))).unwrap();
        assert_eq!(heard("gone")[3..], ["reconfigure 4KB gone1"]);
    }

    #[tokio::test]
    async fn a_refused_change_leaves_the_old_options_and_is_tried_again() {
        let running = running(&volfile("rf", " option size 1\n", "")).await;
        let bad = volfile("rf", " option size 13\n", "");
        for _ in 0..2 {
            let error = running.reconfigure(draft(&bad)).unwrap_err();
            assert_eq!(
                error.to_string(),
                "volume `rf1`, type test/leaf, does not take its new options: 13 brings bad luck"
            );
            assert_eq!(running.nodes()[0].node.option("size"), Some("1"));
        }
    }

    #[tokio::test]
    async fn another_graph_is_refused_with_the_difference() {
        let running = running(&volfile("tp", "", "")).await;
        let refused = |text: &str| running.reconfigure(draft(text)).unwrap_err().to_string();
        let more = "volume tp0\n type test/leaf\nend-volume\n".to_owned() + &volfile("tp", "", "");
        assert!(refused(&more).contains("volume `tp0` is new"));
        assert!(refused("volume tp1\n type test/leaf\nend-volume\n").contains("volume `tp2` is gone"));
        let other = volfile("tp", "", "").replacen("test/leaf", "test/pass", 1);
        assert!(refused(&other).contains("volume `tp1` was of type test/leaf and is of type test/pass"));
        let flat = volfile("tp", "", "").replace(" subvolumes tp1\n", "");
        assert!(refused(&flat).contains("volume `tp2` has other subvolumes"));
    }
}
