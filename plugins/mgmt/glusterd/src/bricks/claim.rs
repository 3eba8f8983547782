//! Marking a folder as a volume's brick.

use super::check::{BrickError, VOLUME_ID_XATTR};
use super::reason;
use rustix::fs::{Mode, XattrFlags, lsetxattr, mkdir};
use rustix::io::Errno;
use std::path::Path;
use uuid::Uuid;

/// By which replicas doubt a copy.
const DIRTY_XATTR: &str = "trusted.afr.dirty";

/// Writes the volume's id to the folder's xattr (with `force` over one that is there) and makes `.glusterfs`, mode
/// 0600, for the brick to fill.
///
/// # Errors
/// The xattr is there and `force` is not given, or the file system refuses.
pub fn claim(path: &Path, volume: Uuid, force: bool) -> Result<(), BrickError> {
    let failed = |errno: Errno| BrickError::Claim { path: path.display().to_string(), reason: reason(errno) };
    let flags = if force { XattrFlags::empty() } else { XattrFlags::CREATE };
    lsetxattr(path, VOLUME_ID_XATTR, volume.as_bytes(), flags).map_err(failed)?;
    match mkdir(path.join(".glusterfs"), Mode::from_raw_mode(0o600)) {
        Ok(()) | Err(Errno::EXIST) => Ok(()),
        Err(errno) => Err(failed(errno)),
    }
}

/// Says on the root of an empty copy that it is not to be trusted.
///
/// # Errors
/// A sentence: the folder does not take it.
pub fn distrust(path: &Path) -> Result<(), String> {
    let one_entry_change: [u8; 12] = [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1];
    lsetxattr(path, DIRTY_XATTR, &one_entry_change, XattrFlags::empty())
        .map_err(|errno| format!("{DIRTY_XATTR} on {}: {errno}", path.display()))
}

/// Takes the mark of a volume that did not come to be off its folder again, as far as that goes.
pub fn unclaim(path: &Path, volume: Uuid) {
    if crate::store::atomic::step(path).is_ok() && super::check::volume_id(path) == Ok(volume) {
        let _ = rustix::fs::lremovexattr(path, VOLUME_ID_XATTR);
        let _ = rustix::fs::lremovexattr(path, DIRTY_XATTR);
        // It goes only if nobody has put anything in.
        let _ = rustix::fs::rmdir(path.join(".glusterfs"));
    }
}

/// Takes the marks back of volumes that a crash has kept from being made; call it before the trash is emptied.
pub fn unclaim_unborn(paths: &crate::paths::Paths) {
    let Ok(entries) = std::fs::read_dir(paths.trash()) else { return };
    for entry in entries.flatten() {
        let name = entry.file_name();
        let id = name.to_str().and_then(|name| name.strip_suffix(".creating")?.parse::<Uuid>().ok());
        let (Some(id), Ok(bricks)) = (id, std::fs::read_dir(entry.path().join("bricks"))) else { continue };
        for file in bricks.flatten() {
            if let Ok(brick) = crate::store::brick_file::read(&file.path(), "", 0) {
                unclaim(Path::new(&brick.path), id);
            }
        }
    }
}
