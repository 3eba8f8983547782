//! Fops on the content of open files.

use gluster_xdr::fop::*;
use plugin_api::fop::{self, FopResult};
use plugin_api::{Errno, Payload};

use super::{done, length, pre_post};
use crate::answer::ReadAnswer;
use crate::asking::{Asking, object};
use crate::fds::{self, Fallback, wire_flags};

pub(crate) async fn open(c: Asking<'_>, a: fop::Open) -> FopResult<fop::Opened> {
    let gfid = object(&a.loc)?;
    let request = OpenReq { gfid, flags: c.flags(wire_flags(a.flags)), xdata: a.xdata };
    let told: OpenRsp = c.ask(Proc::Open, request).await?;
    fds::opened(&c, &a.fd, gfid, fds::opened_number(told.fd)?, false);
    Ok(fop::Opened { fd: a.fd, xdata: told.xdata })
}

pub(crate) async fn readv(c: Asking<'_>, a: fop::Readv) -> FopResult<fop::Data> {
    let (gfid, fd) = c.fd(&a.fd, Fallback::Anonymous).await?;
    let request =
        ReadReq { gfid, fd, offset: a.offset, size: length(a.size), flag: c.flags(a.flags), xdata: a.xdata };
    let ReadAnswer { head, data } = c.ask(Proc::Read, request).await?;
    // More than was asked for would go beyond what the caller has room for.
    if data.len() > a.size {
        return Err(Errno::EINVAL.into());
    }
    let at_end = head.op_errno == Errno::ENOENT.raw();
    Ok(fop::Data { data: Payload::from(data), iatt: head.stat, at_end, xdata: head.xdata })
}

pub(crate) async fn writev(c: Asking<'_>, a: fop::Writev) -> FopResult<fop::Written> {
    let (gfid, fd) = c.fd(&a.fd, Fallback::AnonymousUnlessStrict).await?;
    let size = u32::try_from(a.data.len()).map_err(|_| Errno::EINVAL)?;
    let request = WriteReq { gfid, fd, offset: a.offset, size, flag: c.flags(a.flags), xdata: a.xdata };
    let told: PrePostRsp = c.ask_with(Proc::Write, request, a.data).await?;
    let count = u32::try_from(told.op_ret).ok().filter(|count| *count <= size).ok_or(Errno::EINVAL)?;
    Ok(fop::Written { count: count.into(), pre: told.pre, post: told.post, xdata: told.xdata })
}

pub(crate) async fn flush(c: Asking<'_>, a: fop::Flush) -> FopResult<fop::Done> {
    let (gfid, fd) = c.fd(&a.fd, Fallback::None).await?;
    let told: CommonRsp = c.ask(Proc::Flush, FdReq { gfid, fd, xdata: a.xdata }).await?;
    fds::flushed(&c, &a.fd, c.frame.identity().lk_owner.as_bytes());
    Ok(done(told))
}

pub(crate) async fn fsync(c: Asking<'_>, a: fop::Fsync) -> FopResult<fop::PrePost> {
    let (gfid, fd) = c.fd(&a.fd, Fallback::Anonymous).await?;
    let request = FsyncReq { gfid, fd, data: a.data_only.into(), xdata: a.xdata };
    Ok(pre_post(c.ask(Proc::Fsync, request).await?))
}

pub(crate) async fn ftruncate(c: Asking<'_>, a: fop::Ftruncate) -> FopResult<fop::PrePost> {
    let (gfid, fd) = c.fd(&a.fd, Fallback::None).await?;
    let request = FtruncateReq { gfid, fd, offset: a.offset, xdata: a.xdata };
    Ok(pre_post(c.ask(Proc::Ftruncate, request).await?))
}

pub(crate) async fn rchecksum(c: Asking<'_>, a: fop::Rchecksum) -> FopResult<fop::Checksum> {
    let (gfid, fd) = c.fd(&a.fd, Fallback::None).await?;
    let request = RchecksumReq { gfid, fd, offset: a.offset, len: length(a.len), flags: 0, xdata: a.xdata };
    let told: RchecksumRsp = c.ask(Proc::Rchecksum, request).await?;
    Ok(fop::Checksum { weak: told.weak, strong: told.strong, xdata: told.xdata })
}

pub(crate) async fn fallocate(c: Asking<'_>, a: fop::Fallocate) -> FopResult<fop::PrePost> {
    let (gfid, fd) = c.fd(&a.fd, Fallback::None).await?;
    let flags = u32::try_from(a.mode).map_err(|_| Errno::EINVAL)?;
    let request = FallocateReq { gfid, fd, flags, offset: a.offset, size: a.len, xdata: a.xdata };
    Ok(pre_post(c.ask(Proc::Fallocate, request).await?))
}

pub(crate) async fn discard(c: Asking<'_>, a: fop::Discard) -> FopResult<fop::PrePost> {
    let (gfid, fd) = c.fd(&a.fd, Fallback::None).await?;
    let request = RangeReq { gfid, fd, offset: a.offset, size: a.len, xdata: a.xdata };
    Ok(pre_post(c.ask(Proc::Discard, request).await?))
}

pub(crate) async fn zerofill(c: Asking<'_>, a: fop::Zerofill) -> FopResult<fop::PrePost> {
    let (gfid, fd) = c.fd(&a.fd, Fallback::None).await?;
    let request = RangeReq { gfid, fd, offset: a.offset, size: a.len, xdata: a.xdata };
    Ok(pre_post(c.ask(Proc::Zerofill, request).await?))
}

pub(crate) async fn seek(c: Asking<'_>, a: fop::Seek) -> FopResult<fop::Sought> {
    let (gfid, fd) = c.fd(&a.fd, Fallback::None).await?;
    let request = SeekReq { gfid, fd, offset: a.offset, what: a.what, xdata: a.xdata };
    let told: SeekRsp = c.ask(Proc::Seek, request).await?;
    Ok(fop::Sought { offset: told.offset, xdata: told.xdata })
}

pub(crate) async fn copy_file_range(c: Asking<'_>, a: fop::CopyFileRange) -> FopResult<fop::Copied> {
    let (gfid_in, fd_in) = c.fd(&a.fd_in, Fallback::Anonymous).await?;
    let (gfid_out, fd_out) = c.fd(&a.fd_out, Fallback::Anonymous).await?;
    // A copy may be short.
    let size = u32::try_from(a.len).unwrap_or(MOST_COPIED).min(MOST_COPIED);
    let request = CopyFileRangeReq {
        gfid_in,
        gfid_out,
        fd_in,
        fd_out,
        off_in: a.offset_in,
        off_out: a.offset_out,
        size,
        flag: a.flags,
        xdata: a.xdata,
    };
    let told: MadeRsp = c.ask(Proc::CopyFileRange, request).await?;
    let count = u32::try_from(told.op_ret).ok().filter(|count| *count <= size).ok_or(Errno::EINVAL)?;
    Ok(fop::Copied {
        count: count.into(),
        source: told.stat,
        pre: told.pre_parent,
        post: told.post_parent,
        xdata: told.xdata,
    })
}

/// The most that one call copies: the answer counts in a signed number.
const MOST_COPIED: u32 = 1 << 30;
