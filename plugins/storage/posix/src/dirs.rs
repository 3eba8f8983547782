//! Directories held open by gfid: found through their handles once, then a descriptor that survives every rename.

use std::os::fd::{AsFd, OwnedFd};
use std::sync::Arc;

use gluster_brick::open_dir;
use plugin_api::Gfid;
use rustix::fs::{AtFlags, StatxFlags};
use rustix::io::{Errno, Result};

use crate::brick::{Brick, GFID_XATTR};
use crate::handle::{DirTarget, HandleName, parse_dir_target};

/// Deeper than this is no tree but a circle of handles.
const MAX_DEPTH: usize = 4096;
/// Longest relative path handed to one system call.
const MAX_PATH: usize = 4000;

impl Brick {
    /// The directory `gfid`, open. `ENOENT` when there is no handle, `ENOTDIR` when it is no directory's, `ESTALE`
    /// when the handle leads nowhere or to another directory.
    pub(crate) fn dir(&self, gfid: Gfid) -> Result<Arc<OwnedFd>> {
        if gfid.is_root() {
            return Ok(Arc::clone(&self.root));
        }
        if let Some(fd) = self.dirs.get(gfid) {
            return Ok(fd);
        }
        let fd = Arc::new(self.open_dir_by_handle(gfid)?);
        self.dirs.put(gfid, Arc::clone(&fd));
        Ok(fd)
    }

    /// The directory `gfid` as the parent of an entry: whatever is wrong with it, the client has to look again.
    pub(crate) fn parent(&self, gfid: Gfid) -> Result<Arc<OwnedFd>> {
        let parent = self.dir(gfid).map_err(|e| match e {
            Errno::NOENT => Errno::STALE,
            other => other,
        })?;
        Ok(parent)
    }

    /// Looks again at a directory in which nothing was found: it may have been removed behind our back and made anew.
    /// Gives the directory to retry in, if there is another one.
    pub(crate) fn parent_again(&self, gfid: Gfid, seen: &Arc<OwnedFd>) -> Option<Arc<OwnedFd>> {
        let st = rustix::fs::statx(seen.as_fd(), c"", AtFlags::EMPTY_PATH, StatxFlags::NLINK).ok()?;
        if st.stx_nlink > 0 {
            return None;
        }
        self.dirs.forget(gfid);
        self.dir(gfid).ok()
    }

    /// Walks the handles upwards to the root or to a directory that is open, then down by names in one call.
    pub(crate) fn open_dir_by_handle(&self, gfid: Gfid) -> Result<OwnedFd> {
        let mut names = Vec::new();
        let mut at = gfid;
        let base = loop {
            match self.read_dir_handle(at)? {
                // Only the root's own handle may lead to the root.
                DirTarget::Root => return Err(Errno::STALE),
                DirTarget::In(parent, name) => {
                    names.push(name);
                    at = parent;
                }
            }
            if at.is_root() {
                break Arc::clone(&self.root);
            }
            if let Some(fd) = self.dirs.get(at) {
                break fd;
            }
            if names.len() > MAX_DEPTH {
                return Err(Errno::LOOP);
            }
        };
        let fd = open_beneath(base.as_fd(), &names).map_err(|e| match e {
            // A component went, or is something else by now.
            Errno::NOENT | Errno::LOOP | Errno::NOTDIR | Errno::XDEV => Errno::STALE,
            other => other,
        })?;
        let mut id = [0; 16];
        match rustix::fs::fgetxattr(&fd, GFID_XATTR, &mut id) {
            Ok(16) if id == gfid.0 => Ok(fd),
            _ => Err(Errno::STALE),
        }
    }

    /// Where the handle of the directory `gfid` points.
    pub(crate) fn read_dir_handle(&self, gfid: Gfid) -> Result<DirTarget> {
        let mut target = [0; 512];
        let handle = HandleName::of(gfid);
        let len = rustix::fs::readlinkat_raw(&self.glusterfs, handle.bytes(), &mut target[..])
            .map_err(|e| if e == Errno::INVAL { Errno::NOTDIR } else { e })?;
        parse_dir_target(&target[..len]).ok_or(Errno::NOTDIR)
    }
}

/// Opens the directory that `names` (innermost first) lead to.
fn open_beneath(base: std::os::fd::BorrowedFd<'_>, names: &[Vec<u8>]) -> Result<OwnedFd> {
    let mut at: Option<OwnedFd> = None;
    let mut left = names;
    while !left.is_empty() {
        let mut path = Vec::new();
        while let Some((name, rest)) = left.split_last() {
            if !path.is_empty() && path.len() + 1 + name.len() > MAX_PATH {
                break;
            }
            if !path.is_empty() {
                path.push(b'/');
            }
            path.extend_from_slice(name);
            left = rest;
        }
        let from = at.as_ref().map_or(base, AsFd::as_fd);
        at = Some(open_dir(from, &path)?);
    }
    at.ok_or(Errno::INVAL)
}
