//! Requests on names.

use plugin_api::fop::{self, FopError};
use plugin_api::{Dict, Errno, Fd, FileType, Gfid, Iatt, Inode, IoBuf, Loc, OwnedFrame};

use super::data::open_flags;
use crate::fs::{Answer, Call, stale};
use crate::wire::reply::{self, Reply};
use crate::wire::request::{Fields, name, text};

impl Call {
    /// A name in the directory that the request is about.
    async fn at(&self, frame: &OwnedFrame, name: IoBuf) -> Result<Loc, FopError> {
        Ok(Loc::entry(self.inode(frame).await?, name))
    }

    /// A name that is to be found or made, with an inode that stands for it until the answer says what it is.
    async fn new_at(&self, frame: &OwnedFrame, name: IoBuf) -> Result<(Loc, Inode), FopError> {
        let mut loc = self.at(frame, name).await?;
        let fresh = Inode::new(Gfid::NULL, FileType::Invalid);
        loc.inode = Some(fresh.clone()).into();
        Ok((loc, fresh))
    }

    /// Extras of what makes a file: its id, and where ACLs are kept below, what they need to know.
    fn making(&self, mode: u32, umask: u32) -> Dict {
        let xdata = Dict::new().with("gfid-req", self.fs.new_gfid());
        match self.fs.settings.acl {
            true => xdata.with("umask", i64::from(umask)).with("mode", i64::from(mode)),
            false => xdata,
        }
    }

    /// The mode that a file is made with: where ACLs are kept below, they may take the umask's place.
    fn mode(&self, mode: u32, umask: u32) -> u32 {
        if self.fs.settings.acl { mode } else { mode & !(umask & 0o777) }
    }
}

/// Finds a name.
pub(crate) async fn lookup(call: Call) -> Answer {
    let (name, _) = name(&call.body, 0)?;
    let frame = call.frame()?;
    let (loc, fresh) = call.new_at(&frame, name).await?;
    let xdata = Dict::new().with("gfid-req", call.fs.new_gfid());
    match frame.child().lookup(fop::Lookup { loc, xdata }).await {
        Ok(found) => call.entry(Some(&fresh), &found.iatt),
        Err(error) if error.errno == Errno::ENOENT => match call.absence() {
            Some(timeout) => {
                let look = reply::Look { names: timeout, ..call.fs.look() };
                Ok(Reply::entry(0, 0, &Iatt::default(), look))
            }
            None => Err(error),
        },
        Err(error) => Err(error),
    }
}

/// Makes a file of any kind but a directory.
pub(crate) async fn mknod(call: Call) -> Answer {
    let mut fields = Fields::of(&call.body);
    let (mode, rdev, umask) = (fields.u32()?, fields.u32()?, fields.u32()?);
    let (name, _) = name(&call.body, 16)?;
    let frame = call.frame()?;
    let (loc, fresh) = call.new_at(&frame, name).await?;
    let (rdev, xdata) = (reply::fop_rdev(rdev), call.making(mode, umask));
    let args = fop::Mknod { loc, mode: call.mode(mode, umask), rdev, umask, xdata };
    let made = frame.child().mknod(args).await.map_err(stale)?;
    call.entry(Some(&fresh), &made.iatt)
}

/// Makes a directory.
pub(crate) async fn mkdir(call: Call) -> Answer {
    let mut fields = Fields::of(&call.body);
    let (mode, umask) = (fields.u32()?, fields.u32()?);
    let (name, _) = name(&call.body, 8)?;
    let frame = call.frame()?;
    let (loc, fresh) = call.new_at(&frame, name).await?;
    let xdata = call.making(mode, umask);
    let args = fop::Mkdir { loc, mode: call.mode(mode, umask), umask, xdata };
    let made = frame.child().mkdir(args).await.map_err(stale)?;
    call.entry(Some(&fresh), &made.iatt)
}

