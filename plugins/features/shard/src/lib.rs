//! `features/shard`: cuts large files into blocks, each of which is a file of its own for whoever is below.
//!
//! What every fop does is here; `call` is one of them on its way, `file` what is known of the file that it is about, and
//! `blocks` finds, makes and removes the blocks. `read`, `change`, `truncate`, `sync` and `listing` have a family of fops
//! each, `remove` takes the last name of a file away and `sweep` its blocks.
#![forbid(unsafe_code)]

mod blocks;
mod call;
mod change;
mod extent;
mod file;
mod first;
mod folder;
mod guard;
mod listing;
mod options;
mod parts;
mod read;
mod recent;
mod remove;
mod sweep;
mod sync;
mod truncate;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use gluster_cache::now;
use plugin_api::fop::Subject;
use plugin_api::prelude::*;

use blocks::Blocks;
use call::{Call, strip};
use change::{Kind, Range};
use extent::{BLOCK_SIZE, Extent, FILE_SIZE, ask};
use file::Files;
use first::First;
use guard::{listed, may_change, may_name, may_reach, may_read};
use options::Settings;
use sweep::Sweeper;

/// Geo-replication's, which copies blocks as the files that they are. Every other process is a user here.
const GSYNCD: i32 = -1;

/// The translator.
#[derive(Debug, Default)]
pub struct Shard {
    off: bool,
    block_size: AtomicU64,
    files: Arc<Files>,
    blocks: Arc<Blocks>,
    sweeper: Arc<Sweeper>,
}

impl Shard {
    fn take_settings(&self, cx: &InitCx<'_>) -> Result<(), InitError> {
        let settings = Settings::read(cx)?;
        self.block_size.store(settings.block_size, Ordering::Relaxed);
        self.blocks.set_limits(settings.kept, settings.removed_at_once);
        Ok(())
    }

    /// Whether a fop goes by as it is.
    fn passes(&self, frame: &Frame) -> bool {
        self.off || frame.identity().pid == GSYNCD
    }

    fn call<'a>(&'a self, frame: &'a Frame) -> Call<'a> {
        Call { shard: self, frame }
    }

    /// What a new file is to be made with.
    fn cut(&self, xdata: &mut Dict) -> u64 {
        let block_size = self.block_size.load(Ordering::Relaxed);
        xdata.set(BLOCK_SIZE, block_size.to_be_bytes().to_vec());
        xdata.set(FILE_SIZE, Extent::default().encode());
        block_size
    }
}

fn at(loc: &Loc) -> Option<&Inode> {
    loc.inode.as_ref().into_option()
}

/// Whether a new file is a regular one.
fn is_regular(mode: u32) -> bool {
    matches!(mode & libc::S_IFMT, 0 | libc::S_IFREG)
}

/// Writes the `impl`: the fops that need no more than a look at what they name, those that tell attributes, those that
/// change a range, and those that cannot be done to a file in blocks.
macro_rules! shard {
    (
        { $($written:tt)* }
        guarded { $($guard:ident $guard_args:ident $guard_reply:ident;)* }
        tells { $($tell:ident $tell_args:ident $tell_reply:ident |$ta:ident| $about:expr, $($iatt:ident)*;)* }
        ranges { $($range:ident $range_args:ident $range_kind:ident;)* }
        refused { $($refuse:ident $refuse_args:ident $refuse_reply:ident |$ra:ident| $($fd:expr),*;)* }
    ) => {
        #[xlator(
            "features/shard",
            positions = "client",
            unknown_fops = "deny",
            doc = "cuts large files into blocks, each a file of its own on the bricks"
        )]
        impl Xlator for Shard {
            $($written)*

            $(
                async fn $guard(&self, frame: &Frame, args: $guard_args) -> FopResult<$guard_reply> {
                    if self.passes(frame) {
                        return frame.child().$guard(args).await;
                    }
                    may_name(&args)?;
                    frame.child().$guard(args).await
                }
            )*

            $(
                async fn $tell(&self, frame: &Frame, mut args: $tell_args) -> FopResult<$tell_reply> {
                    if self.passes(frame) {
                        return frame.child().$tell(args).await;
                    }
                    may_name(&args)?;
                    let inode = { let $ta = &args; $about.cloned() };
                    let asked = args.xdata.clone();
                    ask(&mut args.xdata);
                    let began = now();
                    let mut told = frame.child().$tell(args).await?;
                    $(self.call(frame).told(inode.as_ref(), began, &mut told.$iatt, &told.xdata);)*
                    strip(&mut told.xdata, &asked);
                    Ok(told)
                }
            )*

            $(
                async fn $range(&self, frame: &Frame, args: $range_args) -> FopResult<PrePost> {
                    if self.passes(frame) {
                        return frame.child().$range(args).await;
                    }
                    let call = self.call(frame);
                    let file = call.file(args.fd.inode()).await?;
                    let Some(block_size) = file.block_size() else {
                        return frame.child().$range(args).await;
                    };
                    let $range_args { fd, offset, len, xdata, .. } = args;
                    let range = Range { fd, offset, len, kind: Kind::$range_kind, xdata };
                    let Written { pre, post, xdata, .. } = call.change(&file, block_size, range).await?;
                    Ok(PrePost { pre, post, xdata })
                }
            )*

            $(
                async fn $refuse(&self, frame: &Frame, args: $refuse_args) -> FopResult<$refuse_reply> {
                    if self.passes(frame) {
                        return frame.child().$refuse(args).await;
                    }
                    let $ra = &args;
                    $(
                        if self.call(frame).file($fd.inode()).await?.block_size().is_some() {
                            return Err(Errno::EOPNOTSUPP.into());
                        }
                    )*
                    frame.child().$refuse(args).await
                }
            )*
        }
    };
}

