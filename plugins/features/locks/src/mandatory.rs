//! Mandatory locks: reads and writes that other owners' record locks stop.

use std::sync::atomic::Ordering;

use plugin_api::Frame;
use plugin_api::{Errno, Fd, FileType, Iatt, Inode, Loc};

use crate::Locks;
use crate::engine::range::LAST;
use crate::engine::{Access, Range};
use crate::notes::Notes;
use crate::options::Mandatory;
use crate::wait;
use crate::who::Clients;

const SET_GID: u32 = 0o2000;
const GROUP_EXEC: u32 = 0o010;

/// What a fop is about to do to a file.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Touch<'a> {
    /// Through which open file, if any.
    pub(crate) fd: Option<&'a Fd>,
    /// Which file.
    pub(crate) inode: Option<&'a Inode>,
    /// First byte.
    pub(crate) offset: u64,
    /// Bytes; 0 for all that follow.
    pub(crate) len: u64,
    /// Reads or changes.
    pub(crate) access: Access,
}

impl<'a> Touch<'a> {
    /// Of an open file.
    pub(crate) fn open(fd: &'a Fd, offset: u64, len: u64, access: Access) -> Self {
        Self { fd: Some(fd), inode: Some(fd.inode()), offset, len, access }
    }

    /// Of a file by name, from `offset` on.
    pub(crate) fn named(loc: &'a Loc, offset: u64) -> Self {
        Self { fd: None, inode: loc.inode.as_ref().into_option(), offset, len: 0, access: Access::Write }
    }
}

impl Locks {
    /// Whether lookups have to note modes.
    pub(crate) fn marks(&self) -> bool {
        self.guards() && self.settings().mandatory == Mandatory::File
    }

    /// Notes whether a file's mode asks for mandatory locks.
    pub(crate) fn mark(&self, frame: &Frame, inode: Option<&Inode>, iatt: &Iatt) {
        let Some(inode) = inode.filter(|_| self.marks()) else { return };
        let asks = iatt.file_type() == FileType::Regular && iatt.mode & (SET_GID | GROUP_EXEC) == SET_GID;
        if asks {
            Notes::of(inode, frame.key()).marked.store(true, Ordering::Relaxed);
        } else if let Some(notes) = Notes::find(inode, frame.key()) {
            notes.marked.store(false, Ordering::Relaxed);
        }
    }

    /// Goes on once no lock of another owner is in the way.
    ///
    /// # Errors
    /// `EAGAIN` when the file was opened not to wait, or the fop has none, or the file is fenced.
    pub(crate) async fn may_touch(&self, frame: &Frame, touch: Touch<'_>) -> Result<(), Errno> {
        let Some(inode) = touch.inode.filter(|_| frame.identity().pid >= 0) else { return Ok(()) };
        let end = match touch.len {
            0 => LAST,
            len => touch.offset.saturating_add(len - 1).min(LAST),
        };
        let range = Range { start: touch.offset.min(LAST), end };
        if self.is_fenced(frame, inode).await {
            return self.may_touch_fenced(frame, inode, range, touch.access);
        }
        let Some(only) = self.rule(frame, inode) else { return Ok(()) };
        let may_wait = touch.fd.is_some_and(|fd| fd.flags() & libc::O_NONBLOCK == 0);
        let gfid = inode.gfid();
        loop {
            let asker = self.clients.anybody(frame, Clients::name(frame));
            let mut ticket = None;
            let stopped = self.table.with_known(gfid, |locks, _| {
                let stopped = locks.posix.stops_io(&asker.holder, range, touch.access, only);
                if stopped && may_wait && !asker.is_gone() && !self.is_closing() {
                    let (waiter, wait) = wait::pair();
                    locks.posix.watch(asker.holder.client, waiter);
                    ticket = Some(wait);
                }
                stopped
            });
            match (stopped, ticket) {
                (Some(true), Some(wait)) => wait.await.map_err(crate::errno)?,
                (Some(true), None) => return Err(Errno::EAGAIN),
                _ => return Ok(()),
            }
        }
    }

    /// Whether an open may empty a file. It never waits.
    ///
    /// # Errors
    /// `EAGAIN` when the file has locks that count.
    pub(crate) async fn may_empty(&self, frame: &Frame, inode: &Inode) -> Result<(), Errno> {
        if frame.identity().pid >= 0 && self.is_fenced(frame, inode).await {
            return self.may_touch_fenced(frame, inode, Range::ALL, Access::Write);
        }
        let Some(only) = self.rule(frame, inode) else { return Ok(()) };
        let locked = self.table.with_known(inode.gfid(), |locks, _| {
            locks.posix.held().iter().any(|held| held.mandatory || !only)
        });
        if locked == Some(true) { Err(Errno::EAGAIN) } else { Ok(()) }
    }

    /// Whether locks stop I/O on this file at all, and if so whether only those taken as mandatory do.
    fn rule(&self, frame: &Frame, inode: &Inode) -> Option<bool> {
        if frame.identity().pid < 0 {
            return None;
        }
        match self.settings().mandatory {
            Mandatory::Off => None,
            Mandatory::Forced => Some(false),
            Mandatory::Optimal => Some(true),
            Mandatory::File => {
                let notes = Notes::find(inode, frame.key())?;
                notes.marked.load(Ordering::Relaxed).then_some(false)
            }
        }
    }
}
