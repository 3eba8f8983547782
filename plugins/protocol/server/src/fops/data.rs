//! Procedures on the content of open files.

use gluster_rpc::{Call, Reply};
use gluster_xdr::XdrError;
use gluster_xdr::fop::*;
use plugin_api::fop::{self, FopResult};
use plugin_api::{Errno, Fd, IoBuf, Payload};

use super::procedure::{Answer, Request, plain_answers, procedures};
use super::response::Response;
use crate::resolve::{Caller, READ_WRITE, open_flags};
use crate::session::Session;

/// The most that one read answers: memory is not taken on a client's word alone. More than anybody asks for, and a
/// shorter answer is always allowed.
const MOST_READ: usize = 64 << 20;

/// A write with the bytes behind it.
#[derive(Debug)]
pub(super) struct WriteRequest {
    head: WriteReq,
    data: IoBuf,
}

impl Request for WriteRequest {
    fn read(args: &IoBuf) -> Result<Self, XdrError> {
        let (head, data) = WriteReq::with_payload(args)?;
        Ok(Self { head, data })
    }
}

procedures! {
    /// Opens a file.
    Open(r: OpenReq, c) -> OpenRsp, open {
        let inode = c.inode(r.gfid).await?;
        let flags = open_flags(r.flags);
        let fd = Fd::new(inode.clone(), flags, c.frame.identity().pid);
        fop::Open { loc: plugin_api::Loc::of(inode), flags, fd, xdata: r.xdata }
    }

    /// Reads.
    Read(r: ReadReq, c) -> ReadRsp, readv {
        if r.size == 0 {
            return Err(Errno::EINVAL);
        }
        let size = usize::try_from(r.size).unwrap_or(MOST_READ).min(MOST_READ);
        let fd = c.fd(r.fd, r.gfid, r.flag).await?;
        fop::Readv { fd, size, offset: r.offset, flags: r.flag, xdata: r.xdata }
    }

    /// Writes.
    Write(r: WriteRequest, c) -> PrePostRsp, writev {
        let WriteRequest { head, data } = r;
        let fd = c.fd(head.fd, head.gfid, head.flag).await?;
        fop::Writev { fd, data: data.into(), offset: head.offset, flags: head.flag, xdata: head.xdata }
    }

    /// A descriptor of the application was closed.
    Flush(r: FdReq, c) -> CommonRsp, flush {
        fop::Flush { fd: c.fd(r.fd, r.gfid, READ_WRITE).await?, xdata: r.xdata }
    }

    /// Makes writes durable.
    Fsync(r: FsyncReq, c) -> PrePostRsp, fsync {
        let fd = c.fd(r.fd, r.gfid, READ_WRITE).await?;
        fop::Fsync { fd, data_only: r.data != 0, xdata: r.xdata }
    }

    /// Cuts or extends an open file.
    Ftruncate(r: FtruncateReq, c) -> PrePostRsp, ftruncate {
        let fd = c.fd(r.fd, r.gfid, READ_WRITE).await?;
        fop::Ftruncate { fd, offset: r.offset, xdata: r.xdata }
    }

    /// Sums of a block.
    Rchecksum(r: RchecksumReq, c) -> RchecksumRsp, rchecksum {
        let len = usize::try_from(r.len).unwrap_or(MOST_READ).min(MOST_READ);
        let fd = c.fd(r.fd, r.gfid, READ_WRITE).await?;
        fop::Rchecksum { fd, offset: r.offset, len, xdata: r.xdata }
    }

    /// Reserves room.
    Fallocate(r: FallocateReq, c) -> PrePostRsp, fallocate {
        let mode = i32::try_from(r.flags).map_err(|_| Errno::EINVAL)?;
        let fd = c.fd(r.fd, r.gfid, READ_WRITE).await?;
        fop::Fallocate { fd, mode, offset: r.offset, len: r.size, xdata: r.xdata }
    }

    /// Punches a hole.
    Discard(r: RangeReq, c) -> PrePostRsp, discard {
        let fd = c.fd(r.fd, r.gfid, READ_WRITE).await?;
        fop::Discard { fd, offset: r.offset, len: r.size, xdata: r.xdata }
    }

    /// Writes zeros.
    Zerofill(r: RangeReq, c) -> PrePostRsp, zerofill {
        let fd = c.fd(r.fd, r.gfid, READ_WRITE).await?;
        fop::Zerofill { fd, offset: r.offset, len: r.size, xdata: r.xdata }
    }

    /// Finds data or a hole.
    Seek(r: SeekReq, c) -> SeekRsp, seek {
        let fd = c.fd(r.fd, r.gfid, READ_WRITE).await?;
        fop::Seek { fd, offset: r.offset, what: r.what, xdata: r.xdata }
    }

    /// Copies within the brick.
    CopyFileRange(r: CopyFileRangeReq, c) -> MadeRsp, copy_file_range {
        let fd_in = c.fd(r.fd_in, r.gfid_in, READ_WRITE).await?;
        let fd_out = c.fd(r.fd_out, r.gfid_out, READ_WRITE).await?;
        fop::CopyFileRange {
            fd_in,
            offset_in: r.off_in,
            fd_out,
            offset_out: r.off_out,
            len: usize::try_from(r.size).unwrap_or(usize::MAX),
            flags: r.flag,
            xdata: r.xdata,
        }
    }
}

impl Answer<OpenRsp> for fop::Opened {
    async fn encode(self, c: &mut Caller) -> FopResult<(OpenRsp, Payload)> {
        let fd = c.session.fds.insert(self.fd)?;
        Ok((OpenRsp { xdata: self.xdata, fd, ..OpenRsp::default() }, Payload::default()))
    }
}

impl Answer<ReadRsp> for fop::Data {
    async fn encode(self, c: &mut Caller) -> FopResult<(ReadRsp, Payload)> {
        let size = u32::try_from(self.data.len()).map_err(|_| Errno::EOVERFLOW)?;
        let response = ReadRsp {
            op_ret: i32::try_from(size).map_err(|_| Errno::EOVERFLOW)?,
            op_errno: if self.at_end { Errno::ENOENT.raw() } else { 0 },
            stat: c.session.show(self.iatt),
            size,
            xdata: self.xdata,
        };
        Ok((response, self.data))
    }
}

plain_answers! {
    fop::Written => PrePostRsp |a, c| {
        op_ret: i32::try_from(a.count).unwrap_or(i32::MAX),
        xdata: a.xdata,
        pre: c.session.show(a.pre),
        post: c.session.show(a.post),
    }
    fop::Checksum => RchecksumRsp |a, _c| { xdata: a.xdata, weak: a.weak, strong: a.strong }
    fop::Sought => SeekRsp |a, _c| { xdata: a.xdata, offset: a.offset }
    fop::Copied => MadeRsp |a, c| {
        op_ret: i32::try_from(a.count).unwrap_or(i32::MAX),
        xdata: a.xdata,
        stat: c.session.show(a.source),
        pre_parent: c.session.show(a.pre),
        post_parent: c.session.show(a.post),
    }
}

/// Closes a descriptor: no fop, the last holder of it closes the file.
pub(super) fn release(session: &Session, call: &Call) -> Reply {
    let request: FdReq = match call.arguments() {
        Ok(request) => request,
        Err(refusal) => return refusal,
    };
    match session.fds.remove(request.fd) {
        Ok(_) => call.reply(&CommonRsp::default()),
        Err(errno) => call.reply(&CommonRsp::failure(errno.into())),
    }
}
