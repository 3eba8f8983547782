//! A caller: who asks in one call, and the objects of the graph behind the ids that the call names.

use std::sync::Arc;

use plugin_api::fop::{GONE, Lookup};
use plugin_api::{Child, Dict, Errno, Fd, FileType, Gfid, Iatt, Inode, InodeTable, IoBuf, Loc, OwnedFrame};

use crate::names;
use crate::server::Server;
use crate::session::Session;

/// `O_RDWR | O_LARGEFILE`: how a descriptor that nobody opened is opened where the request does not say.
pub(crate) const READ_WRITE: u32 = 0o100_002;
/// The number that stands for no descriptor: the file of the request's gfid.
const ANONYMOUS: i64 = gluster_xdr::fop::ANONYMOUS_FD;
/// Open flags that travel; all others are dropped.
const OPEN_FLAGS: u32 = 0o3
    | 0o40 // opened to be executed
    | 0o100
    | 0o200
    | 0o400
    | 0o1000
    | 0o2000
    | 0o4000
    | 0o10_000
    | 0o20_000
    | 0o40_000
    | 0o100_000
    | 0o200_000
    | 0o400_000
    | 0o1_000_000
    | 0o2_000_000
    | 0o10_000_000
    | 0o4_000_000; // the second bit of O_SYNC

/// One call on its way: the frame it runs in, and what is remembered for its answer.
#[derive(Debug)]
pub(crate) struct Caller {
    pub(crate) server: Arc<Server>,
    pub(crate) session: Arc<Session>,
    pub(crate) frame: OwnedFrame,
    /// The inode that stands for what the fop finds or makes.
    pub(crate) fresh: Option<Inode>,
    /// Whether the answer tells the size of what was read.
    pub(crate) tells_size: bool,
}

