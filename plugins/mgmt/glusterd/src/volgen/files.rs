//! All volfiles of a volume, by name.

use super::cluster::{self, Trust};
use super::graph::VolGraph;
use super::settings::Settings;
use super::{brick, client, gfproxy, rebalance, self_heal};
use crate::brick::Brick;
use crate::paths::{Paths, brick_client_id, brick_volfile_id};
use crate::store::cluster_options::ClusterOptions;
use crate::store::{StoreError, atomic};
use crate::user_xlators::plugins::Plugins;
use crate::volume::{Transport, Volume, VolumeKind};
use std::path::PathBuf;

/// Name and text of every volfile that lies in the volume's folder.
#[must_use]
pub fn generate(
    volume: &Volume,
    cluster: &ClusterOptions,
    paths: &Paths,
    plugins: &dyn Plugins,
) -> Vec<(String, String)> {
    let settings = Settings::new(volume, cluster, plugins);
    let name = &volume.name;
    let mut files: Vec<(String, String)> = volume
        .bricks
        .iter()
        .map(|brick| {
            let id = brick_volfile_id(name, &brick.host, &brick.path);
            (format!("{id}.vol"), brick::graph(volume, brick, &settings, paths).to_string())
        })
        .collect();
    let words: &[&str] = match volume.transport {
        Transport::Tcp => &["tcp"],
        Transport::Rdma => &["rdma"],
        Transport::TcpRdma => &["tcp", "rdma"],
    };
    for word in words {
        let plain = client::graph(volume, &settings, Trust::Plain).to_string();
        let trusted = client::graph(volume, &settings, Trust::Trusted).to_string();
        let thin = gfproxy::thin_client(volume, &settings).to_string();
        files.push((format!("{name}.{word}-fuse.vol"), plain));
        files.push((format!("trusted-{name}.{word}-fuse.vol"), trusted));
        files.push((format!("trusted-{name}.{word}-gfproxy-fuse.vol"), thin));
    }
    if settings.set("features.quota").is_some() {
        // What is there when limits come or go is looked at brick by brick.
        for brick in &volume.bricks {
            let mut graph = VolGraph::default();
            let client = graph.add("protocol/client", brick.id.as_str(), Vec::new());
            let trust = Trust::Trusted;
            cluster::connection(client, volume, &settings, trust, Some(&brick.host), &brick.path);
            files.push((
                format!("{}.vol", brick_client_id(name, &brick.host, &brick.path)),
                graph.to_string(),
            ));
        }
    }
    files.push((format!("{name}.gfproxyd.vol"), gfproxy::daemon(volume, &settings).to_string()));
    if volume.subvolume_count() > 1 {
        files.push((format!("{name}-rebalance.vol"), rebalance::graph(volume, &settings).to_string()));
    }
    if !matches!(volume.kind, VolumeKind::Distribute) {
        files.push((format!("{name}-shd.vol"), self_heal::graph(volume, &settings).to_string()));
    }
    files
}

/// The volfile of a mount on a node of the cluster.
#[must_use]
pub fn trusted_client(volume: &Volume, cluster: &ClusterOptions, plugins: &dyn Plugins) -> String {
    client::graph(volume, &Settings::new(volume, cluster, plugins), Trust::Trusted).to_string()
}

/// Writes the volfiles of bricks alone: for bricks that run before anybody knows of them.
///
/// # Errors
/// A file cannot be written.
pub fn write_bricks(
    volume: &Volume,
    cluster: &ClusterOptions,
    paths: &Paths,
    plugins: &dyn Plugins,
) -> Result<(), StoreError> {
    let settings = Settings::new(volume, cluster, plugins);
    for brick in &volume.bricks {
        let text = brick::graph(volume, brick, &settings, paths).to_string();
        atomic::replace_if_changed(&brick_volfile(&volume.name, brick, paths), text.as_bytes())?;
    }
    Ok(())
}

/// Removes the volfiles of bricks that are not the volume's.
pub fn remove_bricks(volume: &str, bricks: &[Brick], paths: &Paths) {
    for brick in bricks {
        // One that stays is served to nobody who asks for the volume.
        let _ = std::fs::remove_file(brick_volfile(volume, brick, paths));
    }
}

fn brick_volfile(volume: &str, brick: &Brick, paths: &Paths) -> PathBuf {
    paths.volume(volume).join(format!("{}.vol", brick_volfile_id(volume, &brick.host, &brick.path)))
}

/// Names that a brick's or a client's graph has more than once.
#[must_use]
pub fn names_given_twice(volume: &Volume, cluster: &ClusterOptions, plugins: &dyn Plugins) -> Vec<String> {
    let settings = Settings::new(volume, cluster, plugins);
    let paths = Paths::default();
    let brick = volume.bricks.first().map(|brick| brick::graph(volume, brick, &settings, &paths));
    let client = client::graph(volume, &settings, Trust::Plain);
    let twice = |graph: &VolGraph| {
        let mut seen = std::collections::HashSet::new();
        let names = graph.xlators().iter().map(|xlator| &xlator.name);
        names.filter(|name| !seen.insert(*name)).cloned().collect::<Vec<_>>()
    };
    brick.iter().chain([&client]).flat_map(twice).collect()
}

/// Writes the volfiles into the volume's folder; answers whether any of them changed, so that clients have to be
/// told.
///
/// # Errors
/// A file cannot be written.
pub fn write(
    volume: &Volume,
    cluster: &ClusterOptions,
    paths: &Paths,
    plugins: &dyn Plugins,
) -> Result<bool, StoreError> {
    let folder = paths.volume(&volume.name);
    let mut changed = false;
    for (name, text) in generate(volume, cluster, paths, plugins) {
        changed |= atomic::replace_if_changed(&folder.join(name), text.as_bytes())?;
    }
    Ok(changed)
}
