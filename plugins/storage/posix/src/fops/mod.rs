//! The fops: what they ask is read here, done by the brick, and what it says is answered here.

pub(crate) mod data;
pub(crate) mod dir;
pub(crate) mod entry;
pub(crate) mod inode;
#[cfg(test)]
mod tests;
pub(crate) mod xattr;

use std::sync::Arc;

use plugin_api::fop::{FopError, INTERNAL_FOP, PrePost};
use plugin_api::{CtxKey, Dict, Errno, Fd, FileType, Frame, Gfid, Loc};
use rustix::io::Errno as SysErrno;

use crate::attr::Change;
use crate::brick::Brick;
use crate::caller::Caller;
use crate::dirread::OpenDir;
use crate::files::OpenFile;
use crate::find::{Found, Gfidless};
use crate::mdata::Time;

/// Why a fop fails.
#[derive(Debug)]
pub(crate) struct Fault {
    errno: SysErrno,
    xdata: Dict,
}

/// What a fop comes to.
pub(crate) type Answer<T> = Result<T, Fault>;

impl From<SysErrno> for Fault {
    fn from(errno: SysErrno) -> Self {
        Self { errno, xdata: Dict::new() }
    }
}

impl From<Fault> for FopError {
    fn from(fault: Fault) -> Self {
        Self { errno: Errno::from_raw(fault.errno.raw_os_error()), xdata: fault.xdata }
    }
}

/// What lies behind a descriptor.
#[derive(Debug)]
pub(crate) enum Open {
    File(OpenFile),
    Dir(OpenDir),
}

/// One fop: the brick, who asks, and where descriptors are kept.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Call<'a> {
    pub(crate) brick: &'a Arc<Brick>,
    pub(crate) caller: Caller,
    /// Where this translator's context lies on descriptors; `None` in tests without a graph, where nothing is kept.
    pub(crate) key: Option<CtxKey>,
}

impl<'a> Call<'a> {
    pub(crate) fn new(brick: &'a Arc<Brick>, frame: &Frame, xdata: &Dict) -> Self {
        let id = frame.identity();
        let caller = Caller {
            uid: id.uid,
            gid: id.gid,
            pid: id.pid,
            time_flags: id.time_flags,
            time: Time { sec: id.time, nsec: id.time_nsec },
            internal: xdata.contains(INTERNAL_FOP),
        };
        Self { brick, caller, key: Some(frame.key()) }
    }

    /// The gfid of the object that a fop is about; looked up by name only when nobody knows it.
    fn target(&self, loc: &Loc) -> Answer<Gfid> {
        match loc.target() {
            Gfid::NULL => {
                let mut entry = self.brick.entry(loc.directory(), &loc.name)?;
                Ok(self.brick.lookup(&mut entry, Gfidless::default())?.gfid)
            }
            gfid => Ok(gfid),
        }
    }

    /// The object itself.
    fn find(&self, loc: &Loc) -> Answer<Found<'a>> {
        Ok(self.brick.locate(self.target(loc)?).map_err(gone)?)
    }

    /// What is open behind `fd`; opened for this fop alone when nobody did.
    fn open(&self, fd: &Fd, flags: u32) -> Answer<Arc<Open>> {
        if let Some(open) = self.key.and_then(|key| fd.object().ctx::<Open>(key)) {
            return Ok(open);
        }
        if !fd.is_anonymous() {
            return Err(SysErrno::BADFD.into());
        }
        let gfid = fd.inode().gfid();
        if fd.inode().file_type() == FileType::Directory {
            // The descriptor of a directory has a position, so it is kept.
            let open = Open::Dir(self.brick.open_dir(gfid).map_err(gone)?);
            return Ok(match self.key {
                Some(key) => fd.object().ctx_or_insert_with(key, || open),
                None => Arc::new(open),
            });
        }
        const O_DIRECT: u32 = 0o40_000;
        let file = self.brick.anonymous_file(gfid, flags & O_DIRECT != 0).map_err(gone)?;
        Ok(Arc::new(Open::File(file)))
    }

    fn keep(&self, fd: &Fd, open: Open) {
        if let Some(key) = self.key {
            fd.object().ctx_set(key, Arc::new(open));
        }
    }
}

impl Open {
    /// The regular file. `EISDIR` for a directory.
    fn file(&self) -> Answer<&OpenFile> {
        match self {
            Self::File(file) => Ok(file),
            Self::Dir(_) => Err(SysErrno::ISDIR.into()),
        }
    }

    /// The directory. `ENOTDIR` for a file.
    fn dir(&self) -> Answer<&OpenDir> {
        match self {
            Self::Dir(dir) => Ok(dir),
            Self::File(_) => Err(SysErrno::NOTDIR.into()),
        }
    }

    /// The object itself.
    fn found(&self, brick: &Brick) -> Answer<Found<'_>> {
        let (gfid, place, inode) = match self {
            Self::File(file) => (file.gfid, file.place(), Arc::clone(&file.inode)),
            Self::Dir(dir) => (dir.gfid, dir.place(), brick.inodes.get(dir.gfid)),
        };
        Ok(Found { gfid, st: place.stat()?, place, inode })
    }
}

/// An object that is not there any more has the client look again.
fn gone(errno: SysErrno) -> SysErrno {
    if errno == SysErrno::NOENT { SysErrno::STALE } else { errno }
}

fn changed(change: Change) -> PrePost {
    PrePost { pre: change.pre, post: change.post, xdata: Dict::new() }
}
