//! Requests on attributes.

use plugin_api::fop::{self, FopError, Space, set_attr};
use plugin_api::{Dict, Errno, Iatt, IoBuf, Loc, OwnedFrame, Payload};

use crate::fs::{Answer, Call, stale};
use crate::wire::reply::Reply;
use crate::wire::request::Fields;
use crate::wire::{GETATTR_FH, ROOT, fattr};

/// The longest target of a symbolic link, bytes.
const LONGEST_TARGET: usize = 4096;

/// Attributes. The root is looked up instead, by which translators below keep it in order.
pub(crate) async fn getattr(call: Call) -> Answer {
    let mut fields = Fields::of(&call.body);
    let (flags, _, handle) = (fields.u32()?, fields.u32()?, fields.u64()?);
    if call.header.node == ROOT {
        return call.attributes(&call.fs.look_up_root().await?);
    }
    let frame = call.frame()?;
    let xdata = Dict::new();
    let open = if flags & GETATTR_FH == 0 { None } else { call.fs.files.find(handle).ok() };
    let found = match open {
        Some(fd) => frame.child().fstat(fop::Fstat { fd, xdata }).await,
        None => {
            let loc = call.loc(&frame).await?;
            let inode = loc.inode.clone().into_option();
            match frame.child().stat(fop::Stat { loc, xdata: Dict::new() }).await {
                // Without a name it is there as long as somebody has it open.
                Err(e) if matches!(e.errno, Errno::ENOENT | Errno::ESTALE) => {
                    let fd = inode.and_then(|inode| call.fs.files.of(&inode)).ok_or(e)?;
                    frame.child().fstat(fop::Fstat { fd, xdata }).await
                }
                found => found,
            }
        }
    };
    call.attributes(&found.map_err(stale)?.iatt)
}

/// Changes attributes, and then the size.
pub(crate) async fn setattr(call: Call) -> Answer {
    let mut fields = Fields::of(&call.body);
    let (given, _, handle, size) = (fields.u32()?, fields.u32()?, fields.u64()?, fields.u64()?);
    fields.skip(8)?;
    let mut times = || fields.u64().map(|seconds| i64::from_ne_bytes(seconds.to_ne_bytes()));
    let (atime, mtime, ctime) = (times()?, times()?, times()?);
    let (atime_nsec, mtime_nsec, ctime_nsec) = (fields.u32()?, fields.u32()?, fields.u32()?);
    let mode = fields.u32()?;
    fields.skip(4)?;
    let (uid, gid) = (fields.u32()?, fields.u32()?);
    let iatt = Iatt {
        mode,
        uid,
        gid,
        size,
        atime,
        mtime,
        ctime,
        atime_nsec,
        mtime_nsec,
        ctime_nsec,
        ..Iatt::default()
    };
    let frame = call.frame()?;
    let open = if given & fattr::FH == 0 { None } else { call.fs.files.find(handle).ok() };
    let valid = valid(given);
    let mut shown = None;
    // A truncation by itself sets the times that the kernel names along with it.
    let only_size = given & fattr::SIZE != 0
        && given & (fattr::MODE | fattr::UID | fattr::GID | fattr::ATIME) == 0
        && (given & fattr::MTIME == 0 || given & fattr::MTIME_NOW != 0);
    if valid != 0 && !only_size {
        let xdata = Dict::new();
        let set = match &open {
            Some(fd) if given & (fattr::ATIME | fattr::MTIME) == 0 => {
                let fd = fd.clone();
                frame.child().fsetattr(fop::Fsetattr { fd, iatt, valid, xdata }).await
            }
            _ => {
                let loc = call.loc(&frame).await?;
                frame.child().setattr(fop::Setattr { loc, iatt, valid, xdata }).await
            }
        };
        shown = Some(set.map_err(stale)?.post);
    }
    if given & fattr::SIZE != 0 {
        let (offset, xdata) = (size, Dict::new());
        let cut = match open {
            Some(fd) => frame.child().ftruncate(fop::Ftruncate { fd, offset, xdata }).await,
            None => {
                let loc = call.loc(&frame).await?;
                frame.child().truncate(fop::Truncate { loc, offset, xdata }).await
            }
        };
        let mut post = cut.map_err(stale)?.post;
        if given & fattr::KILL_SUIDGID != 0 {
            post = call.without_privileges(&frame, post).await?;
        }
        shown = Some(post);
    }
    match shown {
        Some(post) => call.attributes(&post),
        None => {
            let loc = call.loc(&frame).await?;
            call.attributes(
                &frame.child().stat(fop::Stat { loc, xdata: Dict::new() }).await.map_err(stale)?.iatt,
            )
        }
    }
}

