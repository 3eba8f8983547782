//! What all client-side graphs begin with: a client for each brick, sets of replicas or fragments, distribute.

use super::graph::{VolGraph, Xlator};
use super::settings::Settings;
use crate::volume::{Volume, VolumeKind};

/// Whether a graph is for a client that may know the volume's credentials.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Trust {
    /// A node of the cluster.
    Trusted,
    /// Anybody.
    Plain,
}

/// Adds a `protocol/client` for every brick; answers their names.
pub(super) fn clients(
    graph: &mut VolGraph,
    volume: &Volume,
    settings: &Settings<'_>,
    trust: Trust,
) -> Vec<String> {
    for brick in &volume.bricks {
        let client = graph.add("protocol/client", brick.id.as_str(), Vec::new());
        connection(client, volume, settings, trust, Some(&brick.host), &brick.path);
    }
    volume.bricks.iter().map(|brick| brick.id.clone()).collect()
}

/// Where a `protocol/client` connects to, and with which credentials.
pub(super) fn connection(
    client: &mut Xlator,
    volume: &Volume,
    settings: &Settings<'_>,
    trust: Trust,
    host: Option<&str>,
    remote: &str,
) {
    client
        .set("ping-timeout", settings.set("network.ping-timeout").unwrap_or("42"))
        .set_some("remote-host", host)
        .set("remote-subvolume", remote)
        .set("transport-type", volume.transport.word())
        .set_some("transport.address-family", settings.set("transport.address-family"));
    if trust == Trust::Trusted {
        client.set("username", &volume.credentials.username).set("password", &volume.credentials.password);
    }
    client.set_some("transport.socket.ssl-enabled", settings.set("client.ssl"));
    super::client::tls_options(client, settings);
}

/// Adds the replicate or disperse sets over the clients; answers distribute's children.
pub(super) fn sets(graph: &mut VolGraph, volume: &Volume, clients: Vec<String>) -> Vec<String> {
    let size = volume.kind.set_size().max(1) as usize;
    let sets = clients.chunks(size).map(<[String]>::to_vec).enumerate();
    match volume.kind {
        VolumeKind::Distribute => clients,
        VolumeKind::Replicate { arbiter, .. } => sets
            .map(|(n, members)| {
                let (name, pending) = (format!("{}-replicate-{n}", volume.name), members.join(","));
                let set = graph.add("cluster/replicate", name.as_str(), members);
                set.set("afr-pending-xattr", pending).set("volume-id", volume.id);
                if arbiter > 0 {
                    set.set("arbiter-count", arbiter);
                }
                name
            })
            .collect(),
        VolumeKind::Disperse { redundancy, .. } => sets
            .map(|(n, members)| {
                let name = format!("{}-disperse-{n}", volume.name);
                graph.add("cluster/disperse", name.as_str(), members).set("redundancy", redundancy);
                name
            })
            .collect(),
    }
}

/// Adds the distribute translator over its children.
pub(super) fn distribute(
    graph: &mut VolGraph,
    volume: &Volume,
    settings: &Settings<'_>,
    children: Vec<String>,
) {
    let kind = if settings.is_on("cluster.nufa") {
        "cluster/nufa"
    } else if settings.is_on("cluster.switch") {
        "cluster/switch"
    } else {
        "cluster/distribute"
    };
    let size = volume.kind.set_size().max(1) as usize;
    let sets = volume.bricks.chunks(size).zip(&children);
    let leaving = sets.filter(|(set, _)| set.iter().all(|brick| brick.decommissioned));
    let leaving: Vec<&str> = leaving.map(|(_, child)| child.as_str()).collect();
    let leaving = (!leaving.is_empty()).then(|| leaving.join(","));
    let distribute = graph.add(kind, format!("{}-dht", volume.name), children);
    distribute.set_some("decommissioned-bricks", leaving);
}
