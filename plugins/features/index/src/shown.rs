//! The lists as clients see them: virtual directories, reached by id, that a healer walks and takes entries off.

use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use gluster_brick::Name;
use plugin_api::prelude::*;
use uuid::Uuid;

use crate::Index;
use crate::ids::file_of;
use crate::listing::{Listing, errno};
use crate::lists::{List, Lists, attributes};

const TYPE_ASKED: &str = "glusterfs.index-ia-type-get-req";
const TYPE: &str = "glusterfs.index-ia-type-get-rsp";
/// Types of files as the incumbent numbers them.
const REGULAR: u32 = 1;
const DIRECTORY: u32 = 2;

/// A virtual directory.
#[derive(Debug)]
pub(crate) enum Folder {
    /// A list.
    List(List),
    /// The changes in the directory of this id, and their folder.
    Changes(Gfid, OwnedFd),
}

impl Folder {
    fn dir<'a>(&'a self, lists: &'a Lists) -> BorrowedFd<'a> {
        match self {
            Self::List(list) => lists.dir(*list),
            Self::Changes(_, dir) => dir.as_fd(),
        }
    }
}

/// Whether a fop that failed like this may have been about a folder of changes, which nobody below knows.
pub(crate) fn is_unknown(error: &FopError) -> bool {
    matches!(error.errno, Errno::ENOENT | Errno::ESTALE)
}

impl Index {
    /// The folder of changes with this id, if there is one.
    pub(crate) fn changes(&self, id: Gfid) -> Option<Folder> {
        let parent = self.ids.changes(id);
        let dir = self.lists().ok()?.changes_of(parent).ok()??;
        Some(Folder::Changes(parent, dir))
    }

    fn id(&self, folder: &Folder) -> Gfid {
        match folder {
            Folder::List(list) => self.ids.of(*list),
            Folder::Changes(parent, _) => self.ids.changes(*parent),
        }
    }

    fn show(&self, folder: &Folder) -> Result<Iatt, Errno> {
        attributes(folder.dir(self.lists()?), b"", self.id(folder)).map_err(errno)
    }

    /// Looks at a folder, or at `name` in it.
    pub(crate) fn look(
        &self,
        frame: &Frame,
        folder: &Folder,
        name: &[u8],
        asked: &Dict,
    ) -> FopResult<Looked> {
        check(frame)?;
        let mut xdata = Dict::new();
        if asked.contains(TYPE_ASKED) {
            let entries = if matches!(folder, Folder::List(List::Changes)) { DIRECTORY } else { REGULAR };
            xdata.push(TYPE, entries);
        }
        let shown = self.show(folder)?;
        if name.is_empty() {
            return Ok(Looked { iatt: shown, post_parent: Iatt::default(), xdata });
        }
        let name = Name::new(name).map_err(errno)?;
        let id = match folder {
            Folder::List(List::Changes) => self.ids.changes(file_of(name).ok_or(Errno::ENOENT)?),
            _ => Gfid(Uuid::new_v4().into_bytes()),
        };
        let iatt = attributes(folder.dir(self.lists()?), name.bytes(), id).map_err(errno)?;
        Ok(Looked { iatt, post_parent: shown, xdata })
    }

    /// Opens a folder: what will be read of it is kept with `fd`.
    pub(crate) fn open(&self, frame: &Frame, folder: &Folder, fd: Fd) -> FopResult<Opened> {
        check(frame)?;
        let list = if let Folder::List(list) = folder { Some(*list) } else { None };
        let listing = Listing::open(folder.dir(self.lists()?), list)?;
        fd.object().ctx_set(frame.key(), listing.into());
        Ok(Opened { fd, xdata: Dict::new() })
    }

    /// Reads a folder; the types of the files that its entries are about on request.
    pub(crate) async fn read(
        &self,
        frame: &Frame,
        listing: &Listing,
        (offset, size): (u64, usize),
        asked: &Dict,
    ) -> FopResult<Entries> {
        let mut answer = listing.read(self.lists()?, offset, size)?;
        if asked.contains("get-gfid-type") && listing.names_files() {
            for entry in answer.entries.iter_mut() {
                let Some(gfid) = Name::new(&entry.name).ok().and_then(file_of) else { continue };
                let loc = Loc::of(Inode::new(gfid, FileType::Invalid));
                if let Ok(found) = frame.child().lookup(Lookup { loc, xdata: Dict::new() }).await {
                    entry.kind = found.iatt.mode >> 12;
                }
            }
        }
        Ok(answer)
    }

    /// Takes an entry off.
    pub(crate) async fn take_off(&self, frame: &Frame, folder: &Folder, name: &[u8]) -> FopResult<Removed> {
        check(frame)?;
        let pre_parent = self.show(folder)?;
        let name = Name::new(name).map_err(errno)?;
        match folder {
            Folder::List(List::Changes) => return Err(Errno::EISDIR.into()),
            Folder::List(list) => {
                let gfid = file_of(name).ok_or(Errno::ENOENT)?;
                self.purge(frame, *list, gfid).await?;
            }
            Folder::Changes(parent, _) => self.lists()?.remove_change(*parent, name).map_err(errno)?,
        }
        Ok(Removed { pre_parent, post_parent: self.show(folder)?, xdata: Dict::new() })
    }

    /// Takes a file off a list that a healer did not find any more. It may be there again by now, and marked: then it
    /// stays on the list.
    async fn purge(&self, frame: &Frame, list: List, gfid: Gfid) -> FopResult<()> {
        let lists = self.lists()?;
        if self.is_marked(frame, list, gfid).await {
            return Err(Errno::EBUSY.into());
        }
        lists.remove(list, gfid).map_err(errno)?;
        self.purges.note();
        if self.is_marked(frame, list, gfid).await {
            lists.add(list, gfid).map_err(errno)?;
            return Err(Errno::EBUSY.into());
        }
        Ok(())
    }

    async fn is_marked(&self, frame: &Frame, list: List, gfid: Gfid) -> bool {
        let loc = Loc::of(Inode::new(gfid, FileType::Invalid));
        let all = Getxattr { loc, name: IoBuf::default(), xdata: Dict::new() };
        let Ok(found) = frame.child().getxattr(all).await else { return false };
        let told = self.watch().told(&found.xattrs);
        told.by_list().contains(&(list, Some(true)))
    }

    /// Takes a folder of changes away: with `all` as it is, else only an empty one.
    pub(crate) fn forget(
        &self,
        frame: &Frame,
        folder: &Folder,
        name: &[u8],
        all: bool,
    ) -> FopResult<Removed> {
        check(frame)?;
        let Folder::List(List::Changes) = folder else { return Err(Errno::ENOTDIR.into()) };
        let pre_parent = self.show(folder)?;
        let parent = file_of(Name::new(name).map_err(errno)?).ok_or(Errno::ENOENT)?;
        self.lists()?.forget_changes(parent, all).map_err(errno)?;
        Ok(Removed { pre_parent, post_parent: self.show(folder)?, xdata: Dict::new() })
    }
}

/// The lists are for the cluster, and for root.
fn check(frame: &Frame) -> Result<(), Errno> {
    let identity = frame.identity();
    if identity.uid == 0 || identity.pid < 0 { Ok(()) } else { Err(Errno::EPERM) }
}
