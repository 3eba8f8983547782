//! An open file or directory.

use std::fmt;

use abi_stable::StableAbi;

use crate::Inode;
use crate::abi::object::Object;

/// The part of a descriptor that every library reads.
#[repr(C)]
#[derive(StableAbi, Debug)]
pub struct FdBody {
    inode: Inode,
    flags: i32,
    pid: i32,
    anonymous: bool,
}

/// An open file or directory, counted. What a translator opened for it lies in its context and is closed when the last
/// count goes.
#[repr(transparent)]
#[derive(StableAbi, Clone)]
pub struct Fd(Object<FdBody>);

impl Fd {
    /// A descriptor of `inode` that process `pid` opens with `flags`.
    #[must_use]
    pub fn new(inode: Inode, flags: i32, pid: i32) -> Self {
        Self(Object::new(FdBody { inode, flags, pid, anonymous: false }))
    }

    /// A descriptor that nobody opened: translators that need more than the inode open what they need on first use.
    #[must_use]
    pub fn anonymous(inode: Inode, flags: i32) -> Self {
        Self(Object::new(FdBody { inode, flags, pid: 0, anonymous: true }))
    }

    /// The file.
    #[must_use]
    pub fn inode(&self) -> &Inode {
        &self.0.inode
    }

    /// Open flags as on Linux.
    #[must_use]
    pub fn flags(&self) -> i32 {
        self.0.flags
    }

    /// The process that opened it.
    #[must_use]
    pub fn pid(&self) -> i32 {
        self.0.pid
    }

    /// Whether nobody opened it.
    #[must_use]
    pub fn is_anonymous(&self) -> bool {
        self.0.anonymous
    }

    /// The counted object behind it, for contexts.
    #[must_use]
    pub fn object(&self) -> &Object<FdBody> {
        &self.0
    }
}

impl fmt::Debug for Fd {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Fd({}, flags {:#o})", self.0.inode.gfid(), self.0.flags)
    }
}

impl PartialEq for Fd {
    fn eq(&self, other: &Self) -> bool {
        self.0.same(&other.0)
    }
}

impl Eq for Fd {}
