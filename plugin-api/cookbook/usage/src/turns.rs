//! Turns: who is at work, and on what.
//!
//! Before and after of a size belong together, so one fop at a time changes a file. A directory is counted while nobody
//! changes what belongs to it: a door for each directory, which fops go through, and which a count closes while it reads.
//! Nobody here waits for long because a call below is not answered: only who wants that very file, and the count.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use plugin_api::prelude::*;
use tokio::sync::{Mutex as AsyncMutex, OwnedMutexGuard};

use crate::books::lock;

/// So often who comes to a closed door looks again, a millisecond apart; then he opens it.
const PATIENCE: usize = 500;
/// From so many on, files that nobody holds any longer are looked for.
const MANY_FILES: usize = 1024;

/// All turns of one graph.
#[derive(Debug, Default)]
pub(crate) struct Turns {
    files: Mutex<HashMap<Gfid, Arc<AsyncMutex<()>>>>,
    rooms: Mutex<Rooms>,
}

/// Where changes go on.
#[derive(Debug, Default)]
struct Rooms {
    changes: usize,
    doors: HashMap<Gfid, Door>,
}

#[derive(Debug, Default)]
struct Door {
    inside: usize,
    closed: bool,
}

/// A file that nobody else changes meanwhile.
pub(crate) type File = OwnedMutexGuard<()>;

/// A change that goes on. Dropped when what it changes has been added to the books.
#[derive(Debug)]
pub(crate) struct Change<'a> {
    turns: &'a Turns,
    homes: Vec<Gfid>,
}

/// A directory that is being read.
#[derive(Debug)]
pub(crate) struct Reading<'a> {
    turns: &'a Turns,
    home: Gfid,
}

impl Turns {
    /// Waits until nobody else changes a file.
    pub(crate) async fn file(&self, gfid: Gfid) -> File {
        let file = {
            let mut files = lock(&self.files);
            if files.len() >= MANY_FILES {
                files.retain(|_, file| Arc::strong_count(file) > 1);
            }
            files.entry(gfid).or_default().clone()
        };
        file.lock_owned().await
    }

    /// Begins a change.
    pub(crate) fn change(&self) -> Change<'_> {
        lock(&self.rooms).changes += 1;
        Change { turns: self, homes: Vec::new() }
    }

    /// Closes a door, when nobody is inside.
    pub(crate) fn read(&self, home: Gfid) -> Option<Reading<'_>> {
        let mut rooms = lock(&self.rooms);
        let door = rooms.doors.entry(home).or_default();
        (door.inside == 0).then(|| {
            door.closed = true;
            Reading { turns: self, home }
        })
    }

    /// Does `work` when no change goes on, before one begins.
    pub(crate) fn when_quiet<T>(&self, work: impl FnOnce() -> Option<T>) -> Option<T> {
        let rooms = lock(&self.rooms);
        if rooms.changes == 0 { work() } else { None }
    }

    /// Does `work` when nobody is inside any of these, before somebody goes in.
    pub(crate) fn when_empty(&self, homes: &HashSet<Gfid>, work: impl FnOnce() -> bool) -> bool {
        let rooms = lock(&self.rooms);
        homes.iter().all(|home| rooms.doors.get(home).is_none_or(|door| door.inside == 0)) && work()
    }
}

impl Change<'_> {
    /// Goes through the door of a directory that something is added to or taken off.
    pub(crate) async fn enter(&mut self, home: Gfid) {
        for look in 0..=PATIENCE {
            if self.try_enter(home, look == PATIENCE) {
                break;
            }
            rt::sleep(Duration::from_millis(1)).await;
        }
    }

    fn try_enter(&mut self, home: Gfid, by_force: bool) -> bool {
        let mut rooms = lock(&self.turns.rooms);
        let door = rooms.doors.entry(home).or_default();
        if door.closed && !by_force {
            return false;
        }
        door.closed = false;
        door.inside += 1;
        self.homes.push(home);
        true
    }
}

impl Drop for Change<'_> {
    fn drop(&mut self) {
        let mut rooms = lock(&self.turns.rooms);
        rooms.changes -= 1;
        for home in &self.homes {
            if let Some(door) = rooms.doors.get_mut(home) {
                door.inside -= 1;
                if door.inside == 0 {
                    rooms.doors.remove(home);
                }
            }
        }
    }
}

impl Reading<'_> {
    /// Does `work` before anybody goes in, if nobody did since the door was closed.
    pub(crate) fn finish(self, work: impl FnOnce()) -> bool {
        let rooms = lock(&self.turns.rooms);
        let whole = rooms.doors.get(&self.home).is_some_and(|door| door.closed);
        if whole {
            work();
        }
        drop(rooms);
        whole
    }
}

impl Drop for Reading<'_> {
    fn drop(&mut self) {
        let mut rooms = lock(&self.turns.rooms);
        if let Some(door) = rooms.doors.get_mut(&self.home) {
            door.closed = false;
            if door.inside == 0 {
                rooms.doors.remove(&self.home);
            }
        }
    }
}
