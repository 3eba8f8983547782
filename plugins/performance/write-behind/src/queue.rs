//! What one file holds back, in order: which write may join another, which may go, and what became of them. No locks, no I/O.

use std::collections::VecDeque;

use plugin_api::OwnedFrame;
use plugin_api::prelude::*;

use crate::options::Settings;

/// How far back a write looks for one that it continues.
const LOOK_BACK: usize = 8;
/// What a held write counts for in the window at least: bounds how many there are.
const LEAST: u64 = 4096;

/// Bytes of a file, `start..end`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Span {
    start: u64,
    end: u64,
}

impl Span {
    pub(crate) const ALL: Self = Self { start: 0, end: u64::MAX };

    pub(crate) fn of(offset: u64, len: u64) -> Self {
        Self { start: offset, end: offset.saturating_add(len) }
    }

    /// Where a write goes: anywhere, where the brick decides.
    pub(crate) fn written(args: &Writev) -> Self {
        if is_append(args) { Self::ALL } else { Self::of(args.offset, args.len()) }
    }

    fn meets(self, other: Self) -> bool {
        self.start < other.end && other.start < self.end
    }
}

fn is_append(args: &Writev) -> bool {
    args.fd.flags() & libc::O_APPEND != 0
}

/// What a fop waits for.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Scope {
    /// Writes that meet these bytes.
    Bytes(Span),
    /// All writes.
    Writes,
    /// All writes, and flushes that were answered.
    All,
}

/// Who waits for a write, and so what becomes of it when it fails again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Wanted {
    /// Nobody: it is kept.
    No,
    /// Who looks at the file or its names: it is kept, and goes on waiting for who wrote it.
    Look,
    /// An fsync: it is kept where the volume says so.
    Sync,
    /// Who writes, changes or closes the file: it is given up, and the error is told.
    Yes,
}

/// What is to be done below.
#[derive(Debug)]
pub(crate) enum Job {
    Write(OwnedFrame, Writev),
    Flush(OwnedFrame, Flush),
}

/// A job on its way, with the number that its end is told by.
#[derive(Debug)]
pub(crate) struct Sending {
    pub(crate) seq: u64,
    pub(crate) job: Job,
}

#[derive(Debug)]
enum At {
    Queued(Job),
    Flying,
    /// Failed, and kept for the next who comes.
    Stuck(Job),
}

#[derive(Debug)]
struct Entry {
    seq: u64,
    /// The descriptor of a write; a flush has none here.
    write: Option<Fd>,
    span: Span,
    append: bool,
    cost: u64,
    at: At,
    wanted: Wanted,
}

impl Entry {
    /// Whether who waits for it may go on.
    fn is_over(&self) -> bool {
        matches!(self.at, At::Stuck(_)) && self.wanted == Wanted::No
    }

    fn is_in(&self, scope: Scope) -> bool {
        match scope {
            Scope::Bytes(span) => self.write.is_some() && self.span.meets(span),
            Scope::Writes => self.write.is_some(),
            Scope::All => true,
        }
    }

    /// Whether it has to wait for one before it.
    fn follows(&self, earlier: &Self, strict: bool) -> bool {
        match (&self.write, &earlier.write) {
            (None, _) => !earlier.is_over(),
            (Some(_), None) => false,
            (Some(_), Some(_)) => strict || self.append || earlier.append || self.span.meets(earlier.span),
        }
    }
}

/// Acknowledged bytes that did not reach a brick.
#[derive(Debug, Clone)]
pub(crate) struct Lost {
    seq: u64,
    pub(crate) fd: Fd,
    span: Span,
    pub(crate) errno: Errno,
}

/// Held-back writes and flushes of one file.
#[derive(Debug, Default)]
pub(crate) struct Queue {
    entries: VecDeque<Entry>,
    next: u64,
    bytes: u64,
    flying: usize,
    stuck: usize,
    waiters: usize,
    /// What was lost while somebody waited.
    lost: Vec<Lost>,
}

impl Queue {
    pub(crate) fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Whether writes have failed that nobody was told of.
    pub(crate) fn has_stuck(&self) -> bool {
        self.stuck > 0
    }

