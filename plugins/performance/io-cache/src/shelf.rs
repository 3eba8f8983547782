//! All pages that are kept: which file has them, and how much room each priority gets.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard};

use gluster_cache::{ByGfid, Room};
use plugin_api::{CtxKey, Gfid, Inode};

use crate::file::File;
use crate::page::Page;

type Rooms = BTreeMap<u32, Arc<Room<Page>>>;

/// Everything, bounded in bytes.
#[derive(Debug, Default)]
pub(crate) struct Shelf {
    pub(crate) files: ByGfid<File>,
    limit: AtomicU64,
    /// By priority.
    rooms: RwLock<Rooms>,
}

impl Shelf {
    /// What is kept of a file; made where there is none yet.
    pub(crate) fn of(self: &Arc<Self>, inode: &Inode, gfid: Gfid, key: CtxKey) -> Option<Arc<File>> {
        self.files.of(inode, gfid, key, || File::new(gfid, self.clone()))
    }

    fn rooms(&self) -> RwLockReadGuard<'_, Rooms> {
        self.rooms.read().unwrap_or_else(PoisonError::into_inner)
    }

    /// Where pages of a priority are.
    pub(crate) fn room(&self, priority: u32) -> Arc<Room<Page>> {
        if let Some(room) = self.rooms().get(&priority) {
            return room.clone();
        }
        self.rooms.write().unwrap_or_else(PoisonError::into_inner).entry(priority).or_default().clone()
    }

    /// At most so many bytes from now on.
    pub(crate) fn set_limit(&self, limit: u64) {
        self.limit.store(limit, Ordering::Relaxed);
        self.make_room();
    }

    /// Bytes that are kept.
    pub(crate) fn bytes(&self) -> u64 {
        self.rooms().values().map(|room| room.bytes()).sum()
    }

    /// Each priority gets what the higher ones leave it. No state of a file is locked meanwhile.
    pub(crate) fn make_room(&self) {
        let mut left = self.limit.load(Ordering::Relaxed);
        for room in self.rooms().values().rev() {
            room.set_limit(left);
            left = left.saturating_sub(room.bytes());
        }
    }
}
