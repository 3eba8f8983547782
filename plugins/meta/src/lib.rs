//! `meta`: shows the process and its graph as files, in a folder `.meta` of the mount's root that no listing has.
//!
//! [`tree`] says what lies there, `places` gives it ids; this file answers the fops that are about it and passes on all
//! others.
#![forbid(unsafe_code)]

mod places;
mod tree;

use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use plugin_api::iatt_flags;
use plugin_api::prelude::*;

use places::{Path, Places, concerns_ours, is_ours};
use tree::{Entry, Process, Tree};

/// The name in the root.
const NAME: &[u8] = b".meta";

/// Whoever opens a file here reads what it held when it was opened, however long it has become: its size is told as 0.
const DIRECT: &str = "direct-io-mode";

/// The translator.
#[derive(Debug, Default)]
pub struct Meta {
    process: Process,
    places: Places,
    /// Seconds since the epoch.
    since: i64,
}

/// What a file held when it was opened.
struct Content(String);

impl Meta {
    fn tree<'a>(&'a self, handle: &'a Handle) -> Tree<'a> {
        Tree { handle, process: &self.process }
    }

    fn path(&self, gfid: Gfid) -> FopResult<Path> {
        Ok(self.places.path(gfid).ok_or(Errno::ESTALE)?)
    }

    fn entry(&self, frame: &Frame, path: &[String]) -> FopResult<Entry> {
        Ok(self.tree(&frame.handle()).look(path).ok_or(Errno::ENOENT)?)
    }

    fn iatt(&self, path: &[String], entry: &Entry) -> Iatt {
        let mode = match entry {
            Entry::Folder(_) => libc::S_IFDIR | 0o555,
            Entry::Text(_) | Entry::State(_) => libc::S_IFREG | 0o444,
            Entry::Setting(_) => libc::S_IFREG | 0o644,
            Entry::Link(_) => libc::S_IFLNK | 0o777,
        };
        let gfid = self.places.gfid(path);
        let nlink = if matches!(entry, Entry::Folder(_)) { 2 } else { 1 };
        let (atime, mtime, ctime) = (self.since, self.since, self.since);
        let (flags, ino, blksize) = (iatt_flags::ALL, gfid.ino(), 4096);
        Iatt { gfid, flags, ino, mode, nlink, blksize, atime, mtime, ctime, ..Iatt::default() }
    }

    /// What is known by its id.
    fn attr(&self, frame: &Frame, gfid: Gfid) -> FopResult<Iatt> {
        let path = self.path(gfid)?;
        Ok(self.iatt(&path, &self.entry(frame, &path)?))
    }

    /// The path that is looked up; nothing where it is none of ours.
    fn looked_up(&self, loc: &Loc) -> FopResult<Option<Path>> {
        let parent = match loc.parent.as_ref().into_option() {
            Some(parent) if loc.parent_gfid.is_null() => parent.gfid(),
            _ => loc.parent_gfid,
        };
        if parent.is_root() && loc.name[..] == *NAME {
            return Ok(Some(Vec::new()));
        }
        if is_ours(parent) {
            let mut path = self.path(parent)?;
            path.push(String::from_utf8(loc.name.to_vec()).map_err(|_| Errno::ENOENT)?);
            return Ok(Some(path));
        }
        let target = loc.target();
        if is_ours(target) { self.path(target).map(Some) } else { Ok(None) }
    }

    fn lookup_ours(&self, frame: &Frame, path: &[String]) -> FopResult<Looked> {
        let iatt = self.iatt(path, &self.entry(frame, path)?);
        Ok(Looked { iatt, ..Looked::default() })
    }

    fn open_ours(&self, frame: &Frame, args: Open) -> FopResult<Opened> {
        let path = self.path(args.loc.target())?;
        let may_write = matches!(self.entry(frame, &path)?, Entry::Setting(_));
        if args.flags & libc::O_ACCMODE != libc::O_RDONLY && !may_write {
            return Err(Errno::EPERM.into());
        }
        let text = self.tree(&frame.handle()).text(&path).ok_or(Errno::EISDIR)?;
        args.fd.object().ctx_set(frame.key(), Arc::new(Content(text)));
        Ok(Opened { fd: args.fd, xdata: Dict::new().with(DIRECT, 1) })
    }

    fn read_ours(&self, frame: &Frame, args: &Readv) -> FopResult<Data> {
        let content = args.fd.object().ctx::<Content>(frame.key()).ok_or(Errno::EBADF)?;
        let from = usize::try_from(args.offset).unwrap_or(usize::MAX).min(content.0.len());
        let data = &content.0.as_bytes()[from..];
        let data = &data[..data.len().min(args.size)];
        let iatt = self.attr(frame, args.fd.inode().gfid())?;
        let at_end = from + data.len() == content.0.len();
        Ok(Data { data: Payload::from(IoBuf::copy_from_slice(data)), iatt, at_end, xdata: Dict::new() })
    }

