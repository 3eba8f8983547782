//! Who holds which lock. Nobody waits here: what would have to wait is answered `EAGAIN`.

use plugin_api::prelude::*;

use super::Answer;

/// All locks of a file system.
#[derive(Debug, Default)]
pub(crate) struct Locks(Vec<Held>);

#[derive(Debug)]
struct Held {
    on: On,
    owner: Owner,
    flock: Flock,
}

/// What a lock is on: POSIX locks have no domain, internal ones have, and name locks a name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct On {
    pub(super) gfid: Gfid,
    pub(super) domain: Option<Vec<u8>>,
    pub(super) name: Option<Vec<u8>>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Owner {
    client: u64,
    owner: LkOwner,
}

fn owner(frame: &Frame, flock: &Flock) -> Owner {
    let owner = if flock.owner.is_empty() { &frame.identity().lk_owner } else { &flock.owner };
    Owner { client: frame.client().map_or(0, Client::id), owner: owner.detached() }
}

/// One past the last byte; a length of 0 reaches to the end of all files.
fn end(flock: &Flock) -> u64 {
    if flock.len == 0 { u64::MAX } else { flock.start.saturating_add(flock.len) }
}

impl Locks {
    /// Takes, gives back or asks for a range.
    pub(super) fn range(&mut self, frame: &Frame, on: On, cmd: LockCmd, flock: &Flock) -> Answer<Flock> {
        let owner = owner(frame, flock);
        if let LockCmd::Get = cmd {
            let free = Flock { kind: LockKind::Unlock, ..flock.clone() };
            return Ok(self.conflict(&on, &owner, flock).map_or(free, |held| held.flock.clone()));
        }
        if flock.kind != LockKind::Unlock && self.conflict(&on, &owner, flock).is_some() {
            return Err(Errno::EAGAIN);
        }
        self.give_back(&on, &owner, flock);
        if flock.kind != LockKind::Unlock {
            self.0.push(Held { on, owner, flock: flock.clone() });
        }
        Ok(flock.clone())
    }

    /// A client is gone, and with it all that it held.
    pub(super) fn forget(&mut self, client: u64) {
        self.0.retain(|held| held.owner.client != client);
    }

    fn conflict(&self, on: &On, owner: &Owner, flock: &Flock) -> Option<&Held> {
        self.0.iter().find(|held| {
            held.on == *on
                && held.owner != *owner
                && held.flock.start < end(flock)
                && flock.start < end(&held.flock)
                && (held.flock.kind == LockKind::Write || flock.kind == LockKind::Write)
        })
    }

    /// Takes a range out of what its owner holds.
    fn give_back(&mut self, on: &On, owner: &Owner, flock: &Flock) {
        let (start, end_of) = (flock.start, end(flock));
        for Held { on: held_on, owner: held_owner, flock: held } in std::mem::take(&mut self.0) {
            let mut keep =
                |flock| self.0.push(Held { on: held_on.clone(), owner: held_owner.clone(), flock });
            if held_on != *on || held_owner != *owner || held.start >= end_of || start >= end(&held) {
                keep(held);
                continue;
            }
            if held.start < start {
                keep(Flock { len: start - held.start, ..held.clone() });
            }
            if end_of < end(&held) {
                let len = if held.len == 0 { 0 } else { end(&held) - end_of };
                keep(Flock { start: end_of, len, ..held });
            }
        }
    }
}
