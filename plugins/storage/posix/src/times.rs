//! Keeps the three times of objects as the clients' clocks say.

use plugin_api::{Gfid, Iatt};
use rustix::fs::{Statx, XattrFlags};
use rustix::io::Errno;

use crate::brick::Brick;
use crate::caller::Caller;
use crate::inodes::{Inode, KnownTimes};
use crate::mdata::{LEN, Time, Times, Which, XATTR};
use crate::place::Place;
use crate::stat::iatt;

impl Brick {
    /// The attributes that a client is shown.
    pub(crate) fn show(&self, st: &Statx, gfid: Gfid, inode: &Inode, place: &Place<'_>) -> Iatt {
        let mut shown = iatt(st, gfid);
        if self.keeps_times() {
            let mut known = inode.times.lock().expect("no panic under it");
            if let Some(times) = load(&mut known, place) {
                times.show_in(&mut shown);
            }
        }
        shown
    }

    /// The record of the times as it lies on disk, where it is known.
    pub(crate) fn times_record(&self, inode: &Inode, place: &Place<'_>) -> Option<[u8; LEN]> {
        let mut known = inode.times.lock().expect("no panic under it");
        load(&mut known, place).map(|times| times.encode())
    }

    /// Moves the object's own times to the caller's clock, as its flags say.
    pub(crate) fn touch(&self, inode: &Inode, place: &Place<'_>, caller: &Caller) {
        self.advance(inode, place, caller.object_times(), caller);
    }

    /// Moves the times of a parent to the caller's clock, as its flags say.
    pub(crate) fn touch_parent(&self, inode: &Inode, place: &Place<'_>, caller: &Caller) {
        self.advance(inode, place, caller.parent_times(), caller);
    }

    fn advance(&self, inode: &Inode, place: &Place<'_>, which: Which, caller: &Caller) {
        if which.none() || caller.time.is_zero() || !self.keeps_times() {
            return;
        }
        let mut known = inode.times.lock().expect("no panic under it");
        let before = load(&mut known, place);
        // All replicas have to come to the same times: what a brick's own clock says never enters. Files from before
        // the feature get theirs by `set-ctime-mdata`.
        let mut times = before.unwrap_or_else(|| Times::all(caller.time));
        times.advance(which, caller.time);
        if before != Some(times) {
            store(&mut known, place, times);
        }
    }

    /// Sets the times of an object that was just made.
    pub(crate) fn first_times(
        &self,
        inode: &Inode,
        place: &Place<'_>,
        caller: &Caller,
        given: Option<Times>,
    ) {
        if !self.keeps_times() {
            return;
        }
        let own = (!caller.object_times().none() && !caller.time.is_zero()).then(|| Times::all(caller.time));
        if let Some(times) = given.or(own) {
            let mut known = inode.times.lock().expect("no panic under it");
            store(&mut known, place, times);
        }
    }

    /// Sets atime and mtime as a `utimes` says, backwards too; the ctime moves forward, unless it is given as well. Makes
    /// no record where none is.
    pub(crate) fn set_exact_times(
        &self,
        inode: &Inode,
        place: &Place<'_>,
        caller: &Caller,
        [atime, mtime, ctime]: [Option<Time>; 3],
    ) {
        if !self.keeps_times() {
            return;
        }
        let mut known = inode.times.lock().expect("no panic under it");
        let Some(mut times) = load(&mut known, place) else { return };
        times.atime = atime.unwrap_or(times.atime);
        times.mtime = mtime.unwrap_or(times.mtime);
        times.ctime = ctime.unwrap_or(times.ctime.max(caller.time));
        store(&mut known, place, times);
    }

    /// Takes times that a heal, a rebalance or a client's first look brings: the later of each counts.
    pub(crate) fn merge_times(
        &self,
        inode: &Inode,
        place: &Place<'_>,
        times: &Times,
    ) -> rustix::io::Result<()> {
        let mut known = inode.times.lock().expect("no panic under it");
        let mut merged = load(&mut known, place).unwrap_or(*times);
        merged.merge(times);
        place.set_xattr(XATTR, &merged.encode(), XattrFlags::empty())?;
        *known = KnownTimes::Present(merged);
        Ok(())
    }
}

/// The times on disk, read once.
fn load(known: &mut KnownTimes, place: &Place<'_>) -> Option<Times> {
    if *known == KnownTimes::Unread {
        let mut value = [0; LEN];
        *known = match place.xattr(XATTR, &mut value) {
            Ok(len) => Times::decode(&value[..len]).map_or(KnownTimes::Absent, KnownTimes::Present),
            // A value of another length is no record of ours; the next change replaces it.
            Err(Errno::NODATA | Errno::RANGE | Errno::OPNOTSUPP) => KnownTimes::Absent,
            Err(_) => KnownTimes::Unread,
        };
    }
    match known {
        KnownTimes::Present(times) => Some(*times),
        KnownTimes::Absent | KnownTimes::Unread => None,
    }
}

/// Times are an aid to readers: where the disk does not take them, the operation itself still stands.
fn store(known: &mut KnownTimes, place: &Place<'_>, times: Times) {
    *known = match place.set_xattr(XATTR, &times.encode(), XattrFlags::empty()) {
        Ok(()) => KnownTimes::Present(times),
        Err(_) => KnownTimes::Unread,
    };
}
