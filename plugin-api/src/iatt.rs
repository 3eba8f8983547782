//! The attributes of an inode.

use abi_stable::StableAbi;

use crate::Gfid;
use crate::carry::Carry;

/// What kind of file an inode is; the numbers are those GlusterFS uses in marks and index replies.
#[repr(u8)]
#[derive(StableAbi, Carry, Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum FileType {
    /// Not known (yet).
    #[default]
    Invalid = 0,
    /// A regular file.
    Regular = 1,
    /// A directory.
    Directory = 2,
    /// A symbolic link.
    Symlink = 3,
    /// A block device node.
    Block = 4,
    /// A character device node.
    Char = 5,
    /// A named pipe.
    Fifo = 6,
    /// A socket node.
    Socket = 7,
}

impl FileType {
    /// The type in the upper bits of a `st_mode`.
    #[must_use]
    pub const fn from_mode(mode: u32) -> Self {
        match mode & libc::S_IFMT {
            libc::S_IFREG => Self::Regular,
            libc::S_IFDIR => Self::Directory,
            libc::S_IFLNK => Self::Symlink,
            libc::S_IFBLK => Self::Block,
            libc::S_IFCHR => Self::Char,
            libc::S_IFIFO => Self::Fifo,
            libc::S_IFSOCK => Self::Socket,
            _ => Self::Invalid,
        }
    }
}

/// Which fields of an [`Iatt`] hold something: `IATT_*` of GlusterFS.
pub mod iatt_flags {
    #![allow(missing_docs, reason = "each names the field it vouches for")]
    pub const TYPE: u64 = 0x1;
    pub const MODE: u64 = 0x2;
    pub const NLINK: u64 = 0x4;
    pub const UID: u64 = 0x8;
    pub const GID: u64 = 0x10;
    pub const ATIME: u64 = 0x20;
    pub const MTIME: u64 = 0x40;
    pub const CTIME: u64 = 0x80;
    pub const INO: u64 = 0x100;
    pub const SIZE: u64 = 0x200;
    pub const BLOCKS: u64 = 0x400;
    pub const BTIME: u64 = 0x800;
    pub const GFID: u64 = 0x1000;
    /// What a brick sends for an ordinary object.
    pub const ALL: u64 = 0x17ff;
}

/// The attributes of an inode; all zero where there are none (an error, a nameless lookup's parent).
///
/// Never grows within plugin-api 1.x: it lies by value in fop answers.
///
/// # Source
/// GlusterFS 10, `gfx_iattx` of fop program 1298437 version 400, field for field.
#[repr(C)]
#[derive(StableAbi, Carry, Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Iatt {
    /// The inode's id.
    pub gfid: Gfid,
    /// Which fields hold something, see [`iatt_flags`].
    pub flags: u64,
    /// The inode number that applications see: [`Gfid::ino`].
    pub ino: u64,
    /// Device of the brick's file system.
    pub dev: u64,
    /// For device nodes: major in the high 32 bits, minor in the low.
    pub rdev: u64,
    /// Bytes.
    pub size: u64,
    /// Allocated units of 512 bytes.
    pub blocks: u64,
    /// `stx_attributes`; 0 in GlusterFS 10.
    pub attributes: u64,
    /// `stx_attributes_mask`; 0 in GlusterFS 10.
    pub attributes_mask: u64,
    /// Last read, seconds since the epoch.
    pub atime: i64,
    /// Last change of content, seconds since the epoch.
    pub mtime: i64,
    /// Last change of attributes, seconds since the epoch.
    pub ctime: i64,
    /// Birth, seconds since the epoch; 0 in GlusterFS 10.
    pub btime: i64,
    /// Nanoseconds of `atime`.
    pub atime_nsec: u32,
    /// Nanoseconds of `mtime`.
    pub mtime_nsec: u32,
    /// Nanoseconds of `ctime`.
    pub ctime_nsec: u32,
    /// Nanoseconds of `btime`.
    pub btime_nsec: u32,
    /// Hard links.
    pub nlink: u32,
    /// Owner.
    pub uid: u32,
    /// Group.
    pub gid: u32,
    /// Preferred I/O size, bytes.
    pub blksize: u32,
    /// `st_mode`: type and permission bits.
    pub mode: u32,
}

impl Iatt {
    /// The file type in `mode`.
    #[must_use]
    pub const fn file_type(&self) -> FileType {
        FileType::from_mode(self.mode)
    }

    /// Whether this describes a directory.
    #[must_use]
    pub const fn is_dir(&self) -> bool {
        matches!(self.file_type(), FileType::Directory)
    }
}

/// The three times that a brick keeps in `trusted.glusterfs.mdata` when the ctime feature is on.
#[repr(C)]
#[derive(StableAbi, Carry, Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Mdata {
    /// Seconds of the last read.
    pub atime: i64,
    /// Seconds of the last change of content.
    pub mtime: i64,
    /// Seconds of the last change of attributes.
    pub ctime: i64,
    /// Nanoseconds of `atime`.
    pub atime_nsec: u32,
    /// Nanoseconds of `mtime`.
    pub mtime_nsec: u32,
    /// Nanoseconds of `ctime`.
    pub ctime_nsec: u32,
}
