//! `performance/readdir-ahead`: begins to read a directory as soon as it is open.
//!
//! What was read ahead of one directory is its `listing`; how much all of them hold is in `held`, and what was changed meanwhile in
//! `changes`. This file has listings filled, and says of every fop what it changes.
#![forbid(unsafe_code)]

mod changes;
mod held;
mod listing;
mod options;
mod shared;

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, PoisonError, RwLock};

use plugin_api::OwnedFrame;
use plugin_api::prelude::*;
use plugin_api::upcall;

use changes::What;
use listing::{Fill, Listing, Turn};
use options::Settings;
use shared::Shared;

/// The translator.
#[derive(Debug, Default)]
pub struct ReaddirAhead {
    off: AtomicBool,
    settings: RwLock<Settings>,
    shared: Arc<Shared>,
}

impl ReaddirAhead {
    fn take_settings(&self, cx: &InitCx<'_>) -> Result<(), InitError> {
        let settings = Settings::read(cx)?;
        self.off.store(settings.off, Ordering::Relaxed);
        *self.settings.write().unwrap_or_else(PoisonError::into_inner) = settings;
        // What changed while it was off was not seen.
        self.shared.changes.note_all();
        Ok(())
    }

    fn settings(&self) -> Settings {
        *self.settings.read().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether nothing is read ahead.
    fn is_off(&self) -> bool {
        self.off.load(Ordering::Relaxed)
    }

    fn changed(&self, gfid: Gfid) {
        self.shared.changes.note(What::File(gfid));
    }

    /// A name was made or removed, or is about to be, of a file that may be known.
    fn renamed(&self, loc: &Loc) {
        self.shared.changes.note(What::Names(loc.directory()));
        self.changed(loc.directory());
        self.changed(loc.target());
    }

    /// Begins to read a directory.
    fn begin(&self, frame: &Frame, fd: &Fd, asked: Dict) {
        let settings = self.settings();
        let made = Listing::new(fd.inode().gfid(), asked, &self.shared, &settings);
        if let Some((listing, fill)) = made {
            let listing = Arc::new(listing);
            fd.object().ctx_set(frame.key(), listing.clone());
            send(frame, fd, listing, fill, settings);
        }
    }

    /// What a read brings from what is there, after it came; nothing where the child has to be asked.
    async fn listed(
        &self,
        frame: &Frame,
        fd: &Fd,
        offset: u64,
        size: usize,
        xdata: &Dict,
    ) -> Option<FopResult<Entries>> {
        let listing = fd.object().ctx::<Listing>(frame.key())?;
        let settings = self.settings();
        loop {
            match listing.read(offset, size, xdata, &settings) {
                Turn::Past => return None,
                Turn::Answer(answer, fill) => {
                    if let Some(fill) = fill {
                        send(frame, fd, listing, fill, settings);
                    }
                    return Some(answer);
                }
                Turn::Wait(fill) => {
                    listing.fill(frame.child(), fd, &fill).await;
                }
            }
        }
    }

    /// Somebody else has changed something.
    fn out_of_date(&self, data: &Dict) {
        self.changed(data.gfid(upcall::GFID).unwrap_or_default());
        for key in [upcall::PARENT, upcall::OLD_PARENT] {
            if let Some(Value::Iatt(iatt)) = data.get(key) {
                self.shared.changes.note(What::Names(iatt.gfid));
            }
        }
    }
}

/// Fills a listing, as who reads.
fn send(frame: &Frame, fd: &Fd, listing: Arc<Listing>, fill: Arc<Fill>, settings: Settings) {
    let (frame, fd) = (kept(frame), fd.clone());
    rt::run_inline(async move {
        let mut next = Some(fill);
        while let Some(fill) = next.take() {
            listing.fill(frame.child(), &fd, &fill).await;
            next = listing.go_on(&settings);
        }
    });
}

/// A frame that outlives the call, as whoever calls.
fn kept(frame: &Frame) -> OwnedFrame {
    let mut kept = frame.fork();
    // The caller does not wait for it: it is not late because of him.
    kept.set_deadline(0);
    let who = kept.identity_mut();
    who.lk_owner = who.lk_owner.detached();
    kept
}

/// Writes the `impl`: the fops that change a file, and those that make and remove names.
macro_rules! readdir_ahead {
    (
        { $($written:tt)* }
        changes { $($change:ident $args:ident $reply:ident |$a:ident| $file:expr;)* }
        names { $($name:ident $name_args:ident $name_reply:ident;)* }
    ) => {
        #[xlator(
            "performance/readdir-ahead",
            positions = "client",
            unknown_fops = "decompose",
            doc = "begins to read a directory as soon as it is open"
        )]
        impl Xlator for ReaddirAhead {
            $($written)*

            $(
                async fn $change(&self, frame: &Frame, args: $args) -> FopResult<$reply> {
                    if self.is_off() {
                        return frame.child().$change(args).await;
                    }
                    let file = { let $a = &args; $file };
                    let answer = frame.child().$change(args).await;
                    self.changed(file);
                    answer
                }
            )*

