//! A brick in memory: what `storage/posix` answers, without a disk.
//!
//! `store` keeps objects and names, `content` bytes with holes, `xattrs` extended attributes, `locks` who holds what;
//! `fops` answers with them.

mod content;
mod fops;
mod locks;
mod store;
mod xattrs;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use plugin_api::prelude::*;

use crate::Random;
use crate::count::Counts;
use store::Store;

/// How a fop is answered here.
pub(crate) type Answer<T> = Result<T, Errno>;

/// A file system that is empty but for its root; clones are the same one.
#[derive(Debug, Clone)]
pub(crate) struct Memory {
    store: Arc<Mutex<Store>>,
    pub(crate) counts: Arc<Counts>,
}

impl Memory {
    pub(crate) fn new() -> Self {
        Self { store: Arc::new(Mutex::new(Store::new())), counts: Arc::default() }
    }

    pub(crate) fn store(&self) -> MutexGuard<'_, Store> {
        self.store.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A client is gone: its locks are free.
    pub(crate) fn disconnect(&self, client: &Client) {
        self.store().locks.forget(client.id());
    }

    /// From now on reads may answer less than was asked for, as those of a file that is being written do.
    pub(crate) fn shorten_reads(&self, seed: u64) {
        self.store().short_reads = Some(Random::new(seed));
    }
}

/// Answers a kind of fop for who asks in `frame`.
pub(crate) trait Answers<F: FopType> {
    fn answer(&self, frame: &Frame, args: F::Args) -> Answer<F::Reply>;
}
