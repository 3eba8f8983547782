//! Descriptors on the brick: which number stands for which file, and how they come back with the connection.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use futures_util::StreamExt;
use futures_util::stream;
use gluster_xdr::auth::Credential;
use gluster_xdr::fop::{FdReq, OpenReq, OpenRsp, OpendirReq, Proc};
use plugin_api::fop::FopResult;
use plugin_api::{Dict, Errno, Fd, FileType, Gfid, Payload, log};
use slab::Slab;

use crate::asking::{ANONYMOUS, Asking, gfid_of};
use crate::brick::Brick;
use crate::held::Held;

/// What a fop does on a descriptor that is not open on the brick.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fallback {
    /// The brick opens the file for this one call.
    Anonymous,
    /// The same, but not where locks have to be kept strictly: the fop changes the file.
    AnonymousUnlessStrict,
    /// It fails.
    None,
}

/// The flags that made or emptied the file: what is opened again has them no more.
const ONCE: i32 = 0o100 | 0o200 | 0o1000;
/// How many descriptors are opened again at a time.
const AT_ONCE: usize = 64;

/// All descriptors of a client.
#[derive(Debug, Default)]
pub(crate) struct Fds(Mutex<Slab<Weak<RemoteFd>>>);

impl Fds {
    fn table(&self) -> MutexGuard<'_, Slab<Weak<RemoteFd>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// How many there are.
    pub(crate) fn len(&self) -> usize {
        self.table().len()
    }
}

/// One descriptor; closed on the brick when its last holder lets go.
#[derive(Debug)]
pub(crate) struct RemoteFd {
    brick: Weak<Brick>,
    slot: usize,
    gfid: Gfid,
    flags: i32,
    is_folder: bool,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    /// The connection, and the number on it.
    at: Option<(u64, i64)>,
    /// The locks that the brick granted on connection `held_in`.
    held: Held,
    held_in: u64,
}

