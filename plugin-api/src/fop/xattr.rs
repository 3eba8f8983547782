//! Fops on extended attributes.

use abi_stable::StableAbi;

use crate::carry::Carry;
use crate::{Dict, Fd, IoBuf, Loc};

/// Arguments of `setxattr`.
#[repr(C)]
#[derive(StableAbi, Carry, Debug, Clone)]
pub struct Setxattr {
    /// The file.
    pub loc: Loc,
    /// Names and values.
    pub xattrs: Dict,
    /// `XATTR_CREATE`, `XATTR_REPLACE`.
    pub flags: i32,
    /// Extras.
    pub xdata: Dict,
}

/// Arguments of `fsetxattr`.
#[repr(C)]
#[derive(StableAbi, Carry, Debug, Clone)]
pub struct Fsetxattr {
    /// The open file.
    pub fd: Fd,
    /// Names and values.
    pub xattrs: Dict,
    /// As for [`Setxattr`].
    pub flags: i32,
    /// Extras.
    pub xdata: Dict,
}

/// Arguments of `getxattr`.
#[repr(C)]
#[derive(StableAbi, Carry, Debug, Clone)]
pub struct Getxattr {
    /// The file.
    pub loc: Loc,
    /// Which; empty for all.
    pub name: IoBuf,
    /// Extras.
    pub xdata: Dict,
}

/// Arguments of `fgetxattr`.
#[repr(C)]
#[derive(StableAbi, Carry, Debug, Clone)]
pub struct Fgetxattr {
    /// The open file.
    pub fd: Fd,
    /// Which; empty for all.
    pub name: IoBuf,
    /// Extras.
    pub xdata: Dict,
}

/// What the reading xattr fops answer.
#[repr(C)]
#[derive(StableAbi, Carry, Debug, Clone, Default)]
pub struct Xattrs {
    /// Names and values.
    pub xattrs: Dict,
    /// Extras.
    pub xdata: Dict,
}

/// Arguments of `removexattr`.
#[repr(C)]
#[derive(StableAbi, Carry, Debug, Clone)]
pub struct Removexattr {
    /// The file.
    pub loc: Loc,
    /// Which.
    pub name: IoBuf,
    /// Extras.
    pub xdata: Dict,
}

/// Arguments of `fremovexattr`.
#[repr(C)]
#[derive(StableAbi, Carry, Debug, Clone)]
pub struct Fremovexattr {
    /// The open file.
    pub fd: Fd,
    /// Which.
    pub name: IoBuf,
    /// Extras.
    pub xdata: Dict,
}

/// Arguments of `xattrop`.
#[repr(C)]
#[derive(StableAbi, Carry, Debug, Clone)]
pub struct Xattrop {
    /// The file.
    pub loc: Loc,
    /// The arithmetic, `GF_XATTROP_*` of GlusterFS.
    pub op: u32,
    /// Names and operands.
    pub xattrs: Dict,
    /// Extras.
    pub xdata: Dict,
}

/// Arguments of `fxattrop`.
#[repr(C)]
#[derive(StableAbi, Carry, Debug, Clone)]
pub struct Fxattrop {
    /// The open file.
    pub fd: Fd,
    /// As for [`Xattrop`].
    pub op: u32,
    /// Names and operands.
    pub xattrs: Dict,
    /// Extras.
    pub xdata: Dict,
}
