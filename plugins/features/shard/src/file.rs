//! What is known of a file: how it is cut, how long it is, and which blocks were written since the last fsync.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use gluster_cache::{ByGfid, Moment, OfGfid, nanos, now};
use plugin_api::{Gfid, Iatt, Inode};

use crate::extent::Extent;

/// All files that are known.
pub(crate) type Files = ByGfid<File>;

/// For how long nobody else is expected to have made a file longer.
const TRUSTED: Duration = Duration::from_secs(1);

/// A file, as long as an inode has it.
#[derive(Debug)]
pub(crate) struct File {
    gfid: Gfid,
    files: Arc<Files>,
    block_size: Option<u64>,
    state: Mutex<State>,
    /// Held by who needs the end to stay where it is.
    pub(crate) end: tokio::sync::Mutex<()>,
}

#[derive(Debug, Default)]
struct State {
    extent: Extent,
    /// When the extent was asked for; 0 when it is not to be trusted.
    told: Moment,
    /// Changes of the extent that are on their way to the xattr.
    under_way: u32,
    /// When such a change last began or ended.
    changed: Moment,
    /// The first block, as it was last told.
    first: Iatt,
    touched: Option<Touched>,
    written: BTreeMap<u64, Inode>,
}

/// A later block was written, of which the first one knows nothing: its time holds until the first one gets another.
#[derive(Debug, Clone, Copy)]
struct Touched {
    first: Time,
    last: Time,
}

/// Seconds and nanoseconds.
pub(crate) type Time = (i64, u32);

/// What a change makes of a file.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Change {
    pub(crate) before: Extent,
    pub(crate) after: Extent,
}

impl Change {
    /// Whether the xattr has to change as well.
    pub(crate) fn counts(&self) -> bool {
        self.before != self.after
    }
}

impl File {
    /// A file in blocks, or in one piece.
    pub(crate) fn new(gfid: Gfid, files: Arc<Files>, block_size: Option<u64>) -> Self {
        Self { gfid, files, block_size, state: Mutex::default(), end: tokio::sync::Mutex::default() }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn id(&self) -> Gfid {
        self.gfid
    }

    /// Bytes of a block; `None` for a file in one piece.
    pub(crate) fn block_size(&self) -> Option<u64> {
        self.block_size
    }

    pub(crate) fn extent(&self) -> Extent {
        self.state().extent
    }

    /// The first block, as it was last told.
    pub(crate) fn first(&self) -> Iatt {
        self.state().first
    }

    /// Permissions of the file, which its blocks are made with.
    pub(crate) fn permissions(&self) -> u32 {
        self.state().first.mode & 0o7777
    }

    /// Whether the extent may be used without asking.
    pub(crate) fn is_fresh(&self) -> bool {
        let state = self.state();
        state.under_way > 0 || state.told > now().saturating_sub(nanos(TRUSTED))
    }

    /// Others may have changed it.
    pub(crate) fn doubt(&self) {
        self.state().told = 0;
    }

    /// A fop that began then tells of the file. What it says about the extent is older than what is under way here.
    pub(crate) fn seen(&self, began: Moment, extent: Option<Extent>, first: &Iatt) {
        let mut state = self.state();
        if first.ctime != 0 {
            state.first = *first;
        }
        if let Some(extent) = extent
            && state.under_way == 0
            && state.changed < began
        {
            state.extent = extent;
            state.told = began;
        }
    }

    /// The attributes of the whole file, from those of its first block.
    pub(crate) fn shown(&self, first: &Iatt) -> Iatt {
        let state = self.state();
        let mut iatt = *first;
        if self.block_size.is_none() {
            return iatt;
        }
        Extent { size: iatt.size, blocks: iatt.blocks } = state.extent;
        if let Some(touched) = state.touched.filter(|touched| touched.first == (iatt.mtime, iatt.mtime_nsec))
        {
            (iatt.mtime, iatt.mtime_nsec) = touched.last.max(touched.first);
            (iatt.ctime, iatt.ctime_nsec) = touched.last.max((iatt.ctime, iatt.ctime_nsec));
        }
        iatt
    }

    /// A later block was changed, and looks like this.
    pub(crate) fn touch(&self, block: &Iatt) {
        let mut state = self.state();
        let first = (state.first.mtime, state.first.mtime_nsec);
        state.touched = Some(Touched { first, last: (block.mtime, block.mtime_nsec) });
    }

    /// When a later block was written, as long as the first one knows nothing of it.
    pub(crate) fn unsaved_time(&self) -> Option<Time> {
        let state = self.state();
        let known = (state.first.mtime, state.first.mtime_nsec);
        state
            .touched
            .filter(|touched| touched.first == known && touched.last > known)
            .map(|touched| touched.last)
    }

    /// Changes the extent. Where the change counts, it is under way until [`end_change`](Self::end_change).
    pub(crate) fn begin_change(&self, to: impl FnOnce(Extent) -> Extent) -> Change {
        let mut state = self.state();
        let change = Change { before: state.extent, after: to(state.extent) };
        if change.counts() {
            state.extent = change.after;
            state.under_way += 1;
            state.changed = now();
        }
        change
    }

    /// The xattr has changed as well, or could not.
    pub(crate) fn end_change(&self, done: bool) {
        let mut state = self.state();
        state.under_way -= 1;
        state.changed = now();
        if !done {
            state.told = 0;
        }
    }

    /// A later block was written.
    pub(crate) fn wrote(&self, block: u64, inode: Inode) {
        self.state().written.insert(block, inode);
    }

    /// Takes out the later blocks that were written.
    pub(crate) fn take_written(&self) -> BTreeMap<u64, Inode> {
        std::mem::take(&mut self.state().written)
    }
}

impl OfGfid for File {
    fn gfid(&self) -> Gfid {
        self.gfid
    }
}

impl Drop for File {
    fn drop(&mut self) {
        self.files.forget(self.gfid);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file() -> File {
        File::new(Gfid([7; 16]), Arc::default(), Some(4))
    }

    #[test]
    fn what_was_asked_before_a_change_says_nothing_after_it() {
        let (file, old) = (file(), Extent { size: 1, blocks: 8 });
        let began = now();
        let change = file.begin_change(|extent| Extent { size: 5, ..extent });
        assert!(change.counts());
        file.seen(now(), Some(old), &Iatt::default());
        assert_eq!(file.extent().size, 5, "the change is under way");
        file.end_change(true);
        file.seen(began, Some(old), &Iatt::default());
        assert_eq!(file.extent().size, 5, "it was asked before");
        file.seen(now(), Some(old), &Iatt::default());
        assert_eq!(file.extent(), old);
    }

    #[test]
    fn the_time_of_a_later_block_holds_until_the_first_gets_another() {
        let file = file();
        let at = |mtime| Iatt { mtime, ctime: mtime, ..Iatt::default() };
        file.seen(now(), None, &at(10));
        file.touch(&at(20));
        let shown = file.shown(&at(10));
        assert_eq!((shown.mtime, shown.ctime), (20, 20));
        assert_eq!(file.unsaved_time(), Some((20, 0)));
        assert_eq!(file.shown(&at(15)).mtime, 15, "somebody has set it");
        file.seen(now(), None, &at(15));
        assert_eq!(file.unsaved_time(), None);
    }
}
