//! Fops on the attributes of an inode.

use abi_stable::StableAbi;

use crate::carry::Carry;
use crate::{Dict, Fd, Iatt, IoBuf, Loc};

/// Arguments of `stat`.
#[repr(C)]
#[derive(StableAbi, Carry, Debug, Clone)]
pub struct Stat {
    /// The file.
    pub loc: Loc,
    /// Extras.
    pub xdata: Dict,
}

/// Arguments of `fstat`.
#[repr(C)]
#[derive(StableAbi, Carry, Debug, Clone)]
pub struct Fstat {
    /// The open file.
    pub fd: Fd,
    /// Extras.
    pub xdata: Dict,
}

/// What `stat` and `fstat` answer.
#[repr(C)]
#[derive(StableAbi, Carry, Debug, Clone, Default)]
pub struct Attr {
    /// The attributes.
    pub iatt: Iatt,
    /// Extras.
    pub xdata: Dict,
}

/// Which attributes `setattr` sets: the bits of `GF_SET_ATTR_*`; none means "touch ctime".
pub mod set_attr {
    #![allow(missing_docs, reason = "each names the attribute it sets")]
    pub const MODE: u32 = 0x1;
    pub const UID: u32 = 0x2;
    pub const GID: u32 = 0x4;
    pub const SIZE: u32 = 0x8;
    pub const ATIME: u32 = 0x10;
    pub const MTIME: u32 = 0x20;
    pub const CTIME: u32 = 0x40;
    pub const ATIME_NOW: u32 = 0x80;
    pub const MTIME_NOW: u32 = 0x100;
}

/// Arguments of `setattr`.
#[repr(C)]
#[derive(StableAbi, Carry, Debug, Clone)]
pub struct Setattr {
    /// The file.
    pub loc: Loc,
    /// The new values.
    pub iatt: Iatt,
    /// Which of them count, see [`set_attr`].
    pub valid: u32,
    /// Extras.
    pub xdata: Dict,
}

/// Arguments of `fsetattr`.
#[repr(C)]
#[derive(StableAbi, Carry, Debug, Clone)]
pub struct Fsetattr {
    /// The open file.
    pub fd: Fd,
    /// The new values.
    pub iatt: Iatt,
    /// Which of them count, see [`set_attr`].
    pub valid: u32,
    /// Extras.
    pub xdata: Dict,
}

/// What fops answer that change one inode: its attributes before and after.
#[repr(C)]
#[derive(StableAbi, Carry, Debug, Clone, Default)]
pub struct PrePost {
    /// Before.
    pub pre: Iatt,
    /// After.
    pub post: Iatt,
    /// Extras.
    pub xdata: Dict,
}

/// What fops answer that only succeed.
#[repr(C)]
#[derive(StableAbi, Carry, Debug, Clone, Default)]
pub struct Done {
    /// Extras.
    pub xdata: Dict,
}

/// Arguments of `access`.
#[repr(C)]
#[derive(StableAbi, Carry, Debug, Clone)]
pub struct Access {
    /// The file.
    pub loc: Loc,
    /// `R_OK`, `W_OK`, `X_OK` together; 0 asks only whether the file is there.
    pub mask: i32,
    /// Extras.
    pub xdata: Dict,
}

/// Arguments of `readlink`.
#[repr(C)]
#[derive(StableAbi, Carry, Debug, Clone)]
pub struct Readlink {
    /// The symbolic link.
    pub loc: Loc,
    /// At most so many bytes.
    pub size: usize,
    /// Extras.
    pub xdata: Dict,
}

/// What `readlink` answers.
#[repr(C)]
#[derive(StableAbi, Carry, Debug, Clone, Default)]
pub struct Target {
    /// Where the link points, byte for byte.
    pub path: IoBuf,
    /// The link's own attributes.
    pub iatt: Iatt,
    /// Extras.
    pub xdata: Dict,
}

/// Arguments of `statfs`.
#[repr(C)]
#[derive(StableAbi, Carry, Debug, Clone)]
pub struct Statfs {
    /// A file on the file system in question.
    pub loc: Loc,
    /// Extras.
    pub xdata: Dict,
}

/// Space, as `statvfs(3)` counts it.
#[repr(C)]
#[derive(StableAbi, Carry, Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Space {
    /// Block size, bytes.
    pub bsize: u64,
    /// Fragment size, bytes; the unit of the three block counts.
    pub frsize: u64,
    /// Blocks in all.
    pub blocks: u64,
    /// Free blocks.
    pub bfree: u64,
    /// Free blocks for users other than root.
    pub bavail: u64,
    /// Inodes in all.
    pub files: u64,
    /// Free inodes.
    pub ffree: u64,
    /// Free inodes for users other than root.
    pub favail: u64,
    /// File system id.
    pub fsid: u64,
    /// Mount flags.
    pub flag: u64,
    /// Longest name, bytes.
    pub namemax: u64,
}

/// What `statfs` answers.
#[repr(C)]
#[derive(StableAbi, Carry, Debug, Clone, Default)]
pub struct SpaceReply {
    /// The space.
    pub space: Space,
    /// Extras.
    pub xdata: Dict,
}

/// Arguments of `truncate`.
#[repr(C)]
#[derive(StableAbi, Carry, Debug, Clone)]
pub struct Truncate {
    /// The file.
    pub loc: Loc,
    /// The new size, bytes.
    pub offset: u64,
    /// Extras.
    pub xdata: Dict,
}

/// Arguments of `ipc`.
#[repr(C)]
#[derive(StableAbi, Carry, Debug, Clone)]
pub struct Ipc {
    /// Which message; GlusterFS uses 0 (changelog) and 1 (upcall).
    pub op: i32,
    /// The message.
    pub xdata: Dict,
}
