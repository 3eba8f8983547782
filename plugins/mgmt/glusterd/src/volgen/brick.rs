//! The brick graph: from the file system up to the network.

use super::graph::{VolGraph, Xlator};
use super::settings::Settings;
use crate::brick::Brick;
use crate::paths::Paths;
use crate::user_xlators::places::{BRICK_TOP, Side};
use crate::volume::{Volume, VolumeKind};

/// The graph of one brick.
pub(super) fn graph(volume: &Volume, brick: &Brick, settings: &Settings<'_>, paths: &Paths) -> VolGraph {
    let mut graph = VolGraph::default();
    for (place, build) in LAYERS {
        build(&mut Layer { graph: &mut graph, volume, brick, settings, paths });
        super::client::debug_over(&mut graph, settings, &volume.name, place);
        super::user::over(&mut graph, volume, settings, Side::Brick, place);
    }
    server(&mut Layer { graph: &mut graph, volume, brick, settings, paths });
    settings.apply(&mut graph);
    graph
}

struct Layer<'a> {
    graph: &'a mut VolGraph,
    volume: &'a Volume,
    brick: &'a Brick,
    settings: &'a Settings<'a>,
    paths: &'a Paths,
}

impl Layer<'_> {
    fn stack(&mut self, kind: &str) -> &mut Xlator {
        let short = kind.rsplit('/').next().unwrap_or(kind);
        self.graph.stack(kind, format!("{}-{short}", self.volume.name))
    }

    fn plain(&mut self, kind: &str) {
        self.stack(kind);
    }
}

