//! Whether a folder may become a brick, and whether a brick may start. The texts are the incumbent's.

use super::{place, reason};
use crate::brick::{Brick, BrickName};
use crate::paths::{Paths, brick_volfile_id};
use crate::volume::Volume;
use rustix::fs::{FileType, Stat, lstat, mkdir, rmdir};
use rustix::io::Errno;
use std::path::{Path, PathBuf};
use uuid::Uuid;

/// Names a volume's brick folders.
pub const VOLUME_ID_XATTR: &str = "trusted.glusterfs.volume-id";
/// On everything inside a brick, the brick folder included.
const GFID_XATTR: &str = "trusted.gfid";
/// Set and removed again to see whether the file system can.
const TEST_XATTR: &str = "trusted.glusterfs.test";

/// Longest name of a file or folder.
const NAME_MAX: usize = 255;
/// Longest path.
const PATH_MAX: usize = 4095;

/// Why a folder cannot become a brick, or a brick cannot start.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[allow(missing_docs)] // the messages say it
pub enum BrickError {
    #[error("brick path {brick} is too long.")]
    TooLong { brick: BrickNameText },
    #[error("Volume file path for volume {volume} and brick path {brick} is too long.")]
    VolfileTooLong { volume: String, brick: BrickNameText },
    #[error("Brick: {brick} not available. Brick may be containing or be contained by an existing brick.")]
    NotAvailable { brick: BrickNameText },
    #[error("Brick isn't allowed to be created inside glusterd's working directory.")]
    InWorkingDirectory,
    // The space at the end is the incumbent's.
    #[error("Failed to create brick directory for brick {brick}. Reason : {reason} ")]
    Create { brick: BrickNameText, reason: String },
    #[error("The provided path {path} which is already present, is not a directory")]
    NotAFolder { path: String },
    #[error("lstat failed on {path}. Reason : {reason}")]
    Stat { path: String, reason: String },
    #[error(
        "The brick {brick} is a mount point. Please create a sub-directory under the mount point and use that as \
         the brick directory. Or use 'force' at the end of the command if you want to override this behavior."
    )]
    MountPoint { brick: BrickNameText },
    #[error(
        "The brick {brick} is being created in the root partition. It is recommended that you don't use the \
         system's root partition for storage backend. Or use 'force' at the end of the command if you want to \
         override this behavior."
    )]
    RootPartition { brick: BrickNameText },
    #[error(
        "Glusterfs is not supported on brick: {brick}.\nSetting extended attributes failed, reason: {reason}."
    )]
    NoXattrs { brick: BrickNameText, reason: String },
    #[error("{path} is already part of a volume")]
    InUse { path: String },
    #[error("parent directory {path} is already part of a volume")]
    ParentInUse { path: String },
    #[error("Failed to find brick directory {path} for volume {volume}. Reason : {reason}")]
    Gone { path: String, volume: String, reason: String },
    #[error("Failed to get extended attribute {VOLUME_ID_XATTR} for brick dir {path}. Reason : {reason}")]
    NoVolumeId { path: String, reason: String },
    #[error("Volume id mismatch for brick {brick}. Expected volume id {expected}, volume id {found} found")]
    OtherVolume { brick: BrickNameText, expected: Uuid, found: Uuid },
    #[error("Failed to set extended attribute {VOLUME_ID_XATTR} on {path}. Reason : {reason}")]
    Claim { path: String, reason: String },
}

/// `host:/path`, as typed.
type BrickNameText = String;

/// A brick that a command names, and how the command wants it.
#[derive(Debug, Clone, Copy)]
pub struct Candidate<'a> {
    /// The volume it is for.
    pub volume: &'a str,
    /// The brick.
    pub name: &'a BrickName,
    /// Mount points, the root partition and folders of old volumes are taken.
    pub force: bool,
    /// The root partition is taken.
    pub ignore_partition: bool,
}

/// Whether the names made of volume and brick fit the file system.
///
/// # Errors
/// [`BrickError::TooLong`] or [`BrickError::VolfileTooLong`].
pub fn check_length(volume: &str, name: &BrickName, paths: &Paths) -> Result<(), BrickError> {
    let brick = name.to_string();
    if name.path.len() > PATH_MAX || name.path.split('/').any(|part| part.len() > NAME_MAX) {
        return Err(BrickError::TooLong { brick });
    }
    // One more letter for the temporary file's name each time the file is replaced.
    let file = format!("{}.vol.tmp", brick_volfile_id(volume, &name.host, &name.path));
    if file.len() > NAME_MAX || paths.volume(volume).join(&file).as_os_str().len() > PATH_MAX {
        return Err(BrickError::VolfileTooLong { volume: volume.to_owned(), brick });
    }
    Ok(())
}

