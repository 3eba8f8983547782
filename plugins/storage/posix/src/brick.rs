//! The brick: opened once, after everything about it was checked.

use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::sync::{Arc, RwLock, RwLockReadGuard, RwLockWriteGuard};

use gluster_brick::{DIR_FLAGS, make_dir};
use plugin_api::Gfid;
use rustix::fs::{AtFlags, CWD, Mode, OFlags, XattrFlags};
use rustix::io::Errno;

use crate::descriptors::Descriptors;
use crate::gfids::Gfids;
use crate::handle::{HandleName, root_target};
use crate::inodes::Inodes;
use crate::landfill::Janitor;
use crate::options::Options;
use crate::place::Housekeeping;
use crate::space::Space;

/// Where the gfid of an object is kept.
pub(crate) const GFID_XATTR: &[u8] = b"trusted.gfid";
/// Which volume a brick belongs to, on its root.
pub(crate) const VOLUME_ID_XATTR: &[u8] = b"trusted.glusterfs.volume-id";

const OPEN_DIRS_MAX: u64 = 2048;
const NAME_LOCKS: usize = 64;

/// Why a brick is not opened.
#[derive(Debug, thiserror::Error)]
pub(crate) enum OpenError {
    #[error("{path}: {step}: {errno}")]
    Io { path: PathBuf, step: &'static str, errno: Errno },
    #[error(
        "{path}: the file system keeps no extended attributes; a brick needs them (mount it with them, or use another)"
    )]
    NoXattrs { path: PathBuf },
    #[error("{path}: is already part of a volume: its volume-id is {found}, the volfile says {expected}")]
    OtherVolume { path: PathBuf, found: String, expected: Gfid },
    #[error("{path}: is not part of a volume: it has no {attr}; is its file system mounted?",
        attr = String::from_utf8_lossy(VOLUME_ID_XATTR))]
    NoVolume { path: PathBuf },
    #[error("{path}: trusted.gfid is {found}, the root of a brick has {expected}", expected = Gfid::ROOT)]
    NotARoot { path: PathBuf, found: String },
    #[error("{path}/.glusterfs: the root's handle leads to another directory; was the brick copied?")]
    ForeignHandle { path: PathBuf },
}

/// An open brick.
#[derive(Debug)]
pub(crate) struct Brick {
    pub(crate) path: PathBuf,
    glusterfs_path: PathBuf,
    /// The root, which also pins the mount.
    pub(crate) root: Arc<OwnedFd>,
    pub(crate) glusterfs: OwnedFd,
    /// Directories, as parents and for themselves.
    pub(crate) dirs: Descriptors,
    /// Files that are read and written without having been opened.
    pub(crate) anonymous: Descriptors,
    pub(crate) inodes: Inodes,
    pub(crate) gfids: Gfids,
    pub(crate) space: Space,
    pub(crate) janitor: Janitor,
    options: RwLock<Arc<Options>>,
    /// One of the options, for every fop asks it.
    ctime: AtomicBool,
    names: [RwLock<()>; NAME_LOCKS],
}

