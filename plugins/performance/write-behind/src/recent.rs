//! Files whose last held write ended while a directory was being read: what the brick told of them may be older.

use std::collections::HashSet;
use std::sync::{Mutex, PoisonError};

use plugin_api::Gfid;

/// More than so many are all files.
const MOST: usize = 4096;

/// See above.
#[derive(Debug, Default)]
pub(crate) struct Recent(Mutex<Noted>);

#[derive(Debug, Default)]
struct Noted {
    readers: usize,
    files: HashSet<Gfid>,
    all: bool,
}

impl Recent {
    fn noted(&self) -> std::sync::MutexGuard<'_, Noted> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A directory begins to be read.
    pub(crate) fn begin(&self) {
        self.noted().readers += 1;
    }

    /// A file holds nothing any more.
    pub(crate) fn note(&self, gfid: Gfid) {
        let mut noted = self.noted();
        if noted.readers > 0 {
            noted.all |= noted.files.len() >= MOST;
            if !noted.all {
                noted.files.insert(gfid);
            }
        }
    }

    pub(crate) fn has(&self, gfid: Gfid) -> bool {
        let noted = self.noted();
        noted.all || noted.files.contains(&gfid)
    }

    /// Whether anything is noted.
    pub(crate) fn is_empty(&self) -> bool {
        let noted = self.noted();
        !noted.all && noted.files.is_empty()
    }

    /// A directory was read.
    pub(crate) fn end(&self) {
        let mut noted = self.noted();
        noted.readers -= 1;
        if noted.readers == 0 {
            noted.files = HashSet::new();
            noted.all = false;
        }
    }
}
