//! Procedures on extended attributes.

use gluster_xdr::fop::*;
use plugin_api::{Dict, Errno, IoBuf, fop};

use super::procedure::{plain_answers, procedures};
use crate::names;
use crate::resolve::READ_WRITE;

procedures! {
    /// Sets xattrs by gfid.
    Setxattr(r: SetxattrReq, c) -> CommonRsp, setxattr {
        let flags = flags(r.flags)?;
        fop::Setxattr { loc: c.loc(r.gfid).await?, xattrs: r.dict, flags, xdata: r.xdata }
    }

    /// Sets xattrs of an open file.
    Fsetxattr(r: FsetxattrReq, c) -> CommonRsp, fsetxattr {
        let flags = flags(r.flags)?;
        let fd = c.fd(r.fd, r.gfid, READ_WRITE).await?;
        fop::Fsetxattr { fd, xattrs: r.dict, flags, xdata: r.xdata }
    }

    /// Reads xattrs by gfid.
    Getxattr(r: GetxattrReq, c) -> DictRsp, getxattr {
        let name = asked_for(r.namelen, r.name)?;
        c.tells_size = true;
        fop::Getxattr { loc: c.loc(r.gfid).await?, name, xdata: r.xdata }
    }

    /// Reads xattrs of an open file.
    Fgetxattr(r: FgetxattrReq, c) -> DictRsp, fgetxattr {
        let name = asked_for(r.namelen, r.name)?;
        c.tells_size = true;
        fop::Fgetxattr { fd: c.fd(r.fd, r.gfid, READ_WRITE).await?, name, xdata: r.xdata }
    }

    /// Removes an xattr by gfid.
    Removexattr(r: RemovexattrReq, c) -> CommonRsp, removexattr {
        names::check_text(&r.name)?;
        fop::Removexattr { loc: c.loc(r.gfid).await?, name: r.name, xdata: r.xdata }
    }

    /// Removes an xattr of an open file.
    Fremovexattr(r: FremovexattrReq, c) -> CommonRsp, fremovexattr {
        names::check_text(&r.name)?;
        fop::Fremovexattr { fd: c.fd(r.fd, r.gfid, READ_WRITE).await?, name: r.name, xdata: r.xdata }
    }

    /// Arithmetic on xattrs by gfid.
    Xattrop(r: XattropReq, c) -> DictRsp, xattrop {
        fop::Xattrop { loc: c.loc(r.gfid).await?, op: r.flags, xattrs: r.dict, xdata: r.xdata }
    }

    /// Arithmetic on xattrs of an open file.
    Fxattrop(r: FxattropReq, c) -> DictRsp, fxattrop {
        let fd = c.fd(r.fd, r.gfid, READ_WRITE).await?;
        fop::Fxattrop { fd, op: r.flags, xattrs: r.dict, xdata: r.xdata }
    }
}

fn flags(wire: u32) -> Result<i32, Errno> {
    i32::try_from(wire).map_err(|_| Errno::EINVAL)
}

/// The name of the xattr; empty for all.
fn asked_for(namelen: u32, name: IoBuf) -> Result<IoBuf, Errno> {
    names::check_text(&name)?;
    Ok(if namelen == 0 { IoBuf::new() } else { name })
}

/// What reading answers beside the values: the size of the last one. Disperse takes 0 for nothing read.
fn size_of(xattrs: &Dict) -> i32 {
    let last = xattrs.iter().next_back().and_then(|(_, value)| value.as_bytes()).map_or(0, <[u8]>::len);
    i32::try_from(last).unwrap_or(i32::MAX)
}

plain_answers! {
    fop::Xattrs => DictRsp |a, c| {
        op_ret: if c.tells_size { size_of(&a.xattrs) } else { 0 },
        xdata: a.xdata,
        dict: a.xattrs,
    }
}
