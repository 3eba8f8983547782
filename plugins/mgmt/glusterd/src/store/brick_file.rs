//! `vols/<volume>/bricks/<host>:<path with dashes>`: one brick.

use super::fields::Fields;
use super::{Lines, StoreError};
use crate::brick::Brick;
use std::path::Path;

/// The brick file's lines, in the order the incumbent writes them.
#[must_use]
pub fn encode(brick: &Brick) -> Lines {
    let mut lines = Lines::default();
    lines.push("uuid", brick.node);
    lines.push("hostname", &brick.host);
    lines.push("path", &brick.path);
    lines.push("real_path", &brick.real_path);
    lines.push("listen-port", brick.port);
    lines.push("rdma.listen-port", brick.rdma_port);
    lines.push("decommissioned", u8::from(brick.decommissioned));
    lines.push("brick-id", &brick.id);
    lines.push_unless_empty("vg", &brick.volume_group);
    lines.push_unless_empty("device_path", &brick.device_path);
    lines.push_unless_empty("mount_dir", &brick.mount_dir);
    lines.push_unless_empty("fs-type", &brick.fs_type);
    lines.push_unless_empty("mnt-opts", &brick.mount_options);
    lines.push("snap-status", brick.snap_status);
    lines.push("brick-fsid", brick.fsid);
    lines.extend(&brick.unknown);
    lines
}

/// Reads a brick file. A brick id that older versions did not write is made from `volume` and `index`.
///
/// # Errors
/// The file cannot be read, or a field is missing or malformed.
pub fn read(path: &Path, volume: &str, index: usize) -> Result<Brick, StoreError> {
    let mut fields = Fields::read(path)?;
    let (host, brick_path) = (fields.text("hostname")?, fields.text("path")?);
    if !brick_path.starts_with('/') {
        return Err(fields.wrong("path", &brick_path, "an absolute path"));
    }
    let id = match fields.text_or_empty("brick-id") {
        id if id.is_empty() => format!("{volume}-client-{index}"),
        id => id,
    };
    let mut brick = Brick::new(fields.uuid_or_nil("uuid")?, &host, &brick_path, &id);
    brick.real_path = match fields.text_or_empty("real_path") {
        path if path.is_empty() => brick_path,
        path => path,
    };
    brick.port = fields.number_or("listen-port", 0)?;
    brick.rdma_port = fields.number_or("rdma.listen-port", 0)?;
    brick.decommissioned = fields.number_or::<u8>("decommissioned", 0)? != 0;
    brick.volume_group = fields.text_or_empty("vg");
    brick.device_path = fields.text_or_empty("device_path");
    brick.fs_type = fields.text_or_empty("fs-type");
    brick.mount_options = fields.text_or_empty("mnt-opts");
    brick.mount_dir = fields.text_or_empty("mount_dir");
    brick.snap_status = fields.number_or("snap-status", 0)?;
    brick.fsid = fields.number_or("brick-fsid", 0)?;
    brick.unknown = fields.rest();
    Ok(brick)
}
