//! Watchers: which clients have looked at which object lately.

use std::collections::HashMap;
use std::collections::hash_map::RandomState;
use std::hash::BuildHasher;
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::{Duration, Instant};

use plugin_api::Gfid;

const SHARDS: usize = 16;
/// Objects that a shard holds before it looks for those that nobody watches any more.
const KEPT: usize = 256;

/// A client, for as long as it is connected.
#[derive(Debug)]
pub(crate) struct Watcher {
    /// What it calls itself.
    pub(crate) uid: String,
}

/// That a client has looked at an object.
#[derive(Debug)]
struct Look {
    who: Weak<Watcher>,
    at: Instant,
}

impl Look {
    /// A look is remembered for twice the time that it counts: the next one of the same client needs no room then.
    fn is_forgotten(&self, now: Instant, timeout: Duration) -> bool {
        self.who.strong_count() == 0 || now.saturating_duration_since(self.at) > timeout * 2
    }
}

/// The watched objects of a brick.
///
/// By gfid, not by inode: a brick forgets an inode that nobody has open, and a client goes on to trust its cache.
#[derive(Debug)]
pub(crate) struct Watchers {
    shards: [Mutex<Shard>; SHARDS],
    hasher: RandomState,
}

#[derive(Debug)]
struct Shard {
    looks: HashMap<Gfid, Vec<Look>>,
    sweep_at: usize,
}

impl Default for Watchers {
    fn default() -> Self {
        let shards = std::array::from_fn(|_| Mutex::new(Shard { looks: HashMap::new(), sweep_at: KEPT }));
        Self { shards, hasher: RandomState::new() }
    }
}

impl Watchers {
    fn with<R>(&self, gfid: Gfid, work: impl FnOnce(&mut Shard) -> R) -> R {
        let at =
            usize::try_from(self.hasher.hash_one(gfid) % SHARDS as u64).expect("below the number of shards");
        work(&mut self.shards[at].lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// A client has looked at an object.
    pub(crate) fn look(&self, gfid: Gfid, who: &Arc<Watcher>, now: Instant, timeout: Duration) {
        self.with(gfid, |shard| {
            let looks = shard.looks.entry(gfid).or_default();
            match looks.iter_mut().find(|look| std::ptr::eq(look.who.as_ptr(), Arc::as_ptr(who))) {
                Some(look) => look.at = now,
                None => looks.push(Look { who: Arc::downgrade(who), at: now }),
            }
            shard.make_room(now, timeout);
        });
    }

    /// Who is to be told of a change that `author` made: all others whose look still counts.
    pub(crate) fn others(
        &self,
        gfid: Gfid,
        author: &Arc<Watcher>,
        now: Instant,
        timeout: Duration,
    ) -> Vec<Arc<Watcher>> {
        self.with(gfid, |shard| {
            let Some(looks) = shard.looks.get_mut(&gfid) else { return Vec::new() };
            looks.retain(|look| !look.is_forgotten(now, timeout));
            let counts = |look: &&Look| now.saturating_duration_since(look.at) < timeout;
            let others = looks.iter().filter(counts).filter_map(|look| look.who.upgrade());
            others.filter(|who| !Arc::ptr_eq(who, author)).collect()
        })
    }

    /// How many objects are watched.
    pub(crate) fn len(&self) -> usize {
        let len = |shard: &Mutex<Shard>| shard.lock().unwrap_or_else(PoisonError::into_inner).looks.len();
        self.shards.iter().map(len).sum()
    }

    /// Forgets all.
    pub(crate) fn clear(&self) {
        for shard in &self.shards {
            shard.lock().unwrap_or_else(PoisonError::into_inner).looks = HashMap::new();
        }
    }
}

impl Shard {
    fn make_room(&mut self, now: Instant, timeout: Duration) {
        if self.looks.len() >= self.sweep_at {
            self.looks.retain(|_, looks| {
                looks.retain(|look| !look.is_forgotten(now, timeout));
                !looks.is_empty()
            });
            self.sweep_at = (self.looks.len() * 2).max(KEPT);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TIMEOUT: Duration = Duration::from_secs(60);
    const FILE: Gfid = Gfid([1; 16]);

    fn watcher(uid: &str) -> Arc<Watcher> {
        Arc::new(Watcher { uid: uid.to_owned() })
    }

    fn uids(watchers: &[Arc<Watcher>]) -> Vec<&str> {
        watchers.iter().map(|who| who.uid.as_str()).collect()
    }

    #[test]
    fn a_look_counts_for_the_timeout_and_not_for_its_own_client() {
        let (all, start) = (Watchers::default(), Instant::now());
        let (a, b) = (watcher("a"), watcher("b"));
        all.look(FILE, &a, start, TIMEOUT);
        all.look(FILE, &b, start + TIMEOUT / 2, TIMEOUT);
        assert_eq!(uids(&all.others(FILE, &b, start + TIMEOUT / 2, TIMEOUT)), ["a"]);
        assert_eq!(uids(&all.others(FILE, &watcher("c"), start + TIMEOUT, TIMEOUT)), ["b"]);
        all.look(FILE, &a, start + TIMEOUT, TIMEOUT);
        assert_eq!(uids(&all.others(FILE, &b, start + TIMEOUT, TIMEOUT)), ["a"], "a look counts anew");
    }

    #[test]
    fn a_client_that_is_gone_is_not_told() {
        let (all, now) = (Watchers::default(), Instant::now());
        let (a, b) = (watcher("a"), watcher("b"));
        all.look(FILE, &a, now, TIMEOUT);
        drop(a);
        assert!(all.others(FILE, &b, now, TIMEOUT).is_empty());
    }

    #[test]
    fn objects_that_nobody_looks_at_any_more_do_not_pile_up() {
        let (all, start) = (Watchers::default(), Instant::now());
        let a = watcher("a");
        for n in 0..100_000_u32 {
            let mut gfid = Gfid::NULL;
            gfid.0[..4].copy_from_slice(&n.to_be_bytes());
            all.look(gfid, &a, start + TIMEOUT * n / 1000, TIMEOUT);
        }
        assert!(all.len() <= SHARDS * KEPT * 2, "{} are kept", all.len());
    }
}