    fn write_ours(&self, frame: &Frame, args: &Writev) -> FopResult<Written> {
        let path = self.path(args.fd.inode().gfid())?;
        let value = args.data.to_iobuf();
        let value = std::str::from_utf8(&value).map_err(|_| Errno::EINVAL)?;
        self.tree(&frame.handle()).set(&path, value)?;
        let iatt = self.attr(frame, args.fd.inode().gfid())?;
        Ok(Written { count: args.len(), pre: iatt, post: iatt, xdata: Dict::new() })
    }

    fn list_ours(&self, frame: &Frame, fd: &Fd, size: usize, offset: u64, plus: bool) -> FopResult<Entries> {
        let path = self.path(fd.inode().gfid())?;
        let Entry::Folder(names) = self.entry(frame, &path)? else { return Err(Errno::ENOTDIR.into()) };
        let names = [".", ".."].map(str::to_owned).into_iter().chain(names);
        let (mut entries, mut room) = (Vec::new(), size);
        let mut at_end = true;
        for (place, name) in (1_u64..).zip(names).skip(usize::try_from(offset).unwrap_or(usize::MAX)) {
            let taken = name.len() + size_of::<DirEntry>();
            if taken > room && !entries.is_empty() {
                at_end = false;
                break;
            }
            room = room.saturating_sub(taken);
            let mut inner = path.clone();
            if name != "." && name != ".." {
                inner.push(name.clone());
            }
            // What has gone meanwhile is not shown.
            let Ok(entry) = self.entry(frame, &inner) else { continue };
            let iatt = self.iatt(&inner, &entry);
            let kind = (iatt.mode & libc::S_IFMT) >> 12;
            let (ino, name) = (iatt.ino, IoBuf::from(name));
            let iatt = if plus { iatt } else { Iatt::default() };
            entries.push(DirEntry { ino, offset: place, kind, name, iatt, xattrs: Dict::new() });
        }
        Ok(Entries { entries: entries.into(), at_end, xdata: Dict::new() })
    }

    /// Attributes cannot be changed; who empties a setting before it is written is let go on.
    fn unchanged(&self, frame: &Frame, gfid: Gfid) -> FopResult<PrePost> {
        let path = self.path(gfid)?;
        let entry = self.entry(frame, &path)?;
        if !matches!(entry, Entry::Setting(_)) {
            return Err(Errno::EPERM.into());
        }
        let iatt = self.iatt(&path, &entry);
        Ok(PrePost { pre: iatt, post: iatt, xdata: Dict::new() })
    }
}

/// Writes the `impl`: what is answered here for ours, and what nobody may do with them.
macro_rules! meta {
    (
        { $($written:tt)* }
        at { $($at:ident $at_args:ident $at_reply:ident |$this:ident, $frame:ident, $a:ident| $answer:expr;)* }
        on { $($on:ident $on_args:ident $on_reply:ident |$on_this:ident, $on_frame:ident, $b:ident| $on_answer:expr;)* }
        never { $($never:ident $never_args:ident $never_reply:ident |$c:ident| $concerned:expr;)* }
    ) => {
        #[xlator(
            "meta",
            positions = "client, brick",
            unknown_fops = "pass",
            doc = "shows the process and its graph as files in `.meta`"
        )]
        impl Xlator for Meta {
            $($written)*

            $(
                async fn $at(&self, frame: &Frame, args: $at_args) -> FopResult<$at_reply> {
                    if concerns_ours(&args.loc) {
                        let ($this, $frame, $a) = (self, frame, args);
                        return $answer;
                    }
                    frame.child().$at(args).await
                }
            )*

            $(
                async fn $on(&self, frame: &Frame, args: $on_args) -> FopResult<$on_reply> {
                    if is_ours(args.fd.inode().gfid()) {
                        let ($on_this, $on_frame, $b) = (self, frame, args);
                        return $on_answer;
                    }
                    frame.child().$on(args).await
                }
            )*

            $(
                async fn $never(&self, frame: &Frame, args: $never_args) -> FopResult<$never_reply> {
                    let concerned = { let $c = &args; $concerned };
                    if concerned {
                        return Err(Errno::EPERM.into());
                    }
                    frame.child().$never(args).await
                }
            )*
        }
    };
}

