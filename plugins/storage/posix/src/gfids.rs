//! Remembers the gfids of inodes: reading one through a name costs as much as all else in a lookup.

use std::collections::HashMap;
use std::sync::Mutex;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use plugin_api::Gfid;
use rustix::fs::Statx;
use rustix::io::Result;

use crate::find::gfid_at;
use crate::place::Place;

const SHARDS: usize = 64;
const PER_SHARD: usize = 1024;
/// An inode counts as settled when its last change is this old: the clock that stamps changes ticks at least 100 times a
/// second.
const SETTLED: Duration = Duration::from_millis(20);
/// The same on a file system that stamps whole seconds.
const SETTLED_COARSE: Duration = Duration::from_secs(2);

/// What an inode looked like when its gfid was read. Whatever is done to its xattrs moves its change time, and an
/// inode number that was used again has a new one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Stamp {
    changed: (i64, u32),
    born: (i64, u32),
    device: (u32, u32),
}

impl Stamp {
    fn of(st: &Statx) -> Self {
        Self {
            changed: (st.stx_ctime.tv_sec, st.stx_ctime.tv_nsec),
            born: (st.stx_btime.tv_sec, st.stx_btime.tv_nsec),
            device: (st.stx_dev_major, st.stx_dev_minor),
        }
    }

    /// Younger inodes may change once more within one tick of the clock, unseen.
    fn is_settled(&self) -> bool {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let (seconds, nanos) = self.changed;
        let age =
            u64::try_from(seconds).ok().and_then(|seconds| now.checked_sub(Duration::new(seconds, nanos)));
        age.is_some_and(|age| age >= if nanos == 0 { SETTLED_COARSE } else { SETTLED })
    }
}

/// Gfids by inode number.
#[derive(Debug)]
pub(crate) struct Gfids(Vec<Mutex<HashMap<u64, (Stamp, Gfid)>>>);

impl Default for Gfids {
    fn default() -> Self {
        Self((0..SHARDS).map(|_| Mutex::default()).collect())
    }
}

impl Gfids {
    /// The gfid of the object at `place`, which `st` describes.
    pub(crate) fn of(&self, place: &Place<'_>, st: &Statx) -> Result<Option<Gfid>> {
        let stamp = Stamp::of(st);
        if let Some((seen, gfid)) = self.shard(st.stx_ino).get(&st.stx_ino)
            && *seen == stamp
        {
            return Ok(Some(*gfid));
        }
        let gfid = gfid_at(place)?;
        if let Some(gfid) = gfid
            && stamp.is_settled()
        {
            self.keep(st.stx_ino, stamp, gfid);
        }
        Ok(gfid)
    }

    /// Takes note of an object that was just made; it need not settle, since nobody else gives it a gfid.
    pub(crate) fn made(&self, st: &Statx, gfid: Gfid) {
        self.keep(st.stx_ino, Stamp::of(st), gfid);
    }

    fn keep(&self, ino: u64, stamp: Stamp, gfid: Gfid) {
        let mut shard = self.shard(ino);
        if shard.len() >= PER_SHARD {
            let mut keep = false;
            shard.retain(|_, _| {
                keep = !keep;
                keep
            });
        }
        shard.insert(ino, (stamp, gfid));
    }

    fn shard(&self, ino: u64) -> std::sync::MutexGuard<'_, HashMap<u64, (Stamp, Gfid)>> {
        let shard = usize::try_from(ino % 64).expect("below 64");
        self.0[shard].lock().expect("no panic under it")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{brick, set_behind};

    #[test]
    fn a_gfid_that_changed_behind_our_back_is_read_anew() {
        let brick = brick();
        let gfid = brick.mkfile(Gfid::ROOT, "f");
        let entry = brick.at(Gfid::ROOT, "f");
        let mut st = entry.place().stat().unwrap();
        let gfids = Gfids::default();
        st.stx_ctime.tv_sec -= 10;
        assert_eq!(gfids.of(&entry.place(), &st), Ok(Some(gfid)));
        set_behind(&brick.path("f"), "trusted.gfid", &[9; 16]);
        assert_eq!(gfids.of(&entry.place(), &st), Ok(Some(gfid)), "remembered, as long as nothing changed");
        let now = entry.place().stat().unwrap();
        assert_eq!(gfids.of(&entry.place(), &now), Ok(Some(Gfid([9; 16]))));
    }

    #[test]
    fn a_young_inode_is_not_remembered() {
        let brick = brick();
        brick.mkfile(Gfid::ROOT, "f");
        let entry = brick.at(Gfid::ROOT, "f");
        let st = entry.place().stat().unwrap();
        let gfids = Gfids::default();
        gfids.of(&entry.place(), &st).unwrap();
        assert!(gfids.0.iter().all(|shard| shard.lock().unwrap().is_empty()));
    }

    #[test]
    fn what_was_just_made_is_known_until_it_changes() {
        let brick = brick();
        let gfid = brick.mkfile(Gfid::ROOT, "f");
        let entry = brick.at(Gfid::ROOT, "f");
        let st = entry.place().stat().unwrap();
        let known = || brick.gfids.shard(st.stx_ino).get(&st.stx_ino).copied();
        assert_eq!(known(), Some((Stamp::of(&st), gfid)));
        set_behind(&brick.path("f"), "trusted.gfid", &[9; 16]);
        let now = entry.place().stat().unwrap();
        assert_eq!(brick.gfids.of(&entry.place(), &now), Ok(Some(Gfid([9; 16]))));
    }
}