            $(
                async fn $name(&self, frame: &Frame, args: $name_args) -> FopResult<$name_reply> {
                    if self.is_off() {
                        return frame.child().$name(args).await;
                    }
                    let loc = args.loc.clone();
                    let answer = frame.child().$name(args).await;
                    self.renamed(&loc);
                    answer
                }
            )*
        }
    };
}

readdir_ahead! {
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

        fn notify(&self, cx: &NotifyCx<'_>, event: &Event) {
            match event.kind {
                EventKind::CHILD_DOWN | EventKind::SOME_DESCENDENT_DOWN => self.shared.changes.note_all(),
                EventKind::UPCALL
                    if event.data.int(upcall::KIND) == Some(upcall::kind::CACHE_INVALIDATION) =>
                {
                    self.out_of_date(&event.data);
                }
                _ => {}
            }
            cx.pass_on(event);
        }

        fn dump(&self, out: &mut String) {
            let (directories, bytes) = (self.shared.changes.readers(), self.shared.held.bytes());
            out.push_str(&format!("directories={directories}\nbytes={bytes}\n"));
        }

        async fn opendir(&self, frame: &Frame, args: Opendir) -> FopResult<Opened> {
            if self.is_off() {
                return frame.child().opendir(args).await;
            }
            let asked = args.xdata.clone();
            let opened = frame.child().opendir(args).await?;
            self.begin(frame, &opened.fd, asked);
            Ok(opened)
        }

        async fn readdirp(&self, frame: &Frame, args: Readdirp) -> FopResult<Entries> {
            if self.is_off() {
                return frame.child().readdirp(args).await;
            }
            let Readdirp { fd, size, offset, xdata } = &args;
            match self.listed(frame, fd, *offset, *size, xdata).await {
                Some(answer) => answer,
                None => frame.child().readdirp(args).await,
            }
        }

        async fn readdir(&self, frame: &Frame, args: Readdir) -> FopResult<Entries> {
            if self.is_off() {
                return frame.child().readdir(args).await;
            }
            let Readdir { fd, size, offset, xdata } = &args;
            let Some(answer) = self.listed(frame, fd, *offset, *size, xdata).await else {
                return frame.child().readdir(args).await;
            };
            let mut read = answer?;
            for entry in &mut read.entries {
                (entry.iatt, entry.xattrs) = (Iatt::default(), Dict::new());
            }
            Ok(read)
        }

        async fn open(&self, frame: &Frame, args: Open) -> FopResult<Opened> {
            if self.is_off() || args.flags & libc::O_TRUNC == 0 {
                return frame.child().open(args).await;
            }
            let file = args.fd.inode().gfid();
            let answer = frame.child().open(args).await;
            self.changed(file);
            answer
        }

        async fn rename(&self, frame: &Frame, args: Rename) -> FopResult<Renamed> {
            if self.is_off() {
                return frame.child().rename(args).await;
            }
            let (old, new) = (args.old.clone(), args.new.clone());
            let answer = frame.child().rename(args).await;
            [old, new].iter().for_each(|loc| self.renamed(loc));
            answer
        }

        async fn link(&self, frame: &Frame, args: Link) -> FopResult<Made> {
            if self.is_off() {
                return frame.child().link(args).await;
            }
            let (old, new) = (args.old.clone(), args.new.clone());
            let answer = frame.child().link(args).await;
            self.changed(old.target());
            self.renamed(&new);
            answer
        }
    }
    changes {
        writev Writev Written |args| args.fd.inode().gfid();
        truncate Truncate PrePost |args| args.loc.target();
        ftruncate Ftruncate PrePost |args| args.fd.inode().gfid();
        fallocate Fallocate PrePost |args| args.fd.inode().gfid();
        discard Discard PrePost |args| args.fd.inode().gfid();
        zerofill Zerofill PrePost |args| args.fd.inode().gfid();
        copy_file_range CopyFileRange Copied |args| args.fd_out.inode().gfid();
        setattr Setattr PrePost |args| args.loc.target();
        fsetattr Fsetattr PrePost |args| args.fd.inode().gfid();
        setxattr Setxattr Done |args| args.loc.target();
        fsetxattr Fsetxattr Done |args| args.fd.inode().gfid();
        removexattr Removexattr Done |args| args.loc.target();
        fremovexattr Fremovexattr Done |args| args.fd.inode().gfid();
        xattrop Xattrop Xattrs |args| args.loc.target();
        fxattrop Fxattrop Xattrs |args| args.fd.inode().gfid();
    }
    names {
        create Create Created;
        mknod Mknod Made;
        mkdir Mkdir Made;
        symlink Symlink Made;
        put Put Made;
        unlink Unlink Removed;
        rmdir Rmdir Removed;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_option_is_in_the_readme() {
        let readme = include_str!("../README.md");
        for decl in <ReaddirAhead as Xlator>::options().0.iter() {
            assert!(readme.contains(&format!("`{}`", decl.keys[0])), "{} is missing", decl.keys[0]);
        }
    }
}
