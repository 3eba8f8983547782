//! The blocks of files, all but the first ones: each is a file of its own in a directory that nobody sees.

use std::ops::Range;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use futures_util::future::join_all;
use plugin_api::OwnedFrame;
use plugin_api::prelude::*;
use uuid::Uuid;

use crate::folder::{Folder, entry, internal, is_absent, linked};
use crate::recent::{Block, Recent};

/// Has an unlink answer how many units of 512 bytes it frees.
const FREED: &str = "gf_get_file_block_count";

/// Finds, makes and removes blocks.
#[derive(Debug)]
pub(crate) struct Blocks {
    root: Inode,
    folder: Folder,
    removed: Folder,
    recent: Mutex<Recent>,
    removed_at_once: AtomicUsize,
}

impl Default for Blocks {
    fn default() -> Self {
        Self {
            root: Inode::new(Gfid::ROOT, FileType::Directory),
            folder: Folder::blocks(),
            removed: Folder::removed(),
            recent: Mutex::default(),
            removed_at_once: AtomicUsize::new(1),
        }
    }
}

impl Blocks {
    pub(crate) fn set_limits(&self, kept: usize, removed_at_once: usize) {
        self.recent().set_limit(kept);
        self.removed_at_once.store(removed_at_once.max(1), Ordering::Relaxed);
    }

    fn recent(&self) -> MutexGuard<'_, Recent> {
        self.recent.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// How many inodes are kept.
    pub(crate) fn kept(&self) -> usize {
        self.recent().len()
    }

    /// A block that was known is another one now, or gone.
    pub(crate) fn forget(&self, block: Block) {
        let forgotten = self.recent().forget(block);
        drop(forgotten);
    }

    /// A block, when it is there: where it is not, a file has a hole.
    pub(crate) async fn find(&self, root: &OwnedFrame, block: Block) -> FopResult<Option<Inode>> {
        if let Some(inode) = self.known(block) {
            return Ok(Some(inode));
        }
        let Some(folder) = self.folder.find(root, &self.root).await? else { return Ok(None) };
        let loc = entry(&folder, &name(block));
        match root.child().lookup(Lookup { loc: loc.clone(), xdata: Dict::new() }).await {
            Ok(found) => self.keep(block, &loc, &found.iatt).map(Some),
            Err(error) if is_absent(&error) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Makes the directory of blocks where it is not there; once it is known to be, that asks nobody.
    pub(crate) async fn prepare(&self, root: &OwnedFrame) -> FopResult<()> {
        self.folder.make(root, &self.root).await.map(|_| ())
    }

    /// A block, made with these permissions where it is not there. It is root's: nobody else goes to it but by its file.
    pub(crate) async fn make(&self, root: &OwnedFrame, block: Block, permissions: u32) -> FopResult<Inode> {
        if let Some(inode) = self.known(block) {
            return Ok(inode);
        }
        let folder = self.folder.make(root, &self.root).await?;
        let loc = entry(&folder, &name(block));
        let xdata = Dict::new().with("gfid-req", fresh_gfid());
        let mode = libc::S_IFREG | permissions;
        match root.child().mknod(Mknod { loc: loc.clone(), mode, rdev: 0, umask: 0, xdata }).await {
            Ok(made) => self.keep(block, &loc, &made.iatt),
            Err(error) if error.errno == Errno::EEXIST => {
                self.find(root, block).await?.ok_or_else(|| Errno::ESTALE.into())
            }
            Err(error) => Err(error),
        }
    }

    fn known(&self, block: Block) -> Option<Inode> {
        self.recent().find(block)
    }

    fn keep(&self, block: Block, loc: &Loc, iatt: &Iatt) -> FopResult<Inode> {
        let inode = linked(loc, iatt)?;
        self.recent().keep(block, inode.clone());
        Ok(inode)
    }

    /// Removes blocks of a file, so many at the same time as the volume's options say; the units of 512 bytes that they
    /// took. Each is tried; the first error is the one to tell.
    pub(crate) async fn remove(&self, root: &OwnedFrame, file: Gfid, which: Range<u64>) -> FopResult<u64> {
        let Some(folder) = self.folder.find(root, &self.root).await? else { return Ok(0) };
        let at_once = self.removed_at_once.load(Ordering::Relaxed) as u64;
        let (mut freed, mut failed) = (0, None);
        let mut from = which.start;
        while from < which.end {
            let to = which.end.min(from.saturating_add(at_once));
            let removals = (from..to).map(|number| self.remove_one(root, &folder, (file, number)));
            for removed in join_all(removals).await {
                match removed {
                    Ok(units) => freed += units,
                    Err(error) => failed = failed.or(Some(error)),
                }
            }
            from = to;
        }
        failed.map_or(Ok(freed), Err)
    }

    async fn remove_one(&self, root: &OwnedFrame, folder: &Inode, block: Block) -> FopResult<u64> {
        let mut loc = entry(folder, &name(block));
        if let Some(inode) = self.recent().forget(block) {
            loc.gfid = inode.gfid();
            loc.inode = Some(inode).into();
        }
        let xdata = Dict::new().with(FREED, 0_u64);
        match root.child().unlink(Unlink { loc, flags: 0, xdata }).await {
            Ok(removed) => Ok(removed.xdata.uint(FREED).unwrap_or(0)),
            Err(error) if is_absent(&error) => Ok(0),
            Err(error) => Err(error),
        }
    }

    /// The directory of what is left of removed files, when it is there.
    pub(crate) async fn find_removed(&self, root: &OwnedFrame) -> FopResult<Option<Inode>> {
        match self.folder.find(root, &self.root).await? {
            Some(folder) => self.removed.find(root, &folder).await,
            None => Ok(None),
        }
    }

    /// The same, made where it is not there.
    pub(crate) async fn make_removed(&self, root: &OwnedFrame) -> FopResult<Inode> {
        let folder = self.folder.make(root, &self.root).await?;
        self.removed.make(root, &folder).await
    }
}

/// The name of a block in its directory.
fn name((file, number): Block) -> String {
    format!("{file}.{number}")
}

/// An id for a new file.
pub(crate) fn fresh_gfid() -> Gfid {
    Gfid(Uuid::new_v4().into_bytes())
}

/// The entry that stands for a removed file, with its length: no more than that is read of it.
pub(crate) fn marker(removed: &Inode, file: Gfid, xattrs: &Dict) -> Mknod {
    let mut xdata = internal().with("gfid-req", fresh_gfid());
    xattrs.iter().for_each(|(key, value)| xdata.set(key.clone(), value.clone()));
    Mknod { loc: entry(removed, &file.to_string()), mode: 0, rdev: 0, umask: 0, xdata }
}
