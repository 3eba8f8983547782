//! How values of the ABI go from one process to another: [`Carry`], which `#[derive(Carry)]` writes.
//!
//! Both ends are the same build, so there is no version in the bytes and no order of bytes to agree on: numbers lie as
//! the machine has them, a list is its length and its items. What may not be trusted is who wrote them. To unpack never
//! panics, allocates no more than a small multiple of the bytes that are there, and refuses what no value of the type
//! can be.
//!
//! Inodes, descriptors and clients stay where they are. They cross as numbers, which [`Objects`] gives out and
//! resolves on each side.

mod impls;
mod pack;
mod unpack;

use crate::{Client, Fd, FileType, Gfid, Inode};

pub use pack::{Pack, Parcel};
pub use plugin_api_macros::Carry;
pub use unpack::Unpack;

/// A value that can go to another process.
pub trait Carry: Sized {
    /// Adds the value.
    fn pack(&self, into: &mut Pack<'_>);

    /// Reads a value.
    ///
    /// # Errors
    /// The bytes are none of this type; what was read so far is lost.
    fn unpack(from: &mut Unpack<'_>) -> Result<Self, CarryError>;
}

/// Why bytes are not what they ought to be.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CarryError {
    /// There are too few.
    #[error("ends in the middle of {what}")]
    Short {
        /// What was being read.
        what: &'static str,
    },
    /// A number that stands for nothing.
    #[error("{found} is no {what}")]
    Value {
        /// What was being read.
        what: &'static str,
        /// What was there.
        found: u64,
    },
    /// A text or name that is not one.
    #[error("a {what} that is none")]
    Text {
        /// What was being read.
        what: &'static str,
    },
    /// An object that this side never named.
    #[error("{what} {id} was never named here")]
    Stranger {
        /// What kind of object.
        what: &'static str,
        /// The number.
        id: u64,
    },
    /// More objects than one process may name.
    #[error("more than {limit} {what}")]
    TooMany {
        /// What kind of object.
        what: &'static str,
        /// How many there may be.
        limit: usize,
    },
    /// There are too many.
    #[error("{count} bytes are left over")]
    Rest {
        /// How many.
        count: usize,
    },
}

/// What a descriptor is, for who has to make one that stands for it.
#[derive(Debug, Clone)]
pub struct FdParts {
    /// The file.
    pub inode: Inode,
    /// Open flags as on Linux.
    pub flags: i32,
    /// The process that opened it.
    pub pid: i32,
    /// Whether nobody opened it.
    pub anonymous: bool,
}

/// Numbers for objects, and objects for numbers.
///
/// The words about an object travel with each of its numbers, so that whoever reads first can make what stands for it.
pub trait Objects {
    /// The number of an inode.
    fn inode_out(&mut self, inode: &Inode) -> u64;
    /// The inode with this number.
    ///
    /// # Errors
    /// There is none, and none may be made.
    fn inode_in(&mut self, id: u64, gfid: Gfid, file_type: FileType) -> Result<Inode, CarryError>;
    /// The number of a descriptor.
    fn fd_out(&mut self, fd: &Fd) -> u64;
    /// The descriptor with this number.
    ///
    /// # Errors
    /// There is none, and none may be made.
    fn fd_in(&mut self, id: u64, parts: FdParts) -> Result<Fd, CarryError>;
    /// The number of a client.
    fn client_out(&mut self, client: &Client) -> u64;
    /// The client with this number.
    ///
    /// # Errors
    /// There is none, and none may be made.
    fn client_in(&mut self, id: u64, uid: &str, peer: &str, trusted: bool) -> Result<Client, CarryError>;
}

/// For values without objects: every number is a stranger's.
#[derive(Debug, Clone, Copy, Default)]
pub struct NoObjects;

impl Objects for NoObjects {
    fn inode_out(&mut self, _: &Inode) -> u64 {
        0
    }
    fn inode_in(&mut self, id: u64, _: Gfid, _: FileType) -> Result<Inode, CarryError> {
        Err(CarryError::Stranger { what: "inode", id })
    }
    fn fd_out(&mut self, _: &Fd) -> u64 {
        0
    }
    fn fd_in(&mut self, id: u64, _: FdParts) -> Result<Fd, CarryError> {
        Err(CarryError::Stranger { what: "descriptor", id })
    }
    fn client_out(&mut self, _: &Client) -> u64 {
        0
    }
    fn client_in(&mut self, id: u64, _: &str, _: &str, _: bool) -> Result<Client, CarryError> {
        Err(CarryError::Stranger { what: "client", id })
    }
}

/// A name in a directory, as untrusted code may give it: no way out of the directory, no NUL. Empty is no name at all.
pub(crate) fn sound_name(name: &[u8]) -> bool {
    !name.iter().any(|byte| matches!(byte, b'/' | 0))
}

#[cfg(test)]
mod tests;
