//! The books: what has changed since it was last written down, and where everything belongs.
//!
//! Every object carries, as an xattr, the directory that it is counted in: its home. Fops add what they change to the home
//! alone, in memory. To write down is to add that to the xattrs of the home and of all directories above it.

use std::collections::{HashMap, HashSet};
use std::sync::atomic::{AtomicBool, Ordering::Relaxed, Ordering::SeqCst};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use plugin_api::prelude::*;
use tokio::sync::{Mutex as AsyncMutex, Notify};

use crate::counts::Counts;
use crate::disk::{Disk, is_gone};
use crate::seal::Seal;
use crate::turns::{Change, Turns};

/// On a directory: what is below it, as of when it was last written down.
pub(crate) const BELOW: &str = "trusted.mortar.usage";
/// On everything but the root: the gfid of its home.
pub(crate) const HOME: &str = "trusted.mortar.usage.home";

/// More homes than this are not remembered.
const MOST_HOMES: usize = 100_000;
/// Deeper than this no directory lies.
const DEPTH: usize = 10_000;
/// So long who asks waits for what is being written down.
const PATIENCE: Duration = Duration::from_secs(1);

/// The books of one graph.
#[derive(Debug)]
pub(crate) struct Books {
    pub(crate) disk: Disk,
    pub(crate) turns: Turns,
    seal: Seal,
    changes: Mutex<Changes>,
    homes: Mutex<HashMap<Gfid, Gfid>>,
    /// Held by who changes sums that are written down. No fop waits for it but the one that asks for a sum.
    pub(crate) ledger: AsyncMutex<()>,
    /// Whether what is written down is known to be right.
    exact: AtomicBool,
    /// While a count goes on nothing is written down.
    counting: AtomicBool,
    /// A count is asked for, and has not begun.
    asked: AtomicBool,
    stopped: AtomicBool,
    stop: Notify,
}

/// What is not written down yet.
#[derive(Debug, Default)]
struct Changes {
    pending: HashMap<Gfid, Counts>,
    moves: Vec<Move>,
    /// A count that goes on has to begin anew.
    upset: bool,
}

impl Changes {
    /// Directories that were removed.
    fn gone(&self) -> HashSet<Gfid> {
        self.moves.iter().filter(|went| went.to.is_none()).map(|went| went.dir).collect()
    }
}

/// A directory that went to another one, or away. What was written down of it goes along when all is written down.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Move {
    pub(crate) dir: Gfid,
    pub(crate) from: Option<Gfid>,
    pub(crate) to: Option<Gfid>,
}

pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Books {
    pub(crate) fn new(handle: Handle) -> Self {
        Self {
            disk: Disk::new(handle),
            turns: Turns::default(),
            seal: Seal::default(),
            changes: Mutex::default(),
            homes: Mutex::default(),
            ledger: AsyncMutex::default(),
            exact: AtomicBool::new(false),
            counting: AtomicBool::new(false),
            asked: AtomicBool::new(false),
            stopped: AtomicBool::new(false),
            stop: Notify::new(),
        }
    }

    /// Finds out whether the books were closed in order; otherwise they are to be made anew.
    pub(crate) async fn open(&self) -> FopResult<()> {
        self.seal.look(&self.disk, &self.exact).await
    }

    /// Begins a change. From here on the root says that not all is written down.
    pub(crate) async fn change(&self) -> FopResult<Change<'_>> {
        let change = self.turns.change();
        self.open().await?;
        self.seal.open(&self.disk).await?;
        Ok(change)
    }

    /// Adds a change to a home.
    pub(crate) fn add(&self, home: Gfid, change: Counts) {
        if change != Counts::default() {
            *lock(&self.changes).pending.entry(home).or_default() += change;
        }
    }

    /// Keeps in mind that a directory went.
    pub(crate) fn add_move(&self, went: Move) {
        lock(&self.changes).moves.push(went);
    }

    /// A count that goes on has to begin anew: what it has read may be elsewhere now.
    pub(crate) fn upset(&self) {
        lock(&self.changes).upset = true;
    }

    /// What is written down may not be right from here on. Answers whether that is news.
    pub(crate) fn doubt(&self) -> bool {
        let mut changes = lock(&self.changes);
        changes.upset = true;
        self.exact.swap(false, Relaxed)
    }

    pub(crate) fn is_exact(&self) -> bool {
        self.exact.load(Relaxed) && !self.is_counting()
    }

    /// The home of an object, when it has been given one.
    pub(crate) async fn home(&self, gfid: Gfid) -> FopResult<Option<Gfid>> {
        if let Some(home) = lock(&self.homes).get(&gfid) {
            return Ok(Some(*home));
        }
        let home = match self.disk.get(gfid, HOME).await {
            Ok(value) => value.as_ref().and_then(Value::as_gfid),
            Err(error) if is_gone(&error) => None,
            Err(error) => return Err(error),
        };
        if let Some(home) = home {
            self.remember(gfid, home);
        }
        Ok(home)
    }

    /// Gives an object another home.
    pub(crate) async fn move_home(&self, gfid: Gfid, home: Gfid) -> FopResult<()> {
        self.disk.set(gfid, HOME, Value::bytes(home.0.to_vec())).await?;
        self.remember(gfid, home);
        Ok(())
    }

    fn remember(&self, gfid: Gfid, home: Gfid) {
        let mut homes = lock(&self.homes);
        if homes.len() >= MOST_HOMES {
            homes.clear();
        }
        homes.insert(gfid, home);
    }

    /// What was last written down for a directory.
    pub(crate) async fn below(&self, dir: Gfid) -> FopResult<Counts> {
        let there = self.disk.get(dir, BELOW).await?;
        Ok(there.as_ref().and_then(Value::as_str).map(Counts::parse).unwrap_or_default())
    }

    /// Writes all changes down. Answers whether that was soon done: for who only wants to know a sum.
    pub(crate) async fn settle(&self) -> bool {
        let Some(_ledger) = rt::timeout(PATIENCE, self.ledger.lock()).await else { return false };
        self.write_down().await;
        true
    }

    /// Writes down, and seals the books until something changes.
    pub(crate) async fn close(&self) {
        let _ledger = self.ledger.lock().await;
        self.write_down().await;
        let seal = || {
            let changes = lock(&self.changes);
            let right = self.is_exact() && changes.pending.is_empty() && changes.moves.is_empty();
            if right { self.seal.close() } else { None }
        };
        if let Some(number) = self.turns.when_quiet(seal) {
            Seal::mark(&self.disk, number).await;
        }
    }

    /// Writes all changes down; for who holds the ledger. While a count goes on, they wait for its end.
    async fn write_down(&self) {
        if self.is_counting() {
            return;
        }
        let (mut pending, moves) = {
            let mut changes = lock(&self.changes);
            (std::mem::take(&mut changes.pending), std::mem::take(&mut changes.moves))
        };
        let mut written = Ok(());
        for went in moves {
            written = written.and(self.move_sums(went, &mut pending).await);
        }
        let mut sums = HashMap::<Gfid, Counts>::new();
        for (dir, change) in pending {
            written = written.and(self.add_above(dir, change, &mut sums).await);
        }
        for (dir, change) in sums.into_iter().filter(|(_, change)| *change != Counts::default()) {
            match self.add_below(dir, change).await {
                // It was removed, and what was in it before.
                Err(error) if is_gone(&error) && !dir.is_root() => {}
                done => written = written.and(done),
            }
        }
        if let Err(error) = written
            && self.doubt()
        {
            log!(Warn, xl: self.disk.name(), "usage was not written down", errno = error);
        }
    }

    /// Takes a directory with what is written down of it off its home, and adds it to where it is now.
    async fn move_sums(&self, went: Move, pending: &mut HashMap<Gfid, Counts>) -> FopResult<()> {
        let one = Counts { directories: 1, ..Counts::default() };
        let Some(to) = went.to else {
            // What was below it went before, and all changes of that flow up to this home.
            let last = lock(&self.homes).get(&went.dir).copied().or(went.from);
            if let Some(home) = last {
                self.remember(went.dir, home);
                *pending.entry(home).or_default() += -one;
            }
            return Ok(());
        };
        let moved = async {
            let Some(home) = self.home(went.dir).await? else { return Ok(()) };
            let mut inside = self.below(went.dir).await?;
            inside += one;
            self.move_home(went.dir, to).await?;
            *pending.entry(home).or_default() += -inside;
            *pending.entry(to).or_default() += inside;
            Ok(())
        };
        match moved.await {
            // It was removed since: then it goes from where it was.
            Err(error) if is_gone(&error) => Ok(()),
            done => done,
        }
    }

    /// Adds a change to the sums of a directory and of all above it.
    async fn add_above(
        &self,
        mut dir: Gfid,
        change: Counts,
        sums: &mut HashMap<Gfid, Counts>,
    ) -> FopResult<()> {
        for _ in 0..DEPTH {
            *sums.entry(dir).or_default() += change;
            if dir.is_root() {
                return Ok(());
            }
            dir = self.home(dir).await?.ok_or(Errno::ENODATA)?;
        }
        Err(Errno::ELOOP.into())
    }

    async fn add_below(&self, dir: Gfid, change: Counts) -> FopResult<()> {
        let mut below = self.below(dir).await?;
        below += change;
        self.disk.set(dir, BELOW, Value::bytes(below.to_string().into_bytes())).await
    }

    /// Waits; whether to go on after that.
    pub(crate) async fn wait(&self, time: Duration) -> bool {
        // Made before the flag is read: what stops in between is not missed.
        let stop = self.stop.notified();
        !self.is_stopped() && rt::timeout(time, stop).await.is_none() && !self.is_stopped()
    }

    pub(crate) fn is_stopped(&self) -> bool {
        self.stopped.load(Relaxed)
    }

    /// Ends what waits or counts.
    pub(crate) fn stop(&self) {
        self.stopped.store(true, Relaxed);
        self.stop.notify_waiters();
    }
}

