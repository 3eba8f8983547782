//! `volume info`: all that a volume is.

use crate::daemon::Daemon;
use crate::ops::{NO_VOLUME, Refusal, Request};
use crate::options::Flags;
use crate::store::folder::StoredVolume;
use crate::volume::{Volume, VolumeKind};
use gluster_xdr::cli::CliRsp;
use plugin_api::Dict;

/// `flags` of the request: which volumes are meant.
const ALL: u32 = 1;
const THIS_ONE: u32 = 2;
const THE_NEXT: u32 = 3;

/// Answers `volume info`.
///
/// # Errors
/// The request makes no sense.
pub fn answer(daemon: &Daemon, request: &Dict) -> Result<CliRsp, Refusal> {
    let asked = Request(request);
    let name = request.str("volname");
    let state = daemon.state();
    let chosen: Vec<&StoredVolume> = match (asked.number("flags")?, name) {
        (ALL, _) => state.volumes.values().collect(),
        (THIS_ONE, Some(name)) => state.volumes.get(name).into_iter().collect(),
        (THE_NEXT, None) => state.volumes.values().take(1).collect(),
        (THE_NEXT, Some(name)) => {
            use std::ops::Bound::{Excluded, Unbounded};
            let behind = state.volumes.range::<str, _>((Excluded(name), Unbounded));
            behind.take(1).map(|(_, stored)| stored).collect()
        }
        (flags, _) => {
            return Err(Refusal::at_once(format!(
                "the request's flags are {flags}, expected 1, 2 or 3 and a volume"
            )));
        }
    };
    let mut dict = Dict::new();
    for (n, stored) in chosen.iter().enumerate() {
        describe(&mut dict, n, stored, &state.options.values);
    }
    dict.push("count", count(chosen.len()));
    if chosen.is_empty() && asked.number("flags")? == THIS_ONE {
        return Ok(CliRsp {
            op_ret: -1,
            op_errno: NO_VOLUME,
            op_errstr: "Volume does not exist".to_owned(),
            dict,
        });
    }
    Ok(CliRsp { dict, ..CliRsp::default() })
}

fn describe(dict: &mut Dict, n: usize, stored: &StoredVolume, cluster: &crate::store::Lines) {
    let volume = &stored.volume;
    let mut add = |key: &str, value: plugin_api::Value| dict.push(format!("volume{n}.{key}"), value);
    add("name", volume.name.as_str().into());
    add("type", volume.kind.number().into());
    add("status", volume.status.number().into());
    add("brick_count", count(volume.bricks.len()).into());
    add("dist_count", volume.kind.set_size().into());
    add("replica_count", volume.kind.replica_count().into());
    add("disperse_count", volume.kind.disperse_count().into());
    add("redundancy_count", volume.kind.redundancy_count().into());
    add("arbiter_count", volume.kind.arbiter_count().into());
    add("thin_arbiter_count", volume.kind.thin_arbiter_count().into());
    if let Some(brick) = volume.thin_arbiters.first() {
        add("thin_arbiter_brick", brick.display_name().into());
    }
    add("transport", volume.transport.number().into());
    add("volume_id", volume.id.to_string().into());
    add("rebalance", stored.rebalance.status.into());
    add("snap_count", 0.into());
    for (at, brick) in volume.bricks.iter().enumerate() {
        let number = at + 1;
        add(&format!("brick{number}"), brick.display_name().into());
        add(&format!("brick{number}.uuid"), brick.node.to_string().into());
        if is_arbiter(volume, at) {
            add(&format!("brick{number}.isArbiter"), 1.into());
        }
    }
    // Pairs are shown in this order: the CLI turns the order of the wire around.
    let is_set = |name: &str| crate::options::find(name).is_some_and(|o| o.flags.has(Flags::CLUSTER));
    let own = volume.options.iter();
    let all: Vec<_> = own.chain(cluster.iter().filter(|(name, _)| is_set(name))).collect();
    for (name, value) in &all {
        add(&format!("option.{name}"), (*value).into());
    }
    add("opt_count", count(all.len()).into());
}

/// The last brick of each set holds names only.
pub(super) fn is_arbiter(volume: &Volume, at: usize) -> bool {
    match volume.kind {
        VolumeKind::Replicate { replica, arbiter: 1.., .. } => {
            usize::try_from(replica).is_ok_and(|size| at % size == size - 1)
        }
        _ => false,
    }
}

fn count(n: usize) -> u64 {
    u64::try_from(n).unwrap_or(u64::MAX)
}
