//! A file that somebody reads ahead in: when it was changed last.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use gluster_cache::{ByGfid, Moment, OfGfid, now};
use plugin_api::Gfid;

/// See above.
#[derive(Debug)]
pub(crate) struct File {
    gfid: Gfid,
    all: Arc<ByGfid<File>>,
    changed: AtomicU64,
}

impl File {
    pub(crate) fn new(gfid: Gfid, all: Arc<ByGfid<File>>) -> Self {
        Self { gfid, all, changed: AtomicU64::new(0) }
    }

    /// It is another one from now on.
    pub(crate) fn change(&self) {
        self.changed.fetch_max(now(), Ordering::AcqRel);
    }

    pub(crate) fn changed(&self) -> Moment {
        self.changed.load(Ordering::Acquire)
    }
}

impl OfGfid for File {
    fn gfid(&self) -> Gfid {
        self.gfid
    }
}

impl Drop for File {
    fn drop(&mut self) {
        self.all.forget(self.gfid);
    }
}
