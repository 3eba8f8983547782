//! Fops on the content of open files.

use abi_stable::StableAbi;

use crate::carry::Carry;
use crate::{Dict, Fd, Iatt, IoBuf, Loc, Payload};

/// Arguments of `open`.
#[repr(C)]
#[derive(StableAbi, Carry, Debug, Clone)]
pub struct Open {
    /// The file.
    pub loc: Loc,
    /// Open flags as on Linux.
    pub flags: i32,
    /// The descriptor that the file will be open as.
    pub fd: Fd,
    /// Extras.
    pub xdata: Dict,
}

/// What `open` and `opendir` answer.
#[repr(C)]
#[derive(StableAbi, Carry, Debug, Clone)]
pub struct Opened {
    /// The descriptor that was passed in, open now.
    pub fd: Fd,
    /// Extras.
    pub xdata: Dict,
}

/// Arguments of `readv`.
#[repr(C)]
#[derive(StableAbi, Carry, Debug, Clone)]
pub struct Readv {
    /// The open file.
    pub fd: Fd,
    /// At most so many bytes.
    pub size: usize,
    /// From where, bytes.
    pub offset: u64,
    /// Open flags for this read alone (`O_DIRECT`).
    pub flags: u32,
    /// Extras.
    pub xdata: Dict,
}

/// What `readv` answers.
#[repr(C)]
#[derive(StableAbi, Carry, Debug, Clone, Default)]
pub struct Data {
    /// The bytes.
    pub data: Payload,
    /// The file after the read.
    pub iatt: Iatt,
    /// Whether the read reached the end of the file (`ENOENT` beside a success on the wire).
    pub at_end: bool,
    /// Extras.
    pub xdata: Dict,
}

/// Arguments of `writev`.
#[repr(C)]
#[derive(StableAbi, Carry, Debug, Clone)]
pub struct Writev {
    /// The open file.
    pub fd: Fd,
    /// The bytes.
    pub data: Payload,
    /// To where, bytes.
    pub offset: u64,
    /// Open flags for this write alone (`O_DIRECT`, `O_SYNC`).
    pub flags: u32,
    /// Extras.
    pub xdata: Dict,
}

impl Writev {
    /// Bytes to write.
    #[must_use]
    pub fn len(&self) -> u64 {
        self.data.len() as u64
    }

    /// Whether there is nothing to write.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.data.is_empty()
    }
}

/// What `writev` answers.
#[repr(C)]
#[derive(StableAbi, Carry, Debug, Clone, Default)]
pub struct Written {
    /// Bytes written.
    pub count: u64,
    /// The file before.
    pub pre: Iatt,
    /// The file after.
    pub post: Iatt,
    /// Extras.
    pub xdata: Dict,
}

/// Arguments of `flush`.
#[repr(C)]
#[derive(StableAbi, Carry, Debug, Clone)]
pub struct Flush {
    /// The open file.
    pub fd: Fd,
    /// Extras.
    pub xdata: Dict,
}

/// Arguments of `fsync`.
#[repr(C)]
#[derive(StableAbi, Carry, Debug, Clone)]
pub struct Fsync {
    /// The open file.
    pub fd: Fd,
    /// Content only, as `fdatasync(2)`.
    pub data_only: bool,
    /// Extras.
    pub xdata: Dict,
}

/// Arguments of `ftruncate`.
#[repr(C)]
#[derive(StableAbi, Carry, Debug, Clone)]
pub struct Ftruncate {
    /// The open file.
    pub fd: Fd,
    /// The new size, bytes.
    pub offset: u64,
    /// Extras.
    pub xdata: Dict,
}

/// Arguments of `rchecksum`.
#[repr(C)]
#[derive(StableAbi, Carry, Debug, Clone)]
pub struct Rchecksum {
    /// The open file.
    pub fd: Fd,
    /// From where, bytes.
    pub offset: u64,
    /// How many bytes.
    pub len: usize,
    /// Extras.
    pub xdata: Dict,
}

/// What `rchecksum` answers.
#[repr(C)]
#[derive(StableAbi, Carry, Debug, Clone, Default)]
pub struct Checksum {
    /// rsync's rolling checksum.
    pub weak: u32,
    /// MD5 or SHA-256 of the block, by the brick's configuration.
    pub strong: IoBuf,
    /// Extras.
    pub xdata: Dict,
}

/// Arguments of `fallocate`.
#[repr(C)]
#[derive(StableAbi, Carry, Debug, Clone)]
pub struct Fallocate {
    /// The open file.
    pub fd: Fd,
    /// `FALLOC_FL_*` of Linux.
    pub mode: i32,
    /// From where, bytes.
    pub offset: u64,
    /// How many bytes.
    pub len: u64,
    /// Extras.
    pub xdata: Dict,
}

/// Arguments of `discard`.
#[repr(C)]
#[derive(StableAbi, Carry, Debug, Clone)]
pub struct Discard {
    /// The open file.
    pub fd: Fd,
    /// From where, bytes.
    pub offset: u64,
    /// How many bytes.
    pub len: u64,
    /// Extras.
    pub xdata: Dict,
}

/// Arguments of `zerofill`.
#[repr(C)]
#[derive(StableAbi, Carry, Debug, Clone)]
pub struct Zerofill {
    /// The open file.
    pub fd: Fd,
    /// From where, bytes.
    pub offset: u64,
    /// How many bytes.
    pub len: u64,
    /// Extras.
    pub xdata: Dict,
}

/// Arguments of `seek`.
#[repr(C)]
#[derive(StableAbi, Carry, Debug, Clone)]
pub struct Seek {
    /// The open file.
    pub fd: Fd,
    /// From where, bytes.
    pub offset: u64,
    /// 0 finds data, 1 finds a hole (`GF_SEEK_DATA`, `GF_SEEK_HOLE`).
    pub what: i32,
    /// Extras.
    pub xdata: Dict,
}

/// What `seek` answers.
#[repr(C)]
#[derive(StableAbi, Carry, Debug, Clone, Default)]
pub struct Sought {
    /// Where it is, bytes.
    pub offset: u64,
    /// Extras.
    pub xdata: Dict,
}

/// Arguments of `copy_file_range`.
#[repr(C)]
#[derive(StableAbi, Carry, Debug, Clone)]
pub struct CopyFileRange {
    /// From this open file.
    pub fd_in: Fd,
    /// From where, bytes.
    pub offset_in: u64,
    /// To this open file.
    pub fd_out: Fd,
    /// To where, bytes.
    pub offset_out: u64,
    /// How many bytes.
    pub len: usize,
    /// Flags of `copy_file_range(2)`.
    pub flags: u32,
    /// Extras.
    pub xdata: Dict,
}

/// What `copy_file_range` answers.
#[repr(C)]
#[derive(StableAbi, Carry, Debug, Clone, Default)]
pub struct Copied {
    /// Bytes copied.
    pub count: u64,
    /// The source.
    pub source: Iatt,
    /// The destination before.
    pub pre: Iatt,
    /// The destination after.
    pub post: Iatt,
    /// Extras.
    pub xdata: Dict,
}