/// Whether the brick lies apart from all bricks there are on its node, judged by real paths.
///
/// # Errors
/// [`BrickError::NotAvailable`].
pub fn check_overlap<'a>(
    name: &BrickName,
    real_path: &Path,
    node: Uuid,
    existing: impl IntoIterator<Item = &'a Brick>,
) -> Result<(), BrickError> {
    let overlaps = |other: &Brick| {
        let theirs = Path::new(&other.real_path);
        other.node == node && (theirs.starts_with(real_path) || real_path.starts_with(theirs))
    };
    if existing.into_iter().any(overlaps) {
        return Err(BrickError::NotAvailable { brick: name.to_string() });
    }
    Ok(())
}

/// A folder that passed all checks. If checking made it, it is removed again unless it is [kept](Self::keep).
#[derive(Debug)]
pub struct CheckedFolder {
    path: PathBuf,
    made: bool,
}

impl CheckedFolder {
    /// The folder becomes a brick.
    pub fn keep(mut self) {
        self.made = false;
    }
}

impl Drop for CheckedFolder {
    fn drop(&mut self) {
        if self.made {
            let _ = rmdir(&self.path);
        }
    }
}

/// Checks the folder of a brick of this node, and makes it when it is not there (its last part only, mode 0755).
///
/// # Errors
/// The first check that fails. A folder made here is removed again.
pub fn check_folder(candidate: Candidate<'_>, paths: &Paths) -> Result<CheckedFolder, BrickError> {
    let path = Path::new(&candidate.name.path);
    let brick = || candidate.name.to_string();
    let is_below_work = |path: &Path| path.starts_with(&paths.work);
    if is_below_work(path) || place::real_path(path).is_ok_and(|real| is_below_work(&real)) {
        return Err(BrickError::InWorkingDirectory);
    }
    let made = match mkdir(path, rustix::fs::Mode::from_raw_mode(0o755)) {
        Ok(()) => true,
        Err(Errno::EXIST) => false,
        Err(errno) => return Err(BrickError::Create { brick: brick(), reason: reason(errno) }),
    };
    let folder = CheckedFolder { path: path.to_owned(), made };
    let own = stat(path)?;
    if FileType::from_raw_mode(own.st_mode) != FileType::Directory {
        return Err(BrickError::NotAFolder { path: candidate.name.path.clone() });
    }
    if !candidate.force {
        let parent = stat(path.parent().unwrap_or(path))?;
        if own.st_dev != parent.st_dev {
            return Err(BrickError::MountPoint { brick: brick() });
        }
        if parent.st_dev == stat(Path::new("/"))?.st_dev && !candidate.ignore_partition {
            return Err(BrickError::RootPartition { brick: brick() });
        }
    }
    check_xattrs(path).map_err(|errno| BrickError::NoXattrs { brick: brick(), reason: reason(errno) })?;
    if !candidate.force {
        check_unused(path)?;
    }
    Ok(folder)
}

fn stat(path: &Path) -> Result<Stat, BrickError> {
    lstat(path).map_err(|errno| BrickError::Stat { path: path.display().to_string(), reason: reason(errno) })
}

fn check_xattrs(path: &Path) -> Result<(), Errno> {
    rustix::fs::lsetxattr(path, TEST_XATTR, b"working\0", rustix::fs::XattrFlags::empty())?;
    rustix::fs::lremovexattr(path, TEST_XATTR)
}

/// Neither the folder nor any above it is a brick, or lies in one.
fn check_unused(path: &Path) -> Result<(), BrickError> {
    for folder in path.ancestors() {
        if has_xattr(folder, VOLUME_ID_XATTR) || has_xattr(folder, GFID_XATTR) {
            let shown = folder.display().to_string();
            return Err(if folder == path {
                BrickError::InUse { path: shown }
            } else {
                BrickError::ParentInUse { path: shown }
            });
        }
    }
    Ok(())
}

fn has_xattr(path: &Path, name: &str) -> bool {
    rustix::fs::lgetxattr(path, name, &mut [0_u8; 0][..]).is_ok()
}

