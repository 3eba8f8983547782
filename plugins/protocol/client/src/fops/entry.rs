//! Fops on names.

use gluster_xdr::fop::*;
use plugin_api::fop::{self, FopResult};
use plugin_api::{Errno, Gfid};

use super::{attr, made, pre_post};
use crate::answer::same_object;
use crate::asking::{Asking, entry, object};
use crate::fds::{self, wire_flags};

pub(crate) async fn lookup(c: Asking<'_>, a: fop::Lookup) -> FopResult<fop::Looked> {
    // By name the gfid does not count, and by gfid the directory.
    let (gfid, pargfid, bname) = if a.loc.name.is_empty() || a.loc.directory().is_null() {
        (object(&a.loc)?, Gfid::NULL, plugin_api::IoBuf::new())
    } else {
        (Gfid::NULL, a.loc.directory(), a.loc.name.clone())
    };
    let request = LookupReq { gfid, pargfid, flags: 0, bname, xdata: a.xdata };
    let told: LookupRsp = c.ask(Proc::Lookup, request).await?;
    same_object(&a.loc, told.stat.gfid, &told.xdata)?;
    Ok(fop::Looked { iatt: told.stat, post_parent: told.post_parent, xdata: told.xdata })
}

pub(crate) async fn mknod(c: Asking<'_>, a: fop::Mknod) -> FopResult<fop::Made> {
    let (pargfid, bname) = entry(&a.loc)?;
    let request = MknodReq { pargfid, dev: a.rdev, mode: a.mode, umask: a.umask, bname, xdata: a.xdata };
    Ok(made(c.ask(Proc::Mknod, request).await?))
}

pub(crate) async fn mkdir(c: Asking<'_>, a: fop::Mkdir) -> FopResult<fop::Made> {
    let (pargfid, bname) = entry(&a.loc)?;
    let request = MkdirReq { pargfid, mode: a.mode, umask: a.umask, bname, xdata: a.xdata };
    Ok(made(c.ask(Proc::Mkdir, request).await?))
}

pub(crate) async fn symlink(c: Asking<'_>, a: fop::Symlink) -> FopResult<fop::Made> {
    let (pargfid, bname) = entry(&a.loc)?;
    let request = SymlinkReq { pargfid, bname, umask: a.umask, linkname: a.target, xdata: a.xdata };
    Ok(made(c.ask(Proc::Symlink, request).await?))
}

pub(crate) async fn link(c: Asking<'_>, a: fop::Link) -> FopResult<fop::Made> {
    let (newgfid, newbname) = entry(&a.new)?;
    let request = LinkReq { oldgfid: object(&a.old)?, newgfid, newbname, xdata: a.xdata };
    Ok(made(c.ask(Proc::Link, request).await?))
}

pub(crate) async fn create(c: Asking<'_>, a: fop::Create) -> FopResult<fop::Created> {
    let (pargfid, bname) = entry(&a.loc)?;
    let flags = c.flags(wire_flags(a.flags));
    let request = CreateReq { pargfid, flags, mode: a.mode, umask: a.umask, bname, xdata: a.xdata };
    let told: CreateRsp = c.ask(Proc::Create, request).await?;
    let number = i64::try_from(told.fd).map_err(|_| Errno::EINVAL)?;
    fds::opened(&c, &a.fd, told.stat.gfid, number, false);
    Ok(fop::Created {
        fd: a.fd,
        iatt: told.stat,
        pre_parent: told.pre_parent,
        post_parent: told.post_parent,
        xdata: told.xdata,
    })
}

pub(crate) async fn unlink(c: Asking<'_>, a: fop::Unlink) -> FopResult<fop::Removed> {
    let (pargfid, bname) = entry(&a.loc)?;
    let request = UnlinkReq { pargfid, bname, xflags: a.flags, xdata: a.xdata };
    Ok(removed(c.ask(Proc::Unlink, request).await?))
}

pub(crate) async fn rmdir(c: Asking<'_>, a: fop::Rmdir) -> FopResult<fop::Removed> {
    let (pargfid, bname) = entry(&a.loc)?;
    let request = RmdirReq { pargfid, xflags: a.flags, bname, xdata: a.xdata };
    Ok(removed(c.ask(Proc::Rmdir, request).await?))
}

pub(crate) async fn rename(c: Asking<'_>, a: fop::Rename) -> FopResult<fop::Renamed> {
    let (oldgfid, oldbname) = entry(&a.old)?;
    let (newgfid, newbname) = entry(&a.new)?;
    let request = RenameReq { oldgfid, newgfid, oldbname, newbname, xdata: a.xdata };
    let told: RenameRsp = c.ask(Proc::Rename, request).await?;
    Ok(fop::Renamed {
        iatt: told.stat,
        pre_old_parent: told.pre_old_parent,
        post_old_parent: told.post_old_parent,
        pre_new_parent: told.pre_new_parent,
        post_new_parent: told.post_new_parent,
        xdata: told.xdata,
    })
}

pub(crate) async fn icreate(c: Asking<'_>, a: fop::Icreate) -> FopResult<fop::Attr> {
    let request = IcreateReq { gfid: object(&a.loc)?, mode: a.mode, xdata: a.xdata };
    Ok(attr(c.ask(Proc::Icreate, request).await?))
}

pub(crate) async fn namelink(c: Asking<'_>, a: fop::Namelink) -> FopResult<fop::PrePost> {
    let (pargfid, bname) = entry(&a.loc)?;
    let request = NamelinkReq { pargfid, bname, xdata: a.xdata };
    Ok(pre_post(c.ask(Proc::Namelink, request).await?))
}

fn removed(told: PrePostRsp) -> fop::Removed {
    fop::Removed { pre_parent: told.pre, post_parent: told.post, xdata: told.xdata }
}
