//! `features/worm`: write once, read many.
//!
//! A whole volume, whose files are written by who makes them and never again; or each file for itself, kept as it is
//! from when it is committed until its access time ([`retention`]); what is written on it is in [`file`].
#![forbid(unsafe_code)]

mod file;
mod options;
mod retention;

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, PoisonError, RwLock};

use plugin_api::fop::set_attr;
use plugin_api::prelude::*;

use file::File;
use options::Settings;
use retention::{Mode, Standing};

const WRITES: i32 = libc::O_WRONLY | libc::O_RDWR | libc::O_APPEND | libc::O_TRUNC;
/// Nobody may write: who takes these bits away commits a file.
const WRITE_BITS: u32 = 0o222;

/// Keeps files as they were written.
#[derive(Debug, Default)]
pub struct Worm {
    on: AtomicBool,
    settings: RwLock<Settings>,
}

/// On the descriptor that a file was made with.
#[derive(Debug)]
struct Maker;

/// What a fop would do to a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Act {
    Change,
    Remove,
}

impl Worm {
    fn take_settings(&self, cx: &InitCx<'_>) -> Result<(), InitError> {
        let settings = Settings::read(cx)?;
        *self.settings.write().unwrap_or_else(PoisonError::into_inner) = settings;
        self.on.store(settings.volume || settings.files, Ordering::Relaxed);
        Ok(())
    }

    /// Whether everything may be changed.
    fn is_off(&self) -> bool {
        !self.on.load(Ordering::Relaxed)
    }

    /// What holds for the caller; nothing does for the cluster's own processes, which heal and move files.
    fn settings(&self, frame: &Frame) -> Option<Settings> {
        let settings = *self.settings.read().unwrap_or_else(PoisonError::into_inner);
        ((settings.volume || settings.files) && frame.identity().pid >= 0).then_some(settings)
    }

    /// Refuses a change of a volume that is written once, and that of a file which is kept.
    async fn may(&self, frame: &Frame, act: Act, loc: &Loc) -> Result<(), Errno> {
        let Some(settings) = self.settings(frame) else { return Ok(()) };
        if settings.volume {
            return Err(Errno::EROFS);
        }
        may_touch(frame, act, loc.clone(), &settings).await
    }

    /// As [`may`](Self::may) for an open file: who made a file writes it, until it is closed.
    async fn may_write(&self, frame: &Frame, fd: &Fd) -> Result<(), Errno> {
        if fd.object().ctx::<Maker>(frame.key()).is_some() {
            return Ok(());
        }
        match self.settings(frame).filter(|settings| !settings.volume) {
            Some(settings) => may_touch(frame, Act::Change, Loc::of(fd.inode().clone()), &settings).await,
            None => Ok(()),
        }
    }

    /// As [`may_write`](Self::may_write), which a volume that is written once refuses even to the maker.
    async fn may_cut(&self, frame: &Frame, fd: &Fd) -> Result<(), Errno> {
        match self.settings(frame) {
            Some(settings) if settings.volume => Err(Errno::EROFS),
            _ => self.may_write(frame, fd).await,
        }
    }

    /// A change of attributes: it may commit a file, or keep it for another time. What of it goes on.
    async fn may_set(&self, frame: &Frame, loc: Loc, iatt: &Iatt, mut valid: u32) -> Result<u32, Errno> {
        let Some(settings) = self.settings(frame).filter(|settings| settings.files) else { return Ok(valid) };
        let Some(file) = File::at(frame, loc, &settings).await else { return Ok(valid) };
        match file.standing {
            Standing::Free | Standing::Due if valid & set_attr::MODE != 0 && iatt.mode & WRITE_BITS == 0 => {
                file.commit(frame, &settings).await?;
            }
            Standing::Kept(retention) if valid & set_attr::ATIME != 0 => {
                let now = file::now();
                let until = if valid & set_attr::ATIME_NOW != 0 { now } else { iatt.atime };
                let earliest = match retention.mode() {
                    Mode::Enterprise => file.iatt.atime,
                    Mode::Relax => file.iatt.mtime,
                };
                if until < earliest {
                    return Err(Errno::EROFS);
                }
                let period = u64::try_from(until.saturating_sub(now)).unwrap_or(0);
                file.note(frame, retention.with_period(period)).await?;
                // The time of its last change stays that.
                valid &= !(set_attr::MTIME | set_attr::MTIME_NOW);
            }
            Standing::Expired(retention) => file.expire(frame, retention).await?,
            _ => {}
        }
        Ok(valid)
    }
}

