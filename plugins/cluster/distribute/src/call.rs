//! One fop on its way: who asks, the children, and what is known of the files it names.

use std::sync::Arc;

use futures_util::future::join_all;
use plugin_api::prelude::*;
use plugin_api::{OwnedFrame, sdk::Child};

use crate::Distribute;
use crate::known::Known;
use crate::layout::{Layout, Part};
use crate::options::Settings;

/// Xattr of a directory's part.
pub(crate) const LAYOUT: &str = "trusted.glusterfs.dht";
/// Xattr of a file that points to where the data is.
pub(crate) const LINKTO: &str = "trusted.glusterfs.dht.linkto";
/// Xattr of the child whose xattrs of a directory count.
pub(crate) const LEADER: &str = "trusted.glusterfs.dht.mds";
/// Xattr of the root, and key of the volume's last rebalance.
pub(crate) const COMMIT: &str = "trusted.glusterfs.dht.commithash";
const OPEN_COUNT: &str = "glusterfs.open-fd-count";
/// The whole mode of a pointer.
pub(crate) const POINTER_MODE: u32 = libc::S_IFREG | 0o1000;

/// One fop on its way.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Call<'a> {
    pub(crate) dht: &'a Distribute,
    pub(crate) frame: &'a Frame,
}

/// The inode of a place; a fresh one where the caller has none.
pub(crate) fn inode_of(loc: &Loc) -> Inode {
    match loc.inode.clone().into_option() {
        Some(inode) => inode,
        None => Inode::new(loc.gfid, FileType::Invalid),
    }
}

/// Whether this describes a pointer.
pub(crate) fn is_pointer(iatt: &Iatt, xattrs: &Dict) -> bool {
    iatt.mode & (libc::S_IFMT | 0o7777) == POINTER_MODE && xattrs.contains(LINKTO)
}

/// The worst of several errors: one that says nothing about the file before one that says that it is not there.
pub(crate) fn worst(errors: impl IntoIterator<Item = FopError>) -> FopError {
    let absent = |e: &FopError| matches!(e.errno, Errno::ENOENT | Errno::ESTALE);
    let mut worst = None;
    for error in errors {
        if worst.as_ref().is_none_or(|known| absent(known) && !absent(&error)) {
            worst = Some(error);
        }
    }
    worst.unwrap_or_else(|| Errno::EIO.into())
}

impl<'a> Call<'a> {
    pub(crate) fn settings(&self) -> Arc<Settings> {
        self.dht.settings()
    }

    pub(crate) fn count(&self) -> usize {
        self.dht.names.len()
    }

    pub(crate) fn child(&self, at: usize) -> Child<'a> {
        self.frame.child_at(at)
    }

    pub(crate) fn known(&self, inode: &Inode) -> Arc<Known> {
        Known::of(inode, self.frame.key())
    }

    /// A frame of root's, for what distribute does for itself.
    pub(crate) fn root(&self) -> OwnedFrame {
        let mut frame = self.frame.fork();
        let identity = frame.identity_mut();
        (identity.uid, identity.gid, identity.pid) = (0, 0, -4);
        identity.groups.clear();
        frame
    }

    /// The same fop on all children at once.
    pub(crate) async fn all<F: FopType<Args: Clone>>(&self, args: &F::Args) -> Vec<FopResult<F::Reply>> {
        join_all((0..self.count()).map(|at| self.child(at).wind::<F>(args.clone()))).await
    }

    /// What a lookup asks for beside what its caller wants.
    pub(crate) fn ask(&self, xdata: &Dict, root: bool) -> Dict {
        let mut ask = xdata.clone();
        ask.remove("gfid-req");
        ask.set(LINKTO, 256_u32);
        ask.set(OPEN_COUNT, 4_u32);
        ask.set(LAYOUT, 16_u32);
        ask.set(LEADER, 4_u32);
        if root {
            ask.set(COMMIT, 4_u32);
        }
        ask
    }

    /// The answer without what only distribute asked for.
    pub(crate) fn shown(&self, mut looked: Looked, asked: &Dict) -> Looked {
        for key in [LINKTO, LAYOUT, LEADER, COMMIT, OPEN_COUNT] {
            if !asked.contains(key) && looked.xdata.contains(key) {
                looked.xdata.remove(key);
            }
        }
        looked.iatt = unmarked(looked.iatt);
        looked
    }

    /// The child that a pointer names.
    pub(crate) fn pointed(&self, xattrs: &Dict) -> Option<usize> {
        let name = xattrs.str(LINKTO)?;
        self.dht.names.iter().position(|known| known == name)
    }

    pub(crate) fn hash(&self, name: &[u8]) -> u32 {
        self.settings().munge.hash(name)
    }

    /// The layout of a directory, looked up where it is not known.
    pub(crate) async fn layout(&self, dir: &Inode) -> FopResult<Arc<Layout>> {
        if let Some(layout) = self.known(dir).layout() {
            return Ok(layout);
        }
        self.read_layout(dir).await
    }

    /// The layout of a directory as it is on the children now.
    pub(crate) async fn read_layout(&self, dir: &Inode) -> FopResult<Arc<Layout>> {
        // Boxed: a lookup by name asks for its parent's layout.
        Box::pin(self.lookup(Lookup { loc: Loc::of(dir.clone()), xdata: Dict::new() })).await?;
        self.known(dir).layout().ok_or_else(|| Errno::ENOTDIR.into())
    }

    /// The directory that holds a place's name.
    pub(crate) fn parent(loc: &Loc) -> FopResult<Inode> {
        loc.parent.clone().into_option().ok_or_else(|| Errno::EINVAL.into())
    }

    /// The child that a name belongs on, with its part of the directory.
    pub(crate) async fn hashed(&self, loc: &Loc) -> FopResult<(usize, Part)> {
        let layout = self.layout(&Self::parent(loc)?).await?;
        let child = layout.holder(self.hash(&loc.name)).ok_or(Errno::EIO)?;
        Ok((child, layout.parts[child]))
    }

    /// The child that has a file's data, looked up where it is not known.
    pub(crate) async fn cached(&self, inode: &Inode) -> FopResult<usize> {
        match self.known(inode).file() {
            Some(child) => Ok(child),
            None => self.find_again(inode).await,
        }
    }

    /// The child that has a file's data now.
    pub(crate) async fn find_again(&self, inode: &Inode) -> FopResult<usize> {
        self.lookup(Lookup { loc: Loc::of(inode.clone()), xdata: Dict::new() }).await?;
        self.known(inode).file().ok_or_else(|| Errno::EIO.into())
    }

    /// Whether an inode is a directory; one of unknown type is looked up.
    pub(crate) async fn is_dir(&self, inode: &Inode) -> FopResult<bool> {
        match inode.file_type() {
            FileType::Invalid => {}
            kind => return Ok(kind == FileType::Directory),
        }
        let known = self.known(inode);
        if known.file().is_none() && known.layout().is_none() {
            self.lookup(Lookup { loc: Loc::of(inode.clone()), xdata: Dict::new() }).await?;
        }
        Ok(known.layout().is_some())
    }
}

/// Attributes without the marks of a file that is being moved.
pub(crate) fn unmarked(mut iatt: Iatt) -> Iatt {
    if is_moving(&iatt) {
        iatt.mode &= !0o3000;
    }
    iatt
}

/// Whether a file is being moved: the sticky and the set-gid bit together on a regular file.
pub(crate) fn is_moving(iatt: &Iatt) -> bool {
    iatt.file_type() == FileType::Regular && iatt.mode & 0o3000 == 0o3000
}