    /// Whether a write of so many bytes is within the window. One is, however large.
    pub(crate) fn fits(&self, len: u64, window: u64) -> bool {
        self.bytes == 0 || self.bytes.saturating_add(len) <= window
    }

    /// Has a write continue one that is still here. Answers whether it does; its bytes are taken then.
    pub(crate) fn join(&mut self, who: &Identity, args: &mut Writev, settings: &Settings) -> bool {
        let (span, append, len) = (Span::written(args), is_append(args), args.len());
        for entry in self.entries.iter_mut().rev().take(LOOK_BACK) {
            let Entry { write: Some(fd), at, wanted, cost, .. } = entry else { return false };
            if let At::Queued(Job::Write(frame, held)) = at
                && *fd == args.fd
                && *wanted == Wanted::No
                && held.flags == args.flags
                && entry.append == append
                && (append || entry.span.end == span.start)
                && held.len().saturating_add(len) <= settings.aggregate
                && is_same(frame.identity(), who)
            {
                let mine = frame.identity_mut();
                (mine.time, mine.time_nsec, mine.time_flags) = (who.time, who.time_nsec, who.time_flags);
                let bytes = std::mem::take(&mut args.data);
                bytes.buffers().for_each(|buffer| held.data.push(buffer.clone()));
                if !append {
                    entry.span.end = span.end;
                }
                *cost += len;
                self.bytes += len;
                return true;
            }
            if settings.strict_order || append || entry.append || entry.span.meets(span) {
                return false;
            }
        }
        false
    }

    pub(crate) fn push(&mut self, job: Job) {
        let entry = match &job {
            Job::Write(_, args) => Entry {
                seq: self.next,
                write: Some(args.fd.clone()),
                span: Span::written(args),
                append: is_append(args),
                cost: args.len().max(LEAST),
                at: At::Queued(job),
                wanted: Wanted::No,
            },
            Job::Flush(..) => Entry {
                seq: self.next,
                write: None,
                span: Span::ALL,
                append: false,
                cost: 0,
                at: At::Queued(job),
                wanted: Wanted::Yes,
            },
        };
        self.bytes += entry.cost;
        self.next += 1;
        self.entries.push_back(entry);
    }

    /// What comes from now on is not waited for by who asks now.
    pub(crate) fn now(&self) -> u64 {
        self.next
    }

    /// Whether somebody who came at `now` has to wait.
    pub(crate) fn waits(&self, scope: Scope, now: u64) -> bool {
        self.entries.iter().any(|entry| entry.seq < now && entry.is_in(scope) && !entry.is_over())
    }

    /// Somebody wants these to be below: they are not held back, nor what is before them, and what failed is tried once more.
    /// Answers whether there are any.
    pub(crate) fn want(&mut self, scope: Scope, wanted: Wanted) -> bool {
        let Some(last) = self.entries.iter().rposition(|entry| entry.is_in(scope)) else { return false };
        for entry in self.entries.iter_mut().take(last + 1) {
            entry.wanted = entry.wanted.max(wanted);
            if matches!(entry.at, At::Stuck(_))
                && let At::Stuck(job) = std::mem::replace(&mut entry.at, At::Flying)
            {
                entry.at = At::Queued(job);
                self.stuck -= 1;
            }
        }
        true
    }

    /// What may go now, and is on its way from here on. `hurry`: nothing is held back to grow.
    pub(crate) fn pick(&mut self, settings: &Settings, hurry: bool) -> Vec<Sending> {
        let mut picked = Vec::new();
        let last = self.entries.iter().rposition(|entry| entry.write.is_some());
        for at in 0..self.entries.len() {
            let entry = &self.entries[at];
            let At::Queued(job) = &entry.at else { continue };
            let waits =
                self.entries.iter().take(at).any(|before| entry.follows(before, settings.strict_order));
            if waits {
                continue;
            }
            if let Job::Write(_, args) = job {
                let goes = hurry
                    || entry.wanted != Wanted::No
                    || last != Some(at)
                    || args.len() >= settings.aggregate
                    || settings.trickling && self.flying == 0;
                if !goes {
                    continue;
                }
            }
            let entry = &mut self.entries[at];
            if let At::Queued(job) = std::mem::replace(&mut entry.at, At::Flying) {
                self.flying += 1;
                picked.push(Sending { seq: entry.seq, job });
            }
        }
        picked
    }