/// What a count does with the books.
impl Books {
    pub(crate) fn is_counting(&self) -> bool {
        self.counting.load(SeqCst)
    }

    /// Asks for a count.
    pub(crate) fn ask_count(&self) {
        self.doubt();
        self.asked.store(true, SeqCst);
    }

    /// Whether a count begins: one was asked for, and none goes on.
    pub(crate) async fn begin_count(&self) -> bool {
        if !self.asked.load(SeqCst) || self.counting.swap(true, SeqCst) {
            return false;
        }
        self.asked.store(false, SeqCst);
        // Whoever writes down comes to his end, and nobody else begins.
        drop(self.ledger.lock().await);
        true
    }

    pub(crate) fn end_count(&self) {
        self.counting.store(false, SeqCst);
    }

    pub(crate) fn begin_round(&self) {
        lock(&self.changes).upset = false;
    }

    /// Forgets the changes of a home that has been read.
    pub(crate) fn forget(&self, home: Gfid) {
        lock(&self.changes).pending.remove(&home);
    }

    /// Whether what was read in this round is what there is, but for changes that are still to be written down.
    pub(crate) fn end_round(&self) -> bool {
        let gone = lock(&self.changes).gone();
        self.turns.when_empty(&gone, || {
            let mut changes = lock(&self.changes);
            if changes.upset {
                return false;
            }
            // What went was read where it is now, and of what is no more nothing was read.
            changes.moves.clear();
            changes.pending.retain(|home, _| !gone.contains(home));
            self.exact.store(true, Relaxed);
            true
        })
    }
}
