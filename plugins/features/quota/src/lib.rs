//! `features/quota`: holds the limits of directories.
//!
//! How much lies below a directory is what the marker has written on it; `tree` remembers that and the limits, and `limit`
//! says what they allow. This file says of every fop how much it adds, and where.
#![forbid(unsafe_code)]

mod aggregator;
mod limit;
mod options;
mod tree;

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{PoisonError, RwLock};

use plugin_api::prelude::*;

use limit::Amount;
use options::Settings;
use tree::{Tree, occupied};

/// In the xdata of a statfs: the disk is asked for.
const REAL: &str = "ignore-deem-statfs";
/// In its answer: this is a limit.
const DEEMED: &str = "quota-deem-statfs";
/// Marks that users do not set.
const MARKS: [&str; 2] = ["trusted.glusterfs.quota", "trusted.pgfid"];

/// Holds limits.
#[derive(Debug, Default)]
pub struct Quota {
    on: AtomicBool,
    settings: RwLock<Settings>,
    tree: Tree,
}

impl Quota {
    fn take_settings(&self, cx: &InitCx<'_>) -> Result<(), InitError> {
        let settings = Settings::read(cx)?;
        let volume = cx.find("volume-uuid").unwrap_or_default();
        self.tree.aggregator.serve(volume);
        *self.settings.write().unwrap_or_else(PoisonError::into_inner) = settings;
        self.tree.clear();
        self.on.store(settings.on, Ordering::Relaxed);
        Ok(())
    }

    /// Whether there are no limits.
    fn is_off(&self) -> bool {
        !self.on.load(Ordering::Relaxed)
    }

    fn settings(&self) -> Option<Settings> {
        Some(*self.settings.read().unwrap_or_else(PoisonError::into_inner)).filter(|settings| settings.on)
    }

    /// What holds for a fop; nothing does for the cluster's own work.
    fn holds(&self, frame: &Frame, xdata: &Dict) -> Option<Settings> {
        self.settings().filter(|_| frame.identity().pid >= 0 && !xdata.contains(INTERNAL_FOP))
    }

    fn named(&self, iatt: &Iatt, parent: Gfid) {
        if !parent.is_null() {
            self.tree.named(iatt.gfid, parent, iatt.is_dir() || iatt.nlink == 1);
        }
    }

    /// Whether one more object may be in a directory.
    async fn may_make(&self, frame: &Frame, parent: Gfid, xdata: &Dict) -> Result<(), Errno> {
        if let Some(settings) = self.holds(frame, xdata) {
            self.tree.room(frame, &[parent], &[], Amount::OBJECT, &settings).await?;
        }
        Ok(())
    }

    /// Something was made, or given a name.
    async fn made(&self, frame: &Frame, iatt: &Iatt, parent: Gfid, amount: Amount) {
        self.named(iatt, parent);
        if let Some(settings) = self.settings() {
            self.tree.grew(frame, &[parent], amount, &settings).await;
        }
    }

    /// How many bytes may be added to a file.
    async fn room(&self, frame: &Frame, file: Gfid, xdata: &Dict) -> Result<i64, Errno> {
        let Some(settings) = self.holds(frame, xdata) else { return Ok(i64::MAX) };
        let parents = self.tree.parents(frame, file).await;
        // Wherever it is, it is below the root.
        let parents = if parents.is_empty() { vec![Gfid::ROOT] } else { parents };
        self.tree.room(frame, &parents, &[], Amount::default(), &settings).await
    }

    /// As [`room`](Self::room), for what cannot be done in part.
    async fn may_add(&self, frame: &Frame, file: Gfid, len: u64, xdata: &Dict) -> Result<(), Errno> {
        let room = self.room(frame, file, xdata).await?;
        if i64::try_from(len).is_ok_and(|len| len <= room) { Ok(()) } else { Err(Errno::EDQUOT) }
    }

    /// A file takes more room, or less.
    async fn resized(&self, frame: &Frame, pre: &Iatt, post: &Iatt) {
        let Some(settings) = self.settings() else { return };
        let bytes = occupied(post).saturating_sub(occupied(pre));
        if bytes < 0 {
            self.tree.shrunk();
        } else if bytes > 0 {
            let parents = self.tree.parents(frame, post.gfid).await;
            self.tree.grew(frame, &parents, Amount { bytes, objects: 0 }, &settings).await;
        }
    }

    /// Whether what lies at a place may be in another directory, too; how much that is.
    async fn may_move(
        &self,
        frame: &Frame,
        old: &Loc,
        to: Gfid,
        settings: &Settings,
    ) -> Result<Amount, Errno> {
        let Some((_, amount)) = self.tree.weigh(frame, old).await else { return Ok(Amount::default()) };
        let from = old.directory();
        let except = if from.is_null() { Vec::new() } else { self.tree.chain(frame, from).await };
        let room = self.tree.room(frame, &[to], &except, amount, settings).await?;
        if amount.bytes <= room { Ok(amount) } else { Err(Errno::EDQUOT) }
    }

