//! Faults: what is known of the translators that went wrong, for people.
use plugin_api::abi::graph::FaultKind;
use plugin_api::fop;

use super::{DraftNode, Running};

/// A line for each translator, the top first, and one more for the last fault of each that had any.
pub fn report(running: &Running) -> Vec<String> {
    running.with_nodes(|nodes| {
        let lines = nodes.iter().enumerate().rev();
        lines.flat_map(|(index, node)| of_one(running, index, node)).collect()
    })
}

fn of_one(running: &Running, index: usize, node: &DraftNode) -> Vec<String> {
    let record = running.graph().record(index);
    let mut line = format!("{} {}:", node.node.name, node.node.type_name);
    for (kind, count) in FaultKind::ALL.iter().zip(record.counts) {
        line += &format!(" {} {count}", kind.name());
    }
    if let Some(account) = node.opened.as_ref().and_then(|opened| opened.account) {
        line += &format!(", {account}");
    }
    if record.is_down {
        line += ", DOWN";
    }
    let mut lines = vec![line];
    if let Some(last) = &record.last {
        let place = fop::name(last.fop).map(|fop| format!(" in {fop}")).unwrap_or_default();
        lines.push(format!("  last, {}{place}: {}", last.kind.name(), last.what.replace('\n', " ")));
    }
    lines
}
