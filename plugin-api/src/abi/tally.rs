//! Tally: what a library's own code has out, besides plain memory: contexts on objects, and bytes of buffers.

use std::sync::atomic::{AtomicI64, Ordering};

/// A number that goes up and down; each library has its own.
#[derive(Debug)]
pub(crate) struct Tally(AtomicI64);

/// Contexts that lie in slots of objects.
pub(crate) static CONTEXTS: Tally = Tally::new();
/// Bytes of buffers that this library made and that somebody holds.
pub(crate) static BUFFERS: Tally = Tally::new();

impl Tally {
    const fn new() -> Self {
        Self(AtomicI64::new(0))
    }

    /// How much is out just now.
    pub(crate) fn out(&self) -> u64 {
        u64::try_from(self.0.load(Ordering::Relaxed)).unwrap_or(0)
    }
}

/// Something that is out until this is dropped.
#[derive(Debug)]
pub(crate) struct Out {
    tally: &'static Tally,
    amount: i64,
}

impl Out {
    /// Counts `amount`.
    #[inline]
    pub(crate) fn new(tally: &'static Tally, amount: usize) -> Self {
        let amount = i64::try_from(amount).unwrap_or(i64::MAX);
        tally.0.fetch_add(amount, Ordering::Relaxed);
        Self { tally, amount }
    }
}

impl Drop for Out {
    #[inline]
    fn drop(&mut self) {
        self.tally.0.fetch_sub(self.amount, Ordering::Relaxed);
    }
}