    /// A change of xattrs by a user: marks are none of them.
    fn may_set<'n>(&self, frame: &Frame, mut names: impl Iterator<Item = &'n [u8]>) -> Result<(), Errno> {
        let is_mark = |name: &[u8]| MARKS.iter().any(|mark| name.starts_with(mark.as_bytes()));
        match !self.is_off() && frame.identity().pid >= 0 && names.any(is_mark) {
            true => Err(Errno::EPERM),
            false => Ok(()),
        }
    }

    /// What a file system looks like that is as large as a limit.
    async fn deem(&self, frame: &Frame, object: Gfid, settings: &Settings, space: &mut Space) -> bool {
        for dir in self.tree.chain(frame, object).await {
            let Some(standing) = self.tree.standing(frame, dir, settings).await else { continue };
            let Some(limit) = standing.space else { continue };
            let units = |bytes: i64| u64::try_from(bytes).unwrap_or(0) / space.bsize.max(1);
            let (all, used) = (units(limit.hard), units(standing.used.bytes));
            space.blocks = all;
            space.bfree = all.saturating_sub(used);
            space.bavail = space.bfree;
            return true;
        }
        false
    }
}

fn keys(dict: &Dict) -> impl Iterator<Item = &[u8]> {
    dict.iter().map(|(key, _)| key.as_bytes())
}

/// Writes the `impl`: what makes an object where, and what adds how much to which file.
macro_rules! quota {
    (
        { $($written:tt)* }
        makes { $($make:ident $make_args:ident $make_reply:ident;)* }
        adds { $($add:ident $add_args:ident $add_reply:ident |$a:ident| $file:expr, $len:expr;)* }
        cuts { $($cut:ident $cut_args:ident;)* }
        sets { $($set:ident $set_args:ident $set_reply:ident |$s:ident| $names:expr, $object:expr;)* }
    ) => {
        #[xlator(
            "features/quota",
            positions = "brick",
            unknown_fops = "decompose",
            doc = "holds the limits of directories"
        )]
        impl Xlator for Quota {
            $($written)*

            $(
                async fn $make(&self, frame: &Frame, args: $make_args) -> FopResult<$make_reply> {
                    if self.is_off() {
                        return frame.child().$make(args).await;
                    }
                    let parent = args.loc.directory();
                    self.may_make(frame, parent, &args.xdata).await?;
                    let made = frame.child().$make(args).await?;
                    self.made(frame, &made.iatt, parent, Amount::OBJECT).await;
                    Ok(made)
                }
            )*

            $(
                async fn $add(&self, frame: &Frame, args: $add_args) -> FopResult<$add_reply> {
                    if self.is_off() {
                        return frame.child().$add(args).await;
                    }
                    let (file, len) = { let $a = &args; ($file, $len) };
                    self.may_add(frame, file, len, &args.xdata).await?;
                    let done = frame.child().$add(args).await?;
                    self.resized(frame, &done.pre, &done.post).await;
                    Ok(done)
                }
            )*

            $(
                async fn $cut(&self, frame: &Frame, args: $cut_args) -> FopResult<PrePost> {
                    if self.is_off() {
                        return frame.child().$cut(args).await;
                    }
                    let done = frame.child().$cut(args).await?;
                    self.resized(frame, &done.pre, &done.post).await;
                    Ok(done)
                }
            )*

            $(
                async fn $set(&self, frame: &Frame, args: $set_args) -> FopResult<$set_reply> {
                    if self.is_off() {
                        return frame.child().$set(args).await;
                    }
                    let object = {
                        let $s = &args;
                        self.may_set(frame, $names)?;
                        $object
                    };
                    let done = frame.child().$set(args).await?;
                    // A limit, or none any more.
                    self.tree.forget(object);
                    Ok(done)
                }
            )*
        }
    };
}

