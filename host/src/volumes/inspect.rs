//! The graphs of a process, as its translators may show them.

use std::sync::Arc;

use plugin_api::abi::inspect::{GraphView, Setting, VolumeView};
use plugin_api::abi::node::Node;

use super::Volumes;
use super::served::Served;
use crate::graph::DraftNode;
use crate::graph::dump::is_secret;
use crate::services::Inspected;

impl Inspected for Volumes {
    fn graph(&self, node: *const Node) -> Option<GraphView> {
        let served = self.around(node)?;
        let volfile = served.text().as_slice().into();
        let volumes = served.running.with_nodes(|nodes| nodes.iter().map(view).collect());
        Some(GraphView { name: served.name().into(), volfile, volumes })
    }

    fn dump(&self, node: *const Node, volume: usize) -> Option<String> {
        let served = self.around(node)?;
        let graph = served.running.graph();
        // Others may be fewer by now; the last is the root above them.
        (volume + 1 < graph.len()).then(|| graph.dump(volume))
    }

    fn calls(&self, node: *const Node) -> Option<u64> {
        Some(self.around(node)?.running.graph().calls())
    }
}

impl Volumes {
    fn around(&self, node: *const Node) -> Option<Arc<Served>> {
        let graphs = self.graphs().clone();
        graphs.into_iter().find(|served| {
            let graph = served.running.graph();
            served.running.with_nodes(|nodes| (0..nodes.len()).any(|index| graph.is_node(index, node)))
        })
    }
}

fn view(node: &DraftNode) -> VolumeView {
    let node = &node.node;
    let open = node.options.iter().filter(|setting| !is_secret(&setting.key));
    let options = open
        .map(|setting| Setting { key: setting.key.as_str().into(), value: setting.value.as_str().into() });
    VolumeView {
        name: node.name.as_str().into(),
        type_name: node.type_name.as_str().into(),
        children: node.children.iter().copied().collect(),
        options: options.collect(),
    }
}
