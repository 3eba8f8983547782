//! The account: what lies below each directory, kept on disk by transactions of one directory each.
//!
//! What an object counts for in a parent is written on the object (its contribution), the sum of that on the directory
//! (its size). A transaction says on disk that the directory's size may be wrong, brings contributions up to date, adds
//! to the size what they gained, and takes that word back; then it is the turn of the directory above. Where a brick
//! ended in the middle, whoever looks at the directory next finds the word and has it counted anew.

use std::collections::HashSet;
use std::sync::atomic::{AtomicBool, Ordering::SeqCst};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use plugin_api::fop::FopResult;
use plugin_api::prelude::*;
use tokio::sync::{Mutex as AsyncMutex, MutexGuard as AsyncGuard};

use crate::counts::Counts;
use crate::dirs::{Book, Dir, Dirs};
use crate::disk::{Disk, is_gone, place};
use crate::keys::{self, DIRTY, Keys};
use crate::options::Settings;
use crate::parents::Parents;

/// Work that waits for its turn; once it has begun, it may be asked for again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Task {
    /// Bring the contribution of the first to the second up to date.
    Settle(Gfid, Gfid),
    /// Count a directory anew.
    Count(Gfid),
    /// Mark the time of a change.
    Time(Gfid),
}

/// The marks of a brick under one set of options.
#[derive(Debug)]
pub(crate) struct Account {
    pub(crate) settings: Settings,
    pub(crate) keys: Keys,
    pub(crate) parents: Parents,
    pub(crate) dirs: Dirs,
    waiting: Mutex<HashSet<Task>>,
    clock: AsyncMutex<()>,
    stopped: AtomicBool,
}

impl Account {
    pub(crate) fn new(settings: Settings) -> Self {
        let keys = Keys::new(settings.version);
        let (parents, dirs, waiting, clock, stopped) = Default::default();
        Self { settings, keys, parents, dirs, waiting, clock, stopped }
    }

    /// Begins no more work.
    pub(crate) fn stop(&self) {
        self.stopped.store(true, SeqCst);
    }

    fn waiting(&self) -> MutexGuard<'_, HashSet<Task>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// How much work waits.
    pub(crate) fn backlog(&self) -> usize {
        self.waiting().len()
    }

    /// Takes work on, unless it waits already.
    fn claim(&self, task: Task) -> bool {
        !self.stopped.load(SeqCst) && self.waiting().insert(task)
    }

    fn begin(&self, task: Task) {
        self.waiting().remove(&task);
    }

    /// Brings what an object counts for in a parent, and in all above, up to date; soon.
    pub(crate) fn settle_soon(self: &Arc<Self>, frame: &Frame, object: Gfid, parent: Gfid) {
        if self.claim(Task::Settle(object, parent)) {
            let (account, disk) = (self.clone(), Disk::new(frame));
            rt::spawn(async move { account.climb(&disk, object, parent).await });
        }
    }

    /// The same in all parents.
    pub(crate) fn changed(self: &Arc<Self>, frame: &Frame, object: Gfid) {
        if let Some(parents) = self.parents.of(object) {
            for parent in parents {
                self.settle_soon(frame, object, parent);
            }
            return;
        }
        let (account, disk) = (self.clone(), Disk::new(frame));
        rt::spawn(async move {
            for parent in account.parents_of(&disk, object).await {
                if account.claim(Task::Settle(object, parent)) {
                    account.climb(&disk, object, parent).await;
                }
            }
        });
    }

    /// Counts a directory anew whose size is said to be wrong; soon.
    pub(crate) fn count_soon(self: &Arc<Self>, frame: &Frame, dir: Gfid) {
        if self.claim(Task::Count(dir)) {
            let (account, disk) = (self.clone(), Disk::new(frame));
            rt::spawn(async move {
                let place = account.dirs.of(dir);
                let book = place.enter().await;
                account.begin(Task::Count(dir));
                if dir.is_root()
                    && let Err(error) = account.first_size(&disk, dir).await
                {
                    log!(Warn, xl: disk.name(), "the root has no size", errno = error.errno);
                }
                if !place.dirty.load(SeqCst) && account.is_dirty(&disk, dir).await {
                    place.doubtful.store(true, SeqCst);
                }
                account.leave(&disk, &place, book, dir).await;
                account.climb_from(&disk, dir).await;
            });
        }
    }

    /// Marks the time of a change on an object and all above; soon.
    pub(crate) fn time_soon(self: &Arc<Self>, frame: &Frame, object: Gfid) {
        if self.claim(Task::Time(object)) {
            let (account, disk) = (self.clone(), Disk::new(frame));
            rt::spawn(async move {
                // One after the other: a directory never has an older mark than what changed in it.
                let _alone = account.clock.lock().await;
                account.begin(Task::Time(object));
                account.mark_time(&disk, object).await;
            });
        }
    }

