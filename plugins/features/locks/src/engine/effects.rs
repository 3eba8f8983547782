//! What a request did to others: who is to be woken, and whom it contends with.

use smallvec::SmallVec;

use super::Holder;

/// Why a lock request is not granted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// Somebody else has it and the caller would not wait.
    #[error("held by another owner")]
    Held,
    /// Nothing is held that matches what was to be unlocked.
    #[error("no such lock is held")]
    NotHeld,
    /// The range is no range of a file.
    #[error("range out of bounds")]
    BadRange,
    /// The client, its fd or an administrator took the request back while it waited.
    #[error("withdrawn while waiting")]
    Withdrawn,
    /// An administrator or the caller itself ended the wait for a record lock.
    #[error("interrupted while waiting")]
    Interrupted,
    /// The client that asked is gone.
    #[error("the client is gone")]
    ClientGone,
    /// A newer lock took precedence (fencing).
    #[error("preempted by a newer lock")]
    Preempted,
}

/// A waiter whose request has its answer.
#[derive(Debug, PartialEq, Eq)]
pub struct Woken<W> {
    /// What the caller queued.
    pub waiter: W,
    /// Granted, or why not.
    pub answer: Result<(), Refusal>,
}

/// A holder that somebody is waiting for, and has not been told for a while.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Contended<K> {
    /// Who holds it.
    pub holder: Holder,
    /// The process that asked for it, on the holder's machine.
    pub pid: i32,
    /// The lock's domain.
    pub domain: Box<[u8]>,
    /// What is held.
    pub key: K,
}

/// Collects what one call of the engine did to others, in the order it happened.
#[derive(Debug)]
pub struct Effects<W> {
    /// Waiters to wake once the object is unlocked.
    pub woken: SmallVec<[Woken<W>; 4]>,
}

impl<W> Default for Effects<W> {
    fn default() -> Self {
        Self { woken: SmallVec::new() }
    }
}

impl<W> Effects<W> {
    pub(super) fn grant(&mut self, waiter: W) {
        self.woken.push(Woken { waiter, answer: Ok(()) });
    }

    pub(super) fn refuse(&mut self, waiter: W, why: Refusal) {
        self.woken.push(Woken { waiter, answer: Err(why) });
    }
}
