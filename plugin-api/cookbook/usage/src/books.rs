//! The books: what has changed since it was last written down, and where everything belongs.
//!
//! Every object carries, as an xattr, the directory that it is counted in: its home. Fops add what they change to the home
//! alone, in memory. To write down is to add that to the xattrs of the home and of all directories above it.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use plugin_api::prelude::*;
use tokio::sync::{Mutex as AsyncMutex, Notify, OnceCell, RwLock, RwLockReadGuard, RwLockWriteGuard};

use crate::counts::Counts;

/// On a directory: what is below it, as of when it was last written down.
pub(crate) const BELOW: &str = "trusted.mortar.usage";
/// On everything but the root: the gfid of its home.
pub(crate) const HOME: &str = "trusted.mortar.usage.home";
/// On the root, while all is written down.
const CLEAN: &str = "trusted.mortar.usage.clean";

/// More homes than this are not remembered.
const MOST_HOMES: usize = 100_000;

/// The books of one graph.
#[derive(Debug)]
pub(crate) struct Books {
    handle: Handle,
    opened: OnceCell<()>,
    /// Held shared by fops that make something or change a size; alone by what moves, removes, counts or writes down.
    gate: RwLock<()>,
    /// Held while the size of a file changes, so that before and after belong together.
    sizes: [AsyncMutex<()>; 64],
    pending: Mutex<HashMap<Gfid, Counts>>,
    homes: Mutex<HashMap<Gfid, Gfid>>,
    /// Whether the root says that all is written down.
    clean: AtomicBool,
    /// Whether what is written down is known to be right.
    pub(crate) exact: AtomicBool,
    /// While a count goes on nothing is written down.
    pub(crate) counting: AtomicBool,
    /// A directory moved under a count, which has to begin anew.
    pub(crate) moved: AtomicBool,
    stopped: AtomicBool,
    stop: Notify,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The place of an object that is known by its gfid alone.
pub(crate) fn place(gfid: Gfid) -> Loc {
    Loc::of(Inode::new(gfid, FileType::Invalid))
}

impl Books {
    pub(crate) fn new(handle: Handle) -> Self {
        Self {
            handle,
            opened: OnceCell::new(),
            gate: RwLock::default(),
            sizes: std::array::from_fn(|_| AsyncMutex::default()),
            pending: Mutex::default(),
            homes: Mutex::default(),
            clean: AtomicBool::new(false),
            exact: AtomicBool::new(false),
            counting: AtomicBool::new(false),
            moved: AtomicBool::new(false),
            stopped: AtomicBool::new(false),
            stop: Notify::new(),
        }
    }

    /// Finds out whether the books were closed in order; otherwise they are to be made anew.
    /// The first who comes does it, and all others wait for that.
    pub(crate) async fn open(&self) {
        let open = || async {
            let clean = self.xattr(Gfid::ROOT, CLEAN).await.is_ok();
            self.clean.store(clean, Relaxed);
            self.exact.store(clean, Relaxed);
        };
        self.opened.get_or_init(open).await;
    }

    /// Shared access, for a fop that makes something or changes a size. From here on the root says that not all is
    /// written down.
    pub(crate) async fn shared(&self) -> FopResult<RwLockReadGuard<'_, ()>> {
        self.open().await;
        let guard = self.gate.read().await;
        if !self.clean.load(Relaxed) {
            return Ok(guard);
        }
        drop(guard);
        Ok(self.alone().await?.downgrade())
    }

