//! Procedures on names.

use gluster_xdr::fop::*;
use plugin_api::fop::{self, FopError, FopResult};
use plugin_api::{Errno, Fd, Payload};

use super::procedure::{Answer, plain_answers, procedures};
use crate::names;
use crate::resolve::{Caller, open_flags};

procedures! {
    /// By name in a directory, or by gfid; libgfapi calls a directory itself `.` there.
    Lookup(r: LookupReq, c) -> LookupRsp, lookup {
        let itself = r.bname[..] == *b".";
        let loc = if r.bname.is_empty() || itself {
            let gfid = c.session.meant(if itself { r.pargfid } else { r.gfid });
            if gfid.is_null() {
                return Err(Errno::EINVAL);
            }
            let inode = c.inodes().find(gfid).unwrap_or_else(|| c.fresh_inode(gfid));
            plugin_api::Loc::of(inode)
        } else {
            c.new_entry(r.pargfid, r.bname).await?
        };
        fop::Lookup { loc, xdata: r.xdata }
    }

    /// Files of any kind but directories.
    Mknod(r: MknodReq, c) -> MadeRsp, mknod {
        let loc = c.new_entry(r.pargfid, r.bname).await?;
        fop::Mknod { loc, mode: r.mode, rdev: r.dev, umask: r.umask, xdata: r.xdata }
    }

    /// Directories.
    Mkdir(r: MkdirReq, c) -> MadeRsp, mkdir {
        let loc = c.new_entry(r.pargfid, r.bname).await?;
        fop::Mkdir { loc, mode: r.mode, umask: r.umask, xdata: r.xdata }
    }

    /// Takes a name of a file away.
    Unlink(r: UnlinkReq, c) -> PrePostRsp, unlink {
        let loc = c.old_entry(r.pargfid, r.bname).await?;
        fop::Unlink { loc, flags: r.xflags, xdata: r.xdata }
    }

    /// Takes a directory away.
    Rmdir(r: RmdirReq, c) -> PrePostRsp, rmdir {
        let loc = c.old_entry(r.pargfid, r.bname).await?;
        fop::Rmdir { loc, flags: r.xflags, xdata: r.xdata }
    }

    /// Symbolic links.
    Symlink(r: SymlinkReq, c) -> MadeRsp, symlink {
        names::check_text(&r.linkname)?;
        let loc = c.new_entry(r.pargfid, r.bname).await?;
        fop::Symlink { target: r.linkname, loc, umask: r.umask, xdata: r.xdata }
    }

    /// Moves a name.
    Rename(r: RenameReq, c) -> RenameRsp, rename {
        let old = c.old_entry(r.oldgfid, r.oldbname).await?;
        let new = c.target_entry(r.newgfid, r.newbname).await?;
        fop::Rename { old, new, xdata: r.xdata }
    }

    /// Gives a file one more name.
    Link(r: LinkReq, c) -> MadeRsp, link {
        let old = c.loc(r.oldgfid).await?;
        let mut new = c.entry(r.newgfid, r.newbname).await?;
        (new.inode, new.gfid) = (old.inode.clone(), old.gfid);
        fop::Link { old, new, xdata: r.xdata }
    }

    /// Makes and opens a file.
    Create(r: CreateReq, c) -> CreateRsp, create {
        let loc = c.new_entry(r.pargfid, r.bname).await?;
        let flags = open_flags(r.flags);
        let inode = loc.inode.clone().into_option().expect("a new entry has one");
        let fd = Fd::new(inode, flags, c.frame.identity().pid);
        fop::Create { loc, flags, mode: r.mode, umask: r.umask, fd, xdata: r.xdata }
    }

    /// Makes an inode without a name.
    Icreate(r: IcreateReq, c) -> IattRsp, icreate {
        let inode = c.fresh_inode(c.session.meant(r.gfid));
        fop::Icreate { loc: plugin_api::Loc::of(inode), mode: r.mode, xdata: r.xdata }
    }

    /// Gives an inode without a name one.
    Namelink(r: NamelinkReq, c) -> PrePostRsp, namelink {
        fop::Namelink { loc: c.entry(r.pargfid, r.bname).await?, xdata: r.xdata }
    }
}

impl Answer<LookupRsp> for fop::Looked {
    async fn encode(self, c: &mut Caller) -> FopResult<(LookupRsp, Payload)> {
        c.link(&self.iatt);
        let (stat, post_parent) = (c.session.show(self.iatt), c.session.show(self.post_parent));
        Ok((LookupRsp { xdata: self.xdata, stat, post_parent, ..LookupRsp::default() }, Payload::default()))
    }
}

impl Answer<MadeRsp> for fop::Made {
    async fn encode(self, c: &mut Caller) -> FopResult<(MadeRsp, Payload)> {
        c.link(&self.iatt);
        let response = MadeRsp {
            xdata: self.xdata,
            stat: c.session.show(self.iatt),
            pre_parent: c.session.show(self.pre_parent),
            post_parent: c.session.show(self.post_parent),
            ..MadeRsp::default()
        };
        Ok((response, Payload::default()))
    }
}

impl Answer<CreateRsp> for fop::Created {
    async fn encode(self, c: &mut Caller) -> FopResult<(CreateRsp, Payload)> {
        let fd = on_the_one_inode(c, &self).await?;
        let number = c.session.fds.insert(fd)?;
        let response = CreateRsp {
            xdata: self.xdata,
            stat: c.session.show(self.iatt),
            fd: u64::try_from(number).map_err(|_| Errno::EMFILE)?,
            pre_parent: c.session.show(self.pre_parent),
            post_parent: c.session.show(self.post_parent),
            ..CreateRsp::default()
        };
        Ok((response, Payload::default()))
    }
}

/// The descriptor of what was created. Where the file existed and is known, that is one of the inode that everybody
/// else uses: its locks live there.
async fn on_the_one_inode(c: &Caller, created: &fop::Created) -> Result<Fd, FopError> {
    const TRUNCATES: i32 = 0o1000;
    const MAKES: i32 = 0o300;
    let Some(inode) = c.link(&created.iatt).filter(|inode| inode != created.fd.inode()) else {
        return Ok(created.fd.clone());
    };
    let flags = created.fd.flags() & !(MAKES | TRUNCATES);
    let fd = Fd::new(inode.clone(), flags, created.fd.pid());
    let args = fop::Open { loc: plugin_api::Loc::of(inode), flags, fd, xdata: plugin_api::Dict::new() };
    Ok(c.brick().open(args).await?.fd)
}

impl Answer<PrePostRsp> for fop::Removed {
    async fn encode(self, c: &mut Caller) -> FopResult<(PrePostRsp, Payload)> {
        let (pre, post) = (c.session.show(self.pre_parent), c.session.show(self.post_parent));
        let xdata = c.forget_gone(self.xdata);
        Ok((PrePostRsp { xdata, pre, post, ..PrePostRsp::default() }, Payload::default()))
    }
}

plain_answers! {
    fop::Renamed => RenameRsp |a, c| {
        xdata: c.forget_gone(a.xdata),
        stat: c.session.show(a.iatt),
        pre_old_parent: c.session.show(a.pre_old_parent),
        post_old_parent: c.session.show(a.post_old_parent),
        pre_new_parent: c.session.show(a.pre_new_parent),
        post_new_parent: c.session.show(a.post_new_parent),
    }
}
