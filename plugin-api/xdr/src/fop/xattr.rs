//! Messages of fops on extended attributes.

use plugin_api::{Dict, Gfid, IoBuf};

use super::MAX_NAME;
use crate::Opaque;
use crate::gfx::Typed;

record! {
    /// Sets xattrs.
    pub struct SetxattrReq { gfid: Gfid, flags: u32, dict: Dict as Typed, xdata: Dict as Typed }

    /// Sets xattrs of an open file.
    pub struct FsetxattrReq { gfid: Gfid, fd: i64, flags: u32, dict: Dict as Typed, xdata: Dict as Typed }

    /// Reads one xattr; all when `namelen` is 0.
    pub struct GetxattrReq { gfid: Gfid, namelen: u32, name: IoBuf as Opaque<MAX_NAME>, xdata: Dict as Typed }

    /// Reads one xattr of an open file; all when `namelen` is 0.
    pub struct FgetxattrReq { gfid: Gfid, fd: i64, namelen: u32, name: IoBuf as Opaque<MAX_NAME>, xdata: Dict as Typed }

    /// Removes an xattr.
    pub struct RemovexattrReq { gfid: Gfid, name: IoBuf as Opaque<MAX_NAME>, xdata: Dict as Typed }

    /// Removes an xattr of an open file.
    pub struct FremovexattrReq { gfid: Gfid, fd: i64, name: IoBuf as Opaque<MAX_NAME>, xdata: Dict as Typed }

    /// Computes with xattrs, atomically.
    pub struct XattropReq { gfid: Gfid, flags: u32, dict: Dict as Typed, xdata: Dict as Typed }

    /// Computes with xattrs of an open file, atomically.
    pub struct FxattropReq { gfid: Gfid, fd: i64, flags: u32, dict: Dict as Typed, xdata: Dict as Typed }
}
