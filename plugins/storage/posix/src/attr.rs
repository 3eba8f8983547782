//! Sets attributes: owner, mode, times.

use plugin_api::Iatt;
use rustix::fs::{Timespec, Timestamps, UTIME_OMIT};
use rustix::io::{Errno, Result};

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
const CTIME: u32 = 0x40;
/// Nanoseconds.
const SECOND: u32 = 1_000_000_000;

/// Attributes before and after.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Change {
    pub(crate) pre: Iatt,
    pub(crate) post: Iatt,
}

impl Brick {
    /// Sets what `valid` names to the values in `to`; with nothing named, only the ctime moves. `found` is then as it
    /// became.
    pub(crate) fn set_attributes(
        &self,
        caller: &Caller,
        found: &mut Found<'_>,
        to: &Iatt,
        valid: u32,
    ) -> Result<Change> {
        let place = &found.place;
        let given = |bit, sec, nsec| (valid & bit != 0).then_some(Time { sec, nsec });
        let atime = given(ATIME, to.atime, to.atime_nsec);
        let mtime = given(MTIME, to.mtime, to.mtime_nsec);
        // Past a second it would be one of the kernel's own codes, or what a healer sends that never had a good copy.
        if [atime, mtime].into_iter().flatten().any(|time| time.nsec >= SECOND) {
            return Err(Errno::INVAL);
        }
        let pre = self.show_found(found);
        if valid & (UID | GID) != 0 {
            let owner = |bit, id| (valid & bit != 0 && id != u32::MAX).then_some(id);
            place.chown(owner(UID, to.uid), owner(GID, to.gid))?;
        }
        if valid & MODE != 0 {
            self.set_mode(&found.inode, place, to.mode)?;
        }
        if atime.is_some() || mtime.is_some() {
            place
                .set_times(&Timestamps { last_access: on_disk(atime), last_modification: on_disk(mtime) })?;
            // A heal brings all three from the good copy; from anybody else the ctime is when this happens.
            let healed = given(CTIME, to.ctime, to.ctime_nsec).filter(|time| time.nsec < SECOND);
            self.set_exact_times(&found.inode, place, caller, [atime, mtime, healed]);
        }
        if valid == 0 {
            place.chown(None, None)?;
        }
        if atime.is_none() && mtime.is_none() {
            // Times that were set say it all; the client's clock would only spoil them.
            self.touch(&found.inode, place, caller);
        }
        found.st = place.stat()?;
        Ok(Change { pre, post: self.show_found(found) })
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
        Some(time) => Timespec { tv_sec: time.sec, tv_nsec: i64::from(time.nsec) },
        None => Timespec { tv_sec: 0, tv_nsec: UTIME_OMIT },
    }
}

#[cfg(test)]
mod tests {
    use plugin_api::Gfid;

    use super::*;
    use crate::mdata::Times;
    use crate::testing::{brick, user};

    #[test]
    fn a_heal_sets_all_three_times_and_times_that_are_none_change_nothing() {
        let brick = brick();
        let gfid = brick.mkfile(Gfid::ROOT, "f");
        let mut found = brick.locate(gfid).unwrap();
        let late = Time { sec: i64::MAX >> 8, nsec: 1 };
        brick.merge_times(&found.inode, &found.place, &Times::all(late)).unwrap();
        let good = Iatt { atime: 1, mtime: 2, ctime: 3, ctime_nsec: 4, ..Iatt::default() };
        let times = |iatt: Iatt| (iatt.atime, iatt.mtime, iatt.ctime, iatt.ctime_nsec);
        let utimes = brick.set_attributes(&user(), &mut found, &good, ATIME | MTIME).unwrap();
        assert_eq!(times(utimes.post), (1, 2, late.sec, late.nsec), "a ctime never moves back by itself");
        let healed = brick.set_attributes(&user(), &mut found, &good, ATIME | MTIME | CTIME).unwrap();
        assert_eq!(times(healed.post), (1, 2, 3, 4));
        let stray = Iatt { mtime: 9, mtime_nsec: SECOND, ..good };
        assert_eq!(brick.set_attributes(&user(), &mut found, &stray, MTIME).unwrap_err(), Errno::INVAL);
        assert_eq!(times(brick.attributes(gfid).unwrap()), (1, 2, 3, 4));
    }
}
