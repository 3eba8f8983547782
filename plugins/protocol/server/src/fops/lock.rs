//! Procedures on locks and leases.

use gluster_rpc::{Call, Reply};
use gluster_xdr::fop::*;
use plugin_api::fop::{self, EntrylkCmd, Flock, LockCmd, LockKind};
use plugin_api::{Errno, IoBuf};

use super::procedure::{plain_answers, procedures};
use super::response::Response;
use crate::names;
use crate::resolve::READ_WRITE;

procedures! {
    /// POSIX locks.
    Lk(r: LkReq, c) -> LkRsp, lk {
        let (cmd, flock) = (command(r.cmd)?, of_kind(r.flock, r.kind)?);
        fop::Lk { fd: c.fd(r.fd, r.gfid, READ_WRITE).await?, cmd, flock, xdata: r.xdata }
    }

    /// Internal range locks by gfid.
    Inodelk(r: InodelkReq, c) -> CommonRsp, inodelk {
        let (cmd, flock) = (command(r.cmd)?, of_kind(r.flock, r.kind)?);
        fop::Inodelk { domain: r.volume, loc: c.loc(r.gfid).await?, cmd, flock, xdata: r.xdata }
    }

    /// Internal range locks of an open file.
    Finodelk(r: FinodelkReq, c) -> CommonRsp, finodelk {
        let (cmd, flock) = (command(r.cmd)?, of_kind(r.flock, r.kind)?);
        let fd = c.fd(r.fd, r.gfid, READ_WRITE).await?;
        fop::Finodelk { domain: r.volume, fd, cmd, flock, xdata: r.xdata }
    }

    /// Internal name locks by gfid.
    Entrylk(r: EntrylkReq, c) -> CommonRsp, entrylk {
        let (cmd, kind, name) = (entry_command(r.cmd)?, kind(r.kind)?, locked_name(r.namelen, r.name)?);
        fop::Entrylk { domain: r.volume, loc: c.loc(r.gfid).await?, name, cmd, kind, xdata: r.xdata }
    }

    /// Internal name locks of an open directory.
    Fentrylk(r: FentrylkReq, c) -> CommonRsp, fentrylk {
        let (cmd, kind, name) = (entry_command(r.cmd)?, kind(r.kind)?, locked_name(r.namelen, r.name)?);
        let fd = c.fd(r.fd, r.gfid, READ_WRITE).await?;
        fop::Fentrylk { domain: r.volume, fd, name, cmd, kind, xdata: r.xdata }
    }

    /// Leases.
    Lease(r: LeaseReq, c) -> LeaseRsp, lease {
        fop::LeaseFop { loc: c.loc(r.gfid).await?, lease: r.lease, xdata: r.xdata }
    }

    /// The POSIX locks of a file.
    Getactivelk(r: GetactivelkReq, c) -> GetactivelkRsp, getactivelk {
        fop::Getactivelk { loc: c.loc(r.gfid).await?, xdata: r.xdata }
    }

    /// Takes POSIX locks that moved here with their file.
    Setactivelk(r: SetactivelkReq, c) -> CommonRsp, setactivelk {
        fop::Setactivelk { loc: c.loc(r.gfid).await?, locks: r.locks, xdata: r.xdata }
    }
}

/// Whether calls of the procedure may wait until another client gives its lock back.
pub(super) fn is_lock(procedure: Proc) -> bool {
    matches!(procedure, Proc::Lk | Proc::Inodelk | Proc::Finodelk | Proc::Entrylk | Proc::Fentrylk)
}

/// The answer to a client that waits for too many locks.
pub(super) fn too_many(procedure: Proc, call: &Call) -> Reply {
    match procedure {
        Proc::Lk => call.reply(&LkRsp::failure(Errno::ENOLCK.into())),
        _ => call.reply(&CommonRsp::failure(Errno::ENOLCK.into())),
    }
}

fn command(wire: u32) -> Result<LockCmd, Errno> {
    Ok(match wire {
        0 => LockCmd::Get,
        1 => LockCmd::Set,
        2 => LockCmd::SetWait,
        3 => LockCmd::Reserve,
        4 => LockCmd::ReserveWait,
        5 => LockCmd::Unreserve,
        6 => LockCmd::GetFd,
        _ => return Err(Errno::EINVAL),
    })
}

fn entry_command(wire: u32) -> Result<EntrylkCmd, Errno> {
    Ok(match wire {
        0 => EntrylkCmd::Lock,
        1 => EntrylkCmd::Unlock,
        2 => EntrylkCmd::LockNow,
        _ => return Err(Errno::EINVAL),
    })
}

fn kind(wire: u32) -> Result<LockKind, Errno> {
    Ok(match wire {
        0 => LockKind::Read,
        1 => LockKind::Write,
        2 => LockKind::Unlock,
        _ => return Err(Errno::EINVAL),
    })
}

/// The lock with the kind that stands outside of it, which is the one that counts.
fn of_kind(flock: Flock, outside: u32) -> Result<Flock, Errno> {
    Ok(Flock { kind: kind(outside)?, ..flock })
}

/// The name to lock; empty for the whole directory. It is compared and never opened, so it need not be a file's.
fn locked_name(namelen: u64, name: IoBuf) -> Result<IoBuf, Errno> {
    names::check_text(&name)?;
    Ok(if namelen == 0 { IoBuf::new() } else { name })
}

plain_answers! {
    fop::Locked => LkRsp |a, _c| { xdata: a.xdata, flock: a.flock }
    fop::Leased => LeaseRsp |a, _c| { xdata: a.xdata, lease: a.lease }
    fop::ActiveLocks => GetactivelkRsp |a, _c| { xdata: a.xdata, locks: a.locks }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_kind_outside_of_a_lock_counts() {
        let read = Flock { kind: LockKind::Read, start: 7, ..Flock::default() };
        assert_eq!(of_kind(read.clone(), 1).unwrap().kind, LockKind::Write);
        assert_eq!(of_kind(read, 3), Err(Errno::EINVAL));
    }

    #[test]
    fn commands_that_nobody_knows_are_refused() {
        assert_eq!((command(7), entry_command(3)), (Err(Errno::EINVAL), Err(Errno::EINVAL)));
        assert_eq!(command(4), Ok(LockCmd::ReserveWait));
    }

    #[test]
    fn a_name_without_its_flag_is_the_whole_directory() {
        assert!(locked_name(0, "n".into()).unwrap().is_empty());
        assert_eq!(&locked_name(1, "n".into()).unwrap()[..], b"n");
    }
}
