//! Fops on extended attributes.

use gluster_xdr::fop::*;
use plugin_api::Errno;
use plugin_api::fop::{self, FopResult};

use super::done;
use crate::asking::{Asking, object};
use crate::fds::Fallback;

pub(crate) async fn setxattr(c: Asking<'_>, a: fop::Setxattr) -> FopResult<fop::Done> {
    let request =
        SetxattrReq { gfid: object(&a.loc)?, flags: flags(a.flags)?, dict: a.xattrs, xdata: a.xdata };
    Ok(done(c.ask(Proc::Setxattr, request).await?))
}

pub(crate) async fn fsetxattr(c: Asking<'_>, a: fop::Fsetxattr) -> FopResult<fop::Done> {
    let (gfid, fd) = c.fd(&a.fd, Fallback::None).await?;
    let request = FsetxattrReq { gfid, fd, flags: flags(a.flags)?, dict: a.xattrs, xdata: a.xdata };
    Ok(done(c.ask(Proc::Fsetxattr, request).await?))
}

pub(crate) async fn getxattr(c: Asking<'_>, a: fop::Getxattr) -> FopResult<fop::Xattrs> {
    let namelen = u32::from(!a.name.is_empty());
    let request = GetxattrReq { gfid: object(&a.loc)?, namelen, name: a.name, xdata: a.xdata };
    Ok(xattrs(c.ask(Proc::Getxattr, request).await?))
}

pub(crate) async fn fgetxattr(c: Asking<'_>, a: fop::Fgetxattr) -> FopResult<fop::Xattrs> {
    let (gfid, fd) = c.fd(&a.fd, Fallback::None).await?;
    let namelen = u32::from(!a.name.is_empty());
    let request = FgetxattrReq { gfid, fd, namelen, name: a.name, xdata: a.xdata };
    Ok(xattrs(c.ask(Proc::Fgetxattr, request).await?))
}

pub(crate) async fn removexattr(c: Asking<'_>, a: fop::Removexattr) -> FopResult<fop::Done> {
    let request = RemovexattrReq { gfid: object(&a.loc)?, name: a.name, xdata: a.xdata };
    Ok(done(c.ask(Proc::Removexattr, request).await?))
}

pub(crate) async fn fremovexattr(c: Asking<'_>, a: fop::Fremovexattr) -> FopResult<fop::Done> {
    let (gfid, fd) = c.fd(&a.fd, Fallback::None).await?;
    let request = FremovexattrReq { gfid, fd, name: a.name, xdata: a.xdata };
    Ok(done(c.ask(Proc::Fremovexattr, request).await?))
}

pub(crate) async fn xattrop(c: Asking<'_>, a: fop::Xattrop) -> FopResult<fop::Xattrs> {
    let request = XattropReq { gfid: object(&a.loc)?, flags: a.op, dict: a.xattrs, xdata: a.xdata };
    Ok(xattrs(c.ask(Proc::Xattrop, request).await?))
}

pub(crate) async fn fxattrop(c: Asking<'_>, a: fop::Fxattrop) -> FopResult<fop::Xattrs> {
    let (gfid, fd) = c.fd(&a.fd, Fallback::Anonymous).await?;
    let request = FxattropReq { gfid, fd, flags: a.op, dict: a.xattrs, xdata: a.xdata };
    Ok(xattrs(c.ask(Proc::Fxattrop, request).await?))
}

fn flags(flags: i32) -> Result<u32, Errno> {
    u32::try_from(flags).map_err(|_| Errno::EINVAL)
}

fn xattrs(told: DictRsp) -> fop::Xattrs {
    fop::Xattrs { xattrs: told.dict, xdata: told.xdata }
}
