//! The two directories that hold blocks and what is left of removed files, both with fixed ids.

use plugin_api::OwnedFrame;
use plugin_api::prelude::*;
use tokio::sync::OnceCell;

const PERMISSIONS: u32 = 0o755;

/// A directory that is made when it is first needed.
#[derive(Debug)]
pub(crate) struct Folder {
    name: &'static str,
    gfid: Gfid,
    inode: OnceCell<Inode>,
}

impl Folder {
    /// `.shard` below the root: a file for each block but the first ones.
    pub(crate) const BLOCKS: Gfid = Gfid([
        0xbe, 0x31, 0x86, 0x38, 0xe8, 0xa0, 0x4c, 0x6d, 0x97, 0x7d, 0x7a, 0x93, 0x7a, 0xa8, 0x48, 0x06,
    ]);
    /// `.remove_me` below that: an entry for each removed file whose blocks are still there.
    pub(crate) const REMOVED: Gfid = Gfid([
        0x77, 0xdd, 0x5a, 0x45, 0xdb, 0xf5, 0x45, 0x92, 0xb3, 0x1b, 0xb4, 0x40, 0x38, 0x23, 0x02, 0xe9,
    ]);
    /// The name of the first in the root.
    pub(crate) const NAME: &'static str = ".shard";

    pub(crate) fn blocks() -> Self {
        Self { name: Self::NAME, gfid: Self::BLOCKS, inode: OnceCell::new() }
    }

    pub(crate) fn removed() -> Self {
        Self { name: ".remove_me", gfid: Self::REMOVED, inode: OnceCell::new() }
    }

    /// The directory, when it is there.
    pub(crate) async fn find(&self, root: &OwnedFrame, parent: &Inode) -> FopResult<Option<Inode>> {
        if let Some(inode) = self.inode.get() {
            return Ok(Some(inode.clone()));
        }
        match self.lookup(root, parent).await {
            Ok(inode) => Ok(Some(self.inode.get_or_init(|| async { inode }).await.clone())),
            Err(error) if is_absent(&error) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// The directory, made where it is not there.
    pub(crate) async fn make(&self, root: &OwnedFrame, parent: &Inode) -> FopResult<Inode> {
        self.inode.get_or_try_init(|| self.find_or_mkdir(root, parent)).await.cloned()
    }

    async fn find_or_mkdir(&self, root: &OwnedFrame, parent: &Inode) -> FopResult<Inode> {
        match self.lookup(root, parent).await {
            Err(error) if is_absent(&error) => {}
            found => return found,
        }
        let loc = self.loc(parent);
        let xdata = internal().with("gfid-req", self.gfid);
        match root.child().mkdir(Mkdir { loc: loc.clone(), mode: PERMISSIONS, umask: 0, xdata }).await {
            Ok(made) => linked(&loc, &made.iatt),
            // Another client was quicker.
            Err(error) if error.errno == Errno::EEXIST => self.lookup(root, parent).await,
            Err(error) => Err(error),
        }
    }

    async fn lookup(&self, root: &OwnedFrame, parent: &Inode) -> FopResult<Inode> {
        let loc = self.loc(parent);
        let found = root.child().lookup(Lookup { loc: loc.clone(), xdata: Dict::new() }).await?;
        linked(&loc, &found.iatt)
    }

    fn loc(&self, parent: &Inode) -> Loc {
        entry(parent, self.name)
    }
}

/// What marks the fops that bricks are not to account to anybody.
pub(crate) fn internal() -> Dict {
    Dict::new().with("glusterfs-internal-fop", "yes")
}

/// A place whose inode is not known yet.
pub(crate) fn entry(parent: &Inode, name: &str) -> Loc {
    let inode = Some(Inode::new(Gfid::NULL, FileType::Invalid)).into();
    Loc { inode, ..Loc::entry(parent.clone(), IoBuf::copy_from_slice(name.as_bytes())) }
}

/// The inode of a place that a fop has found or made there.
pub(crate) fn linked(loc: &Loc, iatt: &Iatt) -> FopResult<Inode> {
    let inode = loc.inode.clone().into_option().ok_or(Errno::EINVAL)?;
    inode.link(iatt.gfid, iatt.file_type());
    Ok(inode)
}

/// Whether an error says that there is no such file.
pub(crate) fn is_absent(error: &FopError) -> bool {
    matches!(error.errno, Errno::ENOENT | Errno::ESTALE)
}
