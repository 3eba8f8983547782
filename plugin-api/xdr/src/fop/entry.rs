//! Messages of fops on names.

use plugin_api::{Dict, Gfid, Iatt, IoBuf};

use super::MAX_NAME;
use crate::gfx::Typed;
use crate::{Opaque, Reader, XdrError};

record! {
    /// Is this there, and what is it? By gfid when the name is empty.
    pub struct LookupReq { gfid: Gfid, pargfid: Gfid, flags: u32, bname: IoBuf as Opaque<MAX_NAME>, xdata: Dict as Typed }

    /// Makes a file or a node.
    pub struct MknodReq {
        pargfid: Gfid, dev: u64, mode: u32, umask: u32, bname: IoBuf as Opaque<MAX_NAME>, xdata: Dict as Typed,
    }

    /// Makes a directory.
    pub struct MkdirReq {
        pargfid: Gfid, mode: u32, umask: u32, bname: IoBuf as Opaque<MAX_NAME>, xdata: Dict as Typed,
    }

    /// Removes a name.
    pub struct UnlinkReq { pargfid: Gfid, bname: IoBuf as Opaque<MAX_NAME>, xflags: u32, xdata: Dict as Typed }

    /// Removes a directory.
    pub struct RmdirReq { pargfid: Gfid, xflags: i32, bname: IoBuf as Opaque<MAX_NAME>, xdata: Dict as Typed }

    /// Makes a symbolic link.
    pub struct SymlinkReq {
        pargfid: Gfid, bname: IoBuf as Opaque<MAX_NAME>, umask: u32, linkname: IoBuf as Opaque<MAX_NAME>,
        xdata: Dict as Typed,
    }

    /// Moves a name: `oldgfid` and `newgfid` are the parents.
    pub struct RenameReq {
        oldgfid: Gfid, newgfid: Gfid, oldbname: IoBuf as Opaque<MAX_NAME>, newbname: IoBuf as Opaque<MAX_NAME>,
        xdata: Dict as Typed,
    }

    /// What a rename answers.
    pub struct RenameRsp {
        op_ret: i32, op_errno: i32, xdata: Dict as Typed, stat: Iatt, pre_old_parent: Iatt, post_old_parent: Iatt,
        pre_new_parent: Iatt, post_new_parent: Iatt,
    }

    /// Makes another name: `oldgfid` is the file, `newgfid` the parent of the new name.
    pub struct LinkReq { oldgfid: Gfid, newgfid: Gfid, newbname: IoBuf as Opaque<MAX_NAME>, xdata: Dict as Typed }

    /// Makes a file and opens it.
    pub struct CreateReq {
        pargfid: Gfid, flags: u32, mode: u32, umask: u32, bname: IoBuf as Opaque<MAX_NAME>, xdata: Dict as Typed,
    }

    /// What a create answers; the descriptor stands between the attributes.
    pub struct CreateRsp {
        op_ret: i32, op_errno: i32, xdata: Dict as Typed, stat: Iatt, fd: u64, pre_parent: Iatt, post_parent: Iatt,
    }

    /// Makes an inode without a name.
    pub struct IcreateReq { gfid: Gfid, mode: u32, xdata: Dict as Typed }

    /// Gives an inode without a name one.
    pub struct NamelinkReq { pargfid: Gfid, bname: IoBuf as Opaque<MAX_NAME>, xdata: Dict as Typed }

    /// Makes a file with content; the payload follows.
    pub struct PutReq {
        pargfid: Gfid, bname: IoBuf as Opaque<MAX_NAME>, mode: u32, umask: u32, flag: u32, offset: u64, size: u32,
        xattr: Dict as Typed, xdata: Dict as Typed,
    }
}

impl PutReq {
    /// The request and the `size` bytes behind it, which share the record.
    /// # Errors
    /// When it is none, or fewer bytes follow.
    pub fn with_payload(args: &IoBuf) -> Result<(Self, IoBuf), XdrError> {
        let r = &mut Reader::new(args);
        let head: Self = crate::Xdr::get(r)?;
        let payload = super::get_payload(r, head.size)?;
        Ok((head, payload))
    }
}