quota! {
    {
        fn options() -> Options {
            options::declare()
        }

        fn init(&mut self, cx: &InitCx<'_>) -> Result<(), InitError> {
            self.take_settings(cx)
        }

        fn reconfigure(&self, cx: &InitCx<'_>) -> Result<(), InitError> {
            self.take_settings(cx)
        }

        async fn lookup(&self, frame: &Frame, args: Lookup) -> FopResult<Looked> {
            if self.is_off() || args.loc.name.is_empty() {
                return frame.child().lookup(args).await;
            }
            let parent = args.loc.directory();
            let found = frame.child().lookup(args).await?;
            self.named(&found.iatt, parent);
            Ok(found)
        }

        async fn link(&self, frame: &Frame, args: Link) -> FopResult<Made> {
            if self.is_off() {
                return frame.child().link(args).await;
            }
            let (to, mut amount) = (args.new.directory(), Amount::OBJECT);
            if let Some(settings) = self.holds(frame, &args.xdata) {
                amount = self.may_move(frame, &args.old, to, &settings).await?;
            }
            let made = frame.child().link(args).await?;
            self.made(frame, &made.iatt, to, amount).await;
            Ok(made)
        }

        async fn rename(&self, frame: &Frame, args: Rename) -> FopResult<Renamed> {
            if self.is_off() {
                return frame.child().rename(args).await;
            }
            let (from, to, replaced) = (args.old.directory(), args.new.directory(), args.new.target());
            let mut amount = Amount::default();
            if let Some(settings) = self.holds(frame, &args.xdata).filter(|_| from != to) {
                amount = self.may_move(frame, &args.old, to, &settings).await?;
            }
            let done = frame.child().rename(args).await?;
            self.tree.unnamed(replaced);
            self.tree.unnamed(done.iatt.gfid);
            self.made(frame, &done.iatt, to, amount).await;
            self.tree.shrunk();
            Ok(done)
        }

        async fn unlink(&self, frame: &Frame, args: Unlink) -> FopResult<Removed> {
            if self.is_off() {
                return frame.child().unlink(args).await;
            }
            let object = frame.child().gfid_at(&args.loc).await;
            let done = frame.child().unlink(args).await?;
            self.tree.unnamed(object);
            self.tree.shrunk();
            Ok(done)
        }

        async fn rmdir(&self, frame: &Frame, args: Rmdir) -> FopResult<Removed> {
            if self.is_off() {
                return frame.child().rmdir(args).await;
            }
            let object = frame.child().gfid_at(&args.loc).await;
            let done = frame.child().rmdir(args).await?;
            self.tree.unnamed(object);
            self.tree.forget(object);
            self.tree.shrunk();
            Ok(done)
        }

        async fn open(&self, frame: &Frame, args: Open) -> FopResult<Opened> {
            if self.is_off() || args.flags & libc::O_TRUNC == 0 {
                return frame.child().open(args).await;
            }
            let opened = frame.child().open(args).await?;
            self.tree.shrunk();
            Ok(opened)
        }

        async fn writev(&self, frame: &Frame, mut args: Writev) -> FopResult<Written> {
            if self.is_off() {
                return frame.child().writev(args).await;
            }
            let room = self.room(frame, args.fd.inode().gfid(), &args.xdata).await?;
            // What fits is written, and the next write is told.
            if let Ok(room) = usize::try_from(room)
                && room < args.data.len()
            {
                args.data = args.data.to_iobuf().slice(..room).into();
            }
            let written = frame.child().writev(args).await?;
            self.resized(frame, &written.pre, &written.post).await;
            Ok(written)
        }

        async fn put(&self, frame: &Frame, args: Put) -> FopResult<Made> {
            if self.is_off() {
                return frame.child().put(args).await;
            }
            let Some(settings) = self.settings() else { return frame.child().put(args).await };
            let parent = args.loc.directory();
            if self.holds(frame, &args.xdata).is_some() {
                let room = self.tree.room(frame, &[parent], &[], Amount::OBJECT, &settings).await?;
                if usize::try_from(room).is_ok_and(|room| room < args.data.len()) {
                    return Err(Errno::EDQUOT.into());
                }
            }
            let made = frame.child().put(args).await?;
            let amount = Amount { bytes: occupied(&made.iatt), objects: 1 };
            self.made(frame, &made.iatt, parent, amount).await;
            Ok(made)
        }

        async fn statfs(&self, frame: &Frame, args: Statfs) -> FopResult<SpaceReply> {
            if self.is_off() {
                return frame.child().statfs(args).await;
            }
            let settings = self.settings().filter(|settings| settings.deem_statfs);
            let real = args.xdata.get(REAL).is_some_and(|value| value.as_bool() != Some(false));
            let Some(settings) = settings.filter(|_| !real) else { return frame.child().statfs(args).await };
            let object = args.loc.target();
            let mut reply = frame.child().statfs(args).await?;
            if !object.is_null() && self.deem(frame, object, &settings, &mut reply.space).await {
                reply.xdata.set(DEEMED, 1);
            }
            Ok(reply)
        }
    }
    makes {
        mknod Mknod Made;
        mkdir Mkdir Made;
        symlink Symlink Made;
        create Create Created;
    }
    adds {
        fallocate Fallocate PrePost |args| args.fd.inode().gfid(), args.len;
        zerofill Zerofill PrePost |args| args.fd.inode().gfid(), args.len;
        copy_file_range CopyFileRange Copied |args| args.fd_out.inode().gfid(), args.len as u64;
    }
    cuts {
        truncate Truncate;
        ftruncate Ftruncate;
        discard Discard;
    }
    sets {
        setxattr Setxattr Done |args| keys(&args.xattrs), args.loc.target();
        fsetxattr Fsetxattr Done |args| keys(&args.xattrs), args.fd.inode().gfid();
        removexattr Removexattr Done |args| std::iter::once(&args.name[..]), args.loc.target();
        fremovexattr Fremovexattr Done |args| std::iter::once(&args.name[..]), args.fd.inode().gfid();
    }
}
