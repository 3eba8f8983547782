//! Faults: what is known of the translators that went wrong, for people.
use super::Running;

/// A line for each translator, the top first.
pub fn report(running: &Running) -> Vec<String> {
    running.with_nodes(|nodes| {
        let line = |(index, node): (usize, &super::DraftNode)| {
            format!("{} {}: faults {}", node.node.name, node.node.type_name, running.graph().faults(index))
        };
        nodes.iter().enumerate().rev().map(line).collect()
    })
}
