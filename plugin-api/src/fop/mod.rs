//! File operations: what winds down a graph and what unwinds.
//!
//! Each fop has a number, a struct of arguments and a struct of results. Neither struct ever changes within plugin-api
//! 1.x: what a later version has to add travels as xdata or becomes a fop with a number of its own, so that a
//! translator built today and a host of tomorrow agree on every byte of what they share.

mod data;
mod dir;
mod entry;
mod inode;
mod list;
mod lock;
mod recipes;
mod subject;
mod xattr;

use abi_stable::StableAbi;

use crate::carry::Carry;
use crate::{Dict, Errno};

pub use data::*;
pub use dir::*;
pub use entry::*;
pub use inode::*;
pub use list::*;
pub use lock::*;
pub(crate) use recipes::recipe;
pub use subject::{About, Subject};
pub use xattr::*;

/// In the xdata of a fop: the cluster does this for itself (healing, moving between bricks), and users' rules do not hold.
pub const INTERNAL_FOP: &str = "glusterfs-internal-fop";

/// In the xdata that a store answers to an unlink, rmdir or rename: the gfid of the object whose last name this took, and
/// which nobody has open. What is remembered of it may be forgotten; no client is told.
pub const GONE: &str = "object-gone";

/// Why a fop failed, and what the failing translator adds for those above it.
#[repr(C)]
#[derive(StableAbi, Carry, Debug, Clone, PartialEq)]
pub struct FopError {
    /// The error number that reaches the application.
    pub errno: Errno,
    /// Extra data for the translators above.
    pub xdata: Dict,
}

impl From<Errno> for FopError {
    fn from(errno: Errno) -> Self {
        Self { errno, xdata: Dict::new() }
    }
}

impl From<std::io::Error> for FopError {
    fn from(e: std::io::Error) -> Self {
        Errno::from(e).into()
    }
}

impl std::fmt::Display for FopError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.errno.fmt(f)
    }
}

impl std::error::Error for FopError {}

/// How a fop ends: to unwind is to return one of these.
pub type FopResult<T> = Result<T, FopError>;

/// One kind of fop: ties its number to its types.
pub trait FopType: Sized + Send + 'static {
    /// The number, as `volume profile` and changelogs count fops.
    const CODE: u32;
    /// The name, as in the volfiles' world: `writev`.
    const NAME: &'static str;
    /// Whether it may wait for as long as somebody else holds a lock: such a fop has no deadline.
    const PATIENT: bool;
    /// What winds down.
    type Args: About + Carry + Send + 'static;
    /// What unwinds on success.
    type Reply: Carry + Send + 'static;
}
