//! Open files: counted while they are open, and opened through their handle so that it is never a device.

use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::Arc;
use std::sync::atomic::Ordering::{AcqRel, Acquire, Relaxed, Release};

use gluster_brick::BENEATH;
use plugin_api::Gfid;
use rustix::fs::{Mode, OFlags};
use rustix::io::{Errno, Result};

use crate::brick::Brick;
use crate::find::Found;
use crate::handle::HandleName;
use crate::inodes::Inode;
use crate::place::Place;
use crate::stat::{S_IFDIR, S_IFLNK, S_IFREG, kind};

/// What of a client's open flags reaches the disk; the rest could name a file or make one.
const ALLOWED: OFlags = OFlags::RWMODE
    .union(OFlags::APPEND)
    .union(OFlags::TRUNC)
    .union(OFlags::SYNC)
    .union(OFlags::DSYNC)
    .union(OFlags::DIRECT)
    .union(OFlags::NOATIME);

/// How anonymous files are opened: for whatever comes.
const ANONYMOUS: OFlags = OFlags::RDWR;

/// A regular file that is open.
#[derive(Debug)]
pub(crate) struct OpenFile {
    fd: Arc<OwnedFd>,
    pub(crate) gfid: Gfid,
    pub(crate) inode: Arc<Inode>,
    pub(crate) flags: OFlags,
    /// The brick, for as long as this one counts as open.
    counted: Option<Arc<Brick>>,
}

impl OpenFile {
    pub(crate) fn fd(&self) -> BorrowedFd<'_> {
        self.fd.as_fd()
    }

    pub(crate) fn place(&self) -> Place<'_> {
        Place::Fd(self.fd.as_fd())
    }

    pub(crate) fn appends(&self) -> bool {
        self.flags.contains(OFlags::APPEND)
    }
}

impl Drop for OpenFile {
    fn drop(&mut self) {
        let Some(brick) = self.counted.take() else { return };
        let _handle = self.inode.handle.write().expect("no panic under it");
        self.inode.active_fds.fetch_sub(1, AcqRel);
        if self.inode.fds.fetch_sub(1, AcqRel) == 1 && self.inode.unlinked.load(Acquire) {
            brick.anonymous.forget(self.gfid);
            brick.drop_parked(self.gfid);
            self.inode.unlinked.store(false, Release);
            self.inode.forget();
        }
    }
}

/// The flags of an open as they reach the disk.
pub(crate) fn flags_of(wire: u32) -> OFlags {
    OFlags::from_bits_retain(wire) & ALLOWED
}

impl Brick {
    /// Opens the regular file `gfid`. `ELOOP` for a symlink, `EISDIR` for a directory, `EINVAL` for a node of any kind.
    pub(crate) fn open_file(self: &Arc<Self>, gfid: Gfid, wire_flags: u32) -> Result<OpenFile> {
        let mut flags = flags_of(wire_flags);
        if self.options().o_direct {
            flags |= OFlags::DIRECT;
        }
        let inode = self.inodes.get(gfid);
        let handle = inode.handle.read().expect("no panic under it");
        let fd = self.open_by_handle(gfid, flags)?;
        Ok(self.counted(fd, gfid, &inode, flags, handle))
    }

    /// A file that [`make`](Self::make) has just made and opened, or that was opened under the inode's handle lock.
    fn counted(
        self: &Arc<Self>,
        fd: OwnedFd,
        gfid: Gfid,
        inode: &Arc<Inode>,
        flags: OFlags,
        handle: std::sync::RwLockReadGuard<'_, ()>,
    ) -> OpenFile {
        inode.fds.fetch_add(1, AcqRel);
        inode.active_fds.fetch_add(1, AcqRel);
        drop(handle);
        OpenFile { fd: Arc::new(fd), gfid, inode: Arc::clone(inode), flags, counted: Some(Arc::clone(self)) }
    }

    /// Counts a file that was just made as open.
    pub(crate) fn made_file(self: &Arc<Self>, fd: OwnedFd, gfid: Gfid, wire_flags: u32) -> OpenFile {
        let inode = self.inodes.get(gfid);
        let handle = inode.handle.read().expect("no panic under it");
        self.counted(fd, gfid, &inode, flags_of(wire_flags), handle)
    }

    /// The file `gfid` for one operation, without an open: from a small cache.
    pub(crate) fn anonymous_file(&self, gfid: Gfid, direct: bool) -> Result<OpenFile> {
        let inode = self.inodes.get(gfid);
        if !direct && let Some(fd) = self.anonymous.get(gfid) {
            return Ok(OpenFile { fd, gfid, inode, flags: ANONYMOUS, counted: None });
        }
        let flags = if direct { ANONYMOUS | OFlags::DIRECT } else { ANONYMOUS };
        let fd = {
            let _handle = inode.handle.read().expect("no panic under it");
            let fd = match self.open_by_handle(gfid, flags) {
                Err(Errno::ROFS | Errno::TXTBSY | Errno::PERM) => {
                    self.open_by_handle(gfid, (flags - OFlags::RWMODE) | OFlags::RDONLY)?
                }
                other => other?,
            };
            let fd = Arc::new(fd);
            if !direct {
                self.anonymous.put(gfid, Arc::clone(&fd));
            }
            fd
        };
        Ok(OpenFile { fd, gfid, inode, flags, counted: None })
    }

    /// Opens under the inode's handle lock: what was seen to be a regular file still is one.
    fn open_by_handle(&self, gfid: Gfid, flags: OFlags) -> Result<OwnedFd> {
        let flags = flags | OFlags::NOFOLLOW | OFlags::CLOEXEC | OFlags::NONBLOCK | OFlags::NOCTTY;
        let inode = self.inodes.get(gfid);
        if inode.regular.load(Relaxed) {
            let handle = HandleName::of(gfid);
            match rustix::fs::openat2(&self.glusterfs, handle.bytes(), flags, Mode::empty(), BENEATH) {
                // Without a name by now, perhaps.
                Err(Errno::NOENT) => {}
                other => return other,
            }
        }
        let found = self.locate(gfid)?;
        openable(&found)?;
        inode.regular.store(true, Relaxed);
        match &found.place {
            Place::Handle(keep, name) => {
                rustix::fs::openat2(keep.fd, name.bytes(), flags, Mode::empty(), BENEATH)
            }
            Place::Unlinked(keep, name) => {
                let path = [b"unlink/", &name[..]].concat();
                rustix::fs::openat2(keep.fd, &path[..], flags, Mode::empty(), BENEATH)
            }
            _ => Err(Errno::INVAL),
        }
    }

    /// Reads a small file whole, for a lookup that asks for its content; `None` when it is larger than `max`.
    pub(crate) fn content(&self, found: &Found<'_>, max: u64) -> Option<Vec<u8>> {
        if kind(&found.st) != S_IFREG || found.st.stx_size > max || found.gfid.is_null() {
            return None;
        }
        let size = usize::try_from(found.st.stx_size).ok()?;
        if size == 0 {
            return Some(Vec::new());
        }
        let _handle = found.inode.handle.read().expect("no panic under it");
        let fd = self.open_by_handle(found.gfid, OFlags::RDONLY).ok()?;
        let mut content = vec![0; size];
        let len = rustix::io::pread(&fd, &mut content[..], 0).ok()?;
        content.truncate(len);
        Some(content)
    }
}

fn openable(found: &Found<'_>) -> Result<()> {
    match kind(&found.st) {
        S_IFREG => Ok(()),
        S_IFDIR => Err(Errno::ISDIR),
        S_IFLNK => Err(Errno::LOOP),
        _ => Err(Errno::INVAL),
    }
}
