//! A bound in bytes on what is kept of many inodes, and which goes first when there is too much.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

/// So many that are no more may wait in the row before it is swept.
const SWEPT_FROM: usize = 256;

/// What is kept of one inode, and takes room.
pub trait Bounded: Send + Sync + 'static {
    /// Its place in the row.
    fn place(&self) -> &Place;
    /// Others need the room: lets go of all of it, and says so with [`Room::less`].
    fn evict(&self);
}

/// Where it stands among those that may go.
#[derive(Debug, Default)]
pub struct Place {
    used: AtomicBool,
    queued: AtomicBool,
}

impl Place {
    /// It was of use: it goes round once more before it goes.
    pub fn touch(&self) {
        self.used.store(true, Ordering::Relaxed);
    }
}

/// The bound, and those that may go, oldest first.
#[derive(Debug)]
pub struct Room<C> {
    bytes: AtomicU64,
    limit: AtomicU64,
    row: Mutex<VecDeque<Weak<C>>>,
}

impl<C> Default for Room<C> {
    fn default() -> Self {
        Self { bytes: AtomicU64::new(0), limit: AtomicU64::new(0), row: Mutex::default() }
    }
}

impl<C: Bounded> Room<C> {
    /// At most so many bytes from now on.
    pub fn set_limit(&self, limit: u64) {
        self.limit.store(limit, Ordering::Relaxed);
        self.make_room();
    }

    /// Bytes that are kept.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        self.bytes.load(Ordering::Relaxed)
    }

    /// So many bytes came; [`enter`](Self::enter) follows, with no lock held that [`Bounded::evict`] takes.
    pub fn more(&self, bytes: u64) {
        self.bytes.fetch_add(bytes, Ordering::Relaxed);
    }

    /// So many bytes went.
    pub fn less(&self, bytes: u64) {
        self.bytes.fetch_sub(bytes, Ordering::Relaxed);
    }

    fn row(&self) -> MutexGuard<'_, VecDeque<Weak<C>>> {
        self.row.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Something takes its place in the row, and room is made for it.
    pub fn enter(&self, kept: &Arc<C>) {
        if !kept.place().queued.swap(true, Ordering::Relaxed) {
            let mut row = self.row();
            row.push_back(Arc::downgrade(kept));
            if row.len() > SWEPT_FROM && row.len().is_power_of_two() {
                row.retain(|kept| kept.strong_count() > 0);
            }
        }
        self.make_room();
    }

    fn make_room(&self) {
        while self.bytes() > self.limit.load(Ordering::Relaxed) {
            // What is dropped is dropped outside the lock.
            let Some(first) = self.row().pop_front() else { return };
            let Some(kept) = first.upgrade() else { continue };
            if kept.place().used.swap(false, Ordering::Relaxed) {
                self.row().push_back(first);
                continue;
            }
            kept.place().queued.store(false, Ordering::Relaxed);
            kept.evict();
        }
    }
}
