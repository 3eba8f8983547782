//! What is kept of one file, and when it counts.

use std::collections::BTreeMap;
use std::ops::RangeInclusive;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use gluster_cache::{Bounded, Moment, OfGfid, now};
use plugin_api::{Gfid, Iatt};
use tokio::sync::OnceCell;

use crate::options::{ORDINARY, Settings};
use crate::page::{Page, Piece};
use crate::shelf::Shelf;

/// What is kept of one inode, shared by all objects that stand for it.
#[derive(Debug)]
pub(crate) struct File {
    gfid: Gfid,
    shelf: Arc<Shelf>,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    slots: BTreeMap<u64, Slot>,
    /// What tells the pages that are kept from those of another time.
    mark: Option<Mark>,
    /// When they were last known to be the file's.
    checked: Moment,
    check: Option<Arc<Check>>,
    /// When a change was last acknowledged.
    changed: Moment,
    /// Changes under way.
    changing: u32,
    priority: Option<u32>,
    size: Option<u64>,
}

#[derive(Debug)]
enum Slot {
    Kept(Arc<Page>),
    Coming(Arc<Fetch>),
}

/// A page on its way: who wants it first brings it, the others wait for that.
#[derive(Debug)]
pub(crate) struct Fetch {
    pub(crate) number: u64,
    began: Moment,
    /// Nothing where it could not be read.
    pub(crate) piece: OnceCell<Option<Piece>>,
}

/// The question whether the file is still the same: asked by the first, and the others wait for that.
#[derive(Debug)]
pub(crate) struct Check {
    pub(crate) began: Moment,
    pub(crate) done: OnceCell<()>,
}

/// Where a reader has a page from.
#[derive(Debug)]
pub(crate) enum Want {
    Kept(Piece),
    Coming(Arc<Fetch>),
}

/// What tells the content of a file from another one that it has had.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Mark {
    time: (i64, u32),
    size: u64,
}

impl Mark {
    /// Nothing where nobody knows the attributes: writes wait below.
    pub(crate) fn of(iatt: &Iatt) -> Option<Self> {
        let is_known = iatt.mtime != 0 || iatt.ctime != 0;
        is_known.then_some(Self { time: (iatt.mtime, iatt.mtime_nsec), size: iatt.size })
    }
}

