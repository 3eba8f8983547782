//! Makes, moves and removes handles.

use rustix::fs::{AtFlags, Mode, StatxFlags};
use rustix::io::{Errno, Result};

use plugin_api::Gfid;

use crate::brick::Brick;
use crate::find::Entry;
use crate::handle::{DirTarget, HandleName, dir_target, gfid_text};
use crate::seam::seam;

impl Brick {
    /// Makes the handle of the object at `entry`: a second link, or for a directory a symlink that says where it is.
    /// `EEXIST` when another object has it.
    pub(crate) fn make_handle(&self, entry: &Entry<'_>, directory: bool, gfid: Gfid) -> Result<()> {
        let inode = self.inodes.get(gfid);
        let _handle = inode.handle.write().expect("no panic under it");
        if directory { self.make_dir_handle(entry, gfid) } else { self.link_handle(entry, gfid) }
    }

    fn link_handle(&self, entry: &Entry<'_>, gfid: Gfid) -> Result<()> {
        let handle = HandleName::of(gfid);
        let link = || {
            rustix::fs::linkat(
                &entry.dir,
                entry.name.bytes(),
                &self.glusterfs,
                handle.bytes(),
                AtFlags::empty(),
            )
        };
        match self.with_folder(&handle, link) {
            Err(Errno::EXIST) => {
                let flags = AtFlags::SYMLINK_NOFOLLOW;
                let there = rustix::fs::statx(&self.glusterfs, handle.bytes(), flags, StatxFlags::INO)?;
                let here = rustix::fs::statx(&entry.dir, entry.name.bytes(), flags, StatxFlags::INO)?;
                if there.stx_ino == here.stx_ino { Ok(()) } else { Err(Errno::EXIST) }
            }
            other => other,
        }
    }

    /// A handle that is there is replaced in one step, so that a crash leaves the old one or the new one.
    fn make_dir_handle(&self, entry: &Entry<'_>, gfid: Gfid) -> Result<()> {
        let (handle, target) = (HandleName::of(gfid), dir_target(entry.parent, entry.name));
        let link = || rustix::fs::symlinkat(&target[..], &self.glusterfs, handle.bytes());
        match self.with_folder(&handle, link) {
            Err(Errno::EXIST) => {}
            other => return other,
        }
        match self.read_dir_handle(gfid) {
            Ok(DirTarget::In(parent, name)) if parent == entry.parent && name == entry.name.bytes() => {
                return Ok(());
            }
            Ok(DirTarget::In(..)) => {}
            // A file has this gfid, or the root.
            Ok(DirTarget::Root) | Err(_) => return Err(Errno::EXIST),
        }
        seam()?;
        let fresh = [b"unlink/", &gfid_text(gfid)[..], b".dir"].concat();
        let _ = rustix::fs::unlinkat(&self.glusterfs, &fresh[..], AtFlags::empty());
        rustix::fs::symlinkat(&target[..], &self.glusterfs, &fresh[..])?;
        rustix::fs::renameat(&self.glusterfs, &fresh[..], &self.glusterfs, handle.bytes())
    }

    /// Runs `link`, making the handle's folders when they are what is missing.
    fn with_folder(&self, handle: &HandleName, link: impl Fn() -> Result<()>) -> Result<()> {
        seam()?;
        match link() {
            Err(Errno::NOENT) => {}
            other => return other,
        }
        seam()?;
        let make = |folder| match rustix::fs::mkdirat(&self.glusterfs, folder, Mode::RWXU) {
            Ok(()) | Err(Errno::EXIST) => Ok(()),
            Err(e) => Err(e),
        };
        // The outer one is there soon, the inner ones are not for long.
        match make(handle.folder()) {
            Err(Errno::NOENT) => {
                make(handle.first())?;
                make(handle.folder())?;
            }
            made => made?,
        }
        link()
    }

    /// Removes a handle. That it is gone already is fine.
    pub(crate) fn remove_handle(&self, gfid: Gfid) -> Result<()> {
        seam()?;
        match rustix::fs::unlinkat(&self.glusterfs, HandleName::of(gfid).bytes(), AtFlags::empty()) {
            Ok(()) | Err(Errno::NOENT) => Ok(()),
            Err(e) => Err(e),
        }
    }

    /// Removes the handle of a directory if it (still) says that the directory is at `entry`.
    pub(crate) fn remove_dir_handle(&self, entry: &Entry<'_>, gfid: Gfid) {
        let inode = self.inodes.get(gfid);
        let _handle = inode.handle.write().expect("no panic under it");
        self.dirs.forget(gfid);
        inode.forget();
        if let Ok(DirTarget::In(parent, name)) = self.read_dir_handle(gfid)
            && parent == entry.parent
            && name == entry.name.bytes()
        {
            let _ = self.remove_handle(gfid);
        }
    }

    /// Moves the handle of a file that is still open out of the way: it is found there until its last close.
    pub(crate) fn park_handle(&self, gfid: Gfid) -> Result<()> {
        seam()?;
        let parked = [b"unlink/", &gfid_text(gfid)[..]].concat();
        rustix::fs::renameat(&self.glusterfs, HandleName::of(gfid).bytes(), &self.glusterfs, &parked[..])
    }

    /// Takes back [`park_handle`](Self::park_handle).
    pub(crate) fn unpark_handle(&self, gfid: Gfid) -> Result<()> {
        let parked = [b"unlink/", &gfid_text(gfid)[..]].concat();
        rustix::fs::renameat(&self.glusterfs, &parked[..], &self.glusterfs, HandleName::of(gfid).bytes())
    }

    /// Ends a file that was parked, after its last close.
    pub(crate) fn drop_parked(&self, gfid: Gfid) {
        let parked = [b"unlink/", &gfid_text(gfid)[..]].concat();
        let _ = rustix::fs::unlinkat(&self.glusterfs, &parked[..], AtFlags::empty());
    }
}
