//! Open files that locks were taken through: the last close gives those locks back.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use plugin_api::CtxKey;
use plugin_api::Fd;
use plugin_api::Gfid;

use crate::engine::FdKey;
use crate::table::Table;

/// What lies on an open file once a lock was taken through it.
#[derive(Debug)]
pub(crate) struct LockedFile {
    /// Names the file among all that were ever open.
    pub(crate) key: FdKey,
    gfid: Gfid,
    table: Arc<Table>,
}

static NEXT: AtomicU64 = AtomicU64::new(1);

impl LockedFile {
    /// That of `fd`, made for its first lock.
    pub(crate) fn of(fd: &Fd, me: CtxKey, table: &Arc<Table>) -> Arc<Self> {
        fd.object().ctx_or_insert_with(me, || Self {
            key: FdKey(NEXT.fetch_add(1, Ordering::Relaxed)),
            gfid: fd.inode().gfid(),
            table: Arc::clone(table),
        })
    }

    /// That of `fd`, if a lock was ever taken through it.
    pub(crate) fn find(fd: &Fd, me: CtxKey) -> Option<Arc<Self>> {
        fd.object().ctx(me)
    }
}

impl Drop for LockedFile {
    fn drop(&mut self) {
        self.table.with_known(self.gfid, |locks, effects| locks.posix.release_fd(self.key, effects));
    }
}
