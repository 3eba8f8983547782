//! What is kept of one inode, and which answers may change it.
//!
//! Answers do not come in the order in which bricks did the work. Each is judged by when its fop began: one that was under
//! way while a change of the same inode was acknowledged may be older than that change, and only a later change time
//! proves that it is not.

use std::cmp::Ordering;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use gluster_cache::{ByGfid, Moment, OfGfid, now};
use plugin_api::{Dict, Gfid, Iatt};

/// One inode, shared by all objects that stand for it.
#[derive(Debug)]
pub(crate) struct Entry {
    gfid: Gfid,
    all: Arc<ByGfid<Entry>>,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    iatt: Option<(Iatt, Moment)>,
    xattrs: Option<(Dict, Moment)>,
    /// When a name was last seen to lead here.
    named: Moment,
    /// When a change was last acknowledged.
    changed: Moment,
    /// When a change of xattrs was.
    xattrs_changed: Moment,
    /// Changes under way.
    changing: u32,
}

/// What a fop tells of an inode.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Told {
    /// When the fop began.
    pub(crate) began: Moment,
    /// The attributes before, where it tells them.
    pub(crate) pre: Option<Iatt>,
    /// The attributes now.
    pub(crate) post: Iatt,
    /// Whether it changed the inode.
    pub(crate) changed: bool,
}

/// Since when what is kept counts.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Since(pub(crate) Moment);

impl Entry {
    pub(crate) fn new(gfid: Gfid, all: Arc<ByGfid<Entry>>) -> Self {
        Self { gfid, all, state: Mutex::default() }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The attributes, when they were told since then.
    pub(crate) fn iatt(&self, since: Since) -> Option<Iatt> {
        self.state().iatt.filter(|(_, at)| *at > since.0).map(|(iatt, _)| iatt)
    }

    /// The kept xattrs, all that there are, when they were told since then.
    pub(crate) fn xattrs(&self, since: Since) -> Option<Dict> {
        self.state().xattrs.as_ref().filter(|(_, at)| *at > since.0).map(|(xattrs, _)| xattrs.clone())
    }

    /// What a lookup finds, when a name was seen to lead here since then.
    pub(crate) fn looked(&self, since: Since, named: bool) -> Option<(Iatt, Option<Dict>)> {
        let state = self.state();
        if named && state.named <= since.0 {
            return None;
        }
        let (iatt, _) = state.iatt.filter(|(_, at)| *at > since.0)?;
        let xattrs = state.xattrs.as_ref().filter(|(_, at)| *at > since.0);
        Some((iatt, xattrs.map(|(xattrs, _)| xattrs.clone())))
    }

    /// A change begins: its moment.
    pub(crate) fn begin(&self) -> Moment {
        self.state().changing += 1;
        now()
    }

    /// A change that began ends without word of what became of it.
    pub(crate) fn lost(&self) {
        let mut state = self.state();
        state.changing = state.changing.saturating_sub(1);
        state.forget();
    }

    /// A change that began ends. Answers whether somebody else has changed the inode.
    pub(crate) fn end(&self, told: Told, since: Since) -> bool {
        let mut state = self.state();
        state.changing = state.changing.saturating_sub(1);
        state.settle(self.gfid, told, since)
    }

    /// An answer tells of the inode. Answers whether somebody else has changed it.
    pub(crate) fn tell(&self, told: Told, since: Since) -> bool {
        self.state().settle(self.gfid, told, since)
    }

    /// A name leads here.
    pub(crate) fn name(&self, began: Moment) {
        let mut state = self.state();
        state.named = state.named.max(began);
    }

    /// Nothing that is kept counts any more, nor what is under way.
    pub(crate) fn forget(&self) {
        let mut state = self.state();
        state.forget();
        state.named = 0;
        state.forget_xattrs();
    }

    /// Somebody else has changed attributes: to `iatt`, where it is told. Their age stays.
    pub(crate) fn changed_to(&self, iatt: Option<Iatt>) {
        let mut state = self.state();
        state.changed = now();
        let Some((kept, at)) = state.iatt else { return };
        state.iatt = match iatt {
            Some(told) if times(&told) > times(&kept) => Some((told, at)),
            Some(told) if told == kept || times(&told) < times(&kept) && told.ctime != 0 => Some((kept, at)),
            _ => None,
        };
        state.strip();
    }

    /// Xattrs as a fop that began then has found them, all that are kept of there are.
    pub(crate) fn put_xattrs(&self, began: Moment, xattrs: Dict) {
        let mut state = self.state();
        if state.xattrs_changed < began {
            state.xattrs = Some((xattrs, began));
        }
    }

    /// Xattrs have changed.
    pub(crate) fn forget_xattrs(&self) {
        self.state().forget_xattrs();
    }
}

impl State {
    fn forget(&mut self) {
        self.iatt = None;
        self.changed = now();
        self.strip();
    }

    fn forget_xattrs(&mut self) {
        self.xattrs = None;
        self.xattrs_changed = now();
    }

    /// A change of content or attributes may take xattrs along that bricks keep in step with them.
    fn strip(&mut self) {
        let bound = |key: &[u8]| key.starts_with(b"security.") || key.starts_with(b"system.");
        if self.xattrs.as_ref().is_some_and(|(xattrs, _)| xattrs.iter().any(|(key, _)| bound(key.as_bytes())))
        {
            self.forget_xattrs();
        }
    }

    fn settle(&mut self, gfid: Gfid, told: Told, since: Since) -> bool {
        let Told { began, pre, post, changed } = told;
        if post.ctime == 0 || post.gfid != gfid {
            // Attributes that nobody knows, of writes that wait below.
            if changed || post.gfid == gfid || post.gfid.is_null() {
                self.forget();
            }
            return false;
        }
        let overtaken = self.changed >= began;
        let before = pre.as_ref().unwrap_or(&post);
        // Bricks tell of a directory each what they see, so what one says before a change says nothing of others.
        let comparable = pre.is_none() || !post.is_dir();
        let foreign = comparable
            && !overtaken
            && self.changing == 0
            && before.ctime != 0
            && self.iatt.is_some_and(|(kept, _)| times(before) > times(&kept));
        let takes = match (overtaken, self.iatt.filter(|(_, at)| *at > since.0)) {
            (false, None) => true,
            (true, None) => false,
            (true, Some((kept, _))) => times(&post) > times(&kept),
            (false, Some((kept, at))) => match times(&post).cmp(&times(&kept)) {
                Ordering::Greater => true,
                Ordering::Equal => changed || began >= at,
                Ordering::Less => false,
            },
        };
        if takes {
            self.iatt = Some((post, began));
        } else if changed {
            self.iatt = None;
        }
        if changed {
            self.changed = now();
            self.strip();
        }
        foreign
    }
}

/// What orders attributes: the change time, which never goes back.
fn times(iatt: &Iatt) -> (i64, u32) {
    (iatt.ctime, iatt.ctime_nsec)
}

impl OfGfid for Entry {
    fn gfid(&self) -> Gfid {
        self.gfid
    }
}

impl Drop for Entry {
    fn drop(&mut self) {
        self.all.forget(self.gfid);
    }
}
