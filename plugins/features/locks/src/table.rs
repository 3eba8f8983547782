//! All locks of a brick, by gfid; an object without locks takes no room for long.

use std::collections::HashMap;
use std::collections::hash_map::RandomState;
use std::hash::BuildHasher;
use std::sync::{Mutex, MutexGuard, PoisonError};

use plugin_api::Gfid;

use crate::engine::{Effects, ObjectLocks};
use crate::wait::Waiter;

/// The locks of one object, with the brick's waiters.
pub(crate) type Locks = ObjectLocks<Waiter>;

const SHARDS: usize = 32;
/// Objects without locks that a shard keeps for the next lock.
const KEPT: usize = 32;

/// Finds the locks of an object, one thread at a time.
#[derive(Debug)]
pub(crate) struct Table {
    shards: [Mutex<Shard>; SHARDS],
    hasher: RandomState,
}

#[derive(Debug)]
struct Shard {
    objects: HashMap<Gfid, Locks>,
    sweep_at: usize,
}

impl Default for Table {
    fn default() -> Self {
        let shards = std::array::from_fn(|_| Mutex::new(Shard { objects: HashMap::new(), sweep_at: KEPT }));
        Self { shards, hasher: RandomState::new() }
    }
}

impl Table {
    /// Works on the locks of an object, made when it has none; then wakes whoever is due, with nothing held.
    pub(crate) fn with<R>(&self, gfid: Gfid, work: impl FnOnce(&mut Locks, &mut Effects<Waiter>) -> R) -> R {
        let mut effects = Effects::default();
        let result = {
            let mut shard = self.shard(gfid);
            shard.make_room();
            work(shard.objects.entry(gfid).or_default(), &mut effects)
        };
        wake(effects);
        result
    }

    /// As [`with`](Self::with), for an object that already has locks; `None` when it has none.
    pub(crate) fn with_known<R>(
        &self,
        gfid: Gfid,
        work: impl FnOnce(&mut Locks, &mut Effects<Waiter>) -> R,
    ) -> Option<R> {
        let mut effects = Effects::default();
        let result = {
            let mut shard = self.shard(gfid);
            shard.objects.get_mut(&gfid).map(|locks| work(locks, &mut effects))
        };
        wake(effects);
        result
    }

    /// Works on every object that has locks, a part of the table at a time.
    pub(crate) fn for_each(&self, mut work: impl FnMut(Gfid, &mut Locks, &mut Effects<Waiter>)) {
        for shard in &self.shards {
            let mut effects = Effects::default();
            {
                let mut shard = shard.lock().unwrap_or_else(PoisonError::into_inner);
                for (gfid, locks) in shard.objects.iter_mut().filter(|(_, locks)| !locks.is_empty()) {
                    work(*gfid, locks, &mut effects);
                }
            }
            wake(effects);
        }
    }

    fn shard(&self, gfid: Gfid) -> MutexGuard<'_, Shard> {
        let hash = self.hasher.hash_one(gfid);
        let at = usize::try_from(hash % SHARDS as u64).expect("below the number of shards");
        self.shards[at].lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Shard {
    fn make_room(&mut self) {
        if self.objects.len() >= self.sweep_at {
            self.objects.retain(|_, locks| !locks.is_empty());
            self.sweep_at = (self.objects.len() * 2).max(KEPT);
        }
    }
}

fn wake(effects: Effects<Waiter>) {
    for woken in effects.woken {
        woken.waiter.wake(woken.answer);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::posix::Record;
    use crate::engine::{Access, ClientKey, FdKey, Holder, LkOwner, Range};

    #[test]
    fn objects_without_locks_do_not_pile_up() {
        let table = Table::default();
        let holder = Holder { client: ClientKey(1), name: LkOwner::new(&[1]).unwrap() };
        for n in 0..100_000_u128 {
            table.with(Gfid(n.to_be_bytes()), |locks, effects| {
                let (range, access) = (Range::ALL, Access::Write);
                let record =
                    Record { holder: holder.clone(), fd: FdKey(1), pid: 1, range, access, mandatory: false };
                locks.posix.lock(record, None::<fn() -> Waiter>, effects);
                locks.posix.unlock(&holder, Range::ALL, effects);
            });
        }
        let kept: usize = table.shards.iter().map(|shard| shard.lock().unwrap().objects.len()).sum();
        assert!(kept <= SHARDS * KEPT, "{kept} are kept");
    }
}