/// Makes a symbolic link.
pub(crate) async fn symlink(call: Call) -> Answer {
    let (name, next) = name(&call.body, 0)?;
    let (target, _) = text(&call.body, next)?;
    let frame = call.frame()?;
    let (loc, fresh) = call.new_at(&frame, name).await?;
    let xdata = call.making(0o777, 0);
    let made = frame.child().symlink(fop::Symlink { target, loc, umask: 0, xdata }).await.map_err(stale)?;
    call.entry(Some(&fresh), &made.iatt)
}

/// Gives a file one more name.
pub(crate) async fn link(call: Call) -> Answer {
    let old = Fields::of(&call.body).u64()?;
    let (name, _) = name(&call.body, 8)?;
    let frame = call.frame()?;
    let old = Loc::of(call.inode_of(&frame, old).await?);
    let mut new = call.at(&frame, name).await?;
    (new.inode, new.gfid) = (old.inode.clone(), old.gfid);
    let made = frame.child().link(fop::Link { old, new, xdata: Dict::new() }).await.map_err(stale)?;
    call.entry(None, &made.iatt)
}

/// Makes and opens a file.
pub(crate) async fn create(call: Call) -> Answer {
    let mut fields = Fields::of(&call.body);
    let (flags, mode, umask) = (fields.i32()?, fields.u32()?, fields.u32()?);
    let (name, _) = name(&call.body, 16)?;
    let frame = call.frame()?;
    let (loc, fresh) = call.new_at(&frame, name).await?;
    let flags = open_flags(flags, call.fs.settings.writeback);
    let fd = Fd::new(fresh.clone(), flags, call.pid());
    let xdata = call.making(mode, umask);
    let args = fop::Create { loc, flags, mode: call.mode(mode, umask), umask, fd, xdata };
    let created = frame.child().create(args).await.map_err(stale)?;
    let node = call.tell(Some(&fresh), &created.iatt)?;
    let fd = match on_the_one_inode(&frame, created.fd, &node.inode).await {
        Ok(fd) => fd,
        Err(error) => {
            call.fs.nodes.forget(node.number, 1);
            return Err(error);
        }
    };
    let mut fields = reply::Fields::new(144);
    fields.entry(node.number, node.generation, &call.shown(&created.iatt), call.fs.look());
    fields.opened(call.fs.files.add(fd), call.fs.open_answer());
    Ok(Reply::Fields(fields))
}

/// The descriptor of what was created. Where the file existed and is known, that is one of the inode that everybody
/// else uses: its locks live there.
async fn on_the_one_inode(frame: &OwnedFrame, fd: Fd, inode: &Inode) -> Result<Fd, FopError> {
    if fd.inode() == inode {
        return Ok(fd);
    }
    let flags = fd.flags() & !(libc::O_CREAT | libc::O_EXCL | libc::O_TRUNC);
    let fd = Fd::new(inode.clone(), flags, fd.pid());
    let args = fop::Open { loc: Loc::of(inode.clone()), flags, fd, xdata: Dict::new() };
    Ok(frame.child().open(args).await?.fd)
}

/// Removes a name of a file.
pub(crate) async fn unlink(call: Call) -> Answer {
    let (name, _) = name(&call.body, 0)?;
    let frame = call.frame()?;
    let loc = call.at(&frame, name).await?;
    frame.child().unlink(fop::Unlink { loc, flags: 0, xdata: Dict::new() }).await?;
    Ok(Reply::done())
}

/// Removes a directory.
pub(crate) async fn rmdir(call: Call) -> Answer {
    let (name, _) = name(&call.body, 0)?;
    let frame = call.frame()?;
    let loc = call.at(&frame, name).await?;
    frame.child().rmdir(fop::Rmdir { loc, flags: 0, xdata: Dict::new() }).await?;
    Ok(Reply::done())
}

/// Moves a name.
pub(crate) async fn rename(call: Call) -> Answer {
    let folder = Fields::of(&call.body).u64()?;
    let (from, next) = name(&call.body, 8)?;
    let (to, _) = name(&call.body, next)?;
    let frame = call.frame()?;
    let old = call.at(&frame, from).await?;
    let new = Loc::entry(call.inode_of(&frame, folder).await?, to);
    frame.child().rename(fop::Rename { old, new, xdata: Dict::new() }).await?;
    Ok(Reply::done())
}
