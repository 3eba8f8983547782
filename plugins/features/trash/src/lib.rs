//! `features/trash`: keeps what is deleted and what is cut off in a folder of the volume.
//!
//! The folder is in `can`, the way into it in `keep`; this file says which fops lead there, and guards the folder itself.
#![forbid(unsafe_code)]

mod can;
mod keep;
mod options;

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, PoisonError, RwLock};

use plugin_api::prelude::*;

use can::Can;
use keep::Keeper;
use options::Settings;

/// Moves what is deleted into a folder.
#[derive(Debug, Default)]
pub struct Trash {
    on: AtomicBool,
    settings: RwLock<Arc<Settings>>,
}

impl Trash {
    fn settings(&self) -> Arc<Settings> {
        Arc::clone(&self.settings.read().unwrap_or_else(PoisonError::into_inner))
    }

    fn take_settings(&self, cx: &InitCx<'_>) -> Result<(), InitError> {
        let settings = Settings::read(cx)?;
        let on = settings.on;
        *self.settings.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(settings);
        self.on.store(on, Ordering::Relaxed);
        Ok(())
    }

    /// Whether nothing is kept.
    fn is_off(&self) -> bool {
        !self.on.load(Ordering::Relaxed)
    }

    /// Who keeps what this fop takes away; nobody, when it is none of ours.
    fn keeper(&self, frame: &Frame, xdata: &Dict) -> Option<Keeper> {
        let settings = self.settings();
        let internal = frame.identity().pid < 0 || xdata.contains(INTERNAL_FOP);
        (settings.on && (!internal || settings.internal)).then(|| Keeper::new(frame, settings, internal))
    }

    /// Refuses to remove or move the folder, which the brick would have to make again.
    fn guard(&self, loc: &Loc) -> Result<(), Errno> {
        if !self.is_off() && can::is_folder(loc, &self.settings()) { Err(Errno::EPERM) } else { Ok(()) }
    }
}

#[xlator(
    "features/trash",
    positions = "brick",
    unknown_fops = "pass",
    doc = "keeps deleted files in a folder of the volume"
)]
impl Xlator for Trash {
    fn options() -> Options {
        options::declare()
    }

    fn init(&mut self, cx: &InitCx<'_>) -> Result<(), InitError> {
        self.take_settings(cx)
    }

    fn reconfigure(&self, cx: &InitCx<'_>) -> Result<(), InitError> {
        self.take_settings(cx)?;
        let (handle, settings) = (cx.handle(), self.settings());
        if settings.on && handle.serves() {
            rt::spawn(async move { Can::new(&handle, &settings).prepare().await });
        }
        Ok(())
    }

    fn notify(&self, cx: &NotifyCx<'_>, event: &Event) {
        let settings = self.settings();
        if event.kind != EventKind::CHILD_UP || !settings.on {
            return cx.pass_on(event);
        }
        // Nobody is told that the brick serves before the folder is there.
        let (handle, event) = (cx.me().clone(), event.clone());
        rt::run_inline(async move {
            Can::new(&handle, &settings).prepare().await;
            handle.notify_up(&event);
        });
    }

    async fn unlink(&self, frame: &Frame, args: Unlink) -> FopResult<Removed> {
        if self.is_off() {
            return frame.child().unlink(args).await;
        }
        if let Some(keeper) = self.keeper(frame, &args.xdata)
            && let Some(removed) = keeper.unlink(&args).await
        {
            return Ok(removed);
        }
        frame.child().unlink(args).await
    }

    async fn truncate(&self, frame: &Frame, args: Truncate) -> FopResult<PrePost> {
        if self.is_off() {
            return frame.child().truncate(args).await;
        }
        if let Some(keeper) = self.keeper(frame, &args.xdata) {
            keeper.truncate(&args.loc, args.offset).await;
        }
        frame.child().truncate(args).await
    }

    async fn ftruncate(&self, frame: &Frame, args: Ftruncate) -> FopResult<PrePost> {
        if self.is_off() {
            return frame.child().ftruncate(args).await;
        }
        if let Some(keeper) = self.keeper(frame, &args.xdata) {
            keeper.truncate(&Loc::of(args.fd.inode().clone()), args.offset).await;
        }
        frame.child().ftruncate(args).await
    }

    async fn rmdir(&self, frame: &Frame, args: Rmdir) -> FopResult<Removed> {
        self.guard(&args.loc)?;
        frame.child().rmdir(args).await
    }

    async fn rename(&self, frame: &Frame, args: Rename) -> FopResult<Renamed> {
        self.guard(&args.old)?;
        self.guard(&args.new)?;
        frame.child().rename(args).await
    }
}
