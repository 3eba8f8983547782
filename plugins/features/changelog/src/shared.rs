//! What fops and the task that turns journals over share: the journal, whom a barrier holds, what was journalled already.

use std::io;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};
use std::time::Instant;

use plugin_api::prelude::*;
use tokio::sync::watch;

use crate::journal::{Journal, make_folders};
use crate::options::Settings;
use crate::record::{Change, Encoding};

/// Changes of content and of attributes are journalled once an inode and journal: these are told apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Class {
    Data,
    Attributes,
    Xattrs,
}

/// The last journal that has a change of an inode, by class: its context.
#[derive(Debug, Default)]
struct Seen([AtomicU64; 3]);

/// The state of one translator.
#[derive(Debug)]
pub(crate) struct Shared {
    on: AtomicBool,
    settings: RwLock<Settings>,
    journal: Mutex<Option<Journal>>,
    /// Counts journals, from 1.
    slice: AtomicU64,
    /// Until when new names have to wait; nothing while there is no barrier.
    barrier: watch::Sender<Option<Instant>>,
    /// Which task turns over; the others end.
    shift: watch::Sender<u64>,
}

impl Default for Shared {
    fn default() -> Self {
        Self {
            on: AtomicBool::default(),
            settings: RwLock::default(),
            journal: Mutex::default(),
            slice: AtomicU64::new(1),
            barrier: watch::Sender::new(None),
            shift: watch::Sender::new(0),
        }
    }
}

impl Shared {
    pub(crate) fn on(&self) -> bool {
        self.on.load(Ordering::Relaxed)
    }

