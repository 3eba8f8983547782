//! `get-state`: all that the node knows, in a file for programs to read.

use crate::brick::Brick;
use crate::clock;
use crate::daemon::Daemon;
use crate::ops::{Refusal, Request, shown};
use crate::queries::option_values::all_of_volume;
use crate::services::bitrot::{self, Part};
use crate::services::{aggregator, self_heal};
use crate::store::folder::StoredVolume;
use crate::volume::{Volume, VolumeKind, VolumeStatus};
use gluster_xdr::brickop::BrickProc;
use gluster_xdr::cli::CliRsp;
use plugin_api::Dict;
use rustix::fs::{Mode, OFlags};
use std::fmt::Write as _;
use std::io::Write as _;
use std::path::{Path, PathBuf};

/// `getstate-cmd`: clients of bricks, too.
const DETAIL: u32 = 1;
/// `getstate-cmd`: options of volumes instead of anything else.
const VOLUME_OPTIONS: u32 = 2;

/// Answers `get-state`: writes the file, and says where it is.
///
/// # Errors
/// The file cannot be written.
pub async fn answer(daemon: &Daemon, request: Dict) -> Result<CliRsp, Refusal> {
    let path = path(daemon, &request)?;
    let text = match Request(&request).number("getstate-cmd")? {
        VOLUME_OPTIONS => volume_options(daemon),
        how => everything(daemon, how == DETAIL).await,
    };
    write(&path, &text).map_err(|_| {
        Refusal::at_once(format!("Failed to open file at {}", shown(&path.display().to_string())))
    })?;
    let dict = request.with("ofilepath", path.display().to_string());
    Ok(CliRsp { dict, ..CliRsp::default() })
}

/// Where the file is to lie: a folder that is there, and a name in it.
fn path(daemon: &Daemon, request: &Dict) -> Result<PathBuf, Refusal> {
    let folder = request.str("odir").map_or_else(|| daemon.config.paths.run.clone(), PathBuf::from);
    if !folder.is_absolute() || !folder.is_dir() {
        let folder = shown(&folder.display().to_string());
        return Err(Refusal::at_once(format!("Output directory {folder} does not exist.")));
    }
    let name =
        request.str("filename").map_or_else(|| format!("glusterd_state_{}", clock::of_file()), str::to_owned);
    if name.is_empty() || name.contains('/') || name == "." || name == ".." {
        let path = folder.join(&name);
        return Err(Refusal::at_once(format!(
            "Failed to open file at {}",
            shown(&path.display().to_string())
        )));
    }
    Ok(folder.join(name))
}

fn write(path: &Path, text: &str) -> std::io::Result<()> {
    let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::TRUNC | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let mode = Mode::RUSR | Mode::WUSR;
    std::fs::File::from(rustix::fs::open(path, flags, mode)?).write_all(text.as_bytes())
}

fn volumes(daemon: &Daemon) -> Vec<StoredVolume> {
    daemon.state().volumes.values().cloned().collect()
}

/// Counts options down, as the incumbent does.
fn volume_options(daemon: &Daemon) -> String {
    let mut out = "[Volume Options]\n".to_owned();
    for (n, stored) in volumes(daemon).iter().enumerate() {
        let options = all_of_volume(daemon, &stored.volume);
        let volume = format!("Volume{}", n + 1);
        add(&mut out, &volume, "name", &stored.volume.name);
        add(&mut out, &volume, "options.count", options.len());
        for (at, (name, value)) in options.iter().enumerate().rev() {
            add(&mut out, &volume, &format!("options.value{}", at + 1), value);
            add(&mut out, &volume, &format!("options.key{}", at + 1), name);
        }
    }
    out
}

async fn everything(daemon: &Daemon, with_clients: bool) -> String {
    let mut out = of_node(daemon);
    out.push_str("[Volumes]\n");
    for (n, stored) in volumes(daemon).iter().enumerate() {
        let name = format!("Volume{}", n + 1);
        of_volume(&mut out, &name, stored);
        for (at, brick) in stored.volume.bricks.iter().enumerate() {
            let brick_name = format!("{name}.Brick{}", at + 1);
            of_brick(&mut out, &brick_name, daemon, &stored.volume, at, brick);
            if with_clients && brick.node == daemon.node {
                of_clients(&mut out, &brick_name, daemon, &stored.volume, brick).await;
            }
        }
        behind_bricks(&mut out, &name, daemon, stored);
        out.push('\n');
    }
    out.push_str("\n[Services]\n");
    let watches = |part: Part| (part.name(), bitrot::running(daemon, part).is_some());
    let sums_up = (aggregator::NAME, aggregator::running(daemon).is_some());
    let services = [watches(Part::Signer), watches(Part::Scrubber), sums_up];
    for (n, (service, is_online)) in services.into_iter().enumerate() {
        let standing = if is_online { "Online" } else { "Offline" };
        let _ = write!(out, "svc{0}.name: {service}\nsvc{0}.online_status: {standing}\n\n", n + 1);
    }
    let _ = write!(out, "\n[Misc]\nBase port: {}\n", daemon.config.base_port);
    out
}

fn add(out: &mut String, of: &str, key: &str, value: impl std::fmt::Display) {
    // Writing to a text cannot fail.
    let _ = writeln!(out, "{of}.{key}: {value}");
}

