//! The rebalance graph: distribute over its children, with no cache above.

use super::client::{log_options, parallel_readdir};
use super::cluster::{self, Trust};
use super::graph::VolGraph;
use super::settings::Settings;
use crate::volume::Volume;

/// The graph of the rebalance process.
pub(super) fn graph(volume: &Volume, settings: &Settings<'_>) -> VolGraph {
    let mut graph = VolGraph::default();
    let clients = cluster::clients(&mut graph, volume, settings, Trust::Trusted);
    let sets = cluster::sets(&mut graph, volume, clients);
    let children = parallel_readdir(&mut graph, volume, settings, sets);
    cluster::distribute(&mut graph, volume, settings, children);
    log_options(graph.stack("debug/io-stats", volume.name.as_str()), settings, "client");
    settings.apply(&mut graph);
    graph
}
