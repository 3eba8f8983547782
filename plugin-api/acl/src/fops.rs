//! The fops: each asks the rules, winds, and learns from the answer.

use plugin_api::fop::*;
use plugin_api::{Dict, Errno, Frame, Inode, Loc, Value};

use crate::known::{Known, ask};
use crate::{ACCESS_TEXT, ACCESS_XATTR, Acl, DEFAULT_TEXT, DEFAULT_XATTR, Enforcer, Perm};

/// The fops of [`Enforcer`], as the translators call them.
#[allow(
    missing_docs,
    clippy::missing_errors_doc,
    reason = "each is the fop of its name, see plugin_api::fop"
)]
impl Enforcer {
    pub async fn lookup(&self, frame: &Frame, mut args: Lookup) -> FopResult<Looked> {
        self.check_search(frame, &args.loc).await?;
        let inode = args.loc.inode.clone().into_option();
        ask(&mut args.xdata);
        let reply = frame.child().lookup(args).await?;
        Known::note_lookup(frame, inode.as_ref(), &reply);
        Ok(reply)
    }

    pub async fn stat(&self, frame: &Frame, args: Stat) -> FopResult<Attr> {
        self.check_search(frame, &args.loc).await?;
        let inode = args.loc.inode.clone().into_option();
        let reply = frame.child().stat(args).await?;
        if let Some(inode) = inode {
            Known::note(frame, &inode, &reply.iatt);
        }
        Ok(reply)
    }

    pub async fn access(&self, frame: &Frame, args: Access) -> FopResult<Done> {
        let wanted = Perm::from_bits(args.mask.unsigned_abs());
        self.check(frame, inode(&args.loc), wanted).await?;
        Ok(Done::default())
    }

    pub async fn open(&self, frame: &Frame, args: Open) -> FopResult<Opened> {
        self.check_open(frame, args.fd.inode(), args.flags).await?;
        frame.child().open(args).await
    }

    pub async fn opendir(&self, frame: &Frame, args: Opendir) -> FopResult<Opened> {
        self.check(frame, Some(args.fd.inode()), Perm::READ).await?;
        frame.child().opendir(args).await
    }

    pub async fn truncate(&self, frame: &Frame, args: Truncate) -> FopResult<PrePost> {
        self.check(frame, inode(&args.loc), Perm::WRITE).await?;
        frame.child().truncate(args).await
    }

    pub async fn create(&self, frame: &Frame, mut args: Create) -> FopResult<Created> {
        self.check_addition(frame, &args.loc).await?;
        let born = self.born(frame, &args.loc, &mut args.xdata, args.mode, args.umask, false).await?;
        args.mode = born.mode;
        let reply = frame.child().create(args).await?;
        Known::note_new(frame, Some(reply.fd.inode()), &reply.iatt, born.access, born.default);
        Ok(reply)
    }

    pub async fn mknod(&self, frame: &Frame, mut args: Mknod) -> FopResult<Made> {
        self.check_addition(frame, &args.loc).await?;
        let born = self.born(frame, &args.loc, &mut args.xdata, args.mode, args.umask, false).await?;
        args.mode = born.mode;
        let inode = args.loc.inode.clone().into_option();
        let reply = frame.child().mknod(args).await?;
        Known::note_new(frame, inode.as_ref(), &reply.iatt, born.access, born.default);
        Ok(reply)
    }

    pub async fn mkdir(&self, frame: &Frame, mut args: Mkdir) -> FopResult<Made> {
        self.check_addition(frame, &args.loc).await?;
        let born = self.born(frame, &args.loc, &mut args.xdata, args.mode, args.umask, true).await?;
        args.mode = born.mode;
        let inode = args.loc.inode.clone().into_option();
        let reply = frame.child().mkdir(args).await?;
        Known::note_new(frame, inode.as_ref(), &reply.iatt, born.access, born.default);
        Ok(reply)
    }

    pub async fn put(&self, frame: &Frame, mut args: Put) -> FopResult<Made> {
        self.check_addition(frame, &args.loc).await?;
        let born = self.born(frame, &args.loc, &mut args.xdata, args.mode, args.umask, false).await?;
        args.mode = born.mode;
        frame.child().put(args).await
    }

    pub async fn symlink(&self, frame: &Frame, args: Symlink) -> FopResult<Made> {
        self.check_addition(frame, &args.loc).await?;
        let inode = args.loc.inode.clone().into_option();
        let reply = frame.child().symlink(args).await?;
        Known::note_new(frame, inode.as_ref(), &reply.iatt, None, None);
        Ok(reply)
    }

    pub async fn link(&self, frame: &Frame, args: Link) -> FopResult<Made> {
        self.check_addition(frame, &args.new).await?;
        frame.child().link(args).await
    }

    pub async fn unlink(&self, frame: &Frame, args: Unlink) -> FopResult<Removed> {
        self.check_removal(frame, &args.loc).await?;
        frame.child().unlink(args).await
    }

    pub async fn rmdir(&self, frame: &Frame, args: Rmdir) -> FopResult<Removed> {
        self.check_removal(frame, &args.loc).await?;
        frame.child().rmdir(args).await
    }

    pub async fn rename(&self, frame: &Frame, args: Rename) -> FopResult<Renamed> {
        self.check_removal(frame, &args.old).await?;
        if inode(&args.new).is_some_and(|inode| !inode.gfid().is_null()) {
            self.check_removal(frame, &args.new).await?;
        } else {
            self.check_addition(frame, &args.new).await?;
        }
        frame.child().rename(args).await
    }

