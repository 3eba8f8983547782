//! Names that go or move: what lies behind them leaves the account of its directory.
//!
//! The directory is said to be dirty before the name goes: a brick that ends in between counts it anew.

use std::sync::Arc;
use std::sync::atomic::Ordering::SeqCst;

use plugin_api::fop::FopResult;
use plugin_api::prelude::*;

use crate::account::{Account, counts};
use crate::counts::Counts;
use crate::dirs::Dir;
use crate::disk::Disk;

/// What lies behind a name, and what it counts for in the directory.
struct Behind {
    iatt: Iatt,
    counted: Option<Counts>,
    /// Whether it has another name afterwards.
    stays: bool,
}

impl Behind {
    /// Whether the object goes with this name.
    fn goes(&self) -> bool {
        !self.stays && (self.iatt.is_dir() || self.iatt.nlink <= 1)
    }

    fn has_others(&self) -> bool {
        !self.iatt.is_dir() && self.iatt.nlink > 1
    }
}

impl Account {
    async fn behind(&self, disk: &Disk, loc: &Loc) -> Option<Behind> {
        let key = self.keys.contribution(loc.directory());
        let found = disk.look(loc.clone(), [key.as_str()]).await.ok()?;
        Some(Behind { counted: counts(&found.xdata, &key), iatt: found.iatt, stays: false })
    }

    /// Takes a name away with `wind`, and what it counted for.
    pub(crate) async fn remove<R>(
        self: &Arc<Self>,
        frame: &Frame,
        loc: Loc,
        wind: impl Future<Output = FopResult<R>>,
    ) -> FopResult<R> {
        let (disk, parent) = (Disk::new(frame), loc.directory());
        let dir = self.dirs.of(parent);
        dir.leaves();
        let behind = self.behind(&disk, &loc).await;
        self.soil_for(&disk, &dir, parent, behind.as_ref()).await;
        let done = wind.await;
        self.depart(disk, dir, parent, behind.filter(|_| done.is_ok()));
        done
    }

    /// Moves a name, and what it counts for.
    pub(crate) async fn rename(self: &Arc<Self>, frame: &Frame, args: Rename) -> FopResult<Renamed> {
        let disk = Disk::new(frame);
        let (from, to) = (args.old.directory(), args.new.directory());
        let (old_dir, new_dir) = (self.dirs.of(from), self.dirs.of(to));
        old_dir.leaves();
        new_dir.leaves();
        let moved = self.behind(&disk, &args.old).await;
        let replaced = self.behind(&disk, &args.new).await;
        // Two names of one file stay as they are.
        let gfid = moved.as_ref().map(|moved| moved.iatt.gfid);
        let replaced = replaced.filter(|there| Some(there.iatt.gfid) != gfid);
        let leaving = moved.filter(|_| from != to).map(|moved| Behind { stays: true, ..moved });
        self.soil_for(&disk, &old_dir, from, leaving.as_ref()).await;
        self.soil_for(&disk, &new_dir, to, replaced.as_ref()).await;
        let done = frame.child().rename(args).await;
        if let (Ok(_), Some(leaving)) = (&done, &leaving) {
            self.parents.not(leaving.iatt.gfid, from);
            self.named(&leaving.iatt, to);
            self.settle_soon(frame, leaving.iatt.gfid, to);
        }
        self.depart(disk.clone(), old_dir, from, leaving.filter(|_| done.is_ok()));
        self.depart(disk, new_dir, to, replaced.filter(|_| done.is_ok()));
        done
    }

    /// Says that a directory is dirty from which a name is about to go. What cannot be marked goes all the same, from a
    /// full disk too; the directory is counted afterwards.
    async fn soil_for(&self, disk: &Disk, dir: &Dir, gfid: Gfid, behind: Option<&Behind>) {
        if behind.is_some_and(|behind| behind.counted.is_some())
            && let Err(error) = self.soil(disk, dir, gfid).await
        {
            log!(Warn, xl: disk.name(), "directory not marked as dirty", gfid = gfid, errno = error.errno);
            dir.doubtful.store(true, SeqCst);
        }
    }

    /// After a name has gone, or has not: takes off what it counted for, soon.
    fn depart(self: &Arc<Self>, disk: Disk, dir: Arc<Dir>, parent: Gfid, gone: Option<Behind>) {
        let account = self.clone();
        rt::spawn(async move {
            let mut book = dir.enter().await;
            if let Some(behind) = gone {
                let counted = book.changed.remove(&behind.iatt.gfid).or(behind.counted);
                if let Some(counted) = counted
                    && account.is_out(&disk, &behind, parent).await
                {
                    book.owed += -counted;
                }
            }
            dir.left(&mut book);
            if account.leave(&disk, &dir, book, parent).await {
                account.climb_from(&disk, parent).await;
            }
        });
    }

    /// An object has lost a name in a directory: whether it is not to be counted there any more.
    async fn is_out(&self, disk: &Disk, behind: &Behind, parent: Gfid) -> bool {
        let gfid = behind.iatt.gfid;
        if behind.goes() {
            self.parents.forget(gfid);
            self.dirs.forget(gfid);
            return true;
        }
        // A file of one name has just lost it here.
        if behind.has_others() && has_name_in(disk, gfid, parent).await {
            self.parents.one_of(gfid, parent);
            return false;
        }
        self.parents.not(gfid, parent);
        match disk.remove(gfid, &self.keys.contribution(parent)).await {
            Err(error) if error.errno != Errno::ENODATA => {
                log!(Debug, xl: disk.name(), "contribution stays", gfid = gfid, errno = error.errno);
            }
            _ => {}
        }
        true
    }
}

/// Whether a file that may have several names has one in this directory.
async fn has_name_in(disk: &Disk, gfid: Gfid, parent: Gfid) -> bool {
    const PATHS: &str = "glusterfs.gfidtopath";
    let path = async |gfid| Some(disk.xattrs(gfid, PATHS).await.ok()?.get(PATHS)?.as_bytes()?.to_vec());
    let (Some(paths), Some(mut parent)) = (path(gfid).await, path(parent).await) else { return false };
    if parent.last() != Some(&b'/') {
        parent.push(b'/');
    }
    let inside = |path: &[u8]| path.strip_prefix(&parent[..]).is_some_and(|name| !name.contains(&b'/'));
    paths.split(|byte| *byte == b':').any(inside)
}
