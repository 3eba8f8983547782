//! `performance/write-behind`: answers writes before a brick has them, and puts small ones together on their way.
//!
//! What one file holds back, and which of it may go, is in `queue`; who waits for it, and how it goes, in `files`. This file says
//! of every fop what it has to wait for.
#![forbid(unsafe_code)]

mod files;
mod options;
mod queue;
mod recent;

use std::sync::Arc;
use std::time::Duration;

use plugin_api::prelude::*;

use files::{Files, bytes, told};
use options::Settings;
use queue::{Scope, Span, Wanted};

/// For how long `reconfigure` waits for what is held back to be below.
const PATIENCE: Duration = Duration::from_secs(30);

/// The translator.
#[derive(Debug, Default)]
pub struct WriteBehind {
    files: Arc<Files>,
}

impl WriteBehind {
    /// Waits until all that a file holds of `scope` is below, for who would change it.
    async fn settle(&self, gfid: Gfid, scope: Scope) -> FopResult<()> {
        match self.files.settle(gfid, scope, Wanted::Yes).await {
            Some(errno) => Err(errno.into()),
            None => Ok(()),
        }
    }

    /// The same for who only looks: what does not get there is still to be told to who wrote it. Answers its error.
    async fn look(&self, gfid: Gfid, scope: Scope) -> Option<Errno> {
        self.files.settle(gfid, scope, Wanted::Look).await
    }

    /// The same for who reads bytes: without what was acknowledged, nothing is read.
    async fn read(&self, gfid: Gfid, scope: Scope) -> FopResult<()> {
        match self.look(gfid, scope).await {
            Some(errno) => Err(errno.into()),
            None => Ok(()),
        }
    }

    /// Attributes of these files are those of before what is held back, or may be.
    fn blank(&self, entries: &mut [DirEntry]) {
        for entry in entries {
            let gfid = entry.iatt.gfid;
            if !gfid.is_null() && (self.files.holds(gfid) || self.files.recent.has(gfid)) {
                entry.iatt = Iatt::default();
                entry.xattrs = Dict::new();
            }
        }
    }
}

fn truncates(flags: i32) -> bool {
    flags & libc::O_TRUNC != 0
}

/// Writes the `impl`: the fops that wait for all that their file holds back, and do no more.
macro_rules! write_behind {
    (
        { $($written:tt)* }
        looks { $($name:ident $args:ident $reply:ident |$a:ident| $file:expr, $scope:expr;)* }
        changes { $($change:ident $change_args:ident $change_reply:ident |$ca:ident| $changed:expr;)* }
    ) => {
        #[xlator(
            "performance/write-behind",
            positions = "client",
            unknown_fops = "decompose",
            doc = "answers writes before a brick has them"
        )]
        impl Xlator for WriteBehind {
            $($written)*

            $(
                async fn $name(&self, frame: &Frame, args: $args) -> FopResult<$reply> {
                    if self.files.is_idle() {
                        return frame.child().$name(args).await;
                    }
                    let file = { let $a = &args; $file };
                    self.look(file, $scope).await;
                    frame.child().$name(args).await
                }
            )*

            $(
                async fn $change(&self, frame: &Frame, args: $change_args) -> FopResult<$change_reply> {
                    if self.files.is_idle() {
                        return frame.child().$change(args).await;
                    }
                    let file = { let $ca = &args; $changed };
                    self.settle(file, Scope::Writes).await?;
                    frame.child().$change(args).await
                }
            )*
        }
    };
}