    /// The parents of an object, from disk where nobody remembers them.
    pub(crate) async fn parents_of(&self, disk: &Disk, object: Gfid) -> Vec<Gfid> {
        if object.is_root() {
            return Vec::new();
        }
        if let Some(parents) = self.parents.of(object) {
            return parents;
        }
        let Ok(xattrs) = disk.xattrs(object, "").await else { return Vec::new() };
        let parents: Vec<_> = xattrs.iter().filter_map(|(key, _)| self.keys.parent(key.as_str())).collect();
        if parents.is_empty() { parents } else { self.parents.complete(object, parents) }
    }

    /// The directory above; nothing above the root, nor where it is not known for sure.
    async fn above(&self, disk: &Disk, dir: Gfid) -> Option<Gfid> {
        match self.parents_of(disk, dir).await[..] {
            [above] => Some(above),
            _ => None,
        }
    }

    pub(crate) async fn climb_from(&self, disk: &Disk, dir: Gfid) {
        if let Some(above) = self.above(disk, dir).await
            && self.claim(Task::Settle(dir, above))
        {
            self.climb(disk, dir, above).await;
        }
    }

    /// Settles step by step, up to where nothing changes or somebody else goes on.
    async fn climb(&self, disk: &Disk, mut object: Gfid, mut parent: Gfid) {
        while self.settle(disk, object, parent).await {
            let Some(above) = self.above(disk, parent).await else { return };
            (object, parent) = (parent, above);
            if !self.claim(Task::Settle(object, parent)) {
                return;
            }
        }
    }

    /// One transaction; whether the directory's size changed on disk.
    async fn settle(&self, disk: &Disk, object: Gfid, parent: Gfid) -> bool {
        let dir = self.dirs.of(parent);
        let mut book = dir.enter().await;
        self.begin(Task::Settle(object, parent));
        if let Err(error) = self.update(disk, &dir, &mut book, object, parent).await
            && !is_gone(&error)
        {
            dir.doubtful.store(true, SeqCst);
            log!(Warn, xl: disk.name(), "usage not accounted", gfid = object, errno = error.errno);
        }
        self.leave(disk, &dir, book, parent).await
    }

    /// Brings a contribution up to date.
    async fn update(
        &self,
        disk: &Disk,
        dir: &Dir,
        book: &mut Book,
        object: Gfid,
        parent: Gfid,
    ) -> FopResult<()> {
        let (key, size) = (self.keys.contribution(parent), self.keys.size());
        let found = disk.look(place(object), [key.as_str(), size.as_str()]).await?;
        let had = counts(&found.xdata, &key);
        // Its name may be gone since it was to be settled.
        if !self.parents.is(object, parent).unwrap_or(had.is_some())
            || !Counts::counts(found.iatt.file_type())
        {
            return Ok(());
        }
        let is_dir = found.iatt.is_dir();
        if !is_dir && found.iatt.nlink == 0 {
            return Ok(());
        }
        let now = match counts(&found.xdata, &size) {
            _ if !is_dir => Counts::of_file(&found.iatt),
            Some(size) => size,
            None => {
                self.first_size(disk, object).await?;
                let found = disk.look(place(object), [size.as_str()]).await?;
                counts(&found.xdata, &size).unwrap_or(Counts::EMPTY)
            }
        };
        let gained = now - had.unwrap_or_default();
        if gained.is_zero() {
            return Ok(());
        }
        self.soil(disk, dir, parent).await?;
        disk.add(object, &key, gained.mark(is_dir)).await?;
        book.owed += gained;
        if dir.is_left() {
            book.changed.insert(object, now);
        }
        Ok(())
    }

    /// Gives a directory a size, unless it has one by now.
    async fn first_size(&self, disk: &Disk, dir: Gfid) -> FopResult<()> {
        match disk.set(dir, &self.keys.size(), Counts::EMPTY.mark(true), libc::XATTR_CREATE).await {
            Err(error) if error.errno != Errno::EEXIST => Err(error),
            _ => Ok(()),
        }
    }

    /// Says on disk that the size of a directory may be wrong.
    pub(crate) async fn soil(&self, disk: &Disk, dir: &Dir, gfid: Gfid) -> FopResult<()> {
        if !dir.known.load(SeqCst) {
            let size = self.keys.size();
            let found = disk.look(place(gfid), [size.as_str(), DIRTY]).await?;
            if !found.xdata.contains(&size) {
                self.first_size(disk, gfid).await?;
            }
            // A brick has ended in the middle of a transaction.
            if found.xdata.get(DIRTY).is_some_and(keys::is_dirty) && !dir.dirty.load(SeqCst) {
                dir.doubtful.store(true, SeqCst);
            }
            dir.known.store(true, SeqCst);
        }
        if !dir.dirty.load(SeqCst) {
            disk.set(gfid, DIRTY, keys::dirty(true), 0).await?;
            dir.dirty.store(true, SeqCst);
        }
        Ok(())
    }