    pub async fn setattr(&self, frame: &Frame, mut args: Setattr) -> FopResult<PrePost> {
        let inode = args.loc.inode.clone().into_option();
        self.check_setattr(frame, inode.as_ref(), &mut args.iatt, args.valid).await?;
        let reply = frame.child().setattr(args).await?;
        if let Some(inode) = inode {
            Known::note(frame, &inode, &reply.post);
        }
        Ok(reply)
    }

    pub async fn fsetattr(&self, frame: &Frame, mut args: Fsetattr) -> FopResult<PrePost> {
        let fd = args.fd.clone();
        self.check_setattr(frame, Some(fd.inode()), &mut args.iatt, args.valid).await?;
        let reply = frame.child().fsetattr(args).await?;
        Known::note(frame, fd.inode(), &reply.post);
        Ok(reply)
    }

    pub async fn setxattr(&self, frame: &Frame, mut args: Setxattr) -> FopResult<Done> {
        read_texts(&mut args.xattrs)?;
        let inode = args.loc.inode.clone().into_option();
        let names = args.xattrs.iter().map(|(key, _)| key.as_bytes());
        self.check_xattr_change(frame, inode.as_ref(), names).await?;
        let xattrs = args.xattrs.clone();
        let reply = frame.child().setxattr(args).await?;
        if let Some(inode) = inode {
            Self::note_xattrs(frame, &inode, &xattrs);
        }
        Ok(reply)
    }

    pub async fn fsetxattr(&self, frame: &Frame, mut args: Fsetxattr) -> FopResult<Done> {
        read_texts(&mut args.xattrs)?;
        let names = args.xattrs.iter().map(|(key, _)| key.as_bytes());
        self.check_xattr_change(frame, Some(args.fd.inode()), names).await?;
        let (fd, xattrs) = (args.fd.clone(), args.xattrs.clone());
        let reply = frame.child().fsetxattr(args).await?;
        Self::note_xattrs(frame, fd.inode(), &xattrs);
        Ok(reply)
    }

    pub async fn removexattr(&self, frame: &Frame, args: Removexattr) -> FopResult<Done> {
        let (inode, name) = (args.loc.inode.clone().into_option(), args.name.clone());
        self.check_xattr_change(frame, inode.as_ref(), std::iter::once(&name[..])).await?;
        let reply = frame.child().removexattr(args).await?;
        if let Some(inode) = inode {
            Self::note_removal(frame, &inode, &name);
        }
        Ok(reply)
    }

    pub async fn fremovexattr(&self, frame: &Frame, args: Fremovexattr) -> FopResult<Done> {
        let (fd, name) = (args.fd.clone(), args.name.clone());
        self.check_xattr_change(frame, Some(fd.inode()), std::iter::once(&name[..])).await?;
        let reply = frame.child().fremovexattr(args).await?;
        Self::note_removal(frame, fd.inode(), &name);
        Ok(reply)
    }

    pub async fn getxattr(&self, frame: &Frame, args: Getxattr) -> FopResult<Xattrs> {
        if let (Some(key), Some(inode)) = (text_key(&args.name), inode(&args.loc)) {
            return Self::text(frame, inode, key).await;
        }
        self.check_xattr_read(frame, inode(&args.loc), &args.name).await?;
        frame.child().getxattr(args).await
    }

    /// A list as text; everybody may read the lists.
    async fn text(frame: &Frame, inode: &Inode, key: &'static str) -> FopResult<Xattrs> {
        let known = Known::of(frame, inode).await?;
        let object = known.object();
        let list = match key {
            ACCESS_TEXT => object.list(),
            _ => object.default.as_deref().cloned().ok_or(Errno::ENODATA)?,
        };
        Ok(Xattrs { xattrs: Dict::new().with(key, Value::str(list.to_string())), xdata: Dict::new() })
    }

    /// Finding something by name needs search permission in its folder; by id it needs none.
    async fn check_search(&self, frame: &Frame, loc: &Loc) -> FopResult<()> {
        let parent = loc.parent.as_ref().into_option().filter(|_| !loc.name.is_empty());
        Ok(self.check(frame, parent, Perm::EXEC).await?)
    }
}

fn inode(loc: &Loc) -> Option<&Inode> {
    loc.inode.as_ref().into_option()
}

fn text_key(name: &[u8]) -> Option<&'static str> {
    [ACCESS_TEXT, DEFAULT_TEXT].into_iter().find(|key| key.as_bytes() == name)
}

/// Puts lists that came as text where they lie on disk.
///
/// # Errors
/// `EINVAL` for a text that is no list.
fn read_texts(xattrs: &mut Dict) -> Result<(), Errno> {
    for (text, key) in [(ACCESS_TEXT, ACCESS_XATTR), (DEFAULT_TEXT, DEFAULT_XATTR)] {
        let Some(value) = xattrs.remove(text) else { continue };
        let text = value.as_bytes().and_then(|bytes| std::str::from_utf8(bytes).ok()).ok_or(Errno::EINVAL)?;
        let list: Acl = text.parse().map_err(|_| Errno::EINVAL)?;
        xattrs.set(key, list.encode());
    }
    Ok(())
}
