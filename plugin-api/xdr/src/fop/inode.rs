//! Messages of fops on the attributes of an inode.

use plugin_api::fop::Space;
use plugin_api::{Dict, Gfid, Iatt, IoBuf};

use super::MAX_NAME;
use crate::Opaque;
use crate::gfx::Typed;

foreign_record!(Space { bsize, frsize, blocks, bfree, bavail, files, ffree, favail, fsid, flag, namemax });

record! {
    /// The attributes of a file.
    pub struct StatReq { gfid: Gfid, xdata: Dict as Typed }

    /// The attributes of an open file.
    pub struct FstatReq { gfid: Gfid, fd: i64, xdata: Dict as Typed }

    /// Sets attributes: those that `valid` names.
    pub struct SetattrReq { gfid: Gfid, stbuf: Iatt, valid: i32, xdata: Dict as Typed }

    /// Sets attributes of an open file.
    pub struct FsetattrReq { gfid: Gfid, fd: i64, stbuf: Iatt, valid: i32, xdata: Dict as Typed }

    /// May the caller?
    pub struct AccessReq { gfid: Gfid, mask: u32, xdata: Dict as Typed }

    /// Where does a symbolic link lead?
    pub struct ReadlinkReq { gfid: Gfid, size: u32, xdata: Dict as Typed }

    /// There; `op_ret` is its length.
    pub struct ReadlinkRsp {
        op_ret: i32, op_errno: i32, xdata: Dict as Typed, stat: Iatt, path: IoBuf as Opaque<MAX_NAME>,
    }

    /// How much room is there?
    pub struct StatfsReq { gfid: Gfid, xdata: Dict as Typed }

    /// So much.
    pub struct StatfsRsp { op_ret: i32, op_errno: i32, xdata: Dict as Typed, statfs: Space }

    /// Cuts or grows a file.
    pub struct TruncateReq { gfid: Gfid, offset: u64, xdata: Dict as Typed }

    /// Something for a translator, without a file.
    pub struct IpcReq { op: i32, xdata: Dict as Typed }
}