    /// A job has ended; with the error and what is left of it where it failed. Answers what is lost by that.
    pub(crate) fn ended(
        &mut self,
        seq: u64,
        outcome: Result<(), (Errno, Job)>,
        settings: &Settings,
        hurry: bool,
    ) -> Option<Lost> {
        let at = self.entries.iter().position(|entry| entry.seq == seq)?;
        self.flying -= 1;
        let entry = &mut self.entries[at];
        let (Err((errno, job)), Some(fd)) = (outcome, entry.write.clone()) else {
            self.remove(at);
            return None;
        };
        let lost = Lost { seq, fd, span: entry.span, errno };
        if self.waiters > 0 && entry.wanted != Wanted::No {
            self.lost.push(lost.clone());
        }
        let keeps = match entry.wanted {
            Wanted::No | Wanted::Look => !hurry,
            Wanted::Sync => settings.resync && !hurry,
            Wanted::Yes => false,
        };
        if keeps {
            (entry.wanted, entry.at) = (Wanted::No, At::Stuck(job));
            self.stuck += 1;
            self.strand(errno, settings.strict_order);
            return None;
        }
        self.remove(at);
        Some(lost)
    }

    /// Writes that are wanted and have to follow one that is stuck are stuck as well: who waits for them hears so.
    fn strand(&mut self, errno: Errno, strict: bool) {
        for at in 0..self.entries.len() {
            let entry = &self.entries[at];
            let follows = |earlier: &Entry| earlier.is_over() && entry.follows(earlier, strict);
            let (Some(fd), At::Queued(_)) = (entry.write.clone(), &entry.at) else { continue };
            if entry.wanted == Wanted::No || !self.entries.iter().take(at).any(follows) {
                continue;
            }
            let entry = &mut self.entries[at];
            if let At::Queued(job) = std::mem::replace(&mut entry.at, At::Flying) {
                (entry.wanted, entry.at) = (Wanted::No, At::Stuck(job));
                self.stuck += 1;
                self.lost.push(Lost { seq: entry.seq, fd, span: entry.span, errno });
            }
        }
    }

    fn remove(&mut self, at: usize) {
        if let Some(entry) = self.entries.remove(at) {
            self.bytes -= entry.cost;
        }
    }

    /// Whether the file is longer than the child knows, or may be, for who reads from `offset`.
    pub(crate) fn reaches_beyond(&self, offset: u64) -> bool {
        self.entries.iter().any(|entry| entry.write.is_some() && entry.span.end > offset)
    }

    /// Somebody begins to wait.
    pub(crate) fn begin_wait(&mut self) {
        self.waiters += 1;
    }

    /// Somebody has waited since `now`. Answers the error of what was lost meanwhile.
    pub(crate) fn end_wait(&mut self, scope: Scope, now: u64) -> Option<Errno> {
        let meets = |lost: &&Lost| match scope {
            Scope::Bytes(span) => lost.span.meets(span),
            Scope::Writes | Scope::All => true,
        };
        let found = self.lost.iter().filter(|lost| lost.seq < now).find(meets).map(|lost| lost.errno);
        self.waiters -= 1;
        if self.waiters == 0 {
            self.lost.clear();
        }
        found
    }
}

/// Whether two write as the same caller; the time of the later one counts.
fn is_same(one: &Identity, other: &Identity) -> bool {
    one.uid == other.uid
        && one.gid == other.gid
        && one.pid == other.pid
        && one.groups == other.groups
        && one.lk_owner == other.lk_owner
}

/// What is left of a payload after its first `count` bytes.
pub(crate) fn rest(data: &Payload, mut count: usize) -> Payload {
    let mut left = Payload::default();
    for buffer in data.buffers() {
        let skipped = count.min(buffer.len());
        count -= skipped;
        if skipped < buffer.len() {
            left.push(buffer.slice(skipped..));
        }
    }
    left
}
