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
    // Clients may leave healing to this daemon, which heals whatever they are told.
    settings.apply_with(&mut graph, |name| match name {
        "cluster.background-self-heal-count" => Some("0"),
        "cluster.metadata-self-heal" | "cluster.data-self-heal" | "cluster.entry-self-heal" => Some("on"),
        "cluster.self-heal-daemon" | "cluster.disperse-self-heal-daemon" => {
            Some(settings.set(name).unwrap_or("enable"))
        }
        "cluster.heal-timeout" => settings.set(name),
        _ => None,
    });
    for kind in ["cluster/replicate", "cluster/disperse"] {
        for set in graph.of_kind_mut(kind) {
            set.set("iam-self-heal-daemon", "yes");
        }
    }
    log_options(graph.add("debug/io-stats", volume.name.as_str(), sets), settings, "client");
    graph
}