type Build = fn(&mut Layer<'_>);

/// Bottom to top: the name of the place, and what stands in it by itself.
const LAYERS: [(&str, Build); 21] = [
    ("posix", posix),
    ("arbiter", arbiter),
    ("trash", trash),
    ("changelog", changelog),
    ("bitrot-stub", bitrot_stub),
    ("access-control", access_control),
    ("locks", |l| l.plain("features/locks")),
    ("worm", |l| l.plain("features/worm")),
    ("read-only", read_only),
    ("leases", |l| l.plain("features/leases")),
    ("upcall", |l| l.plain("features/upcall")),
    ("io-threads", |l| l.plain("performance/io-threads")),
    ("selinux", |l| l.plain("features/selinux")),
    ("marker", marker),
    ("barrier", |l| l.plain("features/barrier")),
    ("index", index),
    ("quota", quota),
    ("cdc", compression),
    ("namespace", namespace),
    ("sdfs", sdfs),
    (BRICK_TOP, io_stats),
];

fn posix(l: &mut Layer<'_>) {
    let (volume, brick, settings) = (l.volume, l.brick, l.settings);
    let counts_links = ["features.quota", "features.trash"].iter().any(|name| settings.is_on(name));
    let posix = l.stack("storage/posix");
    posix.set("directory", &brick.path).set("volume-id", volume.id);
    if counts_links {
        posix.set("update-link-count-parent", "on");
    }
    posix.set_some("fips-mode-rchecksum", settings.set("storage.fips-mode-rchecksum"));
    posix.set("shared-brick-count", shared_brick_count(volume, brick));
}

/// How many bricks of the volume on this node share the brick's file system, and so its free space.
fn shared_brick_count(volume: &Volume, brick: &Brick) -> usize {
    if brick.fsid == 0 {
        return 0;
    }
    volume.bricks.iter().filter(|other| other.node == brick.node && other.fsid == brick.fsid).count()
}

fn arbiter(l: &mut Layer<'_>) {
    let VolumeKind::Replicate { replica, arbiter: 1.., .. } = l.volume.kind else { return };
    let at = l.volume.bricks.iter().position(|brick| brick.id == l.brick.id);
    if at.is_some_and(|at| (at + 1) % (replica as usize) == 0) {
        l.stack("features/arbiter");
    }
}

fn trash(l: &mut Layer<'_>) {
    let brick = l.brick;
    let trash = l.stack("features/trash");
    trash.set("trash-dir", ".trashcan").set("brick-path", &brick.path).set("trash-internal-op", "off");
}

fn changelog(l: &mut Layer<'_>) {
    let (brick, notifies) = (l.brick, l.settings.is_on("features.bitrot"));
    l.stack("features/changelog")
        .set("changelog-brick", &brick.path)
        .set("changelog-dir", format!("{}/.glusterfs/changelogs", brick.path))
        .set("changelog-notification", if notifies { "on" } else { "off" });
}

fn bitrot_stub(l: &mut Layer<'_>) {
    let (brick, bitrot) = (l.brick, l.settings.set("features.bitrot").unwrap_or("disable"));
    l.stack("features/bitrot-stub").set("export", &brick.path).set("bitrot", bitrot);
}

fn access_control(l: &mut Layer<'_>) {
    if l.settings.is_on("features.acl") {
        l.stack("features/access-control");
    }
}

fn read_only(l: &mut Layer<'_>) {
    l.stack("features/read-only").set("read-only", "off");
}

fn marker(l: &mut Layer<'_>) {
    let volume = l.volume;
    let timestamp = l.paths.volume(&volume.name).join("marker.tstamp");
    l.stack("features/marker")
        .set("volume-uuid", volume.id)
        .set("timestamp-file", timestamp.display())
        .set("quota-version", volume.quota_version);
}

fn index(l: &mut Layer<'_>) {
    let (volume, brick) = (l.volume, l.brick);
    let index = l.stack("features/index");
    index.set("index-base", format!("{}/.glusterfs/indices", brick.path));
    if volume.kind.disperses() {
        index.set("xattrop64-watchlist", "trusted.ec.dirty");
    } else {
        index
            .set("xattrop-dirty-watchlist", "trusted.afr.dirty")
            .set("xattrop-pending-watchlist", format!("trusted.afr.{}-", volume.name));
    }
}

fn quota(l: &mut Layer<'_>) {
    let (volume, enforced) = (l.volume, l.settings.set("features.quota").unwrap_or("off"));
    // The translator calls the volume's name its uuid.
    l.stack("features/quota").set("volume-uuid", &volume.name).set("server-quota", enforced);
}

fn compression(l: &mut Layer<'_>) {
    if l.settings.is_on("network.compression") {
        l.stack("features/cdc").set("mode", "server");
    }
}

fn namespace(l: &mut Layer<'_>) {
    if l.settings.is_on("features.tag-namespaces") {
        l.stack("features/namespace");
    }
}

fn sdfs(l: &mut Layer<'_>) {
    if l.settings.is_on("features.sdfs") {
        l.stack("features/sdfs").set("pass-through", "false");
    }
}

fn io_stats(l: &mut Layer<'_>) {
    let (volume, brick, settings) = (l.volume, l.brick, l.settings);
    // Profile and top address the brick by this name.
    let stats = l.graph.stack("debug/io-stats", brick.path.as_str());
    stats.set("unique-id", &brick.path).set("volume-id", volume.id);
    super::client::log_options(stats, settings, "brick");
}

fn server(l: &mut Layer<'_>) {
    let (volume, path, settings) = (l.volume, &l.brick.path, l.settings);
    let credentials = &volume.credentials;
    let server = l.stack("protocol/server");
    server.set("transport-type", volume.transport.word());
    super::client::tls_options(server, settings);
    server
        .set_some("transport.address-family", settings.set("transport.address-family"))
        .set(format!("auth.login.{path}.allow"), &credentials.username)
        .set(format!("auth.login.{}.password", credentials.username), &credentials.password)
        .set("auth-path", path)
        .set_some(&format!("auth.login.{path}.ssl-allow"), settings.set("auth.ssl-allow"))
        .set_some(&format!("auth.addr.{path}.allow"), settings.value("auth.allow"))
        .set_some(&format!("auth.addr.{path}.reject"), settings.set("auth.reject"));
}
