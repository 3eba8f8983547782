//! Messages of fops on locks and leases.

use abi_stable::std_types::RVec;
use plugin_api::fop::{ActiveLock, Flock, Lease, LockKind};
use plugin_api::{Dict, Gfid, IoBuf, LkOwner};

use super::MAX_NAME;
use crate::gfx::Typed;
use crate::{Fault, List, Opaque, Reader, Writer, Xdr, XdrError};

/// A kind that means nothing is read as a read lock: requests say the kind a second time, outside, and that one counts.
impl Xdr for Flock {
    fn get(r: &mut Reader<'_>) -> Result<Self, XdrError> {
        let kind = match u32::get(r)? {
            1 => LockKind::Write,
            2 => LockKind::Unlock,
            _ => LockKind::Read,
        };
        let whence = u32::get(r)?;
        let whence = i16::try_from(whence).map_err(|_| Fault::UnknownTag(whence.into()))?;
        let (start, len, pid) = (u64::get(r)?, u64::get(r)?, i32::get(r)?);
        let owner = LkOwner::new(r.shared_opaque(LkOwner::MAX)?);
        Ok(Self { kind, whence, start, len, pid, owner })
    }

    fn put(&self, w: &mut Writer) {
        let kind: u32 = match self.kind {
            LockKind::Read => 0,
            LockKind::Write => 1,
            LockKind::Unlock => 2,
        };
        kind.put(w);
        u32::try_from(self.whence).unwrap_or(0).put(w);
        self.start.put(w);
        self.len.put(w);
        self.pid.put(w);
        w.opaque(self.owner.as_bytes());
    }
}

impl Xdr for Lease {
    fn get(r: &mut Reader<'_>) -> Result<Self, XdrError> {
        let lease = Self { cmd: Xdr::get(r)?, kind: Xdr::get(r)?, id: r.array()? };
        let _flags = u32::get(r)?;
        Ok(lease)
    }

    fn put(&self, w: &mut Writer) {
        self.cmd.put(w);
        self.kind.put(w);
        w.raw(&self.id);
        0u32.put(w);
    }
}

impl Xdr for ActiveLock {
    fn get(r: &mut Reader<'_>) -> Result<Self, XdrError> {
        Ok(Self { flock: Xdr::get(r)?, client: r.shared_opaque(MAX_NAME)?, flags: Xdr::get(r)? })
    }

    fn put(&self, w: &mut Writer) {
        self.flock.put(w);
        w.opaque(&self.client);
        self.flags.put(w);
    }
}

record! {
    /// A POSIX lock; `kind` counts, not the one inside `flock`.
    pub struct LkReq { gfid: Gfid, fd: i64, cmd: u32, kind: u32, flock: Flock, xdata: Dict as Typed }

    /// The lock that was taken, or the one in the way.
    pub struct LkRsp { op_ret: i32, op_errno: i32, xdata: Dict as Typed, flock: Flock }

    /// An internal lock on a range.
    pub struct InodelkReq {
        gfid: Gfid, cmd: u32, kind: u32, flock: Flock, volume: IoBuf as Opaque<MAX_NAME>, xdata: Dict as Typed,
    }

    /// An internal lock on a range of an open file.
    pub struct FinodelkReq {
        gfid: Gfid, fd: i64, cmd: u32, kind: u32, flock: Flock, volume: IoBuf as Opaque<MAX_NAME>,
        xdata: Dict as Typed,
    }

    /// An internal lock on a name, or on all names when `namelen` is 0.
    pub struct EntrylkReq {
        gfid: Gfid, cmd: u32, kind: u32, namelen: u64, name: IoBuf as Opaque<MAX_NAME>,
        volume: IoBuf as Opaque<MAX_NAME>, xdata: Dict as Typed,
    }

    /// An internal lock on a name in an open directory.
    pub struct FentrylkReq {
        gfid: Gfid, fd: i64, cmd: u32, kind: u32, namelen: u64, name: IoBuf as Opaque<MAX_NAME>,
        volume: IoBuf as Opaque<MAX_NAME>, xdata: Dict as Typed,
    }

    /// A lease.
    pub struct LeaseReq { gfid: Gfid, lease: Lease, xdata: Dict as Typed }

    /// The lease.
    pub struct LeaseRsp { op_ret: i32, op_errno: i32, xdata: Dict as Typed, lease: Lease }

    /// Which POSIX locks are held?
    pub struct GetactivelkReq { gfid: Gfid, xdata: Dict as Typed }

    /// These.
    pub struct GetactivelkRsp { op_ret: i32, op_errno: i32, xdata: Dict as Typed, locks: RVec<ActiveLock> as List }

    /// Takes POSIX locks for others: they moved here with their file.
    pub struct SetactivelkReq { gfid: Gfid, locks: RVec<ActiveLock> as List, xdata: Dict as Typed }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{decode, encode};

    #[test]
    fn a_lock_with_an_owner_of_eight_bytes_comes_back() {
        let flock = Flock {
            kind: LockKind::Write,
            start: 1,
            len: u64::MAX,
            pid: -6,
            owner: LkOwner::new(IoBuf::from(vec![7; 8])),
            ..Flock::default()
        };
        assert_eq!(encode(&flock).len(), 40);
        let locks = vec![ActiveLock { flock, client: "CTX_ID:1".into(), flags: 3 }; 2].into();
        let rsp = GetactivelkRsp { locks, ..GetactivelkRsp::default() };
        assert_eq!(decode::<GetactivelkRsp>(&encode(&rsp).into()).unwrap(), rsp);
    }

    #[test]
    fn an_owner_above_1024_bytes_is_refused() {
        let mut bytes = encode(&Flock::default());
        bytes.truncate(bytes.len() - 4);
        bytes.extend(1025u32.to_be_bytes());
        bytes.extend([0; 1028]);
        assert!(decode::<Flock>(&bytes.into()).is_err());
    }
}