meta! {
    {
        fn init(&mut self, cx: &InitCx<'_>) -> Result<(), InitError> {
            self.process = Process {
                command_line: cx.setting("command-line"),
                log_file: cx.setting("log-file"),
                uuid: uuid::Uuid::new_v4().to_string(),
            };
            let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
            self.since = i64::try_from(now.as_secs()).unwrap_or_default();
            Ok(())
        }

        async fn lookup(&self, frame: &Frame, args: Lookup) -> FopResult<Looked> {
            if let Some(path) = self.looked_up(&args.loc)? {
                return self.lookup_ours(frame, &path);
            }
            frame.child().lookup(args).await
        }
    }
    at {
        stat Stat Attr |this, frame, args| Ok(Attr { iatt: this.attr(frame, args.loc.target())?, xdata: Dict::new() });
        access Access Done |this, frame, args| this.attr(frame, args.loc.target()).map(|_| Done::default());
        readlink Readlink Target |this, frame, args| {
            let path = this.path(args.loc.target())?;
            let entry = this.entry(frame, &path)?;
            let iatt = this.iatt(&path, &entry);
            let Entry::Link(target) = entry else { return Err(Errno::EINVAL.into()) };
            Ok(Target { path: IoBuf::from(target), iatt, xdata: Dict::new() })
        };
        open Open Opened |this, frame, args| this.open_ours(frame, args);
        opendir Opendir Opened |this, frame, args| {
            this.attr(frame, args.loc.target())?;
            Ok(Opened { fd: args.fd, xdata: Dict::new() })
        };
        truncate Truncate PrePost |this, frame, args| this.unchanged(frame, args.loc.target());
        setattr Setattr PrePost |this, frame, args| this.unchanged(frame, args.loc.target());
        getxattr Getxattr Xattrs |_this, _frame, args| no_xattr(&args.name);
        statfs Statfs SpaceReply |_this, frame, args| {
            let root = Loc::of(Inode::new(Gfid::ROOT, FileType::Directory));
            frame.child().statfs(Statfs { loc: root, ..args }).await
        };
    }
    on {
        fstat Fstat Attr |this, frame, args| {
            Ok(Attr { iatt: this.attr(frame, args.fd.inode().gfid())?, xdata: Dict::new() })
        };
        readv Readv Data |this, frame, args| this.read_ours(frame, &args);
        writev Writev Written |this, frame, args| this.write_ours(frame, &args);
        readdir Readdir Entries |this, frame, args| this.list_ours(frame, &args.fd, args.size, args.offset, false);
        readdirp Readdirp Entries |this, frame, args| this.list_ours(frame, &args.fd, args.size, args.offset, true);
        ftruncate Ftruncate PrePost |this, frame, args| this.unchanged(frame, args.fd.inode().gfid());
        fsetattr Fsetattr PrePost |this, frame, args| this.unchanged(frame, args.fd.inode().gfid());
        fgetxattr Fgetxattr Xattrs |_this, _frame, args| no_xattr(&args.name);
        flush Flush Done |_this, _frame, _args| Ok(Done::default());
        fsync Fsync PrePost |this, frame, args| this.unchanged(frame, args.fd.inode().gfid());
        fsyncdir Fsyncdir Done |_this, _frame, _args| Ok(Done::default());
    }
    never {
        create Create Created |args| concerns_ours(&args.loc);
        mknod Mknod Made |args| concerns_ours(&args.loc);
        mkdir Mkdir Made |args| concerns_ours(&args.loc);
        symlink Symlink Made |args| concerns_ours(&args.loc);
        link Link Made |args| concerns_ours(&args.old) || concerns_ours(&args.new);
        unlink Unlink Removed |args| concerns_ours(&args.loc);
        rmdir Rmdir Removed |args| concerns_ours(&args.loc);
        rename Rename Renamed |args| concerns_ours(&args.old) || concerns_ours(&args.new);
        setxattr Setxattr Done |args| concerns_ours(&args.loc);
        removexattr Removexattr Done |args| concerns_ours(&args.loc);
        fsetxattr Fsetxattr Done |args| is_ours(args.fd.inode().gfid());
        fremovexattr Fremovexattr Done |args| is_ours(args.fd.inode().gfid());
        fallocate Fallocate PrePost |args| is_ours(args.fd.inode().gfid());
        discard Discard PrePost |args| is_ours(args.fd.inode().gfid());
        zerofill Zerofill PrePost |args| is_ours(args.fd.inode().gfid());
        lk Lk Locked |args| is_ours(args.fd.inode().gfid());
        seek Seek Sought |args| is_ours(args.fd.inode().gfid());
        copy_file_range CopyFileRange Copied
            |args| is_ours(args.fd_in.inode().gfid()) || is_ours(args.fd_out.inode().gfid());
    }
}

/// There are none: the list is empty, and no name is in it.
fn no_xattr(name: &[u8]) -> FopResult<Xattrs> {
    if name.is_empty() { Ok(Xattrs::default()) } else { Err(Errno::ENODATA.into()) }
}