fn of_node(daemon: &Daemon) -> String {
    let state = daemon.state();
    let mut out = format!("[Global]\nMYUUID: {}\nop-version: {}\n\n", daemon.node, state.node.op_version);
    out.push_str("[Global options]\n");
    for (name, value) in state.options.values.iter() {
        let _ = writeln!(out, "{name}: {value}");
    }
    out.push_str("\n[Peers]\n");
    for (n, peer) in state.peers.iter().enumerate() {
        let name = format!("Peer{}", n + 1);
        add(&mut out, &name, "primary_hostname", peer.hostnames.first().map_or("", String::as_str));
        add(&mut out, &name, "uuid", peer.uuid);
        add(&mut out, &name, "state", super::peers::state_name(peer.state));
        add(&mut out, &name, "connected", "Disconnected");
        add(&mut out, &name, "othernames", peer.hostnames.get(1..).unwrap_or_default().join(","));
    }
    out.push('\n');
    out
}

fn of_volume(out: &mut String, name: &str, stored: &StoredVolume) {
    let volume = &stored.volume;
    add(out, name, "name", &volume.name);
    add(out, name, "id", volume.id);
    add(out, name, "type", kind(volume));
    add(out, name, "transport_type", volume.transport.word());
    add(out, name, "status", status(volume.status));
    let is_profiled = volume.options.get("diagnostics.latency-measurement").is_some_and(|v| v == "on");
    add(out, name, "profile_enabled", u8::from(is_profiled));
    add(out, name, "brickcount", volume.bricks.len());
}

fn of_brick(out: &mut String, name: &str, daemon: &Daemon, volume: &Volume, at: usize, brick: &Brick) {
    add(out, name, "path", brick.display_name());
    add(out, name, "hostname", &brick.host);
    if super::info::is_arbiter(volume, at) {
        add(out, name, "is_arbiter", 1);
    }
    if brick.node != daemon.node {
        return;
    }
    let is_online = daemon.bricks.standing(&volume.name, brick).is_online();
    add(out, name, "port", if is_online { brick.port } else { 0 });
    add(out, name, "rdma_port", brick.rdma_port);
    add(out, name, "port_registered", u8::from(is_online));
    add(out, name, "status", if is_online { "Started" } else { "Stopped" });
    if let Ok(space) = rustix::fs::statvfs(brick.path.as_str()) {
        add(out, name, "spacefree", format!("{}Bytes", space.f_bfree.saturating_mul(space.f_bsize)));
        add(out, name, "spacetotal", format!("{}Bytes", space.f_blocks.saturating_mul(space.f_frsize)));
    }
}

async fn of_clients(out: &mut String, name: &str, daemon: &Daemon, volume: &Volume, brick: &Brick) {
    const CLIENTS: u32 = 2;
    if !daemon.bricks.standing(&volume.name, brick).is_online() {
        return;
    }
    let question = Dict::new().with("brick-name", brick.path.clone()).with("cmd", CLIENTS);
    // A brick without clients answers with an error.
    let Ok(said) = daemon.bricks.ask(&volume.name, brick, BrickProc::Status, question).await else { return };
    let count = said.uint("clientcount").unwrap_or(0).min(1 << 16);
    add(out, name, "client_count", count);
    for n in 0..count {
        for key in ["hostname", "bytesread", "byteswrite", "opversion"] {
            if let Some(value) = said.str(&format!("client{n}.{key}")) {
                add(out, name, &format!("Client{}.{key}", n + 1), value);
            }
        }
    }
}

fn behind_bricks(out: &mut String, name: &str, daemon: &Daemon, stored: &StoredVolume) {
    let (volume, rebalance) = (&stored.volume, &stored.rebalance);
    add(out, name, "snap_count", 0);
    add(out, name, "stripe_count", 1);
    add(out, name, "replica_count", volume.kind.replica_count());
    add(out, name, "subvol_count", volume.subvolume_count());
    add(out, name, "arbiter_count", volume.kind.arbiter_count());
    add(out, name, "disperse_count", volume.kind.disperse_count());
    add(out, name, "redundancy_count", volume.kind.redundancy_count());
    add(out, name, "quorum_status", "not_applicable");
    add(out, name, "snapd_svc.online_status", "Offline");
    add(out, name, "snapd_svc.inited", if volume.is_started() { "True" } else { "False" });
    add(out, name, "rebalance.id", rebalance.id);
    let words = ["not_started", "started", "stopped", "completed", "failed"];
    let word = usize::try_from(rebalance.status).ok().and_then(|n| words.get(n)).unwrap_or(&"unknown");
    add(out, name, "rebalance.status", word);
    add(out, name, "rebalance.failures", rebalance.failures);
    add(out, name, "rebalance.skipped", rebalance.skipped);
    add(out, name, "rebalance.lookedup", rebalance.scanned);
    add(out, name, "rebalance.files", rebalance.files);
    add(out, name, "rebalance.data", format!("{}Bytes", rebalance.size));
    add(out, name, "time_left", 0);
    let heals = volume.is_started() && self_heal::is_for(volume);
    let is_online = heals && self_heal::running(daemon, &volume.name).is_some();
    add(out, name, "shd_svc.online_status", if is_online { "Online" } else { "Offline" });
    add(out, name, "shd_svc.inited", if heals { "True" } else { "False" });
    add(out, name, "gsync_count", volume.sessions.len());
    for (option, value) in volume.options.iter() {
        add(out, name, &format!("options.{option}"), value);
    }
}

fn kind(volume: &Volume) -> String {
    let word = match volume.kind {
        VolumeKind::Distribute => return "Distribute".to_owned(),
        VolumeKind::Replicate { .. } => "Replicate",
        VolumeKind::Disperse { .. } => "Disperse",
    };
    if volume.subvolume_count() > 1 { format!("Distributed-{word}") } else { word.to_owned() }
}

fn status(status: VolumeStatus) -> &'static str {
    match status {
        VolumeStatus::Created => "Created",
        VolumeStatus::Started => "Started",
        VolumeStatus::Stopped => "Stopped",
    }
}
