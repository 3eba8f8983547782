//! What was changed while directories are read ahead: what was read of it before may be older.

use std::collections::HashMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use gluster_cache::{Moment, now};
use plugin_api::Gfid;

/// More than so many are all.
const MOST: usize = 4096;

/// What was changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum What {
    /// The attributes of a file.
    File(Gfid),
    /// The names in a directory.
    Names(Gfid),
}

/// See above.
#[derive(Debug, Default)]
pub(crate) struct Changes {
    readers: AtomicUsize,
    noted: Mutex<Noted>,
}

#[derive(Debug, Default)]
struct Noted {
    last: HashMap<What, Moment>,
    /// Up to here, all was.
    all: Moment,
}

impl Changes {
    fn noted(&self) -> MutexGuard<'_, Noted> {
        self.noted.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A directory begins to be read ahead.
    pub(crate) fn begin(&self) {
        self.readers.fetch_add(1, Ordering::SeqCst);
    }

    /// Nothing more is held of one.
    pub(crate) fn end(&self) {
        let mut noted = self.noted();
        if self.readers.fetch_sub(1, Ordering::SeqCst) == 1 {
            noted.last = HashMap::new();
        }
    }

    /// How many directories are read ahead.
    pub(crate) fn readers(&self) -> usize {
        self.readers.load(Ordering::SeqCst)
    }

    /// Something was changed just now.
    pub(crate) fn note(&self, what: What) {
        if self.readers() == 0 {
            return;
        }
        let mut noted = self.noted();
        if noted.last.len() >= MOST {
            *noted = Noted { last: HashMap::new(), all: now() };
        }
        noted.last.insert(what, now());
    }

    /// Everything may have changed.
    pub(crate) fn note_all(&self) {
        self.noted().all = now();
    }

    /// Whether it was changed since then.
    pub(crate) fn has(&self, what: What, since: Moment) -> bool {
        let noted = self.noted();
        noted.last.get(&what).is_some_and(|last| *last >= since) || noted.all >= since
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_changed_since_is_known_as_long_as_somebody_reads_and_too_much_is_all() {
        let (changes, file) = (Changes::default(), What::File(Gfid([1; 16])));
        changes.note(file);
        changes.begin();
        let start = now();
        assert!(!changes.has(file, start));
        changes.note(file);
        assert!(changes.has(file, start) && !changes.has(What::Names(Gfid([1; 16])), start));
        assert!(!changes.has(file, now()));
        changes.end();
        changes.begin();
        assert!(!changes.has(file, start));
        (0..=MOST).for_each(|n| changes.note(What::File(Gfid((n as u128).to_be_bytes()))));
        assert!(changes.has(What::File(Gfid::ROOT), start), "it is not known which");
    }
}
