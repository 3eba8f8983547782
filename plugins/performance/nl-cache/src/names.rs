//! What is known of the names in one directory: that they are missing, and of one that was made here all that are there.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use gluster_cache::{Bounded, ByGfid, Moment, OfGfid, Place, Room, now};
use plugin_api::Gfid;

/// Bytes that a name takes beside its own.
const BESIDE: u64 = 64;

/// All directories.
#[derive(Debug, Default)]
pub(crate) struct Known {
    pub(crate) folders: ByGfid<Names>,
    pub(crate) room: Room<Names>,
}

/// One directory, shared by all objects that stand for it.
#[derive(Debug)]
pub(crate) struct Names {
    gfid: Gfid,
    known: Arc<Known>,
    state: Mutex<State>,
    place: Place,
}

#[derive(Debug, Default)]
struct State {
    /// Names with when they were known to be missing; `None` for one that is there.
    names: HashMap<Box<[u8]>, Option<Moment>>,
    /// When all names that are there were last known to be among them.
    whole: Option<Moment>,
    bytes: u64,
    /// When a change was last acknowledged.
    changed: Moment,
    /// Changes under way.
    changing: u32,
}

impl Names {
    pub(crate) fn new(gfid: Gfid, known: Arc<Known>) -> Self {
        Self { gfid, known, state: Mutex::default(), place: Place::default() }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether a name was known to be missing since then.
    pub(crate) fn is_missing(&self, name: &[u8], since: Moment) -> bool {
        let state = self.state();
        if state.changing > 0 {
            return false;
        }
        let missing = match state.names.get(name) {
            Some(Some(at)) => *at > since,
            Some(None) => false,
            None => state.whole.is_some_and(|at| at > since),
        };
        drop(state);
        if missing {
            self.place.touch();
        }
        missing
    }

    /// A fop that began then has found no such name.
    pub(crate) fn missing(self: &Arc<Self>, name: &[u8], began: Moment) {
        {
            let mut state = self.state();
            if state.changing > 0 || state.changed >= began {
                return;
            }
            self.put(&mut state, name, Some(began));
        }
        self.known.room.enter(self);
    }

    /// There is such a name.
    pub(crate) fn is_there(&self, name: &[u8]) {
        let mut state = self.state();
        match state.whole {
            Some(_) => self.put(&mut state, name, None),
            None => self.take(&mut state, name),
        }
    }

    /// The directory was made by a fop that began then: there is no name in it.
    pub(crate) fn is_new(self: &Arc<Self>, began: Moment) {
        self.state().whole = Some(began);
        self.known.room.enter(self);
    }

    /// Names change: nothing is answered meanwhile.
    pub(crate) fn begin(&self) {
        self.state().changing += 1;
    }

    /// A change of names ends: this one is there now, or not any more, or nobody knows.
    pub(crate) fn end(self: &Arc<Self>, name: &[u8], now_there: Option<bool>) {
        {
            let mut state = self.state();
            state.changing = state.changing.saturating_sub(1);
            state.changed = now();
            match now_there {
                Some(true) if state.whole.is_some() => self.put(&mut state, name, None),
                Some(true) => self.take(&mut state, name),
                Some(false) if state.changing == 0 => {
                    let at = state.changed;
                    self.put(&mut state, name, Some(at));
                }
                Some(false) => self.take(&mut state, name),
                None => {
                    state.whole = None;
                    self.take(&mut state, name);
                }
            }
        }
        self.known.room.enter(self);
    }

    /// Nothing is known any more, nor is what is asked now.
    pub(crate) fn forget(&self) {
        let mut state = self.state();
        state.changed = now();
        self.clear(&mut state);
    }

    fn put(&self, state: &mut State, name: &[u8], at: Option<Moment>) {
        if state.names.insert(name.into(), at).is_none() {
            let bytes = name.len() as u64 + BESIDE;
            state.bytes += bytes;
            self.known.room.more(bytes);
        }
    }

    fn take(&self, state: &mut State, name: &[u8]) {
        // Where all names are kept, one that is not among them is missing.
        state.whole = None;
        if state.names.remove(name).is_some() {
            let bytes = name.len() as u64 + BESIDE;
            state.bytes -= bytes;
            self.known.room.less(bytes);
        }
    }

    fn clear(&self, state: &mut State) {
        state.names = HashMap::new();
        state.whole = None;
        self.known.room.less(std::mem::take(&mut state.bytes));
    }
}

impl Bounded for Names {
    fn place(&self) -> &Place {
        &self.place
    }

    fn evict(&self) {
        self.clear(&mut self.state());
    }
}

impl OfGfid for Names {
    fn gfid(&self) -> Gfid {
        self.gfid
    }
}

impl Drop for Names {
    fn drop(&mut self) {
        let state = self.state.get_mut().unwrap_or_else(PoisonError::into_inner);
        self.known.room.less(state.bytes);
        self.known.folders.forget(self.gfid);
    }
}
