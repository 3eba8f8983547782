//! Requests on names.

use plugin_api::fop::{self, FopError};
use plugin_api::{Dict, Errno, Fd, FileType, Gfid, Iatt, Inode, IoBuf, Loc, OwnedFrame};

use super::data::open_flags;
use crate::fs::{Answer, Call, Place, stale};
use crate::wire::reply::{self, Reply};
use crate::wire::request::{Fields, name, text};

impl Call {
    /// A name in the directory that the request is about.
    async fn at(&self, frame: &OwnedFrame, name: IoBuf) -> Result<Loc, FopError> {
        Ok(Loc::entry(self.inode(frame).await?, name))
    }

    /// A name that is to be made, with an inode that stands for it until the answer says what it is.
    async fn new_at(&self, frame: &OwnedFrame, name: IoBuf) -> Result<(Loc, Inode), FopError> {
        let mut loc = self.at(frame, name).await?;
        let fresh = Inode::new(Gfid::NULL, FileType::Invalid);
        loc.inode = Some(fresh.clone()).into();
        Ok((loc, fresh))
    }

    /// The place with the inode that it led to last, when the kernel knows it still.
    fn known(&self, loc: &Loc) -> Option<Loc> {
        let inode = self.fs.nodes.named(loc.directory(), &loc.name)?;
        Some(Loc { gfid: inode.gfid(), inode: Some(inode).into(), ..loc.clone() })
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

impl Call {
    /// A name was removed, or not.
    fn gone(&self, loc: &Loc, removed: Result<(), FopError>) -> Answer {
        removed?;
        self.fs.nodes.unname(loc.directory(), &loc.name);
        Ok(Reply::done())
    }
}

fn place(loc: &Loc) -> Place {
    Place { parent: loc.directory(), name: loc.name.clone() }
}

/// Whether a name leads to another file by now, or to none.
fn is_another(error: &FopError) -> bool {
    matches!(error.errno, Errno::ESTALE | Errno::ENOENT)
}

/// Finds a name.
pub(crate) async fn lookup(call: Call) -> Answer {
    let (name, _) = name(&call.body, 0)?;
    let frame = call.frame()?;
    let (loc, fresh) = call.new_at(&frame, name).await?;
    let place = place(&loc);
    let xdata = Dict::new().with("gfid-req", call.fs.new_gfid());
    let mut stands = fresh;
    let mut answer = Err(Errno::ESTALE.into());
    if let Some(known) = call.known(&loc) {
        // What is known of a file helps to find it again.
        let inode = known.inode.clone().into_option().unwrap_or_else(|| stands.clone());
        answer = frame.child().lookup(fop::Lookup { loc: known, xdata: xdata.clone() }).await;
        match &answer {
            Ok(found) if found.iatt.gfid == inode.gfid() => stands = inode,
            Ok(_) => answer = Err(Errno::ESTALE.into()),
            Err(_) => call.fs.nodes.unname(place.parent, &place.name),
        }
    }
    if answer.as_ref().is_err_and(|error| error.errno == Errno::ESTALE) {
        answer = frame.child().lookup(fop::Lookup { loc, xdata }).await;
    }
    match answer {
        Ok(found) => call.entry(&place, Some(&stands), &found.iatt),
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
    let place = place(&loc);
    let (rdev, xdata) = (reply::fop_rdev(rdev), call.making(mode, umask));
    let args = fop::Mknod { loc, mode: call.mode(mode, umask), rdev, umask, xdata };
    let made = frame.child().mknod(args).await.map_err(stale)?;
    call.entry(&place, Some(&fresh), &made.iatt)
}

/// Makes a directory.
pub(crate) async fn mkdir(call: Call) -> Answer {
    let mut fields = Fields::of(&call.body);
    let (mode, umask) = (fields.u32()?, fields.u32()?);
    let (name, _) = name(&call.body, 8)?;
    let frame = call.frame()?;
    let (loc, fresh) = call.new_at(&frame, name).await?;
    let place = place(&loc);
    let xdata = call.making(mode, umask);
    let args = fop::Mkdir { loc, mode: call.mode(mode, umask), umask, xdata };
    let made = frame.child().mkdir(args).await.map_err(stale)?;
    call.entry(&place, Some(&fresh), &made.iatt)
}

/// Makes a symbolic link.
pub(crate) async fn symlink(call: Call) -> Answer {
    let (name, next) = name(&call.body, 0)?;
    let (target, _) = text(&call.body, next)?;
    let frame = call.frame()?;
    let (loc, fresh) = call.new_at(&frame, name).await?;
    let place = place(&loc);
    let xdata = call.making(0o777, 0);
    let made = frame.child().symlink(fop::Symlink { target, loc, umask: 0, xdata }).await.map_err(stale)?;
    call.entry(&place, Some(&fresh), &made.iatt)
}

/// Gives a file one more name.
pub(crate) async fn link(call: Call) -> Answer {
    let old = Fields::of(&call.body).u64()?;
    let (name, _) = name(&call.body, 8)?;
    let frame = call.frame()?;
    let old = Loc::of(call.inode_of(&frame, old).await?);
    let mut new = call.at(&frame, name).await?;
    (new.inode, new.gfid) = (old.inode.clone(), old.gfid);
    let place = place(&new);
    let made = frame.child().link(fop::Link { old, new, xdata: Dict::new() }).await.map_err(stale)?;
    call.entry(&place, None, &made.iatt)
}

/// Makes and opens a file.
pub(crate) async fn create(call: Call) -> Answer {
    let mut fields = Fields::of(&call.body);
    let (flags, mode, umask) = (fields.i32()?, fields.u32()?, fields.u32()?);
    let (name, _) = name(&call.body, 16)?;
    let frame = call.frame()?;
    let (loc, fresh) = call.new_at(&frame, name).await?;
    let place = place(&loc);
    let flags = open_flags(flags, call.fs.settings.writeback);
    let fd = Fd::new(fresh.clone(), flags, call.pid());
    let xdata = call.making(mode, umask);
    let args = fop::Create { loc, flags, mode: call.mode(mode, umask), umask, fd, xdata };
    let created = frame.child().create(args).await.map_err(stale)?;
    let node = call.tell(Some(&fresh), &created.iatt)?;
    call.fs.nodes.name(place.parent, &place.name, node.number);
    let fd = match on_the_one_inode(&frame, created.fd, &node.inode).await {
        Ok(fd) => fd,
        Err(error) => {
            call.fs.nodes.forget(node.number, 1);
            return Err(error);
        }
    };
    let mut fields = reply::Fields::new(144);
    fields.entry(node.number, node.generation, &call.shown(&created.iatt), call.fs.look());
    fields.opened(call.fs.files.add(fd), call.fs.open_answer(&created.xdata));
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
    let unlink = |loc| frame.child().unlink(fop::Unlink { loc, flags: 0, xdata: Dict::new() });
    let removed = match call.known(&loc) {
        // By what is known of the file there is no need to look for it.
        Some(known) => match unlink(known).await {
            Err(error) if is_another(&error) => unlink(loc.clone()).await,
            removed => removed,
        },
        None => unlink(loc.clone()).await,
    };
    call.gone(&loc, removed.map(drop))
}

/// Removes a directory.
pub(crate) async fn rmdir(call: Call) -> Answer {
    let (name, _) = name(&call.body, 0)?;
    let frame = call.frame()?;
    let loc = call.at(&frame, name).await?;
    let rmdir = |loc| frame.child().rmdir(fop::Rmdir { loc, flags: 0, xdata: Dict::new() });
    let removed = match call.known(&loc) {
        Some(known) => match rmdir(known).await {
            Err(error) if is_another(&error) => rmdir(loc.clone()).await,
            removed => removed,
        },
        None => rmdir(loc.clone()).await,
    };
    call.gone(&loc, removed.map(drop))
}

/// Moves a name.
pub(crate) async fn rename(call: Call) -> Answer {
    let folder = Fields::of(&call.body).u64()?;
    let (from, next) = name(&call.body, 8)?;
    let (to, _) = name(&call.body, next)?;
    let frame = call.frame()?;
    let old = call.at(&frame, from).await?;
    let new = Loc::entry(call.inode_of(&frame, folder).await?, to);
    let (from, to) = (place(&old), place(&new));
    let (old, new) = (call.known(&old).unwrap_or(old), call.known(&new).unwrap_or(new));
    let inode = old.inode.clone().into_option();
    frame.child().rename(fop::Rename { old, new, xdata: Dict::new() }).await?;
    call.fs.nodes.unname(from.parent, &from.name);
    match inode.and_then(|inode| call.fs.nodes.number(inode.gfid())) {
        Some(number) => call.fs.nodes.name(to.parent, &to.name, number),
        None => call.fs.nodes.unname(to.parent, &to.name),
    }
    Ok(Reply::done())
}
