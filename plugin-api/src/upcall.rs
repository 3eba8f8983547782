//! Upcalls: what a translator of a brick has to tell one client, as the data of an [`EventKind::UPCALL`].
//!
//! [`KIND`] says which it is, [`CLIENT`] for whom; what else there is depends on the kind. `protocol/server` turns the event
//! into a callback to that client.
//!
//! [`EventKind::UPCALL`]: crate::EventKind::UPCALL

/// Which upcall: a number of [`kind`].
pub const KIND: &str = "upcall";
/// The uid of the client that is told.
pub const CLIENT: &str = "client-uid";
/// The object.
pub const GFID: &str = "gfid";

/// The values of [`KIND`]: the numbers of GlusterFS's upcalls.
pub mod kind {
    /// What a client has cached is out of date.
    pub const CACHE_INVALIDATION: i64 = 1;
    /// A lease is to be given back.
    pub const RECALL_LEASE: i64 = 2;
    /// Somebody waits for a range lock that the client holds.
    pub const INODELK_CONTENTION: i64 = 3;
    /// The same of a name lock.
    pub const ENTRYLK_CONTENTION: i64 = 4;
}

/// Cache invalidation: what has changed, as bits of [`flag`].
pub const FLAGS: &str = "flags";
/// Cache invalidation: seconds for which the client may trust what it reads from now on.
pub const EXPIRE: &str = "expire";
/// Cache invalidation: the object's attributes; missing when nobody knows them.
pub const STAT: &str = "stat";
/// Cache invalidation: those of the directory that its name is in.
pub const PARENT: &str = "parent-stat";
/// Cache invalidation: those of the directory that its name was in before.
pub const OLD_PARENT: &str = "old-parent-stat";
/// Cache invalidation: what a key begins with that names a changed xattr.
pub const XATTR: &str = "xattr.";

/// The bits of [`FLAGS`], as GlusterFS sends them.
pub mod flag {
    #![allow(missing_docs, reason = "each names what has changed")]
    pub const NLINK: u32 = 0x1;
    pub const MODE: u32 = 0x2;
    pub const OWN: u32 = 0x4;
    pub const SIZE: u32 = 0x8;
    pub const TIMES: u32 = 0x10;
    pub const PERM: u32 = 0x40;
    pub const RENAME: u32 = 0x80;
    pub const PARENT_TIMES: u32 = 0x200;
    pub const XATTR: u32 = 0x400;
    pub const XATTR_RM: u32 = 0x800;
}

/// Recall: the kind of lease that the client may keep; 0 none.
pub const LEASE_TYPE: &str = "lease-type";

/// Contention: the lock's domain.
pub const DOMAIN: &str = "domain";
/// Contention: the process that holds it.
pub const PID: &str = "pid";
/// Contention: 0 read, 1 write.
pub const TYPE: &str = "type";
/// Contention: first byte of a range lock.
pub const START: &str = "start";
/// Contention: length of a range lock; 0 without end.
pub const LEN: &str = "len";
/// Contention: owner of a range lock.
pub const OWNER: &str = "lk-owner";
/// Contention: name of a name lock; missing for all names.
pub const NAME: &str = "name";
