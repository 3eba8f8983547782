//! Messages of fops on open files.

use plugin_api::{Dict, Gfid, Iatt, IoBuf};

use crate::gfx::Typed;
use crate::{Fault, Opaque, Reader, Xdr, XdrError};

/// The descriptor that stands for none: the brick opens the file of the same request's gfid by itself.
pub const ANONYMOUS_FD: i64 = -2;

record! {
    /// Opens a file.
    pub struct OpenReq { gfid: Gfid, flags: u32, xdata: Dict as Typed }

    /// The descriptor of an open file or directory.
    pub struct OpenRsp { op_ret: i32, op_errno: i32, xdata: Dict as Typed, fd: i64 }

    /// Reads.
    pub struct ReadReq { gfid: Gfid, fd: i64, offset: u64, size: u32, flag: u32, xdata: Dict as Typed }

    /// What a read answers; the payload follows. The only reply whose xdata stands last.
    pub struct ReadRsp { op_ret: i32, op_errno: i32, stat: Iatt, size: u32, xdata: Dict as Typed }

    /// Writes; the payload follows.
    pub struct WriteReq { gfid: Gfid, fd: i64, offset: u64, size: u32, flag: u32, xdata: Dict as Typed }

    /// A descriptor and nothing else: flush, release and releasedir.
    pub struct FdReq { gfid: Gfid, fd: i64, xdata: Dict as Typed }

    /// Makes writes durable; `data` 1 leaves the times out.
    pub struct FsyncReq { gfid: Gfid, fd: i64, data: u32, xdata: Dict as Typed }

    /// Cuts or grows an open file.
    pub struct FtruncateReq { gfid: Gfid, fd: i64, offset: u64, xdata: Dict as Typed }

    /// Reserves room.
    pub struct FallocateReq { gfid: Gfid, fd: i64, flags: u32, offset: u64, size: u64, xdata: Dict as Typed }

    /// A range: discard and zerofill.
    pub struct RangeReq { gfid: Gfid, fd: i64, offset: u64, size: u64, xdata: Dict as Typed }

    /// Where does data or a hole begin?
    pub struct SeekReq { gfid: Gfid, fd: i64, offset: u64, what: i32, xdata: Dict as Typed }

    /// There.
    pub struct SeekRsp { op_ret: i32, op_errno: i32, xdata: Dict as Typed, offset: u64 }

    /// Sums of a block.
    pub struct RchecksumReq { gfid: Gfid, fd: i64, offset: u64, len: u32, flags: u32, xdata: Dict as Typed }

    /// The sums.
    pub struct RchecksumRsp {
        op_ret: i32, op_errno: i32, xdata: Dict as Typed, flags: u32, weak: u32, strong: IoBuf as Opaque<1024>,
    }

    /// Copies within the brick; answered with the source's attributes and the destination's before and after.
    pub struct CopyFileRangeReq {
        gfid_in: Gfid, gfid_out: Gfid, fd_in: i64, fd_out: i64, off_in: u64, off_out: u64, size: u32, flag: u32,
        xdata: Dict as Typed,
    }
}

impl WriteReq {
    /// The request and the `size` bytes behind it, which share the record.
    /// # Errors
    /// When it is none, or fewer bytes follow.
    pub fn with_payload(args: &IoBuf) -> Result<(Self, IoBuf), XdrError> {
        let r = &mut Reader::new(args);
        let head: Self = Xdr::get(r)?;
        let payload = get_payload(r, head.size)?;
        Ok((head, payload))
    }
}

impl ReadRsp {
    /// The reply and the `size` bytes behind it, which share the record.
    /// # Errors
    /// When it is none, or fewer bytes follow.
    pub fn with_payload(results: &IoBuf) -> Result<(Self, IoBuf), XdrError> {
        let r = &mut Reader::new(results);
        let head: Self = Xdr::get(r)?;
        let payload = get_payload(r, head.size)?;
        Ok((head, payload))
    }
}

/// The payload behind a message: `size` bytes; the record may hold more, which nobody reads.
pub(super) fn get_payload(r: &mut Reader<'_>, size: u32) -> Result<IoBuf, XdrError> {
    let size = usize::try_from(size).unwrap_or(usize::MAX);
    let mut rest = r.rest();
    if size > rest.len() {
        return Err(XdrError::from(Fault::Short { wanted: size, left: rest.len() }).at("payload"));
    }
    Ok(rest.split_to(size))
}