    /// Ends a transaction: writes down what is owed, unless the next one does so. Whether the size changed on disk.
    pub(crate) async fn leave(
        &self,
        disk: &Disk,
        dir: &Dir,
        mut book: AsyncGuard<'_, Book>,
        gfid: Gfid,
    ) -> bool {
        if dir.is_awaited() {
            return false;
        }
        let mut changed = !book.owed.is_zero();
        // While names are going nobody can say what they count for.
        if dir.doubtful.load(SeqCst) && !dir.is_left() {
            match self.count(disk, &mut book, gfid).await {
                Ok(()) => {
                    dir.doubtful.store(false, SeqCst);
                    dir.dirty.store(true, SeqCst);
                    changed = true;
                }
                Err(error) if is_gone(&error) => {
                    *book = Book::default();
                    dir.doubtful.store(false, SeqCst);
                }
                Err(error) => {
                    log!(Warn, xl: disk.name(), "directory not counted", gfid = gfid, errno = error.errno);
                }
            }
        } else if changed {
            let owed = std::mem::take(&mut book.owed);
            if disk.add(gfid, &self.keys.size(), owed.mark(true)).await.is_err_and(|error| !is_gone(&error)) {
                dir.doubtful.store(true, SeqCst);
            }
        }
        self.clean(disk, dir, gfid).await;
        changed
    }

    /// Takes the word back that a directory's size may be wrong.
    async fn clean(&self, disk: &Disk, dir: &Dir, gfid: Gfid) {
        let must_stay = || dir.doubtful.load(SeqCst) || dir.is_left();
        if must_stay() || !dir.dirty.swap(false, SeqCst) {
            return;
        }
        if let Err(error) = disk.set(gfid, DIRTY, keys::dirty(false), 0).await
            && !is_gone(&error)
        {
            log!(Debug, xl: disk.name(), "directory stays marked as dirty", gfid = gfid, errno = error.errno);
        }
        // A name that began to go meanwhile may have found the mark still there.
        if must_stay() && disk.set(gfid, DIRTY, keys::dirty(true), 0).await.is_ok() {
            dir.dirty.store(true, SeqCst);
        }
    }

    async fn is_dirty(&self, disk: &Disk, dir: Gfid) -> bool {
        let found = disk.look(place(dir), [DIRTY]).await;
        found.is_ok_and(|found| found.xdata.get(DIRTY).is_some_and(keys::is_dirty))
    }

    /// Adds up the contributions of all that is in a directory.
    async fn count(&self, disk: &Disk, book: &mut Book, dir: Gfid) -> FopResult<()> {
        let key = self.keys.contribution(dir);
        let fd = Fd::anonymous(Inode::new(dir, FileType::Directory), 0);
        let (mut sum, mut offset, mut seen) = (Counts::EMPTY, 0, HashSet::new());
        loop {
            let part = disk.entries(&fd, offset, &key).await?;
            for entry in part.entries.iter().filter(|entry| !matches!(&entry.name[..], b"." | b"..")) {
                // A file of two names in one directory counts once.
                if entry.iatt.is_dir() || entry.iatt.nlink <= 1 || seen.insert(entry.iatt.gfid) {
                    sum += counts(&entry.xattrs, &key).unwrap_or_default();
                }
            }
            match part.entries.last() {
                Some(last) if !part.at_end && last.offset != offset => offset = last.offset,
                _ => break,
            }
        }
        disk.set(dir, &self.keys.size(), sum.mark(true), 0).await?;
        book.owed = Counts::default();
        Ok(())
    }

    /// What a lookup found: an object whose marks are behind is brought up to date.
    pub(crate) fn inspect(self: &Arc<Self>, frame: &Frame, iatt: &Iatt, parent: Option<Gfid>, xattrs: &Dict) {
        if !Counts::counts(iatt.file_type()) {
            return;
        }
        if let Some(parent) = parent {
            self.named(iatt, parent);
        }
        if !self.settings.quota {
            return;
        }
        // Nothing contributes to the root of an empty volume; it has a size all the same.
        let has_none = iatt.gfid.is_root() && !xattrs.contains(&self.keys.size());
        if has_none || iatt.is_dir() && xattrs.get(DIRTY).is_some_and(keys::is_dirty) {
            self.count_soon(frame, iatt.gfid);
        }
        let Some(parent) = parent else { return };
        let now = match iatt.is_dir() {
            true => counts(xattrs, &self.keys.size()),
            false => Some(Counts::of_file(iatt)),
        };
        let had = counts(xattrs, &self.keys.contribution(parent)).unwrap_or_default();
        if now != Some(had) {
            self.settle_soon(frame, iatt.gfid, parent);
        }
    }

    /// An object has a name in this directory.
    pub(crate) fn named(&self, iatt: &Iatt, parent: Gfid) {
        match iatt.is_dir() || iatt.nlink == 1 {
            true => self.parents.only(iatt.gfid, parent),
            false => self.parents.one_of(iatt.gfid, parent),
        }
    }
}

/// A mark among xattrs.
pub(crate) fn counts(xattrs: &Dict, key: &str) -> Option<Counts> {
    xattrs.get(key).and_then(Value::as_bytes).and_then(Counts::parse)
}