/// The volume that a folder is a brick of.
///
/// # Errors
/// ENODATA when it is none's, EINVAL when the xattr is no uuid.
pub fn volume_id(path: &Path) -> Result<Uuid, Errno> {
    let mut value = [0_u8; 17];
    match rustix::fs::lgetxattr(path, VOLUME_ID_XATTR, &mut value[..]) {
        Ok(16) => Ok(Uuid::from_slice(&value[..16]).expect("16 bytes are a uuid")),
        Ok(_) | Err(Errno::RANGE) => Err(Errno::INVAL),
        Err(errno) => Err(errno),
    }
}

/// Whether a brick of this node may start: its folder is there and marked as its volume's.
///
/// # Errors
/// The folder is gone, not marked, or marked as another volume's. `force` helps against the first two, which
/// the caller decides.
pub fn check_start(volume: &Volume, brick: &Brick) -> Result<(), BrickError> {
    let path = Path::new(&brick.path);
    let gone = |errno| BrickError::Gone {
        path: brick.path.clone(),
        volume: volume.name.clone(),
        reason: reason(errno),
    };
    let own = lstat(path).map_err(gone)?;
    if FileType::from_raw_mode(own.st_mode) != FileType::Directory {
        return Err(gone(Errno::NOTDIR));
    }
    match volume_id(path) {
        Ok(found) if found == volume.id => Ok(()),
        Ok(found) => Err(BrickError::OtherVolume { brick: brick.display_name(), expected: volume.id, found }),
        Err(errno) => Err(BrickError::NoVolumeId { path: brick.path.clone(), reason: reason(errno) }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(path: &str) -> BrickName {
        BrickName { host: "box".to_owned(), path: path.to_owned() }
    }

    #[test]
    fn bricks_of_one_node_may_not_lie_in_each_other() {
        let node = Uuid::new_v4();
        let existing = [Brick::new(node, "box", "/bricks/1/v", "v-client-0")];
        for path in ["/bricks/1/v", "/bricks/1", "/bricks/1/v/sub"] {
            let error = check_overlap(&name(path), Path::new(path), node, &existing).unwrap_err();
            assert_eq!(
                error.to_string(),
                format!(
                    "Brick: box:{path} not available. Brick may be containing or be contained by an existing brick."
                )
            );
        }
        check_overlap(&name("/bricks/1/vx"), Path::new("/bricks/1/vx"), node, &existing).unwrap();
        check_overlap(&name("/bricks/1"), Path::new("/bricks/1"), Uuid::new_v4(), &existing).unwrap();
    }

    #[test]
    fn names_that_do_not_fit_a_file_are_refused_before_anything_is_made() {
        let paths = Paths::default();
        let long = name(&format!("/b/{}", "x".repeat(260)));
        assert!(matches!(check_length("v", &long, &paths), Err(BrickError::TooLong { .. })));
        let volfile = name(&format!("/b/{}", "x".repeat(250)));
        assert!(matches!(check_length("v", &volfile, &paths), Err(BrickError::VolfileTooLong { .. })));
        check_length("v", &name("/b/x"), &paths).unwrap();
    }

    #[test]
    fn a_folder_made_for_a_refused_brick_is_removed_again() {
        let root = tempfile::tempdir().unwrap();
        let paths = Paths::new("/nonexistent/work", "/r", "/l");
        let folder = root.path().join("new");
        let name = name(folder.to_str().unwrap());
        let candidate = Candidate { volume: "v", name: &name, force: true, ignore_partition: false };
        if let Ok(checked) = check_folder(candidate, &paths) {
            assert!(folder.is_dir());
            drop(checked);
        }
        assert!(!folder.exists());
    }

    #[test]
    fn refused_folders_are_refused_with_the_incumbents_words() {
        let root = tempfile::tempdir().unwrap();
        let paths = Paths::new(root.path().join("work"), "/r", "/l");
        let refusal = |path: &Path| {
            let name = name(path.to_str().unwrap());
            let candidate = Candidate { volume: "v", name: &name, force: true, ignore_partition: false };
            (check_folder(candidate, &paths).unwrap_err().to_string(), name)
        };
        let (text, name) = refusal(&root.path().join("a/b"));
        let expected = "Failed to create brick directory for brick";
        assert_eq!(text, format!("{expected} {name}. Reason : No such file or directory "));
        std::fs::write(root.path().join("file"), "").unwrap();
        let (text, name) = refusal(&root.path().join("file"));
        let path = name.path;
        assert_eq!(text, format!("The provided path {path} which is already present, is not a directory"));
        let (text, _) = refusal(&root.path().join("work/x"));
        assert_eq!(text, "Brick isn't allowed to be created inside glusterd's working directory.");
    }
}
