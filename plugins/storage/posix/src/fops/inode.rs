//! Fops on attributes.

use plugin_api::fop::{
    Access, Attr, Done, Fsetattr, Fstat, PrePost, Readlink, Setattr, Space, SpaceReply, Stat, Statfs, Target,
    Truncate,
};
use plugin_api::{Dict, IoBuf};
use rustix::io::Errno;

use super::{Answer, Call, changed, gone};
use crate::ask::Ask;
use crate::stat::{S_IFREG, kind};

pub(crate) fn stat(call: &Call<'_>, args: &Stat) -> Answer<Attr> {
    let found = call.find(&args.loc)?;
    let iatt = call.brick.show_found(&found);
    Ok(Attr { iatt, xdata: call.brick.answer(&Ask::of(&args.xdata), &found, call.caller.pid) })
}

pub(crate) fn fstat(call: &Call<'_>, args: &Fstat) -> Answer<Attr> {
    let open = call.open(&args.fd, 0)?;
    let found = open.found(call.brick)?;
    let iatt = call.brick.show_found(&found);
    let mut ask = Ask::of(&args.xdata);
    ask.forget_content();
    Ok(Attr { iatt, xdata: call.brick.answer(&ask, &found, call.caller.pid) })
}

pub(crate) fn setattr(call: &Call<'_>, args: &Setattr) -> Answer<PrePost> {
    let mut found = call.find(&args.loc)?;
    let change = call.brick.set_attributes(&call.caller, &mut found, &args.iatt, args.valid)?;
    let xdata = call.brick.answer(&Ask::of(&args.xdata), &found, call.caller.pid);
    Ok(PrePost { xdata, ..changed(change) })
}

pub(crate) fn fsetattr(call: &Call<'_>, args: &Fsetattr) -> Answer<PrePost> {
    let open = call.open(&args.fd, 0)?;
    let mut found = open.found(call.brick)?;
    let change = call.brick.set_attributes(&call.caller, &mut found, &args.iatt, args.valid)?;
    let mut ask = Ask::of(&args.xdata);
    ask.forget_content();
    Ok(PrePost { xdata: call.brick.answer(&ask, &found, call.caller.pid), ..changed(change) })
}

/// As access(2) for root: what is there may be read and written, and run when anybody may.
pub(crate) fn access(call: &Call<'_>, args: &Access) -> Answer<Done> {
    let found = call.find(&args.loc)?;
    let runs = args.mask & 1 != 0;
    if runs && kind(&found.st) == S_IFREG && u32::from(found.st.stx_mode) & 0o111 == 0 {
        return Err(Errno::ACCESS.into());
    }
    Ok(Done::default())
}

pub(crate) fn readlink(call: &Call<'_>, args: &Readlink) -> Answer<Target> {
    let (target, found) = call.brick.read_link(call.target(&args.loc)?, args.size).map_err(gone)?;
    call.brick.touch(&found.inode, &found.place, &call.caller);
    Ok(Target { path: IoBuf::from(target), iatt: call.brick.show_found(&found), xdata: Dict::new() })
}

pub(crate) fn statfs(call: &Call<'_>, _args: &Statfs) -> Answer<SpaceReply> {
    let vfs = call.brick.statfs()?;
    let space = Space {
        bsize: vfs.f_bsize,
        frsize: vfs.f_frsize,
        blocks: vfs.f_blocks,
        bfree: vfs.f_bfree,
        bavail: vfs.f_bavail,
        files: vfs.f_files,
        ffree: vfs.f_ffree,
        favail: vfs.f_favail,
        fsid: vfs.f_fsid,
        flag: vfs.f_flag.bits(),
        namemax: vfs.f_namemax,
    };
    Ok(SpaceReply { space, xdata: Dict::new() })
}

pub(crate) fn truncate(call: &Call<'_>, args: &Truncate) -> Answer<PrePost> {
    let file = call.brick.anonymous_file(call.target(&args.loc)?, false).map_err(gone)?;
    Ok(changed(call.brick.truncate(&call.caller, &file, args.offset)?))
}
