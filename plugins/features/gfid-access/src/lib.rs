//! `features/gfid-access`: reaches objects by their ids, below a folder `.gfid` of the root that no listing has.
//!
//! [`alias`] has the ids of directories that are reached so, [`order`] what can be ordered there.
#![forbid(unsafe_code)]

mod alias;
mod order;

use std::sync::Arc;

use plugin_api::iatt_flags;
use plugin_api::prelude::*;

use alias::{FOLDER, NAME, is_alias, other, seen};
use order::{HEAL, Heal, Kind, NEW, New};

/// The translator.
#[derive(Debug, Default)]
pub struct GfidAccess;

/// What an inode stands for that was reached by its id, as the translators below know it.
struct Behind(Inode);

/// What a descriptor stands for that was opened there.
struct Through(Fd);

/// The inode itself, or what it stands for.
fn behind(inode: &Inode, key: CtxKey) -> Inode {
    if !is_alias(inode.gfid()) {
        return inode.clone();
    }
    let real = || Behind(Inode::new(other(inode.gfid()), FileType::Directory));
    inode.object().ctx_or_insert_with(key, real).0.clone()
}

/// The descriptor itself, or what it stands for; one that nobody opened is made.
fn through(fd: &Fd, key: CtxKey) -> Fd {
    if !is_alias(fd.inode().gfid()) {
        return fd.clone();
    }
    let real = || Through(Fd::new(behind(fd.inode(), key), fd.flags(), fd.pid()));
    fd.object().ctx_or_insert_with(key, real).0.clone()
}

fn plain(gfid: Gfid) -> Gfid {
    if is_alias(gfid) { other(gfid) } else { gfid }
}

/// A place as the translators below know it.
fn place(loc: Loc, key: CtxKey) -> Loc {
    Loc {
        inode: loc.inode.map(|inode| behind(&inode, key)),
        parent: loc.parent.map(|parent| behind(&parent, key)),
        gfid: plain(loc.gfid),
        parent_gfid: plain(loc.parent_gfid),
        ..loc
    }
}

/// Whether it is the folder itself, by its id or by its name.
fn is_folder(loc: &Loc) -> bool {
    loc.target() == FOLDER || loc.directory().is_root() && loc.name[..] == *NAME
}

/// Whether it is the folder, or a name in it.
fn is_closed(loc: &Loc) -> bool {
    is_folder(loc) || loc.directory() == FOLDER
}

fn folder() -> Iatt {
    let (gfid, mode) = (FOLDER, libc::S_IFDIR | 0o555);
    Iatt { gfid, ino: gfid.ino(), flags: iatt_flags::ALL, mode, nlink: 2, blksize: 4096, ..Iatt::default() }
}

/// Attributes as they are seen at this place.
fn at(is_aliased: bool, iatt: Iatt) -> Iatt {
    if is_aliased && iatt.is_dir() { seen(iatt) } else { iatt }
}

impl GfidAccess {
    /// An object by its id, which is its name in the folder.
    async fn by_id(frame: &Frame, args: Lookup) -> FopResult<Looked> {
        let gfid: Option<Gfid> = std::str::from_utf8(&args.loc.name).ok().and_then(|name| name.parse().ok());
        let gfid = gfid.filter(|gfid| !gfid.is_null() && !is_alias(*gfid)).ok_or(Errno::ENOENT)?;
        let inode = Inode::new(gfid, FileType::Invalid);
        let looked = Lookup { loc: Loc::of(inode.clone()), xdata: args.xdata.clone() };
        let found = frame.child().lookup(looked).await.map_err(|error| match error.errno {
            // By its id an object is stale, by a name it is not there.
            Errno::ESTALE => Errno::ENOENT.into(),
            _ => error,
        })?;
        let fresh = args.loc.inode.into_option();
        if found.iatt.is_dir() {
            inode.link(gfid, FileType::Directory);
            if let Some(fresh) = fresh {
                fresh.object().ctx_set(frame.key(), Arc::new(Behind(inode)));
            }
            return Ok(Looked { iatt: seen(found.iatt), ..found });
        }
        match fresh {
            // It is this inode that stands for the file from now on: what is below has to know it.
            Some(fresh) => {
                let loc = Loc { gfid, ..Loc::of(fresh) };
                frame.child().lookup(Lookup { loc, xdata: args.xdata }).await
            }
            None => Ok(found),
        }
    }