impl Caller {
    /// The brick.
    pub(crate) fn brick(&self) -> Child<'_> {
        self.frame.child_at(self.session.brick)
    }

    /// The brick's inodes.
    pub(crate) fn inodes(&self) -> &InodeTable {
        &self.server.bricks[self.session.brick].inodes
    }

    /// The inode of a gfid; one that is not known is looked for in the brick.
    ///
    /// # Errors
    /// `EINVAL` for no gfid, `ESTALE` when there is no such file, or as the brick answers.
    pub(crate) async fn inode(&self, gfid: Gfid) -> Result<Inode, Errno> {
        let gfid = self.session.meant(gfid);
        if gfid.is_null() {
            return Err(Errno::EINVAL);
        }
        match self.inodes().find(gfid) {
            Some(inode) => Ok(inode),
            None => self.look_for(gfid).await,
        }
    }

    async fn look_for(&self, gfid: Gfid) -> Result<Inode, Errno> {
        let fresh = Inode::new(gfid, FileType::Invalid);
        let args = Lookup { loc: Loc::of(fresh.clone()), xdata: Dict::new() };
        match self.brick().lookup(args).await {
            Ok(found) if found.iatt.gfid == gfid => {
                Ok(self.inodes().adopt(&fresh, gfid, found.iatt.file_type()))
            }
            Ok(_) => Err(Errno::ESTALE),
            Err(e) if e.errno == Errno::ENOENT => Err(Errno::ESTALE),
            Err(e) => Err(e.errno),
        }
    }

    /// The place of a file that exists.
    ///
    /// # Errors
    /// As for [`inode`](Self::inode).
    pub(crate) async fn loc(&self, gfid: Gfid) -> Result<Loc, Errno> {
        Ok(Loc::of(self.inode(gfid).await?))
    }

    /// A name in a directory that exists.
    ///
    /// # Errors
    /// As [`names::check`] and [`inode`](Self::inode); `EPERM` when the parent is no directory.
    pub(crate) async fn entry(&self, parent: Gfid, name: IoBuf) -> Result<Loc, Errno> {
        names::check(&name)?;
        let parent = self.inode(parent).await?;
        match parent.file_type() {
            FileType::Directory | FileType::Invalid => Ok(Loc::entry(parent, name)),
            _ => Err(Errno::EPERM),
        }
    }

    /// A name that a fop looks up or makes, with a fresh inode that is linked when the answer says what it is.
    ///
    /// # Errors
    /// As for [`entry`](Self::entry).
    pub(crate) async fn new_entry(&mut self, parent: Gfid, name: IoBuf) -> Result<Loc, Errno> {
        let mut loc = self.entry(parent, name).await?;
        loc.inode = Some(self.fresh_inode(Gfid::NULL)).into();
        Ok(loc)
    }

    /// A name that a fop takes away: translators that judge by the file behind it (a sticky directory's) are told
    /// which it is. Nothing is refused to root and to GlusterFS's own processes, so they save the search.
    ///
    /// # Errors
    /// As for [`entry`](Self::entry), and as the search ends.
    pub(crate) async fn old_entry(&self, parent: Gfid, name: IoBuf) -> Result<Loc, Errno> {
        let mut loc = self.entry(parent, name).await?;
        if self.may_be_refused() {
            let inode = self.find_entry(&loc).await?;
            loc.gfid = inode.gfid();
            loc.inode = Some(inode).into();
        }
        Ok(loc)
    }

    /// A name that a fop may replace: as [`old_entry`](Self::old_entry), but there may be none.
    ///
    /// # Errors
    /// As for [`entry`](Self::entry), and as the search ends.
    pub(crate) async fn target_entry(&self, parent: Gfid, name: IoBuf) -> Result<Loc, Errno> {
        let mut loc = self.entry(parent, name).await?;
        if self.may_be_refused() {
            match self.find_entry(&loc).await {
                Ok(inode) => {
                    loc.gfid = inode.gfid();
                    loc.inode = Some(inode).into();
                }
                Err(Errno::ENOENT) => {}
                Err(errno) => return Err(errno),
            }
        }
        Ok(loc)
    }

    fn may_be_refused(&self) -> bool {
        let identity = self.frame.identity();
        identity.uid != 0 && identity.pid >= 0
    }

    async fn find_entry(&self, loc: &Loc) -> Result<Inode, Errno> {
        let fresh = Inode::new(Gfid::NULL, FileType::Invalid);
        let mut place = loc.clone();
        place.inode = Some(fresh.clone()).into();
        let args = Lookup { loc: place, xdata: Dict::new() };
        let found = self.brick().lookup(args).await.map_err(|e| e.errno)?;
        if found.iatt.gfid.is_null() {
            return Err(Errno::ENODATA);
        }
        Ok(self.inodes().adopt(&fresh, found.iatt.gfid, found.iatt.file_type()))
    }

    /// Forgets the object whose last name a fop took; the client is not told of it.
    pub(crate) fn forget_gone(&self, mut xdata: Dict) -> Dict {
        if let Some(gfid) = xdata.gfid(GONE) {
            xdata.remove(GONE);
            self.inodes().forget(gfid);
        }
        xdata
    }

    /// An inode for what the fop is about to find or make, remembered for the answer.
    pub(crate) fn fresh_inode(&mut self, gfid: Gfid) -> Inode {
        let inode = Inode::new(gfid, FileType::Invalid);
        self.fresh = Some(inode.clone());
        inode
    }

    /// Links what the fop found or made.
    pub(crate) fn link(&self, iatt: &Iatt) -> Option<Inode> {
        let known = !iatt.gfid.is_null() && iatt.file_type() != FileType::Invalid;
        known.then(|| match &self.fresh {
            Some(fresh) => self.inodes().adopt(fresh, iatt.gfid, iatt.file_type()),
            None => self.inodes().link(iatt.gfid, iatt.file_type()),
        })
    }

    /// The descriptor with this number; for the number that stands for none, one of the file of `gfid`, opened with
    /// `flags` when somebody needs it.
    ///
    /// # Errors
    /// `EBADF` for a number that the client was not given, or as for [`inode`](Self::inode).
    pub(crate) async fn fd(&self, number: i64, gfid: Gfid, flags: u32) -> Result<Fd, Errno> {
        if number == ANONYMOUS {
            let inode = self.inode(gfid).await?;
            return Ok(Fd::anonymous(inode, open_flags(flags)));
        }
        self.session.fds.find(number)
    }
}

/// Open flags of the wire as those of Linux, which they equal.
pub(crate) fn open_flags(wire: u32) -> i32 {
    i32::try_from(wire & OPEN_FLAGS).expect("no flag that travels is the sign bit")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unknown_open_flags_are_dropped() {
        assert_eq!(open_flags(u32::MAX) & 0o20_000_000, 0, "O_TMPFILE makes no sense without a directory");
        assert_eq!(open_flags(0o100_002), 0o100_002);
        assert_eq!(open_flags(0x8000_0000), 0);
    }
}
