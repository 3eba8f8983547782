//! The content of one small file, and when it counts.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use gluster_cache::{Bounded, Moment, OfGfid, Place, now};
use plugin_api::{Gfid, Iatt, IoBuf};

use crate::shelf::Shelf;

/// What is kept of one inode, shared by all objects that stand for it.
#[derive(Debug)]
pub(crate) struct Content {
    gfid: Gfid,
    shelf: Arc<Shelf>,
    state: Mutex<State>,
    place: Place,
}

#[derive(Debug, Default)]
struct State {
    kept: Option<Kept>,
    /// When a change was last acknowledged.
    changed: Moment,
    /// Changes under way.
    changing: u32,
}

#[derive(Debug)]
struct Kept {
    bytes: IoBuf,
    /// What tells this content from another one.
    mark: Mark,
    /// When it was last known to be the file's.
    at: Moment,
}

/// What tells the content of a file from another one that it has had.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Mark {
    time: (i64, u32),
    size: u64,
}

impl Mark {
    pub(crate) fn of(iatt: &Iatt, by_ctime: bool) -> Self {
        let time = if by_ctime { (iatt.ctime, iatt.ctime_nsec) } else { (iatt.mtime, iatt.mtime_nsec) };
        Self { time, size: iatt.size }
    }
}

impl Content {
    pub(crate) fn new(gfid: Gfid, shelf: Arc<Shelf>) -> Self {
        Self { gfid, shelf, state: Mutex::default(), place: Place::default() }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The whole content, when it was known to be the file's since then.
    pub(crate) fn bytes(&self, since: Moment) -> Option<IoBuf> {
        let state = self.state();
        let kept = state.kept.as_ref().filter(|kept| kept.at > since)?;
        let bytes = kept.bytes.clone();
        drop(state);
        self.place.touch();
        Some(bytes)
    }

    /// Whether there is any, trusted or not.
    pub(crate) fn is_kept(&self) -> bool {
        self.state().kept.is_some()
    }

    /// Content that a fop which began then has found.
    pub(crate) fn put(self: &Arc<Self>, began: Moment, mark: Mark, bytes: &[u8]) {
        let mut state = self.state();
        if state.changing > 0
            || state.changed >= began
            || state.kept.as_ref().is_some_and(|kept| kept.at > began)
        {
            return;
        }
        self.drop_kept(&mut state);
        // Without the message that it came in.
        let bytes = IoBuf::copy_from_slice(bytes);
        self.shelf.room.more(bytes.len() as u64);
        state.kept = Some(Kept { bytes, mark, at: began });
        drop(state);
        self.shelf.room.enter(self);
    }

    /// A fop which began then has seen the file: content that is another one goes, the same is trusted anew.
    pub(crate) fn seen(&self, began: Moment, mark: Mark) {
        let mut state = self.state();
        let fresh = state.changing == 0 && state.changed < began;
        match &mut state.kept {
            Some(kept) if kept.mark == mark && fresh => kept.at = kept.at.max(began),
            Some(kept) if kept.mark != mark => self.drop_kept(&mut state),
            _ => {}
        }
    }

    /// A change begins.
    pub(crate) fn begin(&self) {
        let mut state = self.state();
        state.changing += 1;
        self.drop_kept(&mut state);
    }

    /// One ends.
    pub(crate) fn end(&self) {
        let mut state = self.state();
        state.changing = state.changing.saturating_sub(1);
        state.changed = now();
        self.drop_kept(&mut state);
    }

    /// The content does not count any more.
    pub(crate) fn prune(&self) {
        let mut state = self.state();
        state.changed = now();
        self.drop_kept(&mut state);
    }

    fn drop_kept(&self, state: &mut State) {
        if let Some(kept) = state.kept.take() {
            self.shelf.room.less(kept.bytes.len() as u64);
        }
    }
}

impl Bounded for Content {
    fn place(&self) -> &Place {
        &self.place
    }

    fn evict(&self) {
        self.drop_kept(&mut self.state());
    }
}

impl OfGfid for Content {
    fn gfid(&self) -> Gfid {
        self.gfid
    }
}

impl Drop for Content {
    fn drop(&mut self) {
        let kept = self.state.get_mut().unwrap_or_else(PoisonError::into_inner).kept.take();
        if let Some(kept) = kept {
            self.shelf.room.less(kept.bytes.len() as u64);
        }
        self.shelf.files.forget(self.gfid);
    }
}
