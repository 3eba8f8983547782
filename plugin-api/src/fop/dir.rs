//! Fops on open directories.

use abi_stable::StableAbi;
use abi_stable::std_types::RVec;

use crate::carry::{Carry, CarryError, sound_name};
use crate::{Dict, Fd, Iatt, IoBuf, Loc};

/// Arguments of `opendir`.
#[repr(C)]
#[derive(StableAbi, Carry, Debug, Clone)]
pub struct Opendir {
    /// The directory.
    pub loc: Loc,
    /// The descriptor that the directory will be open as.
    pub fd: Fd,
    /// Extras.
    pub xdata: Dict,
}

/// Arguments of `readdir`.
#[repr(C)]
#[derive(StableAbi, Carry, Debug, Clone)]
pub struct Readdir {
    /// The open directory.
    pub fd: Fd,
    /// At most so many bytes of entries, as the wire counts them; at least one entry is answered before the end.
    pub size: usize,
    /// 0 at the start, else [`DirEntry::offset`] of the last entry seen.
    pub offset: u64,
    /// Extras.
    pub xdata: Dict,
}

/// Arguments of `readdirp`.
#[repr(C)]
#[derive(StableAbi, Carry, Debug, Clone)]
pub struct Readdirp {
    /// The open directory.
    pub fd: Fd,
    /// As for [`Readdir`].
    pub size: usize,
    /// As for [`Readdir`].
    pub offset: u64,
    /// Asks for xattrs (keys) of every entry.
    pub xdata: Dict,
}

/// A name in a directory.
#[repr(C)]
#[derive(StableAbi, Carry, Debug, Clone, Default, PartialEq)]
#[carry(check = DirEntry::sound)]
pub struct DirEntry {
    /// The inode number that applications see.
    pub ino: u64,
    /// Where the next read goes on after this entry.
    pub offset: u64,
    /// `DT_*` of Linux.
    pub kind: u32,
    /// The name, without a NUL.
    pub name: IoBuf,
    /// Attributes (`readdirp`), zero where they could not be read.
    pub iatt: Iatt,
    /// The xattrs that were asked for (`readdirp`).
    pub xattrs: Dict,
}

impl DirEntry {
    fn sound(&self) -> Result<(), CarryError> {
        if sound_name(&self.name) { Ok(()) } else { Err(CarryError::Text { what: "name in a directory" }) }
    }
}

/// What `readdir` and `readdirp` answer.
#[repr(C)]
#[derive(StableAbi, Carry, Debug, Clone, Default)]
pub struct Entries {
    /// The entries, in the directory's order.
    pub entries: RVec<DirEntry>,
    /// Whether these reach the end (`ENOENT` beside a success on the wire).
    pub at_end: bool,
    /// Extras.
    pub xdata: Dict,
}

/// Arguments of `fsyncdir`.
#[repr(C)]
#[derive(StableAbi, Carry, Debug, Clone)]
pub struct Fsyncdir {
    /// The open directory.
    pub fd: Fd,
    /// Content only, as `fdatasync(2)`.
    pub data_only: bool,
    /// Extras.
    pub xdata: Dict,
}