impl File {
    pub(crate) fn new(gfid: Gfid, shelf: Arc<Shelf>) -> Self {
        Self { gfid, shelf, state: Mutex::default() }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether it is one that is kept, as far as one knows.
    pub(crate) fn is_wanted(&self, settings: &Settings) -> bool {
        let state = self.state();
        state.priority != Some(0) && state.size.is_none_or(|size| settings.fits(size))
    }

    /// Its name says how much its pages are worth.
    pub(crate) fn set_priority(&self, priority: u32) {
        let mut state = self.state();
        state.priority = Some(priority);
        if priority == 0 {
            state.slots.clear();
        }
    }

    /// The question that has to be answered before pages count, when they were not known to be the file's since then.
    pub(crate) fn check(&self, since: Moment) -> Option<Arc<Check>> {
        let mut state = self.state();
        if state.checked >= since || !state.has_pages() {
            return None;
        }
        if let Some(check) =
            state.check.as_ref().filter(|check| check.began >= since && !check.done.initialized())
        {
            return Some(check.clone());
        }
        let check = Arc::new(Check { began: now(), done: OnceCell::new() });
        state.check = Some(check.clone());
        Some(check)
    }

    /// Where these pages are to be had, up to the last one of the file.
    pub(crate) fn want(&self, pages: RangeInclusive<u64>, since: Moment) -> Vec<Want> {
        let mut state = self.state();
        if state.checked < since {
            state.drop_pages();
        }
        let mut wants = Vec::with_capacity(1);
        for number in pages {
            let want = state.want(number, since);
            let is_last = matches!(&want, Want::Kept(piece) if piece.at_end);
            wants.push(want);
            if is_last {
                break;
            }
        }
        wants
    }

    /// A page has come, or has not. What came is kept where it is known to be the file's still.
    pub(crate) fn arrived(
        self: &Arc<Self>,
        fetch: &Arc<Fetch>,
        came: Option<(&Piece, Mark)>,
        settings: &Settings,
    ) {
        let mut state = self.state();
        if !state.take_out(fetch) {
            return;
        }
        let Some((piece, mark)) = came else { return };
        state.size = Some(mark.size);
        let priority = state.priority.unwrap_or(ORDINARY);
        if state.changing > 0 || priority == 0 || !settings.fits(mark.size) {
            return;
        }
        let is_same = state.mark == Some(mark);
        if !is_same && state.has_pages() {
            if state.checked >= fetch.began {
                // The others are of a later time.
                return;
            }
            state.drop_pages();
        }
        state.checked = if state.has_pages() { state.checked.max(fetch.began) } else { fetch.began };
        state.mark = Some(mark);
        let room = self.shelf.room(priority);
        let page = Arc::new(Page::new(fetch.number, piece.clone(), self, room.clone()));
        state.slots.insert(fetch.number, Slot::Kept(page.clone()));
        drop(state);
        self.shelf.make_room();
        room.enter(&page);
    }

    /// A fop which began then has seen the file: the pages of another one go, those of the same are trusted anew.
    pub(crate) fn seen(&self, began: Moment, iatt: &Iatt) {
        let mut state = self.state();
        let Some(mark) = Mark::of(iatt) else {
            return state.doubt();
        };
        state.size = Some(mark.size);
        if state.mark != Some(mark) {
            if state.has_pages() {
                state.slots.clear();
            }
        } else if state.changing == 0 && state.changed < began {
            state.checked = state.checked.max(began);
        }
    }

    /// A change of these pages begins.
    pub(crate) fn begin(&self, pages: &RangeInclusive<u64>) {
        let mut state = self.state();
        state.changing += 1;
        state.drop_touched(pages);
    }

    /// It ends.
    pub(crate) fn end(&self, pages: &RangeInclusive<u64>) {
        let mut state = self.state();
        state.changing = state.changing.saturating_sub(1);
        state.changed = now();
        state.size = None;
        state.drop_touched(pages);
    }

    /// Others may have changed the file: who reads next asks.
    pub(crate) fn doubt(&self) {
        self.state().doubt();
    }

    /// Others have changed the file.
    pub(crate) fn forget(&self) {
        let mut state = self.state();
        state.changed = now();
        state.size = None;
        state.slots.clear();
    }

    /// The room of a page is needed.
    pub(crate) fn evict(&self, page: &Page) {
        let mut state = self.state();
        let is_it = |slot: &Slot| matches!(slot, Slot::Kept(kept) if std::ptr::eq(&raw const **kept, page));
        if state.slots.get(&page.number).is_some_and(is_it) {
            state.slots.remove(&page.number);
        }
    }
}

impl State {
    fn has_pages(&self) -> bool {
        self.slots.values().any(|slot| matches!(slot, Slot::Kept(_)))
    }

    fn want(&mut self, number: u64, since: Moment) -> Want {
        match self.slots.get(&number) {
            Some(Slot::Kept(page)) => {
                page.place().touch();
                Want::Kept(page.piece.clone())
            }
            Some(Slot::Coming(fetch)) if fetch.began >= since => Want::Coming(fetch.clone()),
            _ => {
                let fetch = Arc::new(Fetch { number, began: now(), piece: OnceCell::new() });
                self.slots.insert(number, Slot::Coming(fetch.clone()));
                Want::Coming(fetch)
            }
        }
    }

    fn drop_pages(&mut self) {
        self.slots.retain(|_, slot| matches!(slot, Slot::Coming(_)));
    }

    /// Pages that a change touches go, with what shows the end of the file, and what is on its way is not kept.
    fn drop_touched(&mut self, pages: &RangeInclusive<u64>) {
        self.slots.retain(|number, slot| match slot {
            Slot::Kept(page) => !page.piece.at_end && !pages.contains(number),
            Slot::Coming(_) => false,
        });
    }

    fn doubt(&mut self) {
        self.changed = now();
        self.checked = 0;
        self.check = None;
        self.slots.retain(|_, slot| matches!(slot, Slot::Kept(_)));
    }

    /// Takes a page off its way: whether it was still waited for by who comes later.
    fn take_out(&mut self, fetch: &Arc<Fetch>) -> bool {
        let is_it = |slot: &Slot| matches!(slot, Slot::Coming(coming) if Arc::ptr_eq(coming, fetch));
        let was = self.slots.get(&fetch.number).is_some_and(is_it);
        if was {
            self.slots.remove(&fetch.number);
        }
        was
    }
}

impl OfGfid for File {
    fn gfid(&self) -> Gfid {
        self.gfid
    }
}

impl Drop for File {
    fn drop(&mut self) {
        self.shelf.files.forget(self.gfid);
    }
}
