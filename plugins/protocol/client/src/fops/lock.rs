//! Fops on locks and leases.

use gluster_xdr::fop::*;
use plugin_api::fop::{self, Flock, FopResult, LockCmd, LockKind};
use plugin_api::{IoBuf, LkOwner};

use super::done;
use crate::asking::{Asking, object, owner_bytes};
use crate::fds::{self, Fallback};

pub(crate) async fn lk(c: Asking<'_>, a: fop::Lk) -> FopResult<fop::Locked> {
    let (gfid, fd) = c.fd(&a.fd, Fallback::None).await?;
    let mut flock = a.flock;
    if flock.owner.is_empty() {
        flock.owner = LkOwner::new(owner_bytes(c.frame.identity().lk_owner.as_bytes()));
    }
    let request =
        LkReq { gfid, fd, cmd: command(a.cmd), kind: kind(flock.kind), flock: flock.clone(), xdata: a.xdata };
    let told: LkRsp = c.ask(Proc::Lk, request).await?;
    if matches!(a.cmd, LockCmd::Set | LockCmd::SetWait) {
        fds::locked(&c, &a.fd, flock.owner.as_bytes(), &flock);
    }
    Ok(fop::Locked { flock: told.flock, xdata: told.xdata })
}

pub(crate) async fn inodelk(c: Asking<'_>, a: fop::Inodelk) -> FopResult<fop::Done> {
    let request = InodelkReq {
        gfid: object(&a.loc)?,
        cmd: command(a.cmd),
        kind: kind(a.flock.kind),
        flock: internal(a.flock),
        volume: a.domain,
        xdata: a.xdata,
    };
    Ok(done(c.ask(Proc::Inodelk, request).await?))
}

pub(crate) async fn finodelk(c: Asking<'_>, a: fop::Finodelk) -> FopResult<fop::Done> {
    let (gfid, fd) = c.fd(&a.fd, Fallback::Anonymous).await?;
    let request = FinodelkReq {
        gfid,
        fd,
        cmd: command(a.cmd),
        kind: kind(a.flock.kind),
        flock: internal(a.flock),
        volume: a.domain,
        xdata: a.xdata,
    };
    Ok(done(c.ask(Proc::Finodelk, request).await?))
}

pub(crate) async fn entrylk(c: Asking<'_>, a: fop::Entrylk) -> FopResult<fop::Done> {
    let request = EntrylkReq {
        gfid: object(&a.loc)?,
        cmd: entry_command(a.cmd),
        kind: kind(a.kind),
        namelen: named(&a.name),
        name: a.name,
        volume: a.domain,
        xdata: a.xdata,
    };
    Ok(done(c.ask(Proc::Entrylk, request).await?))
}

pub(crate) async fn fentrylk(c: Asking<'_>, a: fop::Fentrylk) -> FopResult<fop::Done> {
    let (gfid, fd) = c.fd(&a.fd, Fallback::None).await?;
    let request = FentrylkReq {
        gfid,
        fd,
        cmd: entry_command(a.cmd),
        kind: kind(a.kind),
        namelen: named(&a.name),
        name: a.name,
        volume: a.domain,
        xdata: a.xdata,
    };
    Ok(done(c.ask(Proc::Fentrylk, request).await?))
}

pub(crate) async fn lease(c: Asking<'_>, a: fop::LeaseFop) -> FopResult<fop::Leased> {
    let request = LeaseReq { gfid: object(&a.loc)?, lease: a.lease, xdata: a.xdata };
    let told: LeaseRsp = c.ask(Proc::Lease, request).await?;
    Ok(fop::Leased { lease: told.lease, xdata: told.xdata })
}

pub(crate) async fn getactivelk(c: Asking<'_>, a: fop::Getactivelk) -> FopResult<fop::ActiveLocks> {
    let request = GetactivelkReq { gfid: object(&a.loc)?, xdata: a.xdata };
    let told: GetactivelkRsp = c.ask(Proc::Getactivelk, request).await?;
    Ok(fop::ActiveLocks { locks: told.locks, xdata: told.xdata })
}

pub(crate) async fn setactivelk(c: Asking<'_>, a: fop::Setactivelk) -> FopResult<fop::Done> {
    let request = SetactivelkReq { gfid: object(&a.loc)?, locks: a.locks, xdata: a.xdata };
    Ok(done(c.ask(Proc::Setactivelk, request).await?))
}

const fn command(cmd: LockCmd) -> u32 {
    cmd as u32
}

const fn entry_command(cmd: fop::EntrylkCmd) -> u32 {
    cmd as u32
}

const fn kind(kind: LockKind) -> u32 {
    kind as u32
}

/// Internal locks are the call's own: their owner travels in its credential alone.
fn internal(flock: Flock) -> Flock {
    Flock { owner: LkOwner::default(), ..flock }
}

/// A flag, by its name a length.
fn named(name: &IoBuf) -> u64 {
    u64::from(!name.is_empty())
}
