//! Sets attributes: owner, mode, times.

use plugin_api::Iatt;
use rustix::fs::{Timespec, Timestamps, UTIME_OMIT};
use rustix::io::Result;

use crate::brick::Brick;
use crate::caller::Caller;
use crate::find::Found;
use crate::inodes::Inode;
use crate::mdata::Time;
use crate::place::Place;
use crate::stat::{S_IFLNK, kind};

const MODE: u32 = 0x1;
const UID: u32 = 0x2;
const GID: u32 = 0x4;
const ATIME: u32 = 0x10;
const MTIME: u32 = 0x20;

/// Attributes before and after.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Change {
    pub(crate) pre: Iatt,
    pub(crate) post: Iatt,
}

impl Brick {
    /// Sets what `valid` names to the values in `to`; with nothing named, only the ctime moves.
    pub(crate) fn set_attributes(
        &self,
        caller: &Caller,
        found: &Found<'_>,
        to: &Iatt,
        valid: u32,
    ) -> Result<Change> {
        let place = &found.place;
        let pre = self.show_found(found);
        if valid & (UID | GID) != 0 {
            let owner = |bit, id| (valid & bit != 0 && id != u32::MAX).then_some(id);
            place.chown(owner(UID, to.uid), owner(GID, to.gid))?;
        }
        if valid & MODE != 0 {
            self.set_mode(&found.inode, place, to.mode)?;
        }
        let atime = (valid & ATIME != 0).then_some(Time { sec: to.atime, nsec: to.atime_nsec });
        let mtime = (valid & MTIME != 0).then_some(Time { sec: to.mtime, nsec: to.mtime_nsec });
        if atime.is_some() || mtime.is_some() {
            place
                .set_times(&Timestamps { last_access: on_disk(atime), last_modification: on_disk(mtime) })?;
            self.set_exact_times(&found.inode, place, caller, atime, mtime);
        }
        if valid == 0 {
            place.chown(None, None)?;
        }
        if atime.is_none() && mtime.is_none() {
            // Times that were set say it all; the client's clock would only spoil them.
            self.touch(&found.inode, place, caller);
        }
        let st = place.stat()?;
        Ok(Change { pre, post: self.show(&st, found.gfid, &found.inode, place) })
    }
}

impl Brick {
    /// Sets the permission bits of anything but a symlink, which has none of its own.
    pub(crate) fn set_mode(&self, inode: &Inode, place: &Place<'_>, mode: u32) -> Result<()> {
        if place.is_open() {
            return place.chmod(mode);
        }
        // The call would follow a symlink: while the lock is held, what is seen to be none stays none.
        let _handle = inode.handle.read().expect("no panic under it");
        if kind(&place.stat()?) == S_IFLNK { Ok(()) } else { place.chmod(mode) }
    }
}

fn on_disk(time: Option<Time>) -> Timespec {
    match time {
        // Past a second it would be one of the kernel's own codes.
        Some(time) => Timespec { tv_sec: time.sec, tv_nsec: i64::from(time.nsec.min(999_999_999)) },
        None => Timespec { tv_sec: 0, tv_nsec: UTIME_OMIT },
    }
}
