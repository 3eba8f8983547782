//! Directories whose accounts change now: each has one transaction at a time.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst};
use std::sync::{Arc, Mutex, PoisonError};

use plugin_api::Gfid;
use tokio::sync::{Mutex as AsyncMutex, MutexGuard};

use crate::counts::Counts;

/// Directories that are kept before those that rest are let go.
const KEPT: usize = 1024;

/// What is to be written down for a directory.
#[derive(Debug, Default)]
pub(crate) struct Book {
    /// What its size on disk lacks.
    pub(crate) owed: Counts,
    /// Contributions that changed while names are going.
    pub(crate) changed: HashMap<Gfid, Counts>,
}

/// A directory.
#[derive(Debug, Default)]
pub(crate) struct Dir {
    waiting: AtomicUsize,
    /// Names that are going: what they counted for is not taken off yet.
    leaving: AtomicUsize,
    /// Whether its marks on disk have been looked at.
    pub(crate) known: AtomicBool,
    /// Whether the disk says that its size may be wrong, because of us.
    pub(crate) dirty: AtomicBool,
    /// Whether its size is wrong as far as anybody knows, until somebody counts.
    pub(crate) doubtful: AtomicBool,
    book: AsyncMutex<Book>,
}

impl Dir {
    /// Begins a transaction, when all before it have ended.
    pub(crate) async fn enter(&self) -> MutexGuard<'_, Book> {
        self.waiting.fetch_add(1, SeqCst);
        let book = self.book.lock().await;
        self.waiting.fetch_sub(1, SeqCst);
        book
    }

    /// Whether another transaction begins when this one ends: what is owed can be left to it.
    pub(crate) fn is_awaited(&self) -> bool {
        self.waiting.load(SeqCst) > 0
    }

    /// A name begins to go: from here on its contribution is remembered when it changes.
    pub(crate) fn leaves(&self) {
        self.leaving.fetch_add(1, SeqCst);
    }

    /// What it counted for has been taken off.
    pub(crate) fn left(&self, book: &mut Book) {
        if self.leaving.fetch_sub(1, SeqCst) == 1 {
            book.changed.clear();
        }
    }

    pub(crate) fn is_left(&self) -> bool {
        self.leaving.load(SeqCst) > 0
    }

    fn rests(self: &Arc<Self>) -> bool {
        let flagged = self.dirty.load(SeqCst) || self.doubtful.load(SeqCst) || self.is_left();
        let settled = |book: &Book| book.owed.is_zero();
        !flagged && Arc::strong_count(self) == 1 && self.book.try_lock().is_ok_and(|book| settled(&book))
    }
}

/// All of them.
#[derive(Debug, Default)]
pub(crate) struct Dirs(Mutex<(HashMap<Gfid, Arc<Dir>>, usize)>);

impl Dirs {
    /// The directory with this id.
    pub(crate) fn of(&self, gfid: Gfid) -> Arc<Dir> {
        let (dirs, sweep_at) = &mut *self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if dirs.len() >= (*sweep_at).max(KEPT) {
            dirs.retain(|_, dir| !dir.rests());
            *sweep_at = dirs.len() * 2;
        }
        dirs.entry(gfid).or_default().clone()
    }

    /// Forgets one that is gone.
    pub(crate) fn forget(&self, gfid: Gfid) {
        let (dirs, _) = &mut *self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if dirs.get(&gfid).is_some_and(Dir::rests) {
            dirs.remove(&gfid);
        }
    }

    /// How many are kept.
    pub(crate) fn len(&self) -> usize {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).0.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn directories_that_rest_do_not_pile_up_and_those_with_debts_stay() {
        let dirs = Dirs::default();
        let busy = Gfid([7; 16]);
        dirs.of(busy).dirty.store(true, SeqCst);
        for n in 0..10 * KEPT as u128 {
            dirs.of(Gfid(n.to_be_bytes()));
        }
        assert!(dirs.len() <= 2 * KEPT + 2, "{} are kept", dirs.len());
        assert!(dirs.of(busy).dirty.load(SeqCst));
    }
}