    pub(crate) fn settings(&self) -> Settings {
        self.settings.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(crate) fn set(&self, settings: Settings) {
        *self.settings.write().unwrap_or_else(PoisonError::into_inner) = settings;
    }

    fn journal(&self) -> MutexGuard<'_, Option<Journal>> {
        self.journal.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Begins to journal. `fresh`: changes went by unseen before.
    pub(crate) fn begin(self: &Arc<Self>, fresh: bool) -> io::Result<()> {
        let settings = self.settings();
        let Some(dir) = settings.dir.as_deref() else { return Ok(()) };
        if !settings.on {
            return make_folders(dir);
        }
        let mut journal = self.journal();
        if journal.is_none() {
            *journal = Some(Journal::open(dir, settings.encoding, fresh)?);
            self.slice.fetch_add(1, Ordering::Relaxed);
            self.on.store(true, Ordering::Relaxed);
            let mut shift = 0;
            self.shift.send_modify(|last| {
                *last += 1;
                shift = *last;
            });
            rt::spawn(Arc::clone(self).work(shift));
        }
        Ok(())
    }

    /// Stops: what was journalled goes to its place.
    pub(crate) fn end(&self) -> io::Result<()> {
        self.on.store(false, Ordering::Relaxed);
        self.shift.send_modify(|last| *last += 1);
        self.lower();
        self.slice.fetch_add(1, Ordering::Relaxed);
        let Some(mut journal) = self.journal().take() else { return Ok(()) };
        journal.turn_over(self.settings().encoding)
    }

    /// Turns over at once.
    pub(crate) fn turn_over(&self) -> io::Result<()> {
        let encoding: Encoding = self.settings().encoding;
        let mut journal = self.journal();
        let Some(journal) = journal.as_mut() else { return Ok(()) };
        // Who marks an inode from now on means the next journal; who holds the lock later writes into it.
        self.slice.fetch_add(1, Ordering::Relaxed);
        journal.turn_over(encoding)
    }

    fn sync(&self) -> io::Result<()> {
        let file = self.journal().as_mut().and_then(Journal::unsynced);
        file.map_or(Ok(()), |file| file?.sync_data())
    }

    /// Brings journals to the disk and turns them over until another shift begins.
    async fn work(self: Arc<Self>, shift: u64) {
        let mut heard = self.shift.subscribe();
        let mut turned = Instant::now();
        while *heard.borrow_and_update() == shift {
            let settings = self.settings();
            let left = settings.rollover.saturating_sub(turned.elapsed());
            let pause = if settings.fsync.is_zero() { left } else { left.min(settings.fsync) };
            if rt::timeout(pause, heard.changed()).await.is_some() {
                continue;
            }
            let due = turned.elapsed() >= settings.rollover;
            if due {
                turned = Instant::now();
            }
            let me = Arc::clone(&self);
            let done = rt::offload(async move { if due { me.turn_over() } else { me.sync() } }).await;
            told(done.unwrap_or(Ok(())));
        }
    }

    /// Writes a change of names down.
    pub(crate) async fn entry(self: &Arc<Self>, change: Change) {
        let added = self.journal().as_mut().map(|journal| journal.add(&change));
        self.added(added).await;
    }

    /// Writes a change down, unless this journal has one of its class of the inode.
    pub(crate) async fn once(
        self: &Arc<Self>,
        key: CtxKey,
        inode: Option<&Inode>,
        class: Class,
        change: Change,
    ) {
        let seen = inode.map(|inode| inode.object().ctx_or_insert_with(key, Seen::default));
        let mark = seen.as_deref().map(|seen| &seen.0[class as usize]);
        if mark.is_some_and(|mark| mark.load(Ordering::Relaxed) == self.slice.load(Ordering::Relaxed)) {
            return;
        }
        let added = {
            let mut journal = self.journal();
            let Some(journal) = journal.as_mut() else { return };
            let slice = self.slice.load(Ordering::Relaxed);
            if mark.is_some_and(|mark| mark.swap(slice, Ordering::Relaxed) == slice) {
                return;
            }
            Some(journal.add(&change))
        };
        self.added(added).await;
    }

    /// Where each record is to be on the disk before the fop is answered, it is brought there.
    async fn added(self: &Arc<Self>, added: Option<io::Result<()>>) {
        let Some(added) = added else { return };
        told(added);
        let each = self.settings.read().unwrap_or_else(PoisonError::into_inner).fsync.is_zero();
        if each {
            let me = Arc::clone(self);
            told(rt::offload(async move { me.sync() }).await.unwrap_or(Ok(())));
        }
    }

    /// Holds new names back while a snapshot is taken, and begins a journal that the snapshot has.
    pub(crate) fn raise(&self) -> io::Result<()> {
        let until = Instant::now() + self.settings().barrier;
        let raised = self.barrier.send_if_modified(|up| {
            let fresh = up.is_none_or(|until| until <= Instant::now());
            if fresh {
                *up = Some(until);
            }
            fresh
        });
        if !raised {
            return Ok(());
        }
        self.turn_over()?;
        self.journal().as_mut().map_or(Ok(()), Journal::begin_snap)
    }

    /// Lets them go.
    pub(crate) fn lower(&self) {
        if self.barrier.send_if_modified(|up| up.take().is_some())
            && let Some(journal) = self.journal().as_mut()
        {
            journal.end_snap();
        }
    }

    /// Waits until there is no barrier.
    pub(crate) async fn pass(&self) {
        if self.barrier.borrow().is_none() {
            return;
        }
        let mut heard = self.barrier.subscribe();
        loop {
            let left = heard.borrow_and_update().map(|until| until.saturating_duration_since(Instant::now()));
            let Some(left) = left else { return };
            if rt::timeout(left, heard.changed()).await.is_none() {
                log!(Warn, "barrier not lowered in time, new names go on");
                self.lower();
            }
        }
    }

    pub(crate) fn dump(&self) -> String {
        let held = self.barrier.receiver_count();
        let slice = self.slice.load(Ordering::Relaxed);
        format!("journals={}\njournal-number={slice}\nheld={held}\n", u8::from(self.on()))
    }
}

/// A journal that cannot be written does not stop the volume: it says so.
pub(crate) fn told(done: io::Result<()>) {
    if let Err(error) = done {
        log!(Error, "changes are missing from the journal", error = error);
    }
}