    /// Access alone, for what moves or removes.
    pub(crate) async fn alone(&self) -> FopResult<RwLockWriteGuard<'_, ()>> {
        self.open().await;
        let guard = self.gate.write().await;
        if self.clean.load(Relaxed) {
            let asked = Removexattr { loc: place(Gfid::ROOT), name: CLEAN.into(), xdata: Dict::new() };
            self.own().child().removexattr(asked).await?;
            self.clean.store(false, Relaxed);
        }
        Ok(guard)
    }

    /// Access alone for a reader of directories, which changes nothing that is written down.
    pub(crate) async fn quiet(&self) -> RwLockWriteGuard<'_, ()> {
        self.gate.write().await
    }

    /// What to hold while the size of a file changes; two files may share one.
    pub(crate) fn sizes_of(&self, gfid: Gfid) -> &AsyncMutex<()> {
        &self.sizes[usize::from(gfid.0[15] % 64)]
    }

    /// Adds a change to a home.
    pub(crate) fn add(&self, home: Gfid, change: Counts) {
        if change != Counts::default() {
            *lock(&self.pending).entry(home).or_default() += change;
        }
    }

    /// Forgets the changes of a home that is being counted.
    pub(crate) fn forget(&self, home: Gfid) {
        lock(&self.pending).remove(&home);
    }

    /// The home of an object, when it has been given one.
    pub(crate) async fn home(&self, gfid: Gfid) -> Option<Gfid> {
        if let Some(home) = lock(&self.homes).get(&gfid) {
            return Some(*home);
        }
        let home = self.xattr(gfid, HOME).await.ok()?.as_gfid()?;
        self.remember(gfid, home);
        Some(home)
    }

    /// Gives an object another home.
    pub(crate) async fn move_home(&self, gfid: Gfid, home: Gfid) -> FopResult<()> {
        self.set(gfid, HOME, Value::bytes(home.0.to_vec())).await?;
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

    /// Writes all changes down; for who is alone. While a count goes on, they wait for its end.
    pub(crate) async fn write_down(&self) {
        if self.counting.load(Relaxed) {
            return;
        }
        let pending = std::mem::take(&mut *lock(&self.pending));
        let mut sums = HashMap::<Gfid, Counts>::new();
        for (dir, change) in pending {
            let mut above = Some(dir);
            while let Some(dir) = above {
                *sums.entry(dir).or_default() += change;
                // What has no home yet was not counted yet either.
                above = if dir.is_root() { None } else { self.home(dir).await };
            }
        }
        for (dir, change) in sums.into_iter().filter(|(_, change)| *change != Counts::default()) {
            let mut below = self.below(dir).await;
            below += change;
            if let Err(error) = self.set(dir, BELOW, Value::bytes(below.to_string().into_bytes())).await {
                log!(Warn, xl: self.handle.name(), "usage was not written down", gfid = dir, errno = error);
                self.exact.store(false, Relaxed);
            }
        }
    }

    /// Writes down, and marks on the root that the books are closed until something changes.
    pub(crate) async fn close(&self) {
        let _alone = self.gate.write().await;
        self.write_down().await;
        let right = self.exact.load(Relaxed) && !self.counting.load(Relaxed) && !self.clean.load(Relaxed);
        if right && self.set(Gfid::ROOT, CLEAN, Value::from("1")).await.is_ok() {
            self.clean.store(true, Relaxed);
        }
    }

    /// What was last written down for a directory.
    pub(crate) async fn below(&self, dir: Gfid) -> Counts {
        let there = self.xattr(dir, BELOW).await;
        there.ok().as_ref().and_then(Value::as_str).map(Counts::parse).unwrap_or_default()
    }

    /// Waits; whether to go on after that.
    pub(crate) async fn wait(&self, time: Duration) -> bool {
        rt::timeout(time, self.stop.notified()).await.is_none() && !self.is_stopped()
    }

    pub(crate) fn is_stopped(&self) -> bool {
        self.stopped.load(Relaxed)
    }

    /// Ends what waits or counts.
    pub(crate) fn stop(&self) {
        self.stopped.store(true, Relaxed);
        self.stop.notify_one();
    }

    /// A frame of the translator's own: asks as root, whoever caused it.
    pub(crate) fn own(&self) -> plugin_api::OwnedFrame {
        self.handle.frame(Identity::default())
    }

    async fn xattr(&self, gfid: Gfid, name: &'static str) -> FopResult<Value> {
        let asked = Getxattr { loc: place(gfid), name: name.into(), xdata: Dict::new() };
        let found = self.own().child().getxattr(asked).await?;
        found.xattrs.get(name).cloned().ok_or(Errno::ENODATA.into())
    }

    pub(crate) async fn set(&self, gfid: Gfid, name: &'static str, value: Value) -> FopResult<()> {
        let xattrs = Dict::new().with(name, value);
        let asked = Setxattr { loc: place(gfid), xattrs, flags: 0, xdata: Dict::new() };
        self.own().child().setxattr(asked).await.map(drop)
    }
}
