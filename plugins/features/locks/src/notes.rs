//! Notes on an inode: what its file asks of record locks.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU8, Ordering};

use plugin_api::{CtxKey, Inode};

const UNKNOWN: u8 = 0;
const NO: u8 = 1;
const YES: u8 = 2;

/// What is known of one file. A translator keeps one type of context on an object: so both are here.
#[derive(Debug, Default)]
pub(crate) struct Notes {
    /// Its mode asks for mandatory locks (mode `file`).
    pub(crate) marked: AtomicBool,
    fenced: AtomicU8,
}

impl Notes {
    /// Those of an inode, made when it has none.
    pub(crate) fn of(inode: &Inode, me: CtxKey) -> Arc<Self> {
        inode.object().ctx_or_insert_with(me, Self::default)
    }

    /// Those of an inode, if it has any.
    pub(crate) fn find(inode: &Inode, me: CtxKey) -> Option<Arc<Self>> {
        inode.object().ctx(me)
    }

    /// Whether the file asks to be fenced; `None` while nobody has asked the disk.
    pub(crate) fn fenced(&self) -> Option<bool> {
        match self.fenced.load(Ordering::Relaxed) {
            UNKNOWN => None,
            asks => Some(asks == YES),
        }
    }

    /// Notes what the file asks for from now on.
    pub(crate) fn set_fenced(&self, asks: bool) {
        self.fenced.store(if asks { YES } else { NO }, Ordering::Relaxed);
    }

    /// Notes what the disk said, unless somebody knows better by now.
    pub(crate) fn found_fenced(&self, asks: bool) {
        let asks = if asks { YES } else { NO };
        let _ = self.fenced.compare_exchange(UNKNOWN, asks, Ordering::Relaxed, Ordering::Relaxed);
    }
}
