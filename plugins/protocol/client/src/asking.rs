//! One call: on behalf of whom, on which connection, and what came of it.

use std::sync::Arc;

use gluster_rpc::PendingReply;
use gluster_xdr::auth::{Credential, Groups};
use gluster_xdr::fop::{FOP, Proc};
use gluster_xdr::rpc::Caller;
use gluster_xdr::{Xdr, fop};
use plugin_api::fop::{FopError, FopResult};
use plugin_api::{Errno, Fd, Frame, Gfid, Identity, Inode, IoBuf, Loc, Payload, log};

use crate::answer::Answer;
use crate::brick::Brick;
use crate::fds::{self, Fallback};
use crate::options::Settings;

/// A fop on its way to the brick.
#[derive(Debug)]
pub(crate) struct Asking<'a> {
    pub(crate) brick: &'a Arc<Brick>,
    pub(crate) frame: &'a Frame,
    /// The connection that the fop belongs to: descriptors of another mean nothing on it.
    pub(crate) epoch: u64,
}

impl Brick {
    /// A fop that `frame` asks for.
    ///
    /// # Errors
    /// `ENOTCONN` while the brick is not there.
    pub(crate) async fn asked<'a>(self: &'a Arc<Self>, frame: &'a Frame) -> Result<Asking<'a>, Errno> {
        let epoch = match self.epoch() {
            Some(epoch) => epoch,
            None => {
                self.tried().await;
                self.epoch().ok_or(Errno::ENOTCONN)?
            }
        };
        Ok(Asking { brick: self, frame, epoch })
    }

    /// Sends a call on the connection of `epoch`.
    pub(crate) fn send<Q: Xdr>(
        &self,
        epoch: u64,
        procedure: Proc,
        who: &Credential,
        request: &Q,
        payload: Payload,
    ) -> Option<PendingReply> {
        let put = |w: &mut gluster_xdr::Writer| request.put(w);
        Some(self.rpc()?.start_in(epoch, FOP, procedure.number(), Caller::V3(who), put, payload))
    }

    /// Waits for a call and reads its answer.
    ///
    /// # Errors
    /// `ENOTCONN` when the connection went, `EINVAL` when the answer is none, or as the brick answers.
    pub(crate) async fn answer<R: Answer>(
        &self,
        procedure: Proc,
        pending: Option<PendingReply>,
    ) -> FopResult<R> {
        let Some(pending) = pending else { return Err(Errno::ENOTCONN.into()) };
        let results = pending.await.map_err(|e| FopError::from(e.errno()))?;
        match R::read(&results) {
            Ok(answer) => answer.judged(),
            Err(why) => {
                log!(Warn, xl: self.handle.name(), "brick answers nonsense", fop = procedure.name(), why = why);
                Err(Errno::EINVAL.into())
            }
        }
    }
}

impl Asking<'_> {
    /// Makes a call; it is sent before this returns.
    pub(crate) fn ask<Q: Xdr, R: Answer>(
        &self,
        procedure: Proc,
        request: Q,
    ) -> impl Future<Output = FopResult<R>> + Send {
        let pending = self.send(procedure, &request, Payload::default());
        self.brick.answer(procedure, pending)
    }

    /// Makes a call with a payload behind it, which is not copied.
    pub(crate) async fn ask_with<Q: Xdr + Send, R: Answer>(
        &self,
        procedure: Proc,
        request: Q,
        payload: Payload,
    ) -> FopResult<R> {
        // Until the connection takes more: what waits to be sent stays bounded.
        self.brick.rpc().ok_or(Errno::ENOTCONN)?.room().await;
        let pending = self.send(procedure, &request, payload);
        self.brick.answer(procedure, pending).await
    }

    fn send<Q: Xdr>(&self, procedure: Proc, request: &Q, payload: Payload) -> Option<PendingReply> {
        let who = credential(self.frame.identity(), &self.brick.settings());
        self.brick.send(self.epoch, procedure, &who, request, payload)
    }

    /// The gfid and the number on the brick of a descriptor.
    ///
    /// # Errors
    /// `EBADFD` when it is not open there and nothing may stand for it.
    pub(crate) async fn fd(&self, fd: &Fd, fallback: Fallback) -> FopResult<(Gfid, i64)> {
        fds::number(self, fd, fallback).await
    }

    /// Open and read or write flags as they travel.
    pub(crate) fn flags(&self, flags: u32) -> u32 {
        if self.brick.settings().filter_direct { flags & !DIRECT } else { flags }
    }
}

const DIRECT: u32 = 0o40_000;

/// The gfid of the object at a place.
///
/// # Errors
/// `EINVAL` when it has none.
pub(crate) fn object(loc: &Loc) -> FopResult<Gfid> {
    known(loc.target())
}

/// The gfid of the directory and the name of an entry.
///
/// # Errors
/// `EINVAL` when the directory has none.
pub(crate) fn entry(loc: &Loc) -> FopResult<(Gfid, IoBuf)> {
    Ok((known(loc.directory())?, loc.name.clone()))
}

/// The inode of an object.
///
/// # Errors
/// `EINVAL` without a gfid.
pub(crate) fn known(gfid: Gfid) -> FopResult<Gfid> {
    if gfid.is_null() { Err(Errno::EINVAL.into()) } else { Ok(gfid) }
}

/// The gfid of a file that is open.
pub(crate) fn gfid_of(inode: &Inode) -> FopResult<Gfid> {
    known(inode.gfid())
}

/// Who asks, as the brick is told.
fn credential(identity: &Identity, settings: &Settings) -> Credential {
    let groups = match (settings.send_gids, identity.groups.is_empty()) {
        (true, true) => Groups::default(),
        (true, false) => identity.groups.iter().copied().collect(),
        (false, _) => [identity.gid].into_iter().collect(),
    };
    Credential {
        pid: identity.pid,
        uid: identity.uid,
        gid: identity.gid,
        flags: identity.time_flags,
        ctime_sec: u64::try_from(identity.time).unwrap_or(0),
        ctime_nsec: identity.time_nsec,
        groups,
        lk_owner: owner_bytes(identity.lk_owner.as_bytes()),
    }
}

/// A lock owner's bytes, shared with nothing.
pub(crate) fn owner_bytes(owner: &[u8]) -> IoBuf {
    if owner.is_empty() { IoBuf::new() } else { IoBuf::copy_from_slice(owner) }
}

/// The number that stands for no descriptor.
pub(crate) const ANONYMOUS: i64 = fop::ANONYMOUS_FD;