async fn may_touch(frame: &Frame, act: Act, loc: Loc, settings: &Settings) -> Result<(), Errno> {
    let Some(file) = File::at(frame, loc, settings).await else { return Ok(()) };
    match file.standing {
        Standing::Free => return Ok(()),
        Standing::Due => file.commit(frame, settings).await?,
        Standing::Kept(_) => {}
        Standing::Expired(retention) => {
            file.expire(frame, retention).await?;
            if act == Act::Remove && settings.deletable {
                return Ok(());
            }
        }
        Standing::Over if act == Act::Remove && settings.deletable => return Ok(()),
        Standing::Over => {}
    }
    Err(Errno::EROFS)
}

/// Writes the `impl`: what is asked before each fop.
macro_rules! worm {
    ({ $($written:tt)* } $($name:ident $args:ident $reply:ident |$me:ident, $frame:ident, $a:ident| $asked:expr;)*) => {
        #[xlator(
            "features/worm",
            positions = "brick",
            unknown_fops = "deny",
            doc = "keeps files as they were written"
        )]
        impl Xlator for Worm {
            $($written)*

            $(
                async fn $name(&self, $frame: &Frame, $a: $args) -> FopResult<$reply> {
                    if self.is_off() {
                        return $frame.child().$name($a).await;
                    }
                    if self.settings($frame).is_some() {
                        let $me = self;
                        $asked.await?;
                    }
                    $frame.child().$name($a).await
                }
            )*
        }
    };
}

worm! {
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

        async fn create(&self, frame: &Frame, args: Create) -> FopResult<Created> {
            if self.is_off() {
                return frame.child().create(args).await;
            }
            let Some(settings) = self.settings(frame).filter(|settings| settings.files && !settings.volume) else {
                return frame.child().create(args).await;
            };
            let made = frame.child().create(args).await?;
            file::mark(frame, &made.fd).await?;
            made.fd.object().ctx_set(frame.key(), Arc::new(Maker));
            if settings.auto_commit.is_zero() {
                let loc = Loc::of(made.fd.inode().clone());
                if let Some(file) = File::at(frame, loc, &settings).await {
                    file.commit(frame, &settings).await?;
                }
            }
            Ok(made)
        }

        async fn setattr(&self, frame: &Frame, mut args: Setattr) -> FopResult<PrePost> {
            if self.is_off() {
                return frame.child().setattr(args).await;
            }
            if self.settings(frame).is_some() {
                args.valid = self.may_set(frame, args.loc.clone(), &args.iatt, args.valid).await?;
            }
            frame.child().setattr(args).await
        }

        async fn fsetattr(&self, frame: &Frame, mut args: Fsetattr) -> FopResult<PrePost> {
            if self.is_off() {
                return frame.child().fsetattr(args).await;
            }
            if self.settings(frame).is_some() {
                let loc = Loc::of(args.fd.inode().clone());
                args.valid = self.may_set(frame, loc, &args.iatt, args.valid).await?;
            }
            frame.child().fsetattr(args).await
        }

        async fn open(&self, frame: &Frame, args: Open) -> FopResult<Opened> {
            if self.is_off() {
                return frame.child().open(args).await;
            }
            let Some(settings) = self.settings(frame).filter(|_| args.flags & WRITES != 0) else {
                return frame.child().open(args).await;
            };
            if settings.volume {
                return Err(Errno::EROFS.into());
            }
            if args.flags & libc::O_TRUNC != 0 {
                may_touch(frame, Act::Change, args.loc.clone(), &settings).await?;
            }
            frame.child().open(args).await
        }

        async fn rename(&self, frame: &Frame, args: Rename) -> FopResult<Renamed> {
            if self.is_off() {
                return frame.child().rename(args).await;
            }
            if self.settings(frame).is_some() {
                self.may(frame, Act::Change, &args.old).await?;
                self.may(frame, Act::Remove, &args.new).await?;
            }
            frame.child().rename(args).await
        }

        async fn rmdir(&self, frame: &Frame, args: Rmdir) -> FopResult<Removed> {
            if !self.is_off() && self.settings(frame).is_some_and(|settings| settings.volume) {
                return Err(Errno::EROFS.into());
            }
            frame.child().rmdir(args).await
        }
    }
    unlink Unlink Removed |me, frame, args| me.may(frame, Act::Remove, &args.loc);
    link Link Made |me, frame, args| me.may(frame, Act::Change, &args.old);
    truncate Truncate PrePost |me, frame, args| me.may(frame, Act::Change, &args.loc);
    ftruncate Ftruncate PrePost |me, frame, args| me.may_cut(frame, &args.fd);
    writev Writev Written |me, frame, args| me.may_write(frame, &args.fd);
    fallocate Fallocate PrePost |me, frame, args| me.may_write(frame, &args.fd);
    discard Discard PrePost |me, frame, args| me.may_write(frame, &args.fd);
    zerofill Zerofill PrePost |me, frame, args| me.may_write(frame, &args.fd);
    copy_file_range CopyFileRange Copied |me, frame, args| me.may_write(frame, &args.fd_out);
}
