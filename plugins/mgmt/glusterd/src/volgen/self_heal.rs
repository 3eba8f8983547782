//! The self-heal daemon's graph: the sets of a replicate or disperse volume, side by side.

use super::client::log_options;
use super::cluster::{self, Trust};
use super::graph::VolGraph;
use super::settings::Settings;
use crate::volume::Volume;

/// The graph that the self-heal daemon runs for one volume.
pub(super) fn graph(volume: &Volume, settings: &Settings<'_>) -> VolGraph {
    let mut graph = VolGraph::default();
    let clients = cluster::clients(&mut graph, volume, settings, Trust::Trusted);
    let sets = cluster::sets(&mut graph, volume, clients);
    for set in graph.of_kind_mut("cluster/replicate") {
        set.set("background-self-heal-count", 0)
            .set("metadata-self-heal", "on")
            .set("data-self-heal", "on")
            .set("entry-self-heal", "on")
            .set("self-heal-daemon", settings.set("cluster.self-heal-daemon").unwrap_or("enable"));
    }
    for set in graph.of_kind_mut("cluster/disperse") {
        set.set("self-heal-daemon", settings.set("cluster.disperse-self-heal-daemon").unwrap_or("enable"));
    }
    settings.apply(&mut graph);
    for kind in ["cluster/replicate", "cluster/disperse"] {
        for set in graph.of_kind_mut(kind) {
            set.set("iam-self-heal-daemon", "yes");
        }
    }
    log_options(graph.add("debug/io-stats", volume.name.as_str(), sets), settings, "client");
    graph
}
