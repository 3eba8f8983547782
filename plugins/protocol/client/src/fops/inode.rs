//! Fops on the attributes of an inode.

use gluster_xdr::fop::*;
use plugin_api::Errno;
use plugin_api::fop::{self, FopResult};

use super::{attr, done, length, pre_post};
use crate::asking::{Asking, object};
use crate::fds::Fallback;

pub(crate) async fn stat(c: Asking<'_>, a: fop::Stat) -> FopResult<fop::Attr> {
    let request = StatReq { gfid: object(&a.loc)?, xdata: a.xdata };
    let told: IattRsp = c.ask(Proc::Stat, request).await?;
    Ok(attr(told))
}

pub(crate) async fn fstat(c: Asking<'_>, a: fop::Fstat) -> FopResult<fop::Attr> {
    let (gfid, fd) = c.fd(&a.fd, Fallback::None).await?;
    Ok(attr(c.ask(Proc::Fstat, FstatReq { gfid, fd, xdata: a.xdata }).await?))
}

pub(crate) async fn setattr(c: Asking<'_>, a: fop::Setattr) -> FopResult<fop::PrePost> {
    let request = SetattrReq { gfid: object(&a.loc)?, stbuf: a.iatt, valid: mask(a.valid), xdata: a.xdata };
    Ok(pre_post(c.ask(Proc::Setattr, request).await?))
}

pub(crate) async fn fsetattr(c: Asking<'_>, a: fop::Fsetattr) -> FopResult<fop::PrePost> {
    let (gfid, fd) = c.fd(&a.fd, Fallback::None).await?;
    let request = FsetattrReq { gfid, fd, stbuf: a.iatt, valid: mask(a.valid), xdata: a.xdata };
    Ok(pre_post(c.ask(Proc::Fsetattr, request).await?))
}

pub(crate) async fn access(c: Asking<'_>, a: fop::Access) -> FopResult<fop::Done> {
    let mask = u32::try_from(a.mask).map_err(|_| Errno::EINVAL)?;
    Ok(done(c.ask(Proc::Access, AccessReq { gfid: object(&a.loc)?, mask, xdata: a.xdata }).await?))
}

pub(crate) async fn readlink(c: Asking<'_>, a: fop::Readlink) -> FopResult<fop::Target> {
    let request = ReadlinkReq { gfid: object(&a.loc)?, size: length(a.size), xdata: a.xdata };
    let told: ReadlinkRsp = c.ask(Proc::Readlink, request).await?;
    if told.path.contains(&0) {
        return Err(Errno::EINVAL.into());
    }
    Ok(fop::Target { path: told.path, iatt: told.stat, xdata: told.xdata })
}

pub(crate) async fn statfs(c: Asking<'_>, a: fop::Statfs) -> FopResult<fop::SpaceReply> {
    let told: StatfsRsp = c.ask(Proc::Statfs, StatfsReq { gfid: object(&a.loc)?, xdata: a.xdata }).await?;
    Ok(fop::SpaceReply { space: told.statfs, xdata: told.xdata })
}

pub(crate) async fn truncate(c: Asking<'_>, a: fop::Truncate) -> FopResult<fop::PrePost> {
    let request = TruncateReq { gfid: object(&a.loc)?, offset: a.offset, xdata: a.xdata };
    Ok(pre_post(c.ask(Proc::Truncate, request).await?))
}

pub(crate) async fn ipc(c: Asking<'_>, a: fop::Ipc) -> FopResult<fop::Done> {
    Ok(done(c.ask(Proc::Ipc, IpcReq { op: a.op, xdata: a.xdata }).await?))
}

/// A mask that travels as a signed number.
fn mask(valid: u32) -> i32 {
    i32::from_ne_bytes(valid.to_ne_bytes())
}
