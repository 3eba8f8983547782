//! The cluster's own locks: the range and name fops, on an inode or on an open file.

use plugin_api::Frame;
use plugin_api::fop::{EntrylkCmd, Flock, LockCmd, LockKind};
use plugin_api::{Errno, Gfid, IoBuf, log};

use crate::Locks;
use crate::engine::domain::Notices;
use crate::engine::inodelk::domain_of;
use crate::engine::{
    Access, Domains, Effects, NameLock, ObjectLocks, Pace, Range, RangeLock, Refusal, Request, Verdict, Want,
};
use crate::lk::bits;
use crate::wait::{self, Waiter};
use crate::who::Asker;

/// With `monkey-unlocking`, one unlock request of so many is dropped.
const MONKEY: u64 = 100;

/// What a range or name lock fop wants done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Deed {
    Lock { wait: bool },
    Unlock,
}

impl Locks {
    /// `inodelk` and `finodelk`.
    pub(crate) async fn range_lock(
        &self,
        frame: &Frame,
        gfid: Gfid,
        domain: &[u8],
        cmd: LockCmd,
        flock: &Flock,
    ) -> Result<(), Errno> {
        let asker = self.clients.asker(frame)?;
        let (start, len) = (bits(flock.start), bits(flock.len));
        let range = Range::from_wire(start, len).map_err(crate::errno)?;
        let deed = match (cmd, flock.kind) {
            (LockCmd::Set | LockCmd::SetWait, LockKind::Unlock) => Deed::Unlock,
            (LockCmd::Set, _) => Deed::Lock { wait: false },
            (LockCmd::SetWait, _) => Deed::Lock { wait: true },
            (LockCmd::Get, _) => return Err(Errno::EOPNOTSUPP),
            _ => return Err(Errno::EINVAL),
        };
        let key = RangeLock { range, access: access(flock.kind) };
        let pid = frame.identity().pid;
        let request = Request { holder: asker.holder.clone(), pid, key };
        let domain = domain_of(domain, start, len);
        self.decide(frame, &asker, gfid, &domain, deed, request, |locks| &mut locks.ranges).await
    }

    /// `entrylk` and `fentrylk`.
    pub(crate) async fn name_lock(
        &self,
        frame: &Frame,
        gfid: Gfid,
        domain: &[u8],
        cmd: EntrylkCmd,
        kind: LockKind,
        name: &IoBuf,
    ) -> Result<(), Errno> {
        let asker = self.clients.asker(frame)?;
        let deed = match cmd {
            EntrylkCmd::Lock => Deed::Lock { wait: true },
            EntrylkCmd::LockNow => Deed::Lock { wait: false },
            EntrylkCmd::Unlock => Deed::Unlock,
        };
        let name = (!name.is_empty()).then(|| Box::from(&name[..]));
        let key = NameLock { name, access: access(kind) };
        let pid = frame.identity().pid;
        let request = Request { holder: asker.holder.clone(), pid, key };
        self.decide(frame, &asker, gfid, domain, deed, request, |locks| &mut locks.names).await
    }

    #[expect(clippy::too_many_arguments, reason = "the one place where both families meet")]
    async fn decide<K: Want + crate::notice::Describe>(
        &self,
        frame: &Frame,
        asker: &Asker<'_>,
        gfid: Gfid,
        domain: &[u8],
        deed: Deed,
        request: Request<K>,
        family: impl Fn(&mut ObjectLocks<Waiter>) -> &mut Domains<K, Waiter>,
    ) -> Result<(), Errno> {
        if deed == Deed::Unlock && self.settings().monkey && self.dice.below(MONKEY) == 0 {
            log!(Warn, xl: frame.name(), "unlock request dropped on purpose, the lock is stuck", gfid = gfid);
            return Ok(());
        }
        let pace = self.pace();
        let mut notices = Notices::new();
        let mut ticket = None;
        let decided = match deed {
            Deed::Unlock => self.table.with_known(gfid, |locks, effects| {
                family(locks).unlock(domain, &request, pace, effects, &mut notices).map(|()| Verdict::Granted)
            }),
            Deed::Lock { wait } => Some(self.table.with(gfid, |locks, effects| {
                if asker.is_gone() || self.is_closing() {
                    return Err(Refusal::ClientGone);
                }
                let locks = family(locks);
                self.revoke(locks, domain, &request, pace, effects, &mut notices);
                let wait = wait.then_some(|| {
                    let (waiter, wait) = wait::pair();
                    ticket = Some(wait);
                    waiter
                });
                Ok(locks.lock(domain, request, wait, pace, &mut notices))
            })),
        };
        if !notices.is_empty() {
            self.notify(&frame.handle(), gfid, &notices);
        }
        match decided.unwrap_or(Err(Refusal::NotHeld)).map_err(crate::errno)? {
            Verdict::Granted => Ok(()),
            Verdict::Refused(why) => Err(crate::errno(why)),
            Verdict::Waits => match ticket {
                Some(wait) => wait.await.map_err(crate::errno),
                None => Err(Errno::EAGAIN),
            },
        }
    }

    fn revoke<K: Want>(
        &self,
        locks: &mut Domains<K, Waiter>,
        domain: &[u8],
        request: &Request<K>,
        pace: Pace,
        effects: &mut Effects<Waiter>,
        notices: &mut Notices<K>,
    ) {
        if let Some(rules) = self.settings().revocation {
            locks.revoke(domain, request, rules, pace, effects, notices);
        }
    }
}

fn access(kind: LockKind) -> Access {
    if kind == LockKind::Read { Access::Read } else { Access::Write }
}
