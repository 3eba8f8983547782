//! Procedures on the attributes of an inode.

use gluster_xdr::fop::*;
use plugin_api::{Errno, fop};

use super::procedure::{plain_answers, procedures};
use crate::resolve::READ_WRITE;

procedures! {
    /// Attributes by gfid.
    Stat(r: StatReq, c) -> IattRsp, stat {
        fop::Stat { loc: c.loc(r.gfid).await?, xdata: r.xdata }
    }

    /// Attributes of an open file.
    Fstat(r: FstatReq, c) -> IattRsp, fstat {
        fop::Fstat { fd: c.fd(r.fd, r.gfid, READ_WRITE).await?, xdata: r.xdata }
    }

    /// Sets attributes by gfid.
    Setattr(r: SetattrReq, c) -> PrePostRsp, setattr {
        fop::Setattr { loc: c.loc(r.gfid).await?, iatt: r.stbuf, valid: bits(r.valid), xdata: r.xdata }
    }

    /// Sets attributes of an open file.
    Fsetattr(r: FsetattrReq, c) -> PrePostRsp, fsetattr {
        let fd = c.fd(r.fd, r.gfid, READ_WRITE).await?;
        fop::Fsetattr { fd, iatt: r.stbuf, valid: bits(r.valid), xdata: r.xdata }
    }

    /// Whether the caller may.
    Access(r: AccessReq, c) -> CommonRsp, access {
        let mask = i32::try_from(r.mask).map_err(|_| Errno::EINVAL)?;
        fop::Access { loc: c.loc(r.gfid).await?, mask, xdata: r.xdata }
    }

    /// Where a symbolic link points.
    Readlink(r: ReadlinkReq, c) -> ReadlinkRsp, readlink {
        let size = usize::try_from(r.size).unwrap_or(usize::MAX).min(MAX_NAME);
        fop::Readlink { loc: c.loc(r.gfid).await?, size, xdata: r.xdata }
    }

    /// Free and used space.
    Statfs(r: StatfsReq, c) -> StatfsRsp, statfs {
        fop::Statfs { loc: c.loc(r.gfid).await?, xdata: r.xdata }
    }

    /// Cuts or extends a file by gfid.
    Truncate(r: TruncateReq, c) -> PrePostRsp, truncate {
        fop::Truncate { loc: c.loc(r.gfid).await?, offset: r.offset, xdata: r.xdata }
    }

    /// A message to a translator.
    Ipc(r: IpcReq, _c) -> CommonRsp, ipc {
        fop::Ipc { op: r.op, xdata: r.xdata }
    }
}

/// A mask that travels as a signed number; -1 means all.
fn bits(mask: i32) -> u32 {
    u32::from_ne_bytes(mask.to_ne_bytes())
}

plain_answers! {
    fop::Attr => IattRsp |a, c| { xdata: a.xdata, stat: c.session.show(a.iatt) }
    fop::PrePost => PrePostRsp |a, c| {
        xdata: a.xdata, pre: c.session.show(a.pre), post: c.session.show(a.post),
    }
    fop::Done => CommonRsp |a, _c| { xdata: a.xdata }
    fop::SpaceReply => StatfsRsp |a, _c| { xdata: a.xdata, statfs: a.space }
    fop::Target => ReadlinkRsp |a, c| {
        op_ret: i32::try_from(a.path.len()).unwrap_or(i32::MAX),
        xdata: a.xdata,
        stat: c.session.show(a.iatt),
        path: a.path,
    }
}
