//! Fops on locks and leases.

use abi_stable::StableAbi;
use abi_stable::std_types::RVec;

use crate::carry::Carry;
use crate::{Dict, Fd, IoBuf, LkOwner, Loc};

/// What a lock is, or asks to be.
#[repr(u32)]
#[derive(StableAbi, Carry, Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum LockKind {
    /// Shared.
    #[default]
    Read = 0,
    /// Exclusive.
    Write = 1,
    /// None: gives a range back.
    Unlock = 2,
}

/// What to do with a range lock; the numbers are those of the wire.
#[repr(u32)]
#[derive(StableAbi, Carry, Debug, Clone, Copy, PartialEq, Eq)]
pub enum LockCmd {
    /// Who holds what conflicts.
    Get = 0,
    /// Take or give back now, or fail with `EAGAIN`.
    Set = 1,
    /// Wait until it can be taken.
    SetWait = 2,
    /// Reserve: lock.
    Reserve = 3,
    /// Reserve: lock, waiting.
    ReserveWait = 4,
    /// Reserve: unlock.
    Unreserve = 5,
    /// The locks of a descriptor, one a call.
    GetFd = 6,
}

/// A range of a file, locked or to be locked.
#[repr(C)]
#[derive(StableAbi, Carry, Debug, Clone, PartialEq, Eq, Default)]
pub struct Flock {
    /// The kind.
    pub kind: LockKind,
    /// `SEEK_SET` always, once a client has resolved it.
    pub whence: i16,
    /// First byte.
    pub start: u64,
    /// Bytes; 0 reaches to the end of the file, however long it grows.
    pub len: u64,
    /// The process, for show.
    pub pid: i32,
    /// Who owns it; empty where the frame's own owner counts.
    pub owner: LkOwner,
}

/// Arguments of `lk`.
#[repr(C)]
#[derive(StableAbi, Carry, Debug, Clone)]
pub struct Lk {
    /// The open file.
    pub fd: Fd,
    /// What to do.
    pub cmd: LockCmd,
    /// The range.
    pub flock: Flock,
    /// Extras.
    pub xdata: Dict,
}

/// What `lk` answers.
#[repr(C)]
#[derive(StableAbi, Carry, Debug, Clone, Default)]
pub struct Locked {
    /// The lock that was set, or the one that is in the way.
    pub flock: Flock,
    /// Extras.
    pub xdata: Dict,
}

/// Arguments of `inodelk`.
#[repr(C)]
#[derive(StableAbi, Carry, Debug, Clone)]
pub struct Inodelk {
    /// The lock domain: locks of different domains never meet.
    pub domain: IoBuf,
    /// The file.
    pub loc: Loc,
    /// What to do.
    pub cmd: LockCmd,
    /// The range.
    pub flock: Flock,
    /// Extras.
    pub xdata: Dict,
}

/// Arguments of `finodelk`.
#[repr(C)]
#[derive(StableAbi, Carry, Debug, Clone)]
pub struct Finodelk {
    /// The lock domain.
    pub domain: IoBuf,
    /// The open file.
    pub fd: Fd,
    /// What to do.
    pub cmd: LockCmd,
    /// The range.
    pub flock: Flock,
    /// Extras.
    pub xdata: Dict,
}

/// What to do with a name lock; the numbers are those of the wire.
#[repr(u32)]
#[derive(StableAbi, Carry, Debug, Clone, Copy, PartialEq, Eq)]
pub enum EntrylkCmd {
    /// Wait until it can be taken.
    Lock = 0,
    /// Give back.
    Unlock = 1,
    /// Take now, or fail with `EAGAIN`.
    LockNow = 2,
}

/// Arguments of `entrylk`.
#[repr(C)]
#[derive(StableAbi, Carry, Debug, Clone)]
pub struct Entrylk {
    /// The lock domain.
    pub domain: IoBuf,
    /// The directory.
    pub loc: Loc,
    /// The name; empty locks the whole directory.
    pub name: IoBuf,
    /// What to do.
    pub cmd: EntrylkCmd,
    /// Shared or exclusive.
    pub kind: LockKind,
    /// Extras.
    pub xdata: Dict,
}

/// Arguments of `fentrylk`.
#[repr(C)]
#[derive(StableAbi, Carry, Debug, Clone)]
pub struct Fentrylk {
    /// The lock domain.
    pub domain: IoBuf,
    /// The open directory.
    pub fd: Fd,
    /// The name; empty locks the whole directory.
    pub name: IoBuf,
    /// What to do.
    pub cmd: EntrylkCmd,
    /// Shared or exclusive.
    pub kind: LockKind,
    /// Extras.
    pub xdata: Dict,
}

/// A lease.
#[repr(C)]
#[derive(StableAbi, Carry, Debug, Clone, PartialEq, Eq, Default)]
pub struct Lease {
    /// 1 asks, 2 takes, 3 gives back.
    pub cmd: u32,
    /// 0 none, 1 read, 2 read-write.
    pub kind: u32,
    /// The holder's id.
    pub id: [u8; 16],
}

/// Arguments of `lease`.
#[repr(C)]
#[derive(StableAbi, Carry, Debug, Clone)]
pub struct LeaseFop {
    /// The file.
    pub loc: Loc,
    /// The lease.
    pub lease: Lease,
    /// Extras.
    pub xdata: Dict,
}

/// What `lease` answers.
#[repr(C)]
#[derive(StableAbi, Carry, Debug, Clone, Default)]
pub struct Leased {
    /// The lease as it is now.
    pub lease: Lease,
    /// Extras.
    pub xdata: Dict,
}

/// A lock together with its client.
#[repr(C)]
#[derive(StableAbi, Carry, Debug, Clone, PartialEq, Eq, Default)]
pub struct ActiveLock {
    /// The lock.
    pub flock: Flock,
    /// The client's uid.
    pub client: IoBuf,
    /// Flags of `lk`.
    pub flags: u32,
}

/// Arguments of `getactivelk`.
#[repr(C)]
#[derive(StableAbi, Carry, Debug, Clone)]
pub struct Getactivelk {
    /// The file.
    pub loc: Loc,
    /// Extras.
    pub xdata: Dict,
}

/// What `getactivelk` answers.
#[repr(C)]
#[derive(StableAbi, Carry, Debug, Clone, Default)]
pub struct ActiveLocks {
    /// The locks.
    pub locks: RVec<ActiveLock>,
    /// Extras.
    pub xdata: Dict,
}

/// Arguments of `setactivelk`.
#[repr(C)]
#[derive(StableAbi, Carry, Debug, Clone)]
pub struct Setactivelk {
    /// The file.
    pub loc: Loc,
    /// The locks.
    pub locks: RVec<ActiveLock>,
    /// Extras.
    pub xdata: Dict,
}
