//! Contexts of inodes, by gfid: an inode may have several objects for a moment, and upcalls name files by it.

use std::collections::HashMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use plugin_api::{CtxKey, Gfid, Inode};

const SHARDS: usize = 16;

/// What is kept of one inode.
pub trait OfGfid: Send + Sync + 'static {
    /// The inode's id.
    fn gfid(&self) -> Gfid;
}

type Shard<C> = HashMap<Gfid, Weak<C>>;

/// All contexts of one translator. Each lives as long as an inode that has it, and says [`forget`](Self::forget) when it is
/// dropped.
#[derive(Debug)]
pub struct ByGfid<C> {
    shards: [Mutex<Shard<C>>; SHARDS],
    count: AtomicUsize,
}

impl<C> Default for ByGfid<C> {
    fn default() -> Self {
        Self { shards: std::array::from_fn(|_| Mutex::default()), count: AtomicUsize::new(0) }
    }
}

impl<C: OfGfid> ByGfid<C> {
    fn shard(&self, gfid: Gfid) -> MutexGuard<'_, Shard<C>> {
        self.shards[usize::from(gfid.0[15]) % SHARDS].lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The context of a file that is known.
    #[must_use]
    pub fn find(&self, gfid: Gfid) -> Option<Arc<C>> {
        self.shard(gfid).get(&gfid)?.upgrade()
    }

    /// The context of an inode, which is, or is about to be, the file `gfid`; made where there is none yet. `None` for
    /// one without an id.
    pub fn of(&self, inode: &Inode, gfid: Gfid, key: CtxKey, make: impl FnOnce() -> C) -> Option<Arc<C>> {
        if gfid.is_null() {
            return None;
        }
        if let Some(context) = inode.object().ctx::<C>(key).filter(|context| context.gfid() == gfid) {
            return Some(context);
        }
        let context = {
            let mut shard = self.shard(gfid);
            match shard.get(&gfid).and_then(Weak::upgrade) {
                Some(context) => context,
                None => {
                    let context = Arc::new(make());
                    if shard.insert(gfid, Arc::downgrade(&context)).is_none() {
                        self.count.fetch_add(1, Ordering::Relaxed);
                    }
                    context
                }
            }
        };
        // An object that stands for another file meanwhile keeps what it has.
        if inode.gfid().is_null() || inode.gfid() == gfid {
            let old = inode.object().ctx_set(key, context.clone());
            drop(old);
        }
        Some(context)
    }

    /// A context is gone.
    pub fn forget(&self, gfid: Gfid) {
        let mut shard = self.shard(gfid);
        // Another may have taken its place meanwhile.
        if shard.get(&gfid).is_some_and(|context| context.strong_count() == 0) {
            shard.remove(&gfid);
            self.count.fetch_sub(1, Ordering::Relaxed);
        }
    }

    /// How many there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.count.load(Ordering::Relaxed)
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use plugin_api::FileType;

    struct Note(Gfid, Arc<ByGfid<Note>>);

    impl OfGfid for Note {
        fn gfid(&self) -> Gfid {
            self.0
        }
    }

    impl Drop for Note {
        fn drop(&mut self) {
            self.1.forget(self.0);
        }
    }

    #[test]
    fn all_objects_of_a_file_share_what_is_kept_until_the_last_is_gone() {
        let notes: Arc<ByGfid<Note>> = Arc::default();
        let key = CtxKey::fresh();
        let gfid = Gfid([7; 16]);
        let of = |inode: &Inode| notes.of(inode, gfid, key, || Note(gfid, notes.clone())).unwrap();
        let (known, found) = (Inode::new(gfid, FileType::Regular), Inode::new(Gfid::NULL, FileType::Invalid));
        assert!(Arc::ptr_eq(&of(&known), &of(&found)));
        drop(known);
        assert!(notes.find(gfid).is_some());
        drop(found);
        assert!(notes.find(gfid).is_none() && notes.is_empty());
        assert!(
            notes
                .of(&Inode::new(Gfid::NULL, FileType::Invalid), Gfid::NULL, key, || unreachable!())
                .is_none()
        );
    }
}
