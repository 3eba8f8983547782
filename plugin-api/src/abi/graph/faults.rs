//! Faults: what a translator did wrong, counted by kind, with the last words.

use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

use super::member::{Member, lock};
use crate::abi::node::{FAULTED, Node, UP};

/// What went wrong. May grow.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum FaultKind {
    /// It panicked.
    Panic,
    /// It did not answer in time, and the call was given up.
    Deadline,
    /// It kept a thread for itself.
    Stall,
    /// It took more memory than it may.
    Memory,
    /// The process that it runs in ended.
    Crash,
}

impl FaultKind {
    /// All of them, in the order in which they are counted.
    pub const ALL: [Self; 5] = [Self::Panic, Self::Deadline, Self::Stall, Self::Memory, Self::Crash];

    /// One word for a report.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Panic => "panics",
            Self::Deadline => "deadlines",
            Self::Stall => "stalls",
            Self::Memory => "memory",
            Self::Crash => "crashes",
        }
    }

    /// What stands before the words of a fault that goes through a node's table, which knows no kinds: see
    /// [`Handle::fault`](crate::Handle::fault).
    #[must_use]
    pub fn prefix(self) -> &'static str {
        match self {
            Self::Panic => "",
            Self::Deadline => "deadline: ",
            Self::Stall => "stall: ",
            Self::Memory => "memory: ",
            Self::Crash => "crash: ",
        }
    }

    /// The kind that the words are of, and the words alone.
    fn split(words: &str) -> (Self, &str) {
        let told = |kind: Self| Some((kind, words.strip_prefix(kind.prefix())?));
        Self::ALL.into_iter().skip(1).find_map(told).unwrap_or((Self::Panic, words))
    }

    /// Whether it counts towards the limit after which a translator is marked down: a stall may be a slow disk's.
    fn counts(self) -> bool {
        self != Self::Stall
    }
}

/// A fault, as it is told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// What went wrong.
    pub kind: FaultKind,
    /// The number of the fop, 0 outside of fops.
    pub fop: u32,
    /// A sentence, or what the panic said.
    pub what: String,
}

/// What is known of one translator's faults.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Record {
    /// How many of each of [`FaultKind::ALL`].
    pub counts: [u64; FaultKind::ALL.len()],
    /// Whether it was marked down.
    pub is_down: bool,
    /// The last one.
    pub last: Option<Fault>,
}

/// The faults of a member.
#[derive(Debug, Default)]
pub(super) struct Faults {
    counts: [AtomicU64; FaultKind::ALL.len()],
    last: Mutex<Option<Fault>>,
}

impl Faults {
    /// How many were counted of a kind.
    pub(super) fn count(&self, kind: FaultKind) -> u64 {
        self.counts[kind as usize].load(Ordering::Relaxed)
    }

    fn add(&self, fault: Fault) -> (u64, u64) {
        let own = self.counts[fault.kind as usize].fetch_add(1, Ordering::Relaxed) + 1;
        *lock(&self.last) = Some(fault);
        let counting = FaultKind::ALL.into_iter().filter(|kind| kind.counts());
        (own, counting.map(|kind| self.count(kind)).sum())
    }
}

impl Member {
    /// Counts a fault, tells the host, and marks the translator down when it was the last one.
    pub(super) fn blame(&self, fault: Fault) {
        let kind = fault.kind;
        let (own, counting) = self.faults.add(fault.clone());
        self.core.hooks.fault(self.name, &fault, own);
        let limit = self.fault_limit.load(Ordering::Relaxed);
        if limit != 0 && kind.counts() && counting >= limit {
            self.mark_down();
        }
    }

    /// Counts a fault that the host has seen in its own process: what holds its memory is taken down at once, since there
    /// is nothing else that ends it.
    pub(super) fn blame_here(&self, fault: Fault) {
        let kind = fault.kind;
        self.blame(fault);
        if kind == FaultKind::Memory {
            self.mark_down();
        }
    }

    fn mark_down(&self) {
        // Only a node that serves is marked: one whose `fini` has begun stays finished.
        let state = &self.node.state;
        if state.compare_exchange(UP, FAULTED, Ordering::AcqRel, Ordering::Relaxed).is_ok() {
            self.core.hooks.marked_down(self.name);
        }
    }

    pub(super) fn record(&self) -> Record {
        Record {
            counts: FaultKind::ALL.map(|kind| self.faults.count(kind)),
            is_down: self.node.state.load(Ordering::Acquire) == FAULTED,
            last: lock(&self.faults.last).clone(),
        }
    }
}

/// What the libraries report: panics, and what says by its first words that it is something else.
pub(super) unsafe extern "C" fn fault(node: *const Node, fop: u32, what: *const u8, what_len: usize) {
    // SAFETY: a node of a live member, and a text that lives through the call.
    let (member, what) = unsafe { (Member::of(node), std::slice::from_raw_parts(what, what_len)) };
    let what = String::from_utf8_lossy(what);
    let (kind, what) = FaultKind::split(&what);
    member.blame(Fault { kind, fop, what: what.to_owned() });
}
