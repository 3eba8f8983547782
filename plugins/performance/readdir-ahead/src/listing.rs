//! What was read ahead of one open directory.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use gluster_cache::{Moment, nanos, now};
use plugin_api::Child;
use plugin_api::prelude::*;
use tokio::sync::OnceCell;

use crate::changes::What;
use crate::options::Settings;
use crate::shared::Shared;

/// Bytes that a name takes in an answer beside itself, as bricks count: its attributes among them.
const ENTRY: usize = 192;
/// Bytes that an xattr takes beside name and value.
const PAIR: usize = 16;

/// For how long names and attributes count: others may change them meanwhile.
const TRUSTED: Duration = Duration::from_secs(10);

/// See above.
#[derive(Debug)]
pub(crate) struct Listing {
    dir: Gfid,
    /// The xattrs that come with every name.
    asked: Dict,
    shared: Arc<Shared>,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    entries: VecDeque<Entry>,
    bytes: u64,
    /// Where the reader goes on.
    next: u64,
    /// Where the child is asked next.
    from: u64,
    rest: Rest,
    fill: Option<Arc<Fill>>,
}

#[derive(Debug)]
struct Entry {
    entry: DirEntry,
    bytes: u64,
    /// When it was asked for.
    began: Moment,
}

/// What comes after the names that are there.
#[derive(Debug)]
enum Rest {
    More,
    End,
    Failed(FopError),
    /// Nothing is held: the reader asks the child.
    Past,
}

/// One answer of the child on its way: who comes to it first brings it, and the others wait for that.
#[derive(Debug)]
pub(crate) struct Fill {
    /// Bytes that it may have, for which there is room.
    size: usize,
    done: OnceCell<()>,
}

impl Fill {
    /// One that there is room for.
    fn new(shared: &Shared, settings: &Settings) -> Option<Arc<Self>> {
        let is_room = shared.held.take(settings.request as u64, settings.limit);
        is_room.then(|| Arc::new(Self { size: settings.request, done: OnceCell::new() }))
    }
}

/// What becomes of a read.
#[derive(Debug)]
pub(crate) enum Turn {
    /// It goes to the child.
    Past,
    /// It is answered, and this is to be brought for the next.
    Answer(FopResult<Entries>, Option<Arc<Fill>>),
    /// It waits for this.
    Wait(Arc<Fill>),
}