    /// Makes what an order says, in the directory at `loc`.
    async fn make(frame: &Frame, loc: Loc, value: &[u8]) -> FopResult<()> {
        let New { uid, gid, gfid, name, kind } = New::read(value)?;
        let mut theirs = frame.fork();
        (theirs.identity_mut().uid, theirs.identity_mut().gid) = (uid, gid);
        let loc = Loc { inode: Some(Inode::new(Gfid::NULL, FileType::Invalid)).into(), ..within(loc, name) };
        let xdata = Dict::new().with("gfid-req", gfid);
        let child = theirs.child();
        match kind {
            Kind::Directory { mode, umask } => child.mkdir(Mkdir { loc, mode, umask, xdata }).await?,
            Kind::Symlink { target } => child.symlink(Symlink { target, loc, umask: 0, xdata }).await?,
            Kind::Other { mode, rdev, umask } => {
                child.mknod(Mknod { loc, mode, rdev: u64::from(rdev), umask, xdata }).await?
            }
        };
        Ok(())
    }

    /// Looks up the name that an order says, in the directory at `loc`.
    async fn heal(frame: &Frame, loc: Loc, value: &[u8]) -> FopResult<()> {
        let Heal { gfid, name } = Heal::read(value)?;
        let loc = Loc { inode: Some(Inode::new(Gfid::NULL, FileType::Invalid)).into(), ..within(loc, name) };
        frame.child().lookup(Lookup { loc, xdata: Dict::new().with("gfid-req", gfid) }).await?;
        Ok(())
    }
}

/// A name in the directory that a place is.
fn within(loc: Loc, name: IoBuf) -> Loc {
    Loc { parent_gfid: loc.target(), parent: loc.inode, name, ..Loc::default() }
}

/// Writes the `impl`: at places and on descriptors what is behind them is meant; nothing is made in the folder, nor goes.
macro_rules! gfid_access {
    (
        { $($written:tt)* }
        at { $($at:ident $at_args:ident $at_reply:ident |$folder:ident| $closed:expr;)* }
        shown { $($shown:ident $shown_args:ident |$reply:ident, $how:ident| $iatts:expr;)* }
        within { $($within:ident $within_args:ident $within_reply:ident;)* }
        both { $($both:ident $both_args:ident $both_reply:ident;)* }
        on { $($on:ident $on_args:ident $on_reply:ident;)* }
    ) => {
        #[xlator(
            "features/gfid-access",
            positions = "client, brick",
            unknown_fops = "pass",
            doc = "reaches objects by their ids, in a folder `.gfid`"
        )]
        impl Xlator for GfidAccess {
            $($written)*

            $(
                async fn $at(&self, frame: &Frame, mut args: $at_args) -> FopResult<$at_reply> {
                    if is_folder(&args.loc) {
                        let $folder = args;
                        return $closed;
                    }
                    args.loc = place(args.loc, frame.key());
                    frame.child().$at(args).await
                }
            )*

            $(
                async fn $shown(&self, frame: &Frame, mut args: $shown_args) -> FopResult<PrePost> {
                    if is_folder(&args.loc) {
                        return Err(Errno::EPERM.into());
                    }
                    let $how = is_alias(args.loc.target());
                    args.loc = place(args.loc, frame.key());
                    let $reply = frame.child().$shown(args).await?;
                    Ok($iatts)
                }
            )*

            $(
                async fn $within(&self, frame: &Frame, mut args: $within_args) -> FopResult<$within_reply> {
                    if is_closed(&args.loc) {
                        return Err(Errno::EPERM.into());
                    }
                    args.loc = place(args.loc, frame.key());
                    frame.child().$within(args).await
                }
            )*

            $(
                async fn $both(&self, frame: &Frame, mut args: $both_args) -> FopResult<$both_reply> {
                    if is_closed(&args.old) || is_closed(&args.new) {
                        return Err(Errno::EPERM.into());
                    }
                    args.old = place(args.old, frame.key());
                    args.new = place(args.new, frame.key());
                    frame.child().$both(args).await
                }
            )*

            $(
                async fn $on(&self, frame: &Frame, mut args: $on_args) -> FopResult<$on_reply> {
                    if args.fd.inode().gfid() == FOLDER {
                        return Err(Errno::EPERM.into());
                    }
                    args.fd = through(&args.fd, frame.key());
                    frame.child().$on(args).await
                }
            )*
        }
    };
}

