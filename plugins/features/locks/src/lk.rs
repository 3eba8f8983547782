//! Record locks of applications: the `lk` fop, and what closing a file does to them.

use plugin_api::Frame;
use plugin_api::fop::{Flock, Flush, Lk, LockCmd, LockKind, Locked};
use plugin_api::{Dict, Errno, IoBuf, LkOwner};

use crate::Locks;
use crate::engine::posix::Record;
use crate::engine::{Access, FdKey, Range, Verdict};
use crate::files::LockedFile;
use crate::wait::{self, Wait};
use crate::who::{Asker, Clients};

/// Request key: 1 makes the lock mandatory (mode `optimal`).
const MODE_KEY: &str = "glusterfs.lk.lkmode";

enum Answer {
    Now(LockKind),
    InTheWay(Flock),
    Later(Wait),
    No(Errno),
}

impl Locks {
    /// Sets, asks for or gives back a record lock; waits where the caller would.
    pub(crate) async fn record_lock(&self, frame: &Frame, args: Lk) -> Result<Locked, Errno> {
        let asker = self.clients.asker(frame)?;
        let fenced = self.is_fenced(frame, args.fd.inode()).await;
        let answer = self.answer_lk(frame, &asker, &args, fenced)?;
        let mut flock = args.flock;
        match answer {
            Answer::No(errno) => return Err(errno),
            Answer::InTheWay(other) => flock = other,
            Answer::Now(kind) => flock.kind = kind,
            Answer::Later(wait) => wait.await.map_err(crate::errno)?,
        }
        Ok(Locked { flock, xdata: Dict::new() })
    }

    fn answer_lk(&self, frame: &Frame, asker: &Asker<'_>, args: &Lk, fenced: bool) -> Result<Answer, Errno> {
        let range =
            Range::from_wire_signed(bits(args.flock.start), bits(args.flock.len)).map_err(crate::errno)?;
        let may_wait = match args.cmd {
            LockCmd::Get => {
                let asked = self.record(asker, FdKey(0), args, range);
                return Ok(self.conflict(args, &asked));
            }
            LockCmd::Set => false,
            LockCmd::SetWait => true,
            LockCmd::Reserve | LockCmd::ReserveWait | LockCmd::Unreserve | LockCmd::GetFd => {
                return Err(Errno::EINVAL);
            }
        };
        let gfid = args.fd.inode().gfid();
        if args.flock.kind == LockKind::Unlock {
            let file = LockedFile::find(&args.fd, frame.key());
            let more = self.table.with_known(gfid, |locks, effects| {
                locks.posix.unlock(&asker.holder, range, effects);
                file.is_some_and(|file| locks.posix.has_fd(file.key))
            });
            // A server of another protocol asks this way whether the file has any locks left.
            return Ok(Answer::Now(if more == Some(true) { LockKind::Read } else { LockKind::Unlock }));
        }
        let file = LockedFile::of(&args.fd, frame.key(), &self.table);
        let asked = self.record(asker, file.key, args, range);
        let mut ticket = None;
        let verdict = self.table.with(gfid, |locks, effects| {
            if asker.is_gone() || self.is_closing() {
                return None;
            }
            let wait = may_wait.then_some(|| {
                let (waiter, wait) = wait::pair();
                ticket = Some(wait);
                waiter
            });
            if fenced {
                locks.posix.preempt(&asked, effects);
            }
            Some(locks.posix.lock(asked, wait, effects))
        });
        Ok(match (verdict, ticket) {
            (None, _) => Answer::No(Errno::ENOTCONN),
            (Some(Verdict::Refused(why)), _) => Answer::No(crate::errno(why)),
            (Some(_), Some(wait)) => Answer::Later(wait),
            (Some(_), None) => Answer::Now(args.flock.kind),
        })
    }

    fn record(&self, asker: &Asker<'_>, fd: FdKey, args: &Lk, range: Range) -> Record {
        Record {
            holder: asker.holder.clone(),
            fd,
            pid: args.flock.pid,
            range,
            access: if args.flock.kind == LockKind::Write { Access::Write } else { Access::Read },
            mandatory: args.xdata.int(MODE_KEY) == Some(1),
        }
    }

    fn conflict(&self, args: &Lk, asked: &Record) -> Answer {
        let gfid = args.fd.inode().gfid();
        let other = self.table.with_known(gfid, |locks, _| locks.posix.conflict(asked).map(flock));
        match other.flatten() {
            Some(other) => Answer::InTheWay(other),
            None => Answer::Now(LockKind::Unlock),
        }
    }

    /// A descriptor of the file was closed: its owner's record locks go. Without an owner (the server closes for a
    /// client that is gone) those of the descriptor do.
    pub(crate) fn release_for_flush(&self, frame: &Frame, args: &Flush) {
        let name = Clients::name(frame);
        let file = if name.as_bytes().is_empty() {
            match LockedFile::find(&args.fd, frame.key()) {
                Some(file) => Some(file.key),
                None => return,
            }
        } else {
            None
        };
        self.table.with_known(args.fd.inode().gfid(), |locks, effects| match file {
            Some(fd) => locks.posix.release_fd(fd, effects),
            None if locks.posix.is_empty() => {}
            None => locks.posix.release_holder(&self.clients.anybody(frame, name).holder, effects),
        });
    }
}

/// A held lock, as the wire shows it.
fn flock(record: &Record) -> Flock {
    let (start, len) = record.range.to_wire();
    Flock {
        kind: match record.access {
            Access::Read => LockKind::Read,
            Access::Write => LockKind::Write,
        },
        whence: 0,
        start: start.unsigned_abs(),
        len: len.unsigned_abs(),
        pid: record.pid,
        owner: LkOwner::new(IoBuf::from(record.holder.name.as_bytes().to_vec())),
    }
}

/// The wire sends signed numbers in unsigned fields.
pub(crate) fn bits(value: u64) -> i64 {
    i64::from_ne_bytes(value.to_ne_bytes())
}