impl Listing {
    /// A directory that is open; with the first names to be brought, where there is room for them.
    pub(crate) fn new(
        dir: Gfid,
        asked: Dict,
        shared: &Arc<Shared>,
        settings: &Settings,
    ) -> Option<(Self, Arc<Fill>)> {
        Fill::new(shared, settings).map(|fill| {
            shared.changes.begin();
            let state = State {
                entries: VecDeque::new(),
                bytes: 0,
                next: 0,
                from: 0,
                rest: Rest::More,
                fill: Some(fill.clone()),
            };
            (Self { dir, asked, shared: shared.clone(), state: Mutex::new(state) }, fill)
        })
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Brings the next names, or waits for who does.
    pub(crate) async fn fill(&self, child: Child<'_>, fd: &Fd, fill: &Fill) {
        fill.done.get_or_init(|| self.bring(child, fd, fill.size)).await;
    }

    async fn bring(&self, child: Child<'_>, fd: &Fd, size: usize) {
        let (offset, began) = (self.state().from, now());
        let args = Readdirp { fd: fd.clone(), size, offset, xdata: self.asked.clone() };
        let answer = child.readdirp(args).await;
        let mut state = self.state();
        state.fill = None;
        self.shared.held.less(size as u64);
        match answer {
            _ if matches!(state.rest, Rest::Past) => {}
            Err(why) => state.rest = Rest::Failed(why),
            Ok(read) => {
                if read.at_end || read.entries.is_empty() {
                    state.rest = Rest::End;
                }
                for entry in read.entries {
                    let bytes = cost(&entry);
                    state.from = entry.offset;
                    state.bytes += bytes;
                    self.shared.held.more(bytes);
                    state.entries.push_back(Entry { entry, bytes, began });
                }
            }
        }
    }

    /// More to be brought while there is less than the high mark.
    pub(crate) fn go_on(&self, settings: &Settings) -> Option<Arc<Fill>> {
        let mut state = self.state();
        (state.bytes < settings.high).then(|| self.ask(&mut state, settings))?
    }

    fn ask(&self, state: &mut State, settings: &Settings) -> Option<Arc<Fill>> {
        let is_wanted = state.fill.is_none() && matches!(state.rest, Rest::More);
        if is_wanted {
            state.fill = Fill::new(&self.shared, settings);
            return state.fill.clone();
        }
        None
    }

    /// What becomes of a read from there that wants these xattrs.
    pub(crate) fn read(&self, offset: u64, size: usize, xdata: &Dict, settings: &Settings) -> Turn {
        let mut state = self.state();
        if matches!(state.rest, Rest::Past) {
            return Turn::Past;
        }
        let is_told = xdata.iter().all(|(key, _)| self.asked.contains(key.as_str()));
        if offset != state.next || !is_told || self.is_outdated(&state) {
            self.pass(&mut state);
            return Turn::Past;
        }
        if !state.entries.is_empty() {
            let entries = self.take(&mut state, size as u64);
            let fill = (state.bytes < settings.low).then(|| self.ask(&mut state, settings)).flatten();
            return Turn::Answer(Ok(entries), fill);
        }
        if let Some(fill) = state.fill.clone().or_else(|| self.ask(&mut state, settings)) {
            return Turn::Wait(fill);
        }
        if let Rest::End = state.rest {
            return Turn::Answer(Ok(Entries { at_end: true, ..Entries::default() }), None);
        }
        match self.pass(&mut state) {
            Rest::Failed(why) => Turn::Answer(Err(why), None),
            // There is no room.
            _ => Turn::Past,
        }
    }

    /// Whether the next name was asked for long ago, or names were made or removed since then.
    fn is_outdated(&self, state: &State) -> bool {
        let outdated = |began: Moment| {
            now().saturating_sub(began) > nanos(TRUSTED)
                || self.shared.changes.has(What::Names(self.dir), began)
        };
        state.entries.front().is_some_and(|first| outdated(first.began))
    }

    fn take(&self, state: &mut State, size: u64) -> Entries {
        let mut entries = Vec::new();
        let mut left = size;
        while let Some(first) = state.entries.front()
            && (first.bytes <= left || entries.is_empty())
        {
            left = left.saturating_sub(first.bytes);
            let Some(Entry { mut entry, bytes, began }) = state.entries.pop_front() else { break };
            state.bytes -= bytes;
            self.shared.held.less(bytes);
            state.next = entry.offset;
            if self.shared.changes.has(What::File(entry.iatt.gfid), began) {
                // These are the attributes of before, or may be.
                (entry.iatt, entry.xattrs) = (Iatt::default(), Dict::new());
            }
            entries.push(entry);
        }
        let at_end = state.entries.is_empty() && matches!(state.rest, Rest::End);
        Entries { entries: entries.into(), at_end, xdata: Dict::new() }
    }

    /// From now on the child is asked. Answers what came after the names.
    fn pass(&self, state: &mut State) -> Rest {
        let rest = std::mem::replace(&mut state.rest, Rest::Past);
        if !matches!(rest, Rest::Past) {
            self.shared.held.less(std::mem::take(&mut state.bytes));
            state.entries = VecDeque::new();
            self.shared.changes.end();
        }
        rest
    }
}

impl Drop for Listing {
    fn drop(&mut self) {
        self.pass(&mut self.state());
    }
}

fn cost(entry: &DirEntry) -> u64 {
    let pair = |(key, value): (&plugin_api::Key, &Value)| {
        PAIR + key.as_bytes().len() + value.as_bytes().map_or(8, <[u8]>::len)
    };
    let xattrs: usize = entry.xattrs.iter().map(pair).sum();
    (ENTRY + entry.name.len().next_multiple_of(4) + xattrs) as u64
}
