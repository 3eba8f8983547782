//! The graphs of the client proxy: a daemon that runs the client graph, and the thin client before it.

use super::client;
use super::cluster::{self, Trust};
use super::graph::VolGraph;
use super::settings::Settings;
use crate::volume::Volume;

/// The daemon's graph: a client graph without write-behind, served like a brick.
pub(super) fn daemon(volume: &Volume, settings: &Settings<'_>) -> VolGraph {
    let top = proxy_name(volume);
    let mut graph = client::stacked(volume, settings, Trust::Trusted, &top, DAEMON_PERFORMANCE);
    let credentials = &volume.credentials;
    let server = graph.stack("protocol/server", format!("{}-server", volume.name));
    server
        .set("transport-type", volume.transport.word())
        .set(format!("auth.login.{top}.allow"), &credentials.username)
        .set(format!("auth.login.{}.password", credentials.username), &credentials.password)
        .set("auth-path", &top);
    settings.apply(&mut graph);
    graph
}

/// The thin client's graph: one connection to the daemon, and write-behind.
pub(super) fn thin_client(volume: &Volume, settings: &Settings<'_>) -> VolGraph {
    // They stand in the daemon's graph.
    let settings = &settings.without_user_xlators();
    let mut graph = VolGraph::default();
    let name = &volume.name;
    let proxy = graph.add("protocol/client", format!("{name}-gfproxy-client"), Vec::new());
    cluster::connection(proxy, volume, settings, Trust::Trusted, None, &proxy_name(volume));
    proxy.set("transport-type", "tcp");
    client::features(&mut graph, volume, settings);
    graph.stack("features/quiesce", format!("{name}-quiesce"));
    client::stack_performance(&mut graph, volume, settings, &["performance.write-behind"]);
    client::finish(&mut graph, volume, settings, Trust::Trusted, name);
    graph
}

/// What the daemon is called in the port map.
fn proxy_name(volume: &Volume) -> String {
    format!("gfproxyd-{}", volume.name)
}

const DAEMON_PERFORMANCE: &[&str] = &[
    "performance.read-ahead",
    "performance.readdir-ahead",
    "performance.io-cache",
    "performance.open-behind",
    "performance.quick-read",
    "performance.nl-cache",
    "performance.stat-prefetch",
    "performance.client-io-threads",
];