impl Brick {
    /// Checks the brick and opens it: nothing is served from a folder that is not the brick it should be.
    pub(crate) fn open(options: Options) -> Result<Self, OpenError> {
        let path = options.directory.clone();
        let io = |step: &'static str| {
            let path = path.clone();
            move |errno: Errno| OpenError::Io { path, step, errno }
        };
        let root = rustix::fs::openat(CWD, &path, DIR_FLAGS.difference(OFlags::NOFOLLOW), Mode::empty())
            .map_err(io("opening the brick's directory"))?;
        if options.mandate_attribute
            && rustix::fs::fgetxattr(&root, "user.x", &mut [0; 1][..]) == Err(Errno::OPNOTSUPP)
        {
            return Err(OpenError::NoXattrs { path });
        }
        check_volume_id(&root, &options)?;
        check_root_gfid(&root, &path)?;
        give_to(&root, &options).map_err(io("setting brick-uid and brick-gid"))?;
        crate::place::learn(root.as_fd());
        let glusterfs = housekeeping(&root).map_err(io("making .glusterfs"))?;
        root_handle(&root, &glusterfs, &path)?;
        let brick = Self {
            glusterfs_path: path.join(".glusterfs"),
            path: path.clone(),
            root: Arc::new(root),
            glusterfs,
            dirs: Descriptors::new(open_dirs_limit()),
            anonymous: Descriptors::new(open_dirs_limit() / 8),
            inodes: Inodes::default(),
            gfids: Gfids::default(),
            ctime: AtomicBool::new(options.ctime),
            space: Space::default(),
            janitor: Janitor::default(),
            options: RwLock::new(Arc::new(options)),
            names: [const { RwLock::new(()) }; NAME_LOCKS],
        };
        brick.clear_unlinked().map_err(io("emptying .glusterfs/unlink"))?;
        brick.move_old_landfill();
        Ok(brick)
    }

    /// The options as they are now.
    pub(crate) fn options(&self) -> Arc<Options> {
        Arc::clone(&self.options.read().expect("no panic under it"))
    }

    /// Takes changed options; those that were only read at the start keep their value until the next one.
    pub(crate) fn reconfigure(&self, options: Options) {
        // As at the start, but a brick that serves does not go down over its owner.
        let _ = give_to(&self.root, &options);
        self.ctime.store(options.ctime, Relaxed);
        *self.options.write().expect("no panic under it") = Arc::new(options);
    }

    /// Whether times come from the clients.
    pub(crate) fn keeps_times(&self) -> bool {
        self.ctime.load(Relaxed)
    }

    pub(crate) fn housekeeping(&self) -> Housekeeping<'_> {
        Housekeeping { fd: self.glusterfs.as_fd(), path: self.glusterfs_path.as_os_str().as_bytes() }
    }

    /// Held while something new gets a name in `parent`, until all of it is there. Any number at once.
    pub(crate) fn share_names(&self, parent: Gfid) -> RwLockReadGuard<'_, ()> {
        self.names[name_lock(parent)].read().expect("no panic under it")
    }

    /// Held while a name in `parent` is looked at and then removed or replaced: nothing half made is seen.
    ///
    /// Whoever takes a name lock and the handle lock of an inode takes the name lock first.
    pub(crate) fn lock_names(&self, parent: Gfid) -> RwLockWriteGuard<'_, ()> {
        self.names[name_lock(parent)].write().expect("no panic under it")
    }

    /// As [`lock_names`](Self::lock_names), for the two parents of a rename.
    pub(crate) fn lock_both_names(&self, one: Gfid, other: Gfid) -> NameLocks<'_> {
        let (low, high) = (name_lock(one).min(name_lock(other)), name_lock(one).max(name_lock(other)));
        let first = self.names[low].write().expect("no panic under it");
        let second = (low != high).then(|| self.names[high].write().expect("no panic under it"));
        (first, second)
    }
}

/// The locks of two parents, which may be one.
pub(crate) type NameLocks<'b> = (RwLockWriteGuard<'b, ()>, Option<RwLockWriteGuard<'b, ()>>);

fn name_lock(parent: Gfid) -> usize {
    usize::from(parent.0[15] ^ parent.0[14]) % NAME_LOCKS
}

/// A share of the descriptors that this process may hold.
fn open_dirs_limit() -> usize {
    let limit =
        rustix::process::getrlimit(rustix::process::Resource::Nofile).current.unwrap_or(OPEN_DIRS_MAX * 8);
    usize::try_from((limit / 8).min(OPEN_DIRS_MAX)).unwrap_or(64)
}

/// Hands the root to its owner, where the options name one.
fn give_to(root: &OwnedFd, options: &Options) -> Result<(), Errno> {
    let (uid, gid) = crate::place::owner(options.brick_uid, options.brick_gid);
    if (uid, gid) == (None, None) { Ok(()) } else { rustix::fs::fchown(root, uid, gid) }
}

fn check_volume_id(root: &OwnedFd, options: &Options) -> Result<(), OpenError> {
    let Some(expected) = options.volume_id else { return Ok(()) };
    let path = || options.directory.clone();
    let mut id = [0; 64];
    match rustix::fs::fgetxattr(root, VOLUME_ID_XATTR, &mut id[..]) {
        Ok(len) if Gfid::from_slice(&id[..len]) == Some(expected) => Ok(()),
        Ok(len) => Err(OpenError::OtherVolume { path: path(), found: shown(&id[..len]), expected }),
        Err(Errno::NODATA) => Err(OpenError::NoVolume { path: path() }),
        Err(errno) => Err(OpenError::Io { path: path(), step: "reading the volume-id", errno }),
    }
}

fn check_root_gfid(root: &OwnedFd, path: &Path) -> Result<(), OpenError> {
    let mut id = [0; 64];
    let io = |step, errno| OpenError::Io { path: path.into(), step, errno };
    match rustix::fs::fgetxattr(root, GFID_XATTR, &mut id[..]) {
        Ok(len) if Gfid::from_slice(&id[..len]) == Some(Gfid::ROOT) => Ok(()),
        Ok(len) => Err(OpenError::NotARoot { path: path.into(), found: shown(&id[..len]) }),
        Err(Errno::NODATA) => rustix::fs::fsetxattr(root, GFID_XATTR, &Gfid::ROOT.0, XattrFlags::empty())
            .map_err(|e| io("setting the gfid of the root", e)),
        Err(Errno::OPNOTSUPP) => Err(OpenError::NoXattrs { path: path.into() }),
        Err(e) => Err(io("reading the gfid of the root", e)),
    }
}

fn shown(id: &[u8]) -> String {
    Gfid::from_slice(id).map_or_else(|| format!("{} bytes", id.len()), |gfid| gfid.to_string())
}

