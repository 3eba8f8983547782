//! What is remembered of an inode while the brick runs: cached times, open counts and the locks of its operations.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering::Relaxed};
use std::sync::{Arc, Mutex, RwLock};

use plugin_api::Gfid;

use crate::mdata::Times;

const SHARDS: usize = 64;
/// Inodes remembered in one shard before idle ones are forgotten.
const PER_SHARD: usize = 1024;

/// What is known of `trusted.glusterfs.mdata`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum KnownTimes {
    /// Not read yet.
    #[default]
    Unread,
    /// There is none on disk.
    Absent,
    /// As on disk.
    Present(Times),
}

/// One inode.
#[derive(Debug, Default)]
pub(crate) struct Inode {
    /// Held shared while a file is opened through its handle, exclusively while the handle comes or goes: so the
    /// kind of file that was checked is the kind that is opened.
    pub(crate) handle: RwLock<()>,
    /// Held over the reading and writing of one xattrop.
    pub(crate) xattrop: Mutex<()>,
    /// Held over the stats around a write that asked for them to be atomic.
    pub(crate) write: Mutex<()>,
    /// The times on disk; held over a change of them.
    pub(crate) times: Mutex<KnownTimes>,
    /// Open files, anonymous ones too.
    pub(crate) fds: AtomicU32,
    /// Files opened by a client's open or create.
    pub(crate) active_fds: AtomicU32,
    /// The object lies in `.glusterfs/unlink`: open, without a name.
    pub(crate) unlinked: AtomicBool,
    /// The handle was seen to be that of a regular file, under its lock.
    pub(crate) regular: AtomicBool,
    /// The handle was seen to be right since the brick started.
    pub(crate) handle_right: AtomicBool,
}

impl Inode {
    fn idle(self: &Arc<Self>) -> bool {
        Arc::strong_count(self) == 1 && self.fds.load(Relaxed) == 0 && !self.unlinked.load(Relaxed)
    }

    /// Forgets what is cached: the object went, or came back under the same gfid.
    pub(crate) fn forget(&self) {
        *self.times.lock().expect("no panic under it") = KnownTimes::Unread;
        self.handle_right.store(false, Relaxed);
        self.regular.store(false, Relaxed);
    }
}

/// All inodes that are remembered, by gfid.
#[derive(Debug)]
pub(crate) struct Inodes(Vec<Mutex<HashMap<Gfid, Arc<Inode>>>>);

impl Default for Inodes {
    fn default() -> Self {
        Self((0..SHARDS).map(|_| Mutex::default()).collect())
    }
}

impl Inodes {
    /// The state of `gfid`, made when it is new.
    pub(crate) fn get(&self, gfid: Gfid) -> Arc<Inode> {
        let mut shard = self.shard(gfid).lock().expect("no panic under it");
        if let Some(inode) = shard.get(&gfid) {
            return Arc::clone(inode);
        }
        if shard.len() >= PER_SHARD {
            make_room(&mut shard);
        }
        Arc::clone(shard.entry(gfid).or_default())
    }

    /// Forgets an object that is gone, unless somebody works on it still.
    pub(crate) fn forget(&self, gfid: Gfid) {
        let mut shard = self.shard(gfid).lock().expect("no panic under it");
        if shard.get(&gfid).is_some_and(Inode::idle) {
            shard.remove(&gfid);
        }
    }

    fn shard(&self, gfid: Gfid) -> &Mutex<HashMap<Gfid, Arc<Inode>>> {
        &self.0[usize::from(gfid.0[15]) % SHARDS]
    }
}

/// Forgets up to half of the idle inodes; whichever the map yields first, which is as good as any.
fn make_room(shard: &mut HashMap<Gfid, Arc<Inode>>) {
    let mut excess = shard.len() / 2;
    shard.retain(|_, inode| {
        let goes = excess > 0 && inode.idle();
        excess -= usize::from(goes);
        !goes
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn idle_inodes_are_forgotten_and_open_ones_stay() {
        let inodes = Inodes::default();
        let gfid = |n: u32| {
            let mut id = [7; 16];
            id[..4].copy_from_slice(&n.to_be_bytes());
            Gfid(id)
        };
        inodes.get(gfid(0)).fds.store(1, Relaxed);
        (1..5000).for_each(|n| drop(inodes.get(gfid(n))));
        let held = inodes.0.iter().map(|shard| shard.lock().unwrap().len()).sum::<usize>();
        assert!(held <= PER_SHARD, "{held}");
        assert_eq!(inodes.get(gfid(0)).fds.load(Relaxed), 1);
    }
}
