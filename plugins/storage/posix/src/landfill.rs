//! The landfill: directory trees that were thrown away whole, deleted in the background.

use std::os::fd::{AsFd, BorrowedFd};
use std::sync::{Condvar, Mutex};

use gluster_brick::{DIR_FLAGS, Name, open_dir};
use plugin_api::Gfid;
use rustix::fs::{AtFlags, Dir, FileType, Mode, RenameFlags};
use rustix::io::{Errno, Result};

use crate::brick::Brick;
use crate::find::gfid_at;
use crate::handle::{DirTarget, parse_gfid};
use crate::place::Place;
use crate::stat::{S_IFDIR, kind};

/// No tree that a client can make is deeper.
const MAX_DEPTH: usize = 2048;

/// Wakes the thread that empties the landfill, and stops it.
#[derive(Debug, Default)]
pub(crate) struct Janitor {
    due: Mutex<Due>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct Due {
    work: bool,
    stop: bool,
}

impl Janitor {
    /// Something was thrown away.
    pub(crate) fn wake(&self) {
        self.due.lock().expect("no panic under it").work = true;
        self.changed.notify_all();
    }

    /// Ends the thread after what it is at.
    pub(crate) fn stop(&self) {
        self.due.lock().expect("no panic under it").stop = true;
        self.changed.notify_all();
    }

    fn stopped(&self) -> bool {
        self.due.lock().expect("no panic under it").stop
    }

    /// Sleeps until there is work, then lets `grace` pass; `false` when it is over.
    fn wait(&self, grace: std::time::Duration) -> bool {
        let due = self.due.lock().expect("no panic under it");
        let mut due = self.changed.wait_while(due, |due| !due.work && !due.stop).expect("no panic under it");
        due.work = false;
        let (due, _) =
            self.changed.wait_timeout_while(due, grace, |due| !due.stop).expect("no panic under it");
        !due.stop
    }
}

impl Brick {
    /// The janitor's thread: empties the landfill whenever something was thrown there, until it is stopped.
    pub(crate) fn run_janitor(&self) {
        self.janitor.wake();
        while self.janitor.wait(self.options().janitor_sleep) {
            if !self.options().keep_landfill {
                let _ = self.empty_landfill();
            }
        }
    }

    /// Deletes everything in the landfill.
    pub(crate) fn empty_landfill(&self) -> Result<()> {
        let landfill = rustix::fs::openat(&self.glusterfs, "landfill", DIR_FLAGS, Mode::empty())?;
        self.delete_below(landfill.as_fd(), 0)
    }

    fn delete_below(&self, dir: BorrowedFd<'_>, depth: usize) -> Result<()> {
        if depth > MAX_DEPTH {
            return Err(Errno::LOOP);
        }
        for entry in Dir::read_from(dir)? {
            if self.janitor.stopped() {
                return Ok(());
            }
            let entry = entry?;
            let Ok(name) = Name::new(entry.file_name().to_bytes()) else { continue };
            let place = Place::Entry(dir, name);
            let Ok(st) = place.stat() else { continue };
            let gfid = gfid_at(&place).ok().flatten();
            if kind(&st) == S_IFDIR {
                let below = open_dir(dir, name.bytes())?;
                self.delete_below(below.as_fd(), depth + 1)?;
                rustix::fs::unlinkat(dir, name.bytes(), AtFlags::REMOVEDIR)?;
                if let Some(gfid) = gfid {
                    self.drop_thrown_dir(gfid);
                }
            } else {
                if let Some(gfid) = gfid.filter(|_| st.stx_nlink <= 2) {
                    let inode = self.inodes.get(gfid);
                    let _handle = inode.handle.write().expect("no panic under it");
                    let open = inode.fds.load(std::sync::atomic::Ordering::Acquire) > 0;
                    let _ = self.retire_handle(gfid, &inode, open);
                }
                rustix::fs::unlinkat(dir, name.bytes(), AtFlags::empty())?;
            }
        }
        Ok(())
    }

    /// The handle of a directory that was deleted, unless the gfid lives on elsewhere.
    fn drop_thrown_dir(&self, gfid: Gfid) {
        self.dirs.forget(gfid);
        if matches!(self.read_dir_handle(gfid), Ok(DirTarget::In(..))) && self.dir(gfid).is_err() {
            let _ = self.remove_handle(gfid);
        }
    }

    /// Whatever was open without a name when the brick went down is of no use to anybody now.
    pub(crate) fn clear_unlinked(&self) -> Result<()> {
        let unlinked = rustix::fs::openat(&self.glusterfs, "unlink", DIR_FLAGS, Mode::empty())?;
        for entry in Dir::read_from(&unlinked)? {
            let entry = entry?;
            let name = entry.file_name().to_bytes();
            if parse_gfid(name.get(..36).unwrap_or_default()).is_some()
                && entry.file_type() != FileType::Directory
            {
                rustix::fs::unlinkat(&unlinked, name, AtFlags::empty())?;
            }
        }
        Ok(())
    }

    /// Bricks of long ago had their landfill in the root.
    pub(crate) fn move_old_landfill(&self) {
        let old = Name::new(b".landfill").expect("a plain name");
        let place = Place::Entry(self.root.as_fd(), old);
        if place.stat().is_ok_and(|st| kind(&st) == S_IFDIR) && gfid_at(&place) == Ok(None) {
            let (from, to) = (&*self.root, &self.glusterfs);
            let _ = rustix::fs::renameat_with(
                from,
                ".landfill",
                to,
                "landfill/.landfill",
                RenameFlags::NOREPLACE,
            );
        }
    }
}
