//! Fops on names: lookup, make, remove, move.

use abi_stable::StableAbi;

use crate::carry::Carry;
use crate::{Dict, Fd, Iatt, IoBuf, Loc};

/// Arguments of `lookup`: by parent and name when `loc.name` is set, else by `loc.gfid`.
#[repr(C)]
#[derive(StableAbi, Carry, Debug, Clone)]
pub struct Lookup {
    /// What to find.
    pub loc: Loc,
    /// Asks for xattrs (keys) and for extras such as `gfid-req`.
    pub xdata: Dict,
}

/// What `lookup` found.
#[repr(C)]
#[derive(StableAbi, Carry, Debug, Clone, Default)]
pub struct Looked {
    /// The object.
    pub iatt: Iatt,
    /// The parent afterwards; zero for a lookup by gfid.
    pub post_parent: Iatt,
    /// The xattrs that were asked for.
    pub xdata: Dict,
}

/// Arguments of `mknod`.
#[repr(C)]
#[derive(StableAbi, Carry, Debug, Clone)]
pub struct Mknod {
    /// Parent and name.
    pub loc: Loc,
    /// Type and permissions, before `umask`.
    pub mode: u32,
    /// Device number: major in the high 32 bits, minor in the low.
    pub rdev: u64,
    /// The caller's umask.
    pub umask: u32,
    /// Xattrs to set at once; `gfid-req` carries the id of the new file.
    pub xdata: Dict,
}

/// Arguments of `mkdir`.
#[repr(C)]
#[derive(StableAbi, Carry, Debug, Clone)]
pub struct Mkdir {
    /// Parent and name.
    pub loc: Loc,
    /// Permissions, before `umask`.
    pub mode: u32,
    /// The caller's umask.
    pub umask: u32,
    /// As for [`Mknod`].
    pub xdata: Dict,
}

/// Arguments of `symlink`.
#[repr(C)]
#[derive(StableAbi, Carry, Debug, Clone)]
pub struct Symlink {
    /// Where the link points, byte for byte.
    pub target: IoBuf,
    /// Parent and name of the link.
    pub loc: Loc,
    /// The caller's umask.
    pub umask: u32,
    /// As for [`Mknod`].
    pub xdata: Dict,
}

/// Arguments of `link`.
#[repr(C)]
#[derive(StableAbi, Carry, Debug, Clone)]
pub struct Link {
    /// The file.
    pub old: Loc,
    /// Parent and name of its new name.
    pub new: Loc,
    /// Extras.
    pub xdata: Dict,
}

/// What the making fops answer.
#[repr(C)]
#[derive(StableAbi, Carry, Debug, Clone, Default)]
pub struct Made {
    /// The new object.
    pub iatt: Iatt,
    /// The parent before.
    pub pre_parent: Iatt,
    /// The parent afterwards.
    pub post_parent: Iatt,
    /// Extras.
    pub xdata: Dict,
}

/// Arguments of `create`.
#[repr(C)]
#[derive(StableAbi, Carry, Debug, Clone)]
pub struct Create {
    /// Parent and name.
    pub loc: Loc,
    /// Open flags as on Linux.
    pub flags: i32,
    /// Permissions, before `umask`.
    pub mode: u32,
    /// The caller's umask.
    pub umask: u32,
    /// The descriptor that the file will be open as.
    pub fd: Fd,
    /// As for [`Mknod`].
    pub xdata: Dict,
}

/// What `create` answers.
#[repr(C)]
#[derive(StableAbi, Carry, Debug, Clone)]
pub struct Created {
    /// The descriptor that was passed in, open now.
    pub fd: Fd,
    /// The new file.
    pub iatt: Iatt,
    /// The parent before.
    pub pre_parent: Iatt,
    /// The parent afterwards.
    pub post_parent: Iatt,
    /// Extras.
    pub xdata: Dict,
}

/// Arguments of `unlink`.
#[repr(C)]
#[derive(StableAbi, Carry, Debug, Clone)]
pub struct Unlink {
    /// Parent and name.
    pub loc: Loc,
    /// GlusterFS's own flags.
    pub flags: u32,
    /// Extras.
    pub xdata: Dict,
}

/// Arguments of `rmdir`.
#[repr(C)]
#[derive(StableAbi, Carry, Debug, Clone)]
pub struct Rmdir {
    /// Parent and name.
    pub loc: Loc,
    /// 1: with all that is in it.
    pub flags: i32,
    /// Extras.
    pub xdata: Dict,
}

/// What `unlink` and `rmdir` answer.
#[repr(C)]
#[derive(StableAbi, Carry, Debug, Clone, Default)]
pub struct Removed {
    /// The parent before.
    pub pre_parent: Iatt,
    /// The parent afterwards.
    pub post_parent: Iatt,
    /// Extras.
    pub xdata: Dict,
}

/// Arguments of `rename`.
#[repr(C)]
#[derive(StableAbi, Carry, Debug, Clone)]
pub struct Rename {
    /// Parent and name as they are.
    pub old: Loc,
    /// Parent and name as they are to be.
    pub new: Loc,
    /// Extras.
    pub xdata: Dict,
}

/// What `rename` answers.
#[repr(C)]
#[derive(StableAbi, Carry, Debug, Clone, Default)]
pub struct Renamed {
    /// The moved object.
    pub iatt: Iatt,
    /// The old parent before.
    pub pre_old_parent: Iatt,
    /// The old parent afterwards.
    pub post_old_parent: Iatt,
    /// The new parent before.
    pub pre_new_parent: Iatt,
    /// The new parent afterwards.
    pub post_new_parent: Iatt,
    /// Extras.
    pub xdata: Dict,
}

/// Arguments of `icreate`.
#[repr(C)]
#[derive(StableAbi, Carry, Debug, Clone)]
pub struct Icreate {
    /// The inode to make.
    pub loc: Loc,
    /// Type and permissions.
    pub mode: u32,
    /// Extras.
    pub xdata: Dict,
}

/// Arguments of `namelink`.
#[repr(C)]
#[derive(StableAbi, Carry, Debug, Clone)]
pub struct Namelink {
    /// Inode, parent and name.
    pub loc: Loc,
    /// Extras.
    pub xdata: Dict,
}

/// Arguments of `put`.
#[repr(C)]
#[derive(StableAbi, Carry, Debug, Clone)]
pub struct Put {
    /// Parent and name.
    pub loc: Loc,
    /// Permissions, before `umask`.
    pub mode: u32,
    /// The caller's umask.
    pub umask: u32,
    /// Open flags as on Linux.
    pub flags: i32,
    /// The content.
    pub data: crate::Payload,
    /// Where the content goes, bytes.
    pub offset: u64,
    /// Xattrs of the new file.
    pub xattrs: Dict,
    /// Extras.
    pub xdata: Dict,
}
