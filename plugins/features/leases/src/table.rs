//! All objects of a brick that are open or leased, by gfid.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use plugin_api::Gfid;

use crate::object::{LeaseId, Object};

/// Finds an object's leases, one thread at a time. An object that nothing is known of takes no room.
#[derive(Debug, Default)]
pub(crate) struct Table {
    objects: Mutex<HashMap<Gfid, Object>>,
    /// How many hold leases: none, and no fop has to look.
    holders: AtomicU64,
}

impl Table {
    /// Whether anybody holds a lease on anything.
    pub(crate) fn is_leased(&self) -> bool {
        self.holders.load(Ordering::Acquire) > 0
    }

    /// Works on an object.
    pub(crate) fn with<R>(&self, gfid: Gfid, work: impl FnOnce(&mut Object) -> R) -> R {
        let mut objects = self.objects();
        let object = objects.entry(gfid).or_default();
        let before = object.holders();
        let result = work(object);
        self.count(before, object.holders());
        if object.is_idle() {
            objects.remove(&gfid);
        }
        result
    }

    /// Works on every object.
    pub(crate) fn for_each(&self, mut work: impl FnMut(&mut Object)) {
        self.objects().retain(|_, object| {
            let before = object.holders();
            work(object);
            self.count(before, object.holders());
            !object.is_idle()
        });
    }

    /// Objects, and holders of leases.
    pub(crate) fn len(&self) -> (usize, u64) {
        (self.objects().len(), self.holders.load(Ordering::Relaxed))
    }

    fn count(&self, before: usize, after: usize) {
        // Under the table's lock, so that nobody sees less than nothing.
        let holders = self.holders.load(Ordering::Relaxed) + after as u64 - before as u64;
        self.holders.store(holders, Ordering::Release);
    }

    fn objects(&self) -> MutexGuard<'_, HashMap<Gfid, Object>> {
        self.objects.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What lies on an open file, and tells the table when it is closed.
#[derive(Debug)]
pub(crate) struct OpenFile {
    key: u64,
    gfid: Gfid,
    /// The lease that it was opened under.
    pub(crate) id: Option<LeaseId>,
    table: Arc<Table>,
}

static NEXT: AtomicU64 = AtomicU64::new(1);

impl OpenFile {
    /// Tells the table of a file that is open from now on.
    pub(crate) fn new(table: &Arc<Table>, gfid: Gfid, id: Option<LeaseId>, writes: bool) -> Self {
        let key = NEXT.fetch_add(1, Ordering::Relaxed);
        table.with(gfid, |object| object.opened(key, id, writes));
        Self { key, gfid, id, table: Arc::clone(table) }
    }
}

impl Drop for OpenFile {
    fn drop(&mut self) {
        self.table.with(self.gfid, |object| object.closed(self.key));
    }
}