fn valid(given: u32) -> u32 {
    let pairs = [
        (fattr::MODE, set_attr::MODE),
        (fattr::UID, set_attr::UID),
        (fattr::GID, set_attr::GID),
        (fattr::ATIME, set_attr::ATIME),
        (fattr::MTIME, set_attr::MTIME),
        (fattr::CTIME, set_attr::CTIME),
    ];
    let valid = pairs.iter().filter(|(bit, _)| given & bit != 0).fold(0, |valid, (_, bit)| valid | bit);
    let now = |bit: u32, plain: u32, now: u32, valid: u32| {
        if given & bit == 0 { valid } else { valid & !plain | now }
    };
    let valid = now(fattr::ATIME_NOW, set_attr::ATIME, set_attr::ATIME | set_attr::ATIME_NOW, valid);
    now(fattr::MTIME_NOW, set_attr::MTIME, set_attr::MTIME | set_attr::MTIME_NOW, valid)
}

impl Call {
    /// Takes set-user-ID and set-group-ID away after somebody without the privilege has changed the content: the kernel
    /// leaves that to us, and so need not ask for capabilities before every write.
    pub(crate) async fn without_privileges(&self, frame: &OwnedFrame, iatt: Iatt) -> Result<Iatt, FopError> {
        let runs_as_group = iatt.mode & (libc::S_ISGID | libc::S_IXGRP) == libc::S_ISGID | libc::S_IXGRP;
        let privileges = libc::S_ISUID | if runs_as_group { libc::S_ISGID } else { 0 };
        if iatt.mode & privileges == 0 || iatt.is_dir() {
            return Ok(iatt);
        }
        let mut identity = frame.identity().clone();
        identity.uid = 0;
        let frame = self.fs.frame(identity)?;
        let stripped = Iatt { mode: iatt.mode & !privileges, ..Iatt::default() };
        let loc = self.loc(&frame).await?;
        let args = fop::Setattr { loc, iatt: stripped, valid: set_attr::MODE, xdata: Dict::new() };
        Ok(frame.child().setattr(args).await?.post)
    }
}

/// Where a symbolic link points.
pub(crate) async fn readlink(call: Call) -> Answer {
    let frame = call.frame()?;
    let loc = call.loc(&frame).await?;
    let args = fop::Readlink { loc, size: LONGEST_TARGET, xdata: Dict::new() };
    Ok(Reply::Data(Payload::from(frame.child().readlink(args).await?.path)))
}

/// Whether the caller may do something.
pub(crate) async fn access(call: Call) -> Answer {
    let mask = Fields::of(&call.body).i32()?;
    let frame = call.frame()?;
    let loc = call.loc(&frame).await?;
    frame.child().access(fop::Access { loc, mask, xdata: Dict::new() }).await?;
    Ok(Reply::done())
}

/// Space.
pub(crate) async fn statfs(call: Call) -> Answer {
    let frame = call.frame()?;
    let loc = match call.header.node {
        // The kernel may ask about no node at all.
        0 => Loc::of(call.fs.nodes.root().clone()),
        _ => call.loc(&frame).await?,
    };
    let space: Space = frame.child().statfs(fop::Statfs { loc, xdata: Dict::new() }).await?.space;
    Ok(Reply::space(&space))
}

/// The kernel has forgotten a node.
pub(crate) fn forget(call: &Call) -> Result<(), Errno> {
    let times = Fields::of(&call.body).u64()?;
    call.fs.nodes.forget(call.header.node, times);
    Ok(())
}

/// It has forgotten several.
pub(crate) fn batch_forget(call: &Call) -> Result<(), Errno> {
    let body: &IoBuf = &call.body;
    let mut fields = Fields::of(body);
    let (count, _) = (fields.u32()?, fields.u32()?);
    for _ in 0..count {
        let (node, times) = (fields.u64()?, fields.u64()?);
        call.fs.nodes.forget(node, times);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_attribute_is_set_by_its_own_bit_and_now_goes_with_the_time() {
        assert_eq!(valid(fattr::MODE | fattr::SIZE | fattr::FH), set_attr::MODE);
        assert_eq!(valid(fattr::UID | fattr::GID), set_attr::UID | set_attr::GID);
        assert_eq!(valid(fattr::ATIME | fattr::ATIME_NOW), set_attr::ATIME | set_attr::ATIME_NOW);
        assert_eq!(valid(fattr::MTIME), set_attr::MTIME);
    }
}