shard! {
    {
        fn options() -> Options {
            options::declare()
        }

        fn init(&mut self, cx: &InitCx<'_>) -> Result<(), InitError> {
            self.off = cx.bool("pass-through")?;
            self.take_settings(cx)
        }

        fn reconfigure(&self, cx: &InitCx<'_>) -> Result<(), InitError> {
            self.take_settings(cx)
        }

        fn dump(&self, out: &mut String) {
            out.push_str(&format!("files={}\nblocks={}\n", self.files.len(), self.blocks.kept()));
        }

        fn fini(&self) {
            self.sweeper.stop();
        }

        async fn lookup(&self, frame: &Frame, mut args: Lookup) -> FopResult<Looked> {
            if self.passes(frame) {
                return frame.child().lookup(args).await;
            }
            may_name(&args)?;
            let inode = at(&args.loc).cloned();
            let asked = args.xdata.clone();
            ask(&mut args.xdata);
            let began = now();
            let mut found = frame.child().lookup(args).await?;
            self.call(frame).found(inode.as_ref(), began, &mut found.iatt, &found.xdata);
            strip(&mut found.xdata, &asked);
            Ok(found)
        }

        async fn mknod(&self, frame: &Frame, mut args: Mknod) -> FopResult<Made> {
            if self.passes(frame) {
                return frame.child().mknod(args).await;
            }
            may_name(&args)?;
            if !is_regular(args.mode) {
                return frame.child().mknod(args).await;
            }
            let (inode, block_size) = (at(&args.loc).cloned(), self.cut(&mut args.xdata));
            let began = now();
            let made = frame.child().mknod(args).await?;
            self.call(frame).made(inode.as_ref(), began, block_size, &made.iatt);
            Ok(made)
        }

        async fn create(&self, frame: &Frame, mut args: Create) -> FopResult<Created> {
            if self.passes(frame) {
                return frame.child().create(args).await;
            }
            may_name(&args)?;
            let (call, block_size) = (self.call(frame), self.cut(&mut args.xdata));
            let (inode, wanted) = (args.fd.inode().clone(), args.xdata.gfid("gfid-req"));
            let truncates = args.flags & libc::O_TRUNC != 0;
            args.flags &= !(libc::O_TRUNC | libc::O_APPEND);
            let began = now();
            let mut created = frame.child().create(args).await?;
            if wanted.is_none_or(|wanted| wanted == created.iatt.gfid) {
                call.made(Some(&inode), began, block_size, &created.iatt);
                return Ok(created);
            }
            // It was there.
            inode.link(created.iatt.gfid, created.iatt.file_type());
            let first = First::Open(created.fd.clone());
            let file = call.file(&inode).await?;
            match file.block_size() {
                Some(block_size) if truncates => drop(call.truncate(&file, block_size, &first, 0, Dict::new()).await?),
                None if truncates => drop(first.truncate(frame.child(), 0, Dict::new()).await?),
                _ => {}
            }
            created.iatt = file.shown(&file.first());
            Ok(created)
        }

        async fn open(&self, frame: &Frame, mut args: Open) -> FopResult<Opened> {
            if self.passes(frame) {
                return frame.child().open(args).await;
            }
            may_name(&args)?;
            let call = self.call(frame);
            let file = call.file(args.fd.inode()).await?;
            let Some(block_size) = file.block_size() else { return frame.child().open(args).await };
            // Another client may have written it until it was opened here.
            file.doubt();
            let truncates = args.flags & libc::O_TRUNC != 0;
            // The end of the first block is not that of the file.
            args.flags &= !(libc::O_TRUNC | libc::O_APPEND);
            let opened = frame.child().open(args).await?;
            if truncates {
                let first = First::Open(opened.fd.clone());
                call.truncate(&file, block_size, &first, 0, Dict::new()).await?;
            }
            Ok(opened)
        }

        async fn readv(&self, frame: &Frame, args: Readv) -> FopResult<Data> {
            if self.passes(frame) {
                return frame.child().readv(args).await;
            }
            let call = self.call(frame);
            let file = call.file(args.fd.inode()).await?;
            match file.block_size() {
                Some(block_size) => call.read(&file, block_size, args).await,
                None => frame.child().readv(args).await,
            }
        }

        async fn writev(&self, frame: &Frame, args: Writev) -> FopResult<Written> {
            if self.passes(frame) {
                return frame.child().writev(args).await;
            }
            let call = self.call(frame);
            let file = call.file(args.fd.inode()).await?;
            let Some(block_size) = file.block_size() else { return frame.child().writev(args).await };
            let len = args.len();
            let Writev { fd, data, mut offset, flags, xdata } = args;
            let appends = fd.flags() & libc::O_APPEND != 0;
            let _nobody_else_appends = match appends {
                true => {
                    let held = file.end.lock().await;
                    call.measure(&file, &First::Open(fd.clone())).await?;
                    offset = file.extent().size;
                    Some(held)
                }
                false => None,
            };
            let kind = Kind::Write { data: data.to_iobuf(), flags };
            call.change(&file, block_size, Range { fd, offset, len, kind, xdata }).await
        }

        async fn fallocate(&self, frame: &Frame, args: Fallocate) -> FopResult<PrePost> {
            if self.passes(frame) {
                return frame.child().fallocate(args).await;
            }
            let call = self.call(frame);
            let file = call.file(args.fd.inode()).await?;
            let Some(block_size) = file.block_size() else { return frame.child().fallocate(args).await };
            if args.mode != 0 {
                return Err(Errno::EOPNOTSUPP.into());
            }
            let Fallocate { fd, offset, len, xdata, .. } = args;
            let range = Range { fd, offset, len, kind: Kind::Allocate, xdata };
            let Written { pre, post, xdata, .. } = call.change(&file, block_size, range).await?;
            Ok(PrePost { pre, post, xdata })
        }

        async fn truncate(&self, frame: &Frame, args: Truncate) -> FopResult<PrePost> {
            if self.passes(frame) {
                return frame.child().truncate(args).await;
            }
            may_name(&args)?;
            let call = self.call(frame);
            let Some(inode) = at(&args.loc) else { return Err(Errno::EINVAL.into()) };
            let file = call.file(inode).await?;
            match file.block_size() {
                Some(block_size) => {
                    let Truncate { loc, offset, xdata } = args;
                    call.truncate(&file, block_size, &First::At(loc), offset, xdata).await
                }
                None => frame.child().truncate(args).await,
            }
        }

        async fn ftruncate(&self, frame: &Frame, args: Ftruncate) -> FopResult<PrePost> {
            if self.passes(frame) {
                return frame.child().ftruncate(args).await;
            }
            let call = self.call(frame);
            let file = call.file(args.fd.inode()).await?;
            match file.block_size() {
                Some(block_size) => {
                    let Ftruncate { fd, offset, xdata } = args;
                    call.truncate(&file, block_size, &First::Open(fd), offset, xdata).await
                }
                None => frame.child().ftruncate(args).await,
            }
        }

        async fn fsync(&self, frame: &Frame, args: Fsync) -> FopResult<PrePost> {
            if self.passes(frame) {
                return frame.child().fsync(args).await;
            }
            let call = self.call(frame);
            let file = call.file(args.fd.inode()).await?;
            match file.block_size() {
                Some(_) => call.sync(&file, args).await,
                None => frame.child().fsync(args).await,
            }
        }

        async fn flush(&self, frame: &Frame, args: Flush) -> FopResult<Done> {
            if self.passes(frame) {
                return frame.child().flush(args).await;
            }
            let call = self.call(frame);
            if let Some(file) = call.known(args.fd.inode()) {
                call.save_time(&file, &args.fd).await;
            }
            frame.child().flush(args).await
        }

        async fn unlink(&self, frame: &Frame, args: Unlink) -> FopResult<Removed> {
            if self.passes(frame) {
                return frame.child().unlink(args).await;
            }
            may_name(&args)?;
            self.call(frame).unlink(args).await
        }

        async fn rename(&self, frame: &Frame, args: Rename) -> FopResult<Renamed> {
            if self.passes(frame) {
                return frame.child().rename(args).await;
            }
            may_name(&args)?;
            may_reach(Subject::from(&args.new))?;
            self.call(frame).rename(args).await
        }

        async fn link(&self, frame: &Frame, args: Link) -> FopResult<Made> {
            if self.passes(frame) {
                return frame.child().link(args).await;
            }
            may_name(&args)?;
            may_reach(Subject::from(&args.new))?;
            let inode = at(&args.old).cloned();
            let mut made = frame.child().link(args).await?;
            self.call(frame).told(inode.as_ref(), now(), &mut made.iatt, &Dict::new());
            Ok(made)
        }

        async fn readdir(&self, frame: &Frame, args: Readdir) -> FopResult<Entries> {
            if self.passes(frame) {
                return frame.child().readdir(args).await;
            }
            self.call(frame).readdir(args).await
        }

        async fn readdirp(&self, frame: &Frame, args: Readdirp) -> FopResult<Entries> {
            if self.passes(frame) {
                return frame.child().readdirp(args).await;
            }
            self.call(frame).readdirp(args).await
        }

        async fn getxattr(&self, frame: &Frame, args: Getxattr) -> FopResult<Xattrs> {
            if self.passes(frame) {
                return frame.child().getxattr(args).await;
            }
            may_name(&args)?;
            may_read(&args.name)?;
            frame.child().getxattr(args).await.map(listed)
        }

        async fn fgetxattr(&self, frame: &Frame, args: Fgetxattr) -> FopResult<Xattrs> {
            if self.passes(frame) {
                return frame.child().fgetxattr(args).await;
            }
            may_read(&args.name)?;
            frame.child().fgetxattr(args).await.map(listed)
        }

        async fn setxattr(&self, frame: &Frame, args: Setxattr) -> FopResult<Done> {
            if self.passes(frame) {
                return frame.child().setxattr(args).await;
            }
            may_name(&args)?;
            may_change(args.xattrs.iter().map(|(key, _)| key.as_bytes()))?;
            frame.child().setxattr(args).await
        }

        async fn fsetxattr(&self, frame: &Frame, args: Fsetxattr) -> FopResult<Done> {
            if self.passes(frame) {
                return frame.child().fsetxattr(args).await;
            }
            may_change(args.xattrs.iter().map(|(key, _)| key.as_bytes()))?;
            frame.child().fsetxattr(args).await
        }

        async fn removexattr(&self, frame: &Frame, args: Removexattr) -> FopResult<Done> {
            if self.passes(frame) {
                return frame.child().removexattr(args).await;
            }
            may_name(&args)?;
            may_change(std::iter::once(&args.name[..]))?;
            frame.child().removexattr(args).await
        }

        async fn fremovexattr(&self, frame: &Frame, args: Fremovexattr) -> FopResult<Done> {
            if self.passes(frame) {
                return frame.child().fremovexattr(args).await;
            }
            may_change(std::iter::once(&args.name[..]))?;
            frame.child().fremovexattr(args).await
        }

        fn put(&self, _frame: &Frame, _args: Put) -> FopResult<Made> {
            // Create, write and setxattr do the same, and who asks for this one knows them.
            Err(Errno::EOPNOTSUPP.into())
        }
    }
    guarded {
        mkdir Mkdir Made;
        rmdir Rmdir Removed;
        symlink Symlink Made;
        opendir Opendir Opened;
        access Access Done;
    }
    tells {
        stat Stat Attr |args| at(&args.loc), iatt;
        fstat Fstat Attr |args| Some(args.fd.inode()), iatt;
        setattr Setattr PrePost |args| at(&args.loc), pre post;
        fsetattr Fsetattr PrePost |args| Some(args.fd.inode()), pre post;
    }
    ranges {
        discard Discard Discard;
        zerofill Zerofill Zero;
    }
    refused {
        seek Seek Sought |args| args.fd;
        rchecksum Rchecksum Checksum |args| args.fd;
        copy_file_range CopyFileRange Copied |args| args.fd_in, args.fd_out;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_option_is_in_the_readme() {
        let readme = include_str!("../README.md");
        for decl in <Shard as Xlator>::options().0.iter() {
            assert!(readme.contains(&format!("`{}`", decl.keys[0])), "{} is missing", decl.keys[0]);
        }
    }
}
