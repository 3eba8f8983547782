//! One fop on its way: who asks, and what is known of the file that it is about.

use std::sync::Arc;

use gluster_cache::{Moment, now};
use plugin_api::OwnedFrame;
use plugin_api::prelude::*;

use crate::Shard;
use crate::extent::{BLOCK_SIZE, Extent, FILE_SIZE, ask, block_size};
use crate::file::{Change, File};
use crate::first::First;

/// One fop on its way.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Call<'a> {
    pub(crate) shard: &'a Shard,
    pub(crate) frame: &'a Frame,
}

impl Call<'_> {
    /// A frame of root's: blocks belong to root, whoever may write to their file.
    pub(crate) fn root(&self) -> OwnedFrame {
        let mut frame = self.frame.fork();
        let identity = frame.identity_mut();
        (identity.uid, identity.gid) = (0, 0);
        identity.groups.clear();
        frame
    }

    /// The file of an inode, when it is known.
    pub(crate) fn known(&self, inode: &Inode) -> Option<Arc<File>> {
        let known = inode.object().ctx::<File>(self.frame.key());
        known.or_else(|| self.shard.files.find(inode.gfid()))
    }

    /// What a fop is about: looked up where it is not known.
    pub(crate) async fn file(&self, inode: &Inode) -> FopResult<Arc<File>> {
        if let Some(file) = self.known(inode) {
            return Ok(file);
        }
        let mut xdata = Dict::new().with("unlinked-lookup", 1);
        ask(&mut xdata);
        let began = now();
        let loc = Loc::of(inode.clone());
        let mut found = self.root().child().lookup(Lookup { loc, xdata }).await?;
        let found_here = self.found(Some(inode), began, &mut found.iatt, &found.xdata);
        Ok(found_here.unwrap_or_else(|| Arc::new(self.whole(inode.gfid()))))
    }

    /// A file in one piece.
    fn whole(&self, gfid: Gfid) -> File {
        File::new(gfid, self.shard.files.clone(), None)
    }

    /// A lookup has found something that both xattrs were asked of. Its attributes become those of all its blocks.
    pub(crate) fn found(
        &self,
        inode: Option<&Inode>,
        began: Moment,
        iatt: &mut Iatt,
        xattrs: &Dict,
    ) -> Option<Arc<File>> {
        if iatt.file_type() != FileType::Regular {
            return None;
        }
        let files = &self.shard.files;
        let make = || File::new(iatt.gfid, files.clone(), block_size(xattrs));
        let file = match inode {
            Some(inode) => files.of(inode, iatt.gfid, self.frame.key(), make),
            None => files.find(iatt.gfid),
        };
        match &file {
            Some(file) => {
                file.seen(began, Extent::told(xattrs), iatt);
                *iatt = file.shown(iatt);
            }
            // Nobody has it open here.
            None => {
                if let Some(Extent { size, blocks }) = Extent::told(xattrs) {
                    (iatt.size, iatt.blocks) = (size, blocks);
                }
            }
        }
        file
    }

    /// A fop that asked for both xattrs tells of a file.
    pub(crate) fn told(&self, inode: Option<&Inode>, began: Moment, iatt: &mut Iatt, xattrs: &Dict) {
        match inode.and_then(|inode| self.known(inode)) {
            Some(file) => {
                file.seen(began, Extent::told(xattrs), iatt);
                *iatt = file.shown(iatt);
            }
            None => drop(self.found(None, began, iatt, xattrs)),
        }
    }

    /// A file was made, in blocks of this size.
    pub(crate) fn made(&self, inode: Option<&Inode>, began: Moment, block_size: u64, iatt: &Iatt) {
        let Some(inode) = inode else { return };
        let files = &self.shard.files;
        let make = || File::new(iatt.gfid, files.clone(), Some(block_size));
        if let Some(file) = files.of(inode, iatt.gfid, self.frame.key(), make) {
            file.seen(began, Some(Extent::default()), iatt);
        }
    }

    /// Asks how long a file is, unless it was asked just now.
    pub(crate) async fn refresh(&self, file: &File, first: &First) -> FopResult<()> {
        match file.is_fresh() {
            true => Ok(()),
            false => self.measure(file, first).await,
        }
    }

    /// Asks how long a file is.
    pub(crate) async fn measure(&self, file: &File, first: &First) -> FopResult<()> {
        let began = now();
        let told = first.stat(self.root().child()).await?;
        file.seen(began, Extent::told(&told.xdata), &told.iatt);
        Ok(())
    }

    /// Changes how long a file is, here and in its xattr.
    pub(crate) async fn account(
        &self,
        file: &File,
        first: &First,
        to: impl FnOnce(Extent) -> Extent,
    ) -> FopResult<Change> {
        let change = file.begin_change(to);
        if change.counts() {
            let added = first.add(self.root().child(), change.after.since(change.before)).await;
            file.end_change(added.is_ok());
            added?;
        }
        Ok(change)
    }
}

/// Takes out of an answer what only this translator asked for.
pub(crate) fn strip(xattrs: &mut Dict, asked: &Dict) {
    for key in [BLOCK_SIZE, FILE_SIZE] {
        if !asked.contains(key) && xattrs.contains(key) {
            xattrs.remove(key);
        }
    }
}
