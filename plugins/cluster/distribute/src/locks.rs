//! Locks that distribute's clients take of one another.

use std::sync::atomic::{AtomicU64, Ordering};

use futures_util::future::join_all;
use plugin_api::prelude::*;
use plugin_api::{OwnedFrame, rt};

use crate::call::Call;

/// Of a directory's layout.
pub(crate) const LAYOUT_DOMAIN: &str = "dht.layout.heal";
/// Of the names in a directory.
pub(crate) const NAME_DOMAIN: &str = "dht.entry.sync";
/// Of where a file's data lies.
pub(crate) const FILE_DOMAIN: &str = "dht.file.migrate";

static OWNERS: AtomicU64 = AtomicU64::new(1);

#[derive(Debug, Clone, PartialEq)]
enum Lock {
    Range { domain: &'static str, loc: Inode, kind: LockKind },
    Name { dir: Inode, name: IoBuf },
}

/// An owner of locks that is nobody else.
pub(crate) fn new_owner() -> LkOwner {
    let owner = 0x6d74_0000_0000_0000_u64 | OWNERS.fetch_add(1, Ordering::Relaxed);
    LkOwner::new(owner.to_be_bytes().to_vec().into())
}

/// Locks that are held; they are given back by [`release`](Self::release).
#[derive(Debug)]
pub(crate) struct Held {
    frame: OwnedFrame,
    taken: Vec<(usize, Lock)>,
}

impl Held {
    /// None yet, of an owner of its own.
    pub(crate) fn none(call: &Call<'_>) -> Self {
        let mut frame = call.root();
        frame.identity_mut().lk_owner = new_owner();
        Self { frame, taken: Vec::new() }
    }

    /// Takes a range lock over the whole of an inode, and waits for it.
    pub(crate) async fn range(
        &mut self,
        child: usize,
        domain: &'static str,
        inode: &Inode,
        kind: LockKind,
    ) -> FopResult<()> {
        self.take(child, [Lock::Range { domain, loc: inode.clone(), kind }]).await
    }

    /// Takes what protects a name: the layout of its directory from changes, and the name from everybody else. Both at
    /// once: who changes a layout waits for no name meanwhile, so nobody waits for the other in turn.
    pub(crate) async fn name(&mut self, child: usize, dir: &Inode, name: &IoBuf) -> FopResult<()> {
        let layout = Lock::Range { domain: LAYOUT_DOMAIN, loc: dir.clone(), kind: LockKind::Read };
        let name = Lock::Name { dir: dir.clone(), name: name.clone() };
        self.take(child, [layout, name]).await
    }

    /// Takes those that are not held yet.
    async fn take<const N: usize>(&mut self, child: usize, locks: [Lock; N]) -> FopResult<()> {
        let held = |lock: &Lock| self.taken.iter().any(|(at, held)| *at == child && held == lock);
        let wanted: Vec<_> = locks.into_iter().filter(|lock| !held(lock)).collect();
        let answers = join_all(wanted.iter().map(|lock| self.wind(child, lock, true))).await;
        let mut outcome = Ok(());
        for (lock, answer) in wanted.into_iter().zip(answers) {
            // One that failed may be held nevertheless, where its answer could not be read: it is given back as well.
            self.taken.push((child, lock));
            if let Err(e) = answer {
                outcome = Err(e);
            }
        }
        outcome
    }

    async fn wind(&self, child: usize, lock: &Lock, take: bool) -> FopResult<Done> {
        let child = self.frame.child_at(child);
        match lock {
            Lock::Range { domain, loc, kind } => {
                let kind = if take { *kind } else { LockKind::Unlock };
                let flock = Flock { kind, ..Flock::default() };
                let cmd = if take { LockCmd::SetWait } else { LockCmd::Set };
                let (domain, loc, xdata) = (IoBuf::from(*domain), Loc::of(loc.clone()), Dict::new());
                child.inodelk(Inodelk { domain, loc, cmd, flock, xdata }).await
            }
            Lock::Name { dir, name } => {
                let cmd = if take { EntrylkCmd::Lock } else { EntrylkCmd::Unlock };
                let (domain, loc, name) = (IoBuf::from(NAME_DOMAIN), Loc::of(dir.clone()), name.clone());
                child
                    .entrylk(Entrylk { domain, loc, name, cmd, kind: LockKind::Write, xdata: Dict::new() })
                    .await
            }
        }
    }

    /// Gives all back. Nobody waits for it: what this client sends next comes after it. Who cannot give one back has
    /// lost its connection, and the lock with it.
    pub(crate) fn release(self) {
        rt::run_inline(async move {
            let given_back = self.taken.iter().rev().map(|(child, lock)| self.wind(*child, lock, false));
            let _each = join_all(given_back).await;
        });
    }
}
