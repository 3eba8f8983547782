//! A bounded cache of descriptors by gfid.

use std::collections::HashMap;
use std::os::fd::OwnedFd;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::sync::{Arc, RwLock};

use plugin_api::Gfid;

const SHARDS: usize = 16;

#[derive(Debug)]
struct Slot {
    fd: Arc<OwnedFd>,
    used: AtomicBool,
}

/// A bounded cache of descriptors by gfid.
#[derive(Debug)]
pub(crate) struct Descriptors {
    shards: Vec<RwLock<HashMap<Gfid, Slot>>>,
    per_shard: usize,
}

impl Descriptors {
    /// A cache of about `limit` descriptors.
    pub(crate) fn new(limit: usize) -> Self {
        let shards = (0..SHARDS).map(|_| RwLock::default()).collect();
        Self { shards, per_shard: (limit / SHARDS).max(4) }
    }

    fn shard(&self, gfid: Gfid) -> &RwLock<HashMap<Gfid, Slot>> {
        &self.shards[usize::from(gfid.0[14] ^ gfid.0[15]) % SHARDS]
    }

    pub(crate) fn get(&self, gfid: Gfid) -> Option<Arc<OwnedFd>> {
        let shard = self.shard(gfid).read().expect("no panic under it");
        let slot = shard.get(&gfid)?;
        slot.used.store(true, Relaxed);
        Some(Arc::clone(&slot.fd))
    }

    pub(crate) fn put(&self, gfid: Gfid, fd: Arc<OwnedFd>) {
        let mut shard = self.shard(gfid).write().expect("no panic under it");
        if shard.len() >= self.per_shard {
            // The second chance: what was used since the last round stays, as long as something goes.
            let before = shard.len();
            shard.retain(|_, slot| slot.used.swap(false, Relaxed));
            if shard.len() == before
                && let Some(first) = shard.keys().next().copied()
            {
                shard.remove(&first);
            }
        }
        shard.insert(gfid, Slot { fd, used: AtomicBool::new(true) });
    }

    pub(crate) fn forget(&self, gfid: Gfid) {
        self.shard(gfid).write().expect("no panic under it").remove(&gfid);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_cache_never_holds_more_than_it_may() {
        let cache = Descriptors::new(64);
        for n in 0..1000_u32 {
            let mut id = [0; 16];
            id[12..].copy_from_slice(&n.to_be_bytes());
            let fd =
                Arc::new(rustix::fs::open("/", rustix::fs::OFlags::PATH, rustix::fs::Mode::empty()).unwrap());
            cache.put(Gfid(id), fd);
            assert!(cache.get(Gfid(id)).is_some(), "what was just put is there");
        }
        let held: usize = cache.shards.iter().map(|shard| shard.read().unwrap().len()).sum();
        assert!(held <= 64, "{held}");
    }
}