write_behind! {
    {
        fn options() -> Options {
            options::declare()
        }

        fn init(&mut self, cx: &InitCx<'_>) -> Result<(), InitError> {
            self.files.name(cx);
            self.files.set(Settings::read(cx)?);
            Ok(())
        }

        fn reconfigure(&self, cx: &InitCx<'_>) -> Result<(), InitError> {
            let (old, new) = (self.files.settings(), Settings::read(cx)?);
            self.files.set(new);
            if new.pass_through {
                self.files.go();
                let left = self.files.wait(PATIENCE);
                if left > 0 {
                    self.files.set(old);
                    return Err(InitError(format!(
                        "{left} files still hold writes back after {} s; is a brick away?",
                        PATIENCE.as_secs()
                    )));
                }
            }
            Ok(())
        }

        fn fini(&self) {
            self.files.go();
        }

        fn dump(&self, out: &mut String) {
            let settings = self.files.settings();
            let lines = format!(
                "pass_through={}\nwindow_size={}\naggregate_size={}\nfiles={}\n",
                settings.pass_through,
                settings.window,
                settings.aggregate,
                self.files.count()
            );
            out.push_str(&lines);
        }

        async fn writev(&self, frame: &Frame, mut args: Writev) -> FopResult<Written> {
            if self.files.is_away() {
                return frame.child().writev(args).await;
            }
            if self.files.settings().behind(&args)
                && let Some(count) = self.files.take(frame, &mut args).await?
            {
                return Ok(Written { count, ..Written::default() });
            }
            let scope = Scope::Bytes(Span::written(&args));
            let failed = self.files.settle(args.fd.inode().gfid(), scope, Wanted::Yes).await;
            if let Some(errno) = told(&args.fd, frame.key()).or(failed) {
                return Err(errno.into());
            }
            frame.child().writev(args).await
        }

        async fn readv(&self, frame: &Frame, args: Readv) -> FopResult<Data> {
            if self.files.is_idle() {
                return frame.child().readv(args).await;
            }
            let file = args.fd.inode().gfid();
            let (offset, size) = (args.offset, args.size);
            // What was acknowledged is not there where this fails: older bytes would be a lie.
            self.read(file, bytes(offset, size as u64)).await?;
            if !self.files.reaches_beyond(file, offset) {
                return frame.child().readv(args).await;
            }
            let read = frame.child().readv(args.clone()).await?;
            if read.data.len() >= size {
                return Ok(read);
            }
            // It may have ended where a write beyond begins a hole.
            self.read(file, bytes(offset, u64::MAX)).await?;
            frame.child().readv(args).await
        }

        async fn flush(&self, frame: &Frame, args: Flush) -> FopResult<Done> {
            if self.files.is_away() {
                return frame.child().flush(args).await;
            }
            if self.files.settings().flush_behind && self.files.take_flush(frame, &args).is_some() {
                return Ok(Done::default());
            }
            let failed = self.files.settle(args.fd.inode().gfid(), Scope::All, Wanted::Yes).await;
            let lost = told(&args.fd, frame.key()).or(failed);
            // In any case: locks are given back with it.
            let done = frame.child().flush(args).await;
            match lost {
                Some(errno) => Err(errno.into()),
                None => done,
            }
        }

        async fn fsync(&self, frame: &Frame, args: Fsync) -> FopResult<PrePost> {
            if self.files.is_away() {
                return frame.child().fsync(args).await;
            }
            let failed = self.files.settle(args.fd.inode().gfid(), Scope::Writes, Wanted::Sync).await;
            if let Some(errno) = told(&args.fd, frame.key()).or(failed) {
                return Err(errno.into());
            }
            frame.child().fsync(args).await
        }

        async fn lookup(&self, frame: &Frame, args: Lookup) -> FopResult<Looked> {
            if self.files.is_idle() {
                return frame.child().lookup(args).await;
            }
            self.look(args.loc.target(), Scope::Writes).await;
            let found = frame.child().lookup(args.clone()).await?;
            if args.loc.target().is_null() && self.files.holds(found.iatt.gfid) {
                // A name that leads to a file that is known by another.
                self.look(found.iatt.gfid, Scope::Writes).await;
                return frame.child().lookup(args).await;
            }
            Ok(found)
        }

        async fn open(&self, frame: &Frame, args: Open) -> FopResult<Opened> {
            if self.files.is_idle() {
                return frame.child().open(args).await;
            }
            if truncates(args.flags) {
                self.settle(args.loc.target(), Scope::Writes).await?;
            }
            frame.child().open(args).await
        }

        async fn create(&self, frame: &Frame, args: Create) -> FopResult<Created> {
            if self.files.is_idle() {
                return frame.child().create(args).await;
            }
            if truncates(args.flags) {
                self.settle(args.loc.target(), Scope::Writes).await?;
            }
            frame.child().create(args).await
        }

        async fn readdirp(&self, frame: &Frame, args: Readdirp) -> FopResult<Entries> {
            if self.files.is_away() {
                return frame.child().readdirp(args).await;
            }
            self.files.recent.begin();
            let mut answer = frame.child().readdirp(args).await;
            if let Ok(read) = &mut answer
                && !(self.files.is_idle() && self.files.recent.is_empty())
            {
                self.blank(&mut read.entries);
            }
            self.files.recent.end();
            answer
        }

        async fn copy_file_range(&self, frame: &Frame, args: CopyFileRange) -> FopResult<Copied> {
            if self.files.is_idle() {
                return frame.child().copy_file_range(args).await;
            }
            let from = bytes(args.offset_in, u64::MAX);
            self.read(args.fd_in.inode().gfid(), from).await?;
            self.settle(args.fd_out.inode().gfid(), Scope::Writes).await?;
            frame.child().copy_file_range(args).await
        }
    }
    looks {
        stat Stat Attr |a| a.loc.target(), Scope::Writes;
        fstat Fstat Attr |a| a.fd.inode().gfid(), Scope::Writes;
        setattr Setattr PrePost |a| a.loc.target(), Scope::Writes;
        fsetattr Fsetattr PrePost |a| a.fd.inode().gfid(), Scope::Writes;
        setxattr Setxattr Done |a| a.loc.target(), Scope::Writes;
        fsetxattr Fsetxattr Done |a| a.fd.inode().gfid(), Scope::Writes;
        removexattr Removexattr Done |a| a.loc.target(), Scope::Writes;
        fremovexattr Fremovexattr Done |a| a.fd.inode().gfid(), Scope::Writes;
        link Link Made |a| a.old.target(), Scope::Writes;
        rename Rename Renamed |a| a.old.target(), Scope::Writes;
        seek Seek Sought |a| a.fd.inode().gfid(), Scope::Writes;
        rchecksum Rchecksum Checksum |a| a.fd.inode().gfid(), Scope::Writes;
        lk Lk Locked |a| a.fd.inode().gfid(), Scope::All;
        lease LeaseFop Leased |a| a.loc.target(), Scope::All;
    }
    changes {
        truncate Truncate PrePost |a| a.loc.target();
        ftruncate Ftruncate PrePost |a| a.fd.inode().gfid();
        fallocate Fallocate PrePost |a| a.fd.inode().gfid();
        discard Discard PrePost |a| a.fd.inode().gfid();
        zerofill Zerofill PrePost |a| a.fd.inode().gfid();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_option_is_in_the_readme() {
        let readme = include_str!("../README.md");
        for decl in <WriteBehind as Xlator>::options().0.iter() {
            assert!(readme.contains(&format!("`{}`", decl.keys[0])), "{} is missing", decl.keys[0]);
        }
    }
}
