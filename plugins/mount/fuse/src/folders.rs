//! Open folders. The kernel asks for a page of a listing at a time; what is read below is more, and waits here.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use plugin_api::Fd;
use plugin_api::fop::DirEntry;

/// Bytes of entries that are read at once: some hundred of them.
pub(crate) const AHEAD: usize = 128 * 1024;

/// An open folder.
#[derive(Debug, Clone)]
pub(crate) struct Folder {
    pub(crate) fd: Fd,
    /// Where it goes on, and what comes there.
    ahead: Arc<Mutex<Option<(u64, Listing)>>>,
}

/// A part of a listing.
#[derive(Debug)]
pub(crate) struct Listing {
    pub(crate) entries: VecDeque<DirEntry>,
    pub(crate) at_end: bool,
    /// Whether there are attributes.
    pub(crate) plus: bool,
    /// How many changes had been made when it was read.
    pub(crate) changes: u64,
    /// It counts as fresh until then.
    pub(crate) until: Instant,
}

impl Folder {
    pub(crate) fn new(fd: Fd) -> Self {
        Self { fd, ahead: Arc::default() }
    }

    /// What was read ahead from this offset, where it is fresh still. It is handed out once.
    pub(crate) fn take(&self, offset: u64, plus: bool, changes: u64) -> Option<Listing> {
        let (from, listing) = self.ahead.lock().unwrap_or_else(PoisonError::into_inner).take()?;
        let fresh = listing.changes == changes && listing.plus == plus && Instant::now() < listing.until;
        (from == offset && fresh).then_some(listing)
    }

    /// Keeps what is left of a listing behind this offset.
    pub(crate) fn keep(&self, offset: u64, listing: Listing) {
        let ahead = &mut *self.ahead.lock().unwrap_or_else(PoisonError::into_inner);
        *ahead = Some((offset, listing));
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use plugin_api::{FileType, Gfid, Inode};

    use super::*;

    fn folder() -> Folder {
        Folder::new(Fd::new(Inode::new(Gfid::ROOT, FileType::Directory), 0, 1))
    }

    fn listing(until: Duration) -> Listing {
        let until = Instant::now() + until;
        Listing {
            entries: VecDeque::from([DirEntry::default()]),
            at_end: true,
            plus: true,
            changes: 7,
            until,
        }
    }

    #[test]
    fn what_was_read_ahead_is_had_once_and_where_it_goes_on() {
        let folder = folder();
        folder.keep(5, listing(Duration::from_secs(100)));
        assert_eq!(folder.take(5, true, 7).map(|ahead| ahead.entries.len()), Some(1));
        assert!(folder.take(5, true, 7).is_none());
    }

    #[test]
    fn what_was_read_elsewhere_or_otherwise_or_before_a_change_or_long_ago_is_read_again() {
        let folder = folder();
        let asks = [(4, true, 7), (5, false, 7), (5, true, 8)];
        for (offset, plus, changes) in asks {
            folder.keep(5, listing(Duration::from_secs(100)));
            assert!(folder.take(offset, plus, changes).is_none(), "{offset} {plus} {changes}");
        }
        folder.keep(5, listing(Duration::ZERO));
        assert!(folder.take(5, true, 7).is_none());
    }
}