/// Makes the tree under `.glusterfs` as far as it is not there, and opens it.
fn housekeeping(root: &OwnedFd) -> Result<OwnedFd, Errno> {
    make_dir(root, b".glusterfs", 0o700)?;
    let glusterfs = rustix::fs::openat(root, ".glusterfs", DIR_FLAGS, Mode::empty())?;
    for (name, mode) in [("unlink", 0o600), ("landfill", 0o755)] {
        make_dir(&glusterfs, name.as_bytes(), mode)?;
    }
    for first in 0..=255_u8 {
        make_dir(&glusterfs, format!("{first:02x}").as_bytes(), 0o700)?;
    }
    make_dir(&glusterfs, b"00/00", 0o700)?;
    Ok(glusterfs)
}

/// The root's handle must lead back to this very directory.
fn root_handle(root: &OwnedFd, glusterfs: &OwnedFd, path: &Path) -> Result<(), OpenError> {
    let handle = HandleName::of(Gfid::ROOT);
    let io = |step| move |errno| OpenError::Io { path: path.into(), step, errno };
    match rustix::fs::symlinkat(root_target(), glusterfs, handle.bytes()) {
        Ok(()) | Err(Errno::EXIST) => {}
        Err(e) => return Err(io("making the root's handle")(e)),
    }
    let here = rustix::fs::fstat(root).map_err(io("reading the root"))?;
    let there = rustix::fs::statat(glusterfs, handle.bytes(), AtFlags::empty());
    match there {
        Ok(st) if (st.st_dev, st.st_ino) == (here.st_dev, here.st_ino) => Ok(()),
        Ok(_) | Err(Errno::NOENT | Errno::LOOP) => Err(OpenError::ForeignHandle { path: path.into() }),
        Err(e) => Err(io("reading the root's handle")(e)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{brick, marked_folder, options, set_behind};

    fn refused(change: impl FnOnce(&Path)) -> OpenError {
        let dir = marked_folder();
        change(dir.path());
        Brick::open(options(dir.path())).expect_err("the brick is not what it should be")
    }

    #[test]
    fn a_new_brick_gets_its_gfid_and_its_folders() {
        let brick = brick();
        let mut id = [0; 16];
        rustix::fs::getxattr(brick.path("."), GFID_XATTR, &mut id[..]).unwrap();
        assert_eq!(Gfid(id), Gfid::ROOT);
        for name in ["00", "7f", "ff", "unlink", "landfill"] {
            assert!(brick.path(".glusterfs").join(name).is_dir(), "{name}");
        }
        let handle = brick.path(".glusterfs/00/00/00000000-0000-0000-0000-000000000001");
        assert_eq!(std::fs::read_link(handle).unwrap(), Path::new("../../.."));
    }

    #[test]
    fn a_folder_that_is_not_this_volumes_brick_is_refused() {
        let other = refused(|path| set_behind(path, "trusted.glusterfs.volume-id", &[8; 16]));
        assert!(matches!(other, OpenError::OtherVolume { .. }), "{other}");
        let short = refused(|path| set_behind(path, "trusted.glusterfs.volume-id", &[7; 3]));
        assert!(matches!(short, OpenError::OtherVolume { .. }), "{short}");
        let unmounted = refused(|path| rustix::fs::removexattr(path, VOLUME_ID_XATTR).unwrap());
        assert!(matches!(unmounted, OpenError::NoVolume { .. }), "{unmounted}");
        let inner = refused(|path| set_behind(path, "trusted.gfid", &[9; 16]));
        assert!(matches!(inner, OpenError::NotARoot { .. }), "{inner}");
        let file = refused(|path| std::fs::write(path.join(".glusterfs"), "").unwrap());
        assert!(matches!(file, OpenError::Io { .. }), "{file}");
        let gone = Brick::open(options(Path::new("/nowhere/at/all"))).unwrap_err();
        assert!(matches!(gone, OpenError::Io { errno: Errno::NOENT, .. }), "{gone}");
    }

    #[test]
    fn a_root_handle_that_leads_elsewhere_is_refused() {
        let foreign = refused(|path| {
            let folder = path.join(".glusterfs/00/00");
            std::fs::create_dir_all(&folder).unwrap();
            let handle = folder.join("00000000-0000-0000-0000-000000000001");
            std::os::unix::fs::symlink("/tmp", handle).unwrap();
        });
        assert!(matches!(foreign, OpenError::ForeignHandle { .. }), "{foreign}");
    }

    #[test]
    fn what_was_open_without_a_name_is_gone_after_a_restart() {
        let brick = brick();
        let parked = brick.path(".glusterfs/unlink/0123cdef-0000-4000-8000-00000000000a");
        std::fs::write(&parked, "x").unwrap();
        let brick = brick.reopen();
        assert!(!parked.exists());
        drop(brick);
    }
}
