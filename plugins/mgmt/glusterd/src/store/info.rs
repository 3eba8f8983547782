//! `vols/<volume>/info`: a volume's definition.

use super::fields::Fields;
use super::{Lines, StoreError};
use crate::options::VolumeOptions;
use crate::volume::{Credentials, Transport, Volume, VolumeKind, VolumeStatus};
use std::path::Path;

/// What the info file says: the volume without its bricks, and which brick files it has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Info {
    /// The volume; `bricks` and `thin_arbiters` are empty.
    pub volume: Volume,
    /// Names of the brick files, in the volume's order.
    pub bricks: Vec<String>,
    /// Names of the thin arbiters' brick files.
    pub thin_arbiters: Vec<String>,
}

/// The info file's lines, in the order the incumbent writes them.
#[must_use]
pub fn encode(volume: &Volume) -> Lines {
    let kind = volume.kind;
    let mut lines = Lines::default();
    lines.push("type", kind.number());
    lines.push("count", volume.bricks.len());
    lines.push("status", volume.status.number());
    lines.push("sub_count", kind.sub_count());
    lines.push("replica_count", kind.replica_count());
    if kind.arbiter_count() != 0 {
        lines.push("arbiter_count", kind.arbiter_count());
    }
    lines.push("disperse_count", kind.disperse_count());
    lines.push("redundancy_count", kind.redundancy_count());
    lines.push("version", volume.version);
    lines.push("transport-type", volume.transport.number());
    lines.push("volume-id", volume.id);
    lines.push("username", &volume.credentials.username);
    lines.push("password", &volume.credentials.password);
    lines.push("op-version", volume.op_version);
    lines.push("client-op-version", volume.client_op_version);
    lines.push("quota-version", volume.quota_version);
    lines.push("tier-enabled", volume.tier_enabled);
    if kind.thin_arbiter_count() != 0 {
        lines.push("thin_arbiter_count", kind.thin_arbiter_count());
    }
    lines.push("parent_volname", &volume.parent_volname);
    lines.push("restored_from_snap", volume.restored_from_snap);
    lines.push("snap-max-hard-limit", volume.snap_max_hard_limit);
    for (name, value) in volume.options.iter() {
        lines.push(name, value);
    }
    lines.extend(&volume.sessions);
    for (n, brick) in volume.bricks.iter().enumerate() {
        lines.push(format!("brick-{n}"), brick.store_name());
    }
    for (n, brick) in volume.thin_arbiters.iter().enumerate() {
        lines.push(format!("ta-brick-{n}"), brick.store_name());
    }
    lines
}

/// Reads the info file of the volume `name`.
///
/// Keys that are neither a field nor a known option are kept among the options, so they survive a rewrite.
///
/// # Errors
/// The file cannot be read, a field is missing or malformed, or the counts contradict each other.
pub fn read(path: &Path, name: &str) -> Result<Info, StoreError> {
    let mut fields = Fields::read(path)?;
    let count: usize = fields.number("count")?;
    let kind = read_kind(&mut fields)?;
    let status = fields.text("status")?;
    let transport = fields.text("transport-type")?;
    let credentials = Credentials {
        username: fields.text_or_empty("username"),
        password: fields.text_or_empty("password"),
    };
    let mut volume = Volume::new(name, fields.uuid("volume-id")?, kind, credentials);
    volume.status = (status.parse().ok())
        .and_then(VolumeStatus::from_number)
        .ok_or_else(|| fields.wrong("status", &status, "0, 1 or 2"))?;
    volume.transport = (transport.parse().ok())
        .and_then(Transport::from_number)
        .ok_or_else(|| fields.wrong("transport-type", &transport, "0, 1 or 2"))?;
    volume.version = fields.number("version")?;
    volume.op_version = fields.number_or("op-version", 1)?;
    volume.client_op_version = fields.number_or("client-op-version", 1)?;
    volume.quota_version = fields.number_or("quota-version", 0)?;
    volume.tier_enabled = fields.number_or("tier-enabled", 0)?;
    volume.parent_volname = fields.text("parent_volname").unwrap_or_else(|_| "N/A".to_owned());
    volume.restored_from_snap = fields.uuid_or_nil("restored_from_snap")?;
    volume.snap_max_hard_limit = fields.number_or("snap-max-hard-limit", 256)?;
    fields.take_where(|key| key == "sub_count" || key == "stripe_count");
    let bricks = in_order(&fields.take_where(|key| number_after(key, "brick-").is_some()), "brick-");
    let thin_arbiters =
        in_order(&fields.take_where(|key| number_after(key, "ta-brick-").is_some()), "ta-brick-");
    if bricks.len() != count {
        return Err(fields.wrong("count", &count.to_string(), "as many as there are brick-<n> lines"));
    }
    if count == 0 || !count.is_multiple_of(kind.set_size() as usize) {
        return Err(fields.wrong("count", &count.to_string(), "a multiple of the replica or disperse count"));
    }
    volume.sessions = fields
        .take_where(|key| number_after(key, "secondary").or_else(|| number_after(key, "slave")).is_some());
    volume.options = VolumeOptions::from_stored(&fields.rest());
    Ok(Info { volume, bricks, thin_arbiters })
}

fn read_kind(fields: &mut Fields) -> Result<VolumeKind, StoreError> {
    let number = fields.text("type")?;
    let replica: u32 = fields.number_or("replica_count", 1)?;
    let (arbiter, thin_arbiter) =
        (fields.number_or("arbiter_count", 0)?, fields.number_or("thin_arbiter_count", 0)?);
    let (bricks, redundancy): (u32, u32) =
        (fields.number_or("disperse_count", 0)?, fields.number_or("redundancy_count", 0)?);
    match number.as_str() {
        "0" => Ok(VolumeKind::Distribute),
        "2" if replica > 1 && arbiter < replica => {
            Ok(VolumeKind::Replicate { replica, arbiter, thin_arbiter })
        }
        "2" => Err(fields.wrong("replica_count", &replica.to_string(), "at least 2 for type 2")),
        "4" if bricks > redundancy && redundancy > 0 => Ok(VolumeKind::Disperse { bricks, redundancy }),
        "4" => {
            Err(fields.wrong("disperse_count", &bricks.to_string(), "more than redundancy_count for type 4"))
        }
        _ => Err(fields.wrong("type", &number, "0 (distribute), 2 (replicate) or 4 (disperse)")),
    }
}

fn number_after(key: &str, prefix: &str) -> Option<u32> {
    key.strip_prefix(prefix)?.parse().ok()
}

fn in_order(lines: &Lines, prefix: &str) -> Vec<String> {
    let mut numbered: Vec<_> = lines
        .iter()
        .filter_map(|(key, value)| Some((number_after(key, prefix)?, value.to_owned())))
        .collect();
    numbered.sort_by_key(|(number, _)| *number);
    numbered.into_iter().map(|(_, value)| value).collect()
}