impl RemoteFd {
    fn of(brick: &Arc<Brick>, fd: &Fd, gfid: Gfid, is_folder: bool) -> Arc<Self> {
        fd.object().ctx_or_insert_with(brick.handle.key(), || Self {
            brick: Arc::downgrade(brick),
            slot: brick.fds.table().insert(Weak::new()),
            gfid,
            flags: fd.flags(),
            is_folder,
            state: Mutex::default(),
        })
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The number on this connection.
    fn number(&self, epoch: u64) -> Option<i64> {
        self.state().at.filter(|(at, _)| *at == epoch).map(|(_, number)| number)
    }

    /// Whether locks were granted on a connection that is over.
    fn has_lost_locks(&self, epoch: u64) -> bool {
        let state = self.state();
        !state.held.is_empty() && state.held_in != epoch
    }

    /// Goes by this number from now on; one that it had on the same connection is given back.
    fn take(&self, brick: &Brick, epoch: u64, number: i64) {
        let before = {
            let mut state = self.state();
            if state.held_in != epoch {
                state.held.clear();
            }
            state.at.replace((epoch, number))
        };
        if let Some((_, old)) = before.filter(|(at, old)| *at == epoch && *old != number) {
            self.give_back(brick, epoch, old);
        }
    }

    fn give_back(&self, brick: &Brick, epoch: u64, number: i64) {
        let procedure = if self.is_folder { Proc::Releasedir } else { Proc::Release };
        let request = FdReq { gfid: self.gfid, fd: number, xdata: Dict::new() };
        // Nobody waits for the answer, which says nothing.
        drop(brick.send(epoch, procedure, &Credential::default(), &request, Payload::default()));
    }

    /// Opens the file on this connection by its gfid.
    async fn open(&self, brick: &Brick, epoch: u64) -> FopResult<i64> {
        let who = Credential::default();
        let (procedure, pending) = if self.is_folder {
            let request = OpendirReq { gfid: self.gfid, xdata: Dict::new() };
            (Proc::Opendir, brick.send(epoch, Proc::Opendir, &who, &request, Payload::default()))
        } else {
            let flags = wire_flags(self.flags & !ONCE);
            let request = OpenReq { gfid: self.gfid, flags, xdata: Dict::new() };
            (Proc::Open, brick.send(epoch, Proc::Open, &who, &request, Payload::default()))
        };
        let opened: OpenRsp = brick.answer(procedure, pending).await?;
        let number = opened_number(opened.fd)?;
        self.take(brick, epoch, number);
        Ok(number)
    }
}

impl Drop for RemoteFd {
    fn drop(&mut self) {
        let Some(brick) = self.brick.upgrade() else { return };
        brick.fds.table().try_remove(self.slot);
        let at = self.state().at;
        if let Some((epoch, number)) = at {
            self.give_back(&brick, epoch, number);
        }
    }
}

/// Open flags as they travel: those of Linux.
pub(crate) fn wire_flags(flags: i32) -> u32 {
    u32::from_ne_bytes(flags.to_ne_bytes())
}

/// The number of a descriptor that the brick opened.
///
/// # Errors
/// `EINVAL` for one that means something else.
pub(crate) fn opened_number(number: i64) -> FopResult<i64> {
    if number < 0 { Err(Errno::EINVAL.into()) } else { Ok(number) }
}

/// Notes that `fd` is open on the brick.
pub(crate) fn opened(asking: &Asking<'_>, fd: &Fd, gfid: Gfid, number: i64, is_folder: bool) {
    let remote = RemoteFd::of(asking.brick, fd, gfid, is_folder);
    if let Some(place) = asking.brick.fds.table().get_mut(remote.slot) {
        *place = Arc::downgrade(&remote);
    }
    remote.take(asking.brick, asking.epoch, number);
}

/// The gfid and the number of a descriptor; one that is not open on this connection is opened.
///
/// # Errors
/// `EBADFD` when that fails and nothing may stand for it.
pub(crate) async fn number(asking: &Asking<'_>, fd: &Fd, fallback: Fallback) -> FopResult<(Gfid, i64)> {
    let Asking { brick, epoch, .. } = asking;
    if fd.is_anonymous() {
        return Ok((gfid_of(fd.inode())?, ANONYMOUS));
    }
    if let Some(remote) = find(asking, fd) {
        if let Some(number) = remote.number(*epoch) {
            return Ok((remote.gfid, number));
        }
        let strict = brick.settings().strict_locks;
        if strict && remote.has_lost_locks(*epoch) {
            return Err(Errno::EBADFD.into());
        }
        return match (remote.open(brick, *epoch).await, fallback) {
            (Ok(number), _) => Ok((remote.gfid, number)),
            (Err(_), Fallback::Anonymous) => Ok((remote.gfid, ANONYMOUS)),
            (Err(_), Fallback::AnonymousUnlessStrict) if !strict => Ok((remote.gfid, ANONYMOUS)),
            (Err(e), _) if e.errno == Errno::ENOTCONN => Err(e),
            (Err(_), _) => Err(Errno::EBADFD.into()),
        };
    }
    // Opened by a graph before this one, or while the brick was away.
    let gfid = gfid_of(fd.inode())?;
    let is_folder = fd.inode().file_type() == FileType::Directory;
    let remote = RemoteFd::of(brick, fd, gfid, is_folder);
    if let Some(place) = brick.fds.table().get_mut(remote.slot) {
        *place = Arc::downgrade(&remote);
    }
    match remote.open(brick, *epoch).await {
        Ok(number) => Ok((gfid, number)),
        Err(e) if e.errno == Errno::ENOTCONN => Err(e),
        Err(_) if fallback == Fallback::Anonymous => Ok((gfid, ANONYMOUS)),
        Err(_) => Err(Errno::EBADFD.into()),
    }
}

fn find(asking: &Asking<'_>, fd: &Fd) -> Option<Arc<RemoteFd>> {
    fd.object().ctx(asking.brick.handle.key())
}

/// Notes what an owner locked or unlocked on a descriptor.
pub(crate) fn locked(asking: &Asking<'_>, fd: &Fd, owner: &[u8], flock: &plugin_api::fop::Flock) {
    if let Some(remote) = find(asking, fd) {
        let mut state = remote.state();
        state.held_in = asking.epoch;
        state.held.note(owner, flock);
    }
}

/// Notes that an owner's locks on a descriptor were given back.
pub(crate) fn flushed(asking: &Asking<'_>, fd: &Fd, owner: &[u8]) {
    if let Some(remote) = find(asking, fd) {
        remote.state().held.flushed(owner);
    }
}

/// Opens every descriptor again on a new connection, but those whose locks are lost where that counts. What fails is tried
/// again by the next fop on it.
pub(crate) async fn open_again(brick: &Arc<Brick>, epoch: u64) {
    let strict = brick.settings().strict_locks;
    let all: Vec<Arc<RemoteFd>> =
        brick.fds.table().iter().filter_map(|(_, remote)| remote.upgrade()).collect();
    let wanted = all.iter().filter(|remote| !(strict && remote.has_lost_locks(epoch)));
    stream::iter(wanted)
        .for_each_concurrent(AT_ONCE, |remote| async move {
            if let Err(e) = remote.open(brick, epoch).await {
                log!(Info, xl: brick.handle.name(), "descriptor not opened again", gfid = remote.gfid, why = e);
            }
        })
        .await;
}
