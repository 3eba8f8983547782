//! Marks: what a client counts on a file puts the file on the lists before the count is on disk, and takes it off after.
//!
//! All counting on one inode goes through its [`Known`], one at a time: else an entry could be taken off by a count that was
//! read before another one went up.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use gluster_brick::Name;
use plugin_api::prelude::*;
use tokio::sync::Mutex;

use crate::Index;
use crate::listing::errno;
use crate::lists::{List, Lists};
use crate::watch::Told;

/// The operation that answers what was there before.
const GET_AND_SET: u32 = 4;
const ENTRY_CREATE: &str = "glusterfs.xattrop-entry-create";
const ENTRY_DELETE: &str = "glusterfs.xattrop-entry-delete";
const PURGE_INDEX: &str = "glusterfs.xattrop-purge-index";

/// What is known of one inode; held while a client counts on it.
#[derive(Debug, Default)]
pub(crate) struct Known(Mutex<State>);

/// On which lists an inode is, as far as that is known.
#[derive(Debug, Default)]
struct State {
    on: [Option<bool>; 2],
    /// How often entries had been taken off by name when this was learnt.
    purges: u64,
}

/// How often entries were taken off by name, behind the back of every [`State`].
#[derive(Debug, Default)]
pub(crate) struct Purges(AtomicU64);

impl Purges {
    pub(crate) fn note(&self) {
        self.0.fetch_add(1, Ordering::SeqCst);
    }

    fn so_far(&self) -> u64 {
        self.0.load(Ordering::SeqCst)
    }
}

/// What one count asks of the lists.
#[derive(Debug)]
pub(crate) struct Marks {
    gfid: Gfid,
    told: Told,
    created: Option<IoBuf>,
    deleted: Option<IoBuf>,
    purge: bool,
    /// Nothing goes up or down, and no name comes or goes: somebody looks whether the file is listed in vain.
    looks: bool,
    /// The counts themselves where the answer will tell older ones.
    set: Option<Dict>,
}

impl Marks {
    /// Reads a count; `None`, the usual case on volumes without copies, when no list has anything to do with it.
    pub(crate) fn read(index: &Index, gfid: Gfid, op: u32, xattrs: &Dict, xdata: &Dict) -> Option<Self> {
        let told = index.watch().told(xattrs);
        let name = |key| match xdata.get(key) {
            Some(Value::Str(name) | Value::Untyped(name) | Value::Bytes(name)) => {
                let end = name.iter().position(|byte| *byte == 0).unwrap_or(name.len());
                Some(name.slice(..end))
            }
            _ => None,
        };
        let (created, deleted) = (name(ENTRY_CREATE), name(ENTRY_DELETE));
        let purge = xdata.int(PURGE_INDEX).is_some_and(|n| n != 0);
        if told.says_nothing() && created.is_none() && deleted.is_none() && !purge {
            return None;
        }
        let nothing = Told { pending: Some(false), dirty: Some(false) };
        let looks = told == nothing && created.is_none() && deleted.is_none();
        let set = (op == GET_AND_SET).then(|| xattrs.clone());
        Some(Self { gfid, told, created, deleted, purge, looks, set })
    }
}

impl Index {
    /// Winds a count that marks something, with the lists right before and after.
    pub(crate) async fn count<W>(
        &self,
        frame: &Frame,
        inode: Option<&Inode>,
        marks: Marks,
        wind: W,
    ) -> FopResult<Xattrs>
    where
        W: Future<Output = FopResult<Xattrs>>,
    {
        let lists = self.lists()?;
        let known = match inode {
            Some(inode) => inode.object().ctx_or_insert_with(frame.key(), Known::default),
            None => Arc::clone(&self.nameless),
        };
        let mut state = known.0.lock().await;
        let mut sight =
            Sight { lists, state: &mut state, kept: inode.is_some(), purges: self.purges.so_far() };
        sight.before(&marks)?;
        let reply = wind.await?;
        // Somebody may have taken entries off meanwhile.
        sight.purges = self.purges.so_far();
        let told = self.watch().told(marks.set.as_ref().unwrap_or(&reply.xattrs));
        if let Err(e) = sight.after(&marks, told) {
            // The count is on disk, and what is on a list too long is looked at in vain, no more.
            log!(Warn, xl: frame.name(), "a list of files to heal was not changed", gfid = marks.gfid, errno = e);
        }
        Ok(reply)
    }
}

/// The lists, as one count sees them.
struct Sight<'a> {
    lists: &'a Lists,
    state: &'a mut State,
    /// Whether `state` is of this inode and no other.
    kept: bool,
    purges: u64,
}

impl Sight<'_> {
    /// Nothing is counted that a heal would not find: what goes up is on its list first.
    fn before(&mut self, marks: &Marks) -> Result<(), Errno> {
        if let Some(name) = &marks.created {
            let name = Name::new(name).map_err(errno)?;
            self.lists.add_change(marks.gfid, name).map_err(errno)?;
        }
        for (list, counts) in marks.told.by_list() {
            if counts == Some(true) {
                self.put(list, marks.gfid, true)?;
            }
        }
        Ok(())
    }

    /// The answers say what the counts are now.
    fn after(&mut self, marks: &Marks, told: Told) -> Result<(), Errno> {
        for (list, counts) in told.by_list() {
            if let Some(counts) = counts {
                self.put(list, marks.gfid, counts)?;
            }
        }
        if let Some(name) = &marks.deleted {
            let name = Name::new(name).map_err(errno)?;
            self.lists.undo_change(marks.gfid, name).map_err(errno)?;
        }
        // A healer that has healed all names while another counter was not zero yet comes back only to look: when nothing is
        // counted and nobody is changing anything, no name is missed by anybody.
        let in_vain = marks.looks && told.dirty == Some(false);
        if (marks.purge || in_vain) && told.pending == Some(false) {
            match self.lists.forget_changes(marks.gfid, true) {
                Ok(()) | Err(rustix::io::Errno::NOENT) => {}
                Err(e) => return Err(errno(e)),
            }
        }
        Ok(())
    }

    fn put(&mut self, list: List, gfid: Gfid, on: bool) -> Result<(), Errno> {
        if self.state.purges != self.purges || !self.kept {
            *self.state = State { purges: self.purges, ..State::default() };
        }
        let known = &mut self.state.on[list as usize];
        if *known == Some(on) {
            return Ok(());
        }
        *known = None;
        if on { self.lists.add(list, gfid) } else { self.lists.remove(list, gfid) }.map_err(errno)?;
        *known = Some(on);
        Ok(())
    }
}