gfid_access! {
    {
        async fn lookup(&self, frame: &Frame, mut args: Lookup) -> FopResult<Looked> {
            if is_folder(&args.loc) {
                return Ok(Looked { iatt: folder(), ..Looked::default() });
            }
            if args.loc.directory() == FOLDER {
                return Self::by_id(frame, args).await;
            }
            let is_aliased = is_alias(args.loc.target());
            args.loc = place(args.loc, frame.key());
            let found = frame.child().lookup(args).await?;
            Ok(Looked { iatt: at(is_aliased, found.iatt), ..found })
        }

        async fn stat(&self, frame: &Frame, mut args: Stat) -> FopResult<Attr> {
            if is_folder(&args.loc) {
                return Ok(Attr { iatt: folder(), xdata: Dict::new() });
            }
            let is_aliased = is_alias(args.loc.target());
            args.loc = place(args.loc, frame.key());
            let told = frame.child().stat(args).await?;
            Ok(Attr { iatt: at(is_aliased, told.iatt), ..told })
        }

        async fn fstat(&self, frame: &Frame, mut args: Fstat) -> FopResult<Attr> {
            if args.fd.inode().gfid() == FOLDER {
                return Ok(Attr { iatt: folder(), xdata: Dict::new() });
            }
            let is_aliased = is_alias(args.fd.inode().gfid());
            args.fd = through(&args.fd, frame.key());
            let told = frame.child().fstat(args).await?;
            Ok(Attr { iatt: at(is_aliased, told.iatt), ..told })
        }

        async fn opendir(&self, frame: &Frame, mut args: Opendir) -> FopResult<Opened> {
            let fd = args.fd.clone();
            if is_folder(&args.loc) {
                return Ok(Opened { fd, xdata: Dict::new() });
            }
            args.loc = place(args.loc, frame.key());
            args.fd = through(&fd, frame.key());
            let opened = frame.child().opendir(args).await?;
            Ok(Opened { fd, ..opened })
        }

        async fn readdir(&self, frame: &Frame, mut args: Readdir) -> FopResult<Entries> {
            if args.fd.inode().gfid() == FOLDER {
                return Ok(Entries { at_end: true, ..Entries::default() });
            }
            args.fd = through(&args.fd, frame.key());
            frame.child().readdir(args).await
        }

        async fn readdirp(&self, frame: &Frame, mut args: Readdirp) -> FopResult<Entries> {
            if args.fd.inode().gfid() == FOLDER {
                return Ok(Entries { at_end: true, ..Entries::default() });
            }
            args.fd = through(&args.fd, frame.key());
            frame.child().readdirp(args).await
        }

        async fn setxattr(&self, frame: &Frame, mut args: Setxattr) -> FopResult<Done> {
            if is_folder(&args.loc) {
                return Err(Errno::EPERM.into());
            }
            args.loc = place(args.loc, frame.key());
            let order = |name| args.xattrs.get(name).and_then(Value::as_bytes).map(<[u8]>::to_vec);
            if let Some(value) = order(NEW) {
                return Self::make(frame, args.loc, &value).await.map(|()| Done::default());
            }
            if let Some(value) = order(HEAL) {
                return Self::heal(frame, args.loc, &value).await.map(|()| Done::default());
            }
            frame.child().setxattr(args).await
        }

        async fn statfs(&self, frame: &Frame, mut args: Statfs) -> FopResult<SpaceReply> {
            args.loc = match is_folder(&args.loc) {
                true => Loc::of(Inode::new(Gfid::ROOT, FileType::Directory)),
                false => place(args.loc, frame.key()),
            };
            frame.child().statfs(args).await
        }

        async fn create(&self, frame: &Frame, mut args: Create) -> FopResult<Created> {
            if is_closed(&args.loc) {
                return Err(Errno::EPERM.into());
            }
            args.loc = place(args.loc, frame.key());
            frame.child().create(args).await
        }
    }
    at {
        access Access Done |_args| Ok(Done::default());
        getxattr Getxattr Xattrs |args| match args.name.is_empty() {
            true => Ok(Xattrs::default()),
            false => Err(Errno::ENODATA.into()),
        };
        removexattr Removexattr Done |_args| Err(Errno::EPERM.into());
    }
    shown {
        setattr Setattr |changed, is_aliased| PrePost {
            pre: at(is_aliased, changed.pre),
            post: at(is_aliased, changed.post),
            ..changed
        };
    }
    within {
        mknod Mknod Made;
        mkdir Mkdir Made;
        symlink Symlink Made;
        unlink Unlink Removed;
        rmdir Rmdir Removed;
    }
    both {
        link Link Made;
        rename Rename Renamed;
    }
    on {
        fsyncdir Fsyncdir Done;
        fsetattr Fsetattr PrePost;
        fgetxattr Fgetxattr Xattrs;
        fsetxattr Fsetxattr Done;
        fremovexattr Fremovexattr Done;
    }
}
