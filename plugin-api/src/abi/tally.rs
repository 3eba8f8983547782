//! Tally: what a library's own code has out: memory, contexts on objects, bytes of buffers.

use std::sync::atomic::{AtomicI64, Ordering};

use super::frame::thread_token;

const SHARDS: usize = 16;

/// Threads count in different places, so that they do not wait for each other's cache lines.
#[derive(Debug)]
#[repr(align(64))]
struct Shard(AtomicI64);

/// A number that goes up and down; each library has its own.
#[derive(Debug)]
pub(crate) struct Tally([Shard; SHARDS]);

/// Bytes that this library's allocator handed out.
pub(crate) static MEMORY: Tally = Tally::new();
/// Contexts that lie in slots of objects.
pub(crate) static CONTEXTS: Tally = Tally::new();
/// Bytes of buffers that this library made and that somebody holds.
pub(crate) static BUFFERS: Tally = Tally::new();

impl Tally {
    const fn new() -> Self {
        Self([const { Shard(AtomicI64::new(0)) }; SHARDS])
    }

    #[inline]
    fn shard(&self) -> &AtomicI64 {
        // Control blocks of threads lie a stack apart: the bits above a page differ.
        &self.0[(thread_token() >> 12) % SHARDS].0
    }

    /// Counts `amount` up, and answers what this thread's place had before.
    #[inline]
    pub(crate) fn up(&self, amount: i64) -> i64 {
        self.shard().fetch_add(amount, Ordering::Relaxed)
    }

    /// Counts `amount` down.
    #[inline]
    pub(crate) fn down(&self, amount: i64) {
        self.shard().fetch_sub(amount, Ordering::Relaxed);
    }

    /// How much is out just now.
    pub(crate) fn out(&self) -> u64 {
        let sum: i64 = self.0.iter().map(|shard| shard.0.load(Ordering::Relaxed)).sum();
        u64::try_from(sum).unwrap_or(0)
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
        tally.up(amount);
        Self { tally, amount }
    }
}

impl Drop for Out {
    #[inline]
    fn drop(&mut self) {
        self.tally.down(self.amount);
    }
}
