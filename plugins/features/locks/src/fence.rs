//! Fencing: files on which only who holds a lock reads and writes, and whoever takes one drives the others out.
//!
//! So a cluster of servers hands a file over from one that hangs: the new one takes the lock, and what the old one still has
//! in flight is refused. A file asks for it by an xattr, which is kept on the disk.

use plugin_api::fop::Getxattr;
use plugin_api::{Dict, Errno, Frame, Inode, IoBuf, Loc};

use crate::Locks;
use crate::engine::{Access, Range};
use crate::notes::Notes;
use crate::options::Mandatory;
use crate::who::Clients;

/// The xattr by which a file asks for it, whatever its value.
pub const NAME: &str = "trusted.glusterfs.enforce-mandatory-lock";

impl Locks {
    /// Whether files may ask for it.
    pub(crate) fn fences(&self) -> bool {
        self.guards() && self.settings().fences && self.settings().mandatory != Mandatory::Off
    }

    /// Whether this file does. The disk is asked once for each inode.
    pub(crate) async fn is_fenced(&self, frame: &Frame, inode: &Inode) -> bool {
        if !self.fences() {
            return false;
        }
        let notes = Notes::of(inode, frame.key());
        if let Some(known) = notes.fenced() {
            return known;
        }
        let name = IoBuf::from(NAME.to_owned());
        let args = Getxattr { loc: Loc::of(inode.clone()), name, xdata: Dict::new() };
        notes.found_fenced(frame.child().getxattr(args).await.is_ok_and(|found| found.xattrs.contains(NAME)));
        notes.fenced().unwrap_or_default()
    }

    /// Whether a file may be made to ask for it now; other xattrs are nobody's business here.
    ///
    /// # Errors
    /// `EINVAL` when the volume does not fence.
    pub(crate) fn may_fence(&self, xattrs: &Dict) -> Result<bool, Errno> {
        if !xattrs.contains(NAME) {
            return Ok(false);
        }
        if self.fences() { Ok(true) } else { Err(Errno::EINVAL) }
    }

    /// Notes what a file asks for from now on.
    pub(crate) fn note_fence(&self, frame: &Frame, inode: Option<&Inode>, asks: bool) {
        if let Some(inode) = inode {
            Notes::of(inode, frame.key()).set_fenced(asks);
        }
    }

    /// On a fenced file: whether locks of the caller's cover what it is about to read or change.
    ///
    /// # Errors
    /// `EAGAIN` when they do not; nobody waits for a lock that the caller should have taken.
    pub(crate) fn may_touch_fenced(
        &self,
        frame: &Frame,
        inode: &Inode,
        range: Range,
        access: Access,
    ) -> Result<(), Errno> {
        let holder = self.clients.anybody(frame, Clients::name(frame)).holder;
        let covered =
            self.table.with_known(inode.gfid(), |locks, _| locks.posix.covers(&holder, range, access));
        if covered == Some(true) { Ok(()) } else { Err(Errno::EAGAIN) }
    }
}
