//! `performance/read-ahead`: reads on behind who reads a file from front to back.
//!
//! How a descriptor is read is its `reader`'s; a `page` is what was asked for ahead, and a `file` knows until when such pages
//! count. This file sends them, and says of every fop what ends them.
#![forbid(unsafe_code)]

mod file;
mod options;
mod page;
mod reader;

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use gluster_cache::{ByGfid, Moment, nanos, now};
use plugin_api::OwnedFrame;
use plugin_api::prelude::*;
use plugin_api::upcall;

use file::File;
use options::Settings;
use page::{Page, cut};
use reader::{Plan, Reader};

/// For how long a page counts: others may change the file meanwhile.
const TRUSTED: Duration = Duration::from_secs(10);

/// The translator.
#[derive(Debug, Default)]
pub struct ReadAhead {
    off: AtomicBool,
    settings: RwLock<Settings>,
    /// What was asked for up to then does not count any more.
    stale: AtomicU64,
    files: Arc<ByGfid<File>>,
}

impl ReadAhead {
    fn take_settings(&self, cx: &InitCx<'_>) -> Result<(), InitError> {
        let settings = Settings::read(cx)?;
        self.off.store(settings.off, Ordering::Relaxed);
        *self.settings.write().unwrap_or_else(PoisonError::into_inner) = settings;
        // What changed while it was off was not seen.
        self.forget_all();
        Ok(())
    }

    fn settings(&self) -> Settings {
        *self.settings.read().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether nothing is read ahead.
    fn is_off(&self) -> bool {
        self.off.load(Ordering::Relaxed)
    }

    fn forget_all(&self) {
        self.stale.store(now(), Ordering::Relaxed);
    }

    /// The file is another one.
    fn changes(&self, gfid: Gfid) {
        if let Some(file) = self.files.find(gfid) {
            file.change();
        }
    }

    /// How the descriptor of a read is read, where something may be read ahead of it.
    fn reader(&self, args: &Readv, key: CtxKey) -> Option<Arc<Reader>> {
        let fd = &args.fd;
        let is_readable = fd.flags() & libc::O_ACCMODE != libc::O_WRONLY && !fd.is_anonymous();
        if !is_readable || is_direct(args) || !args.xdata.is_empty() || args.size == 0 {
            return None;
        }
        if let Some(reader) = fd.object().ctx(key) {
            return Some(reader);
        }
        let gfid = fd.inode().gfid();
        let file = self.files.of(fd.inode(), gfid, key, || File::new(gfid, self.files.clone()))?;
        Some(fd.object().ctx_or_insert_with(key, || Reader::new(file)))
    }

    /// Since when pages have to have been asked for that are of the file as it is.
    fn since(&self, reader: &Reader) -> Moment {
        let oldest = now().saturating_sub(nanos(TRUSTED));
        oldest.max(self.stale.load(Ordering::Relaxed)).max(reader.file.changed())
    }

    /// What a read brings from pages; nothing where one of them could not be read, or the file has changed meanwhile.
    async fn gather(
        &self,
        frame: &Frame,
        reader: &Reader,
        args: &Readv,
        pages: &[Arc<Page>],
    ) -> Option<Data> {
        let mut came = Vec::with_capacity(pages.len());
        for page in pages {
            came.push((&**page, page.bring(frame.child(), &args.fd, args.flags).await?));
        }
        let since = self.since(reader);
        if pages.iter().any(|page| page.began <= since) {
            return None;
        }
        cut(args.offset, args.offset + args.size as u64, came.into_iter())
    }
}

/// Asks for pages, as who reads.
fn send(frame: &Frame, fd: &Fd, flags: u32, reader: &Arc<Reader>, pages: Vec<Arc<Page>>) {
    for page in pages {
        let (frame, fd, reader) = (kept(frame), fd.clone(), reader.clone());
        rt::run_inline(async move {
            if let Some(came) = page.bring(frame.child(), &fd, flags).await
                && came.at_end
            {
                reader.ends(page.start + came.data.len() as u64);
            }
        });
    }
}

/// Has the brick note that somebody reads there.
fn touch(frame: &Frame, args: &Readv) {
    let frame = kept(frame);
    let args = Readv { size: 1, ..args.clone() };
    rt::run_inline(async move {
        // The reader has his bytes: the time of the read is all that fails with it.
        frame.child().readv(args).await.ok();
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

/// Whether a read is to go past all caches.
fn is_direct(args: &Readv) -> bool {
    let direct = u32::from_ne_bytes(libc::O_DIRECT.to_ne_bytes());
    args.flags & direct != 0 || args.fd.flags() & libc::O_DIRECT != 0
}

/// Writes the `impl`: the fops that end what was read ahead of a file, before and after.
macro_rules! read_ahead {
    (
        { $($written:tt)* }
        changes { $($change:ident $args:ident $reply:ident |$a:ident| $file:expr;)* }
    ) => {
        #[xlator(
            "performance/read-ahead",
            positions = "client",
            unknown_fops = "decompose",
            doc = "reads on behind who reads a file from front to back"
        )]
        impl Xlator for ReadAhead {
            $($written)*

            $(
                async fn $change(&self, frame: &Frame, args: $args) -> FopResult<$reply> {
                    if self.is_off() {
                        return frame.child().$change(args).await;
                    }
                    let file = { let $a = &args; $file };
                    self.changes(file);
                    let answer = frame.child().$change(args).await;
                    self.changes(file);
                    answer
                }
            )*
        }
    };
}

read_ahead! {
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
                EventKind::CHILD_DOWN | EventKind::SOME_DESCENDENT_DOWN => self.forget_all(),
                EventKind::UPCALL
                    if event.data.int(upcall::KIND) == Some(upcall::kind::CACHE_INVALIDATION) =>
                {
                    self.changes(event.data.gfid(upcall::GFID).unwrap_or_default());
                }
                _ => {}
            }
            cx.pass_on(event);
        }

        fn dump(&self, out: &mut String) {
            out.push_str(&format!("files={}\n", self.files.len()));
        }

        async fn readv(&self, frame: &Frame, args: Readv) -> FopResult<Data> {
            if self.is_off() {
                return frame.child().readv(args).await;
            }
            let Some((reader, end)) =
                self.reader(&args, frame.key()).zip(args.offset.checked_add(args.size as u64))
            else {
                return frame.child().readv(args).await;
            };
            let settings = self.settings();
            let (plan, next) = reader.plan(args.offset..end, self.since(&reader), &settings);
            send(frame, &args.fd, args.flags, &reader, next);
            match plan {
                Plan::Alone => frame.child().readv(args).await,
                Plan::First => {
                    let (fd, flags, offset) = (args.fd.clone(), args.flags, args.offset);
                    let read = frame.child().readv(args).await?;
                    let reached = offset + read.data.len() as u64;
                    let is_last = read.at_end || read.data.is_empty();
                    send(frame, &fd, flags, &reader, reader.follow(reached, is_last, &settings));
                    Ok(read)
                }
                Plan::From(pages) => match self.gather(frame, &reader, &args, &pages).await {
                    Some(read) => {
                        if settings.atime {
                            touch(frame, &args);
                        }
                        Ok(read)
                    }
                    None => {
                        // The others are as old, or as hard to get.
                        reader.drop_pages();
                        frame.child().readv(args).await
                    }
                },
            }
        }

        async fn open(&self, frame: &Frame, args: Open) -> FopResult<Opened> {
            if self.is_off() || args.flags & libc::O_TRUNC == 0 {
                return frame.child().open(args).await;
            }
            let file = args.fd.inode().gfid();
            self.changes(file);
            let answer = frame.child().open(args).await;
            self.changes(file);
            answer
        }

        async fn create(&self, frame: &Frame, args: Create) -> FopResult<Created> {
            if self.is_off() || args.flags & libc::O_TRUNC == 0 {
                return frame.child().create(args).await;
            }
            let created = frame.child().create(args).await?;
            // It may have been there.
            self.changes(created.iatt.gfid);
            Ok(created)
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
        put Put Made |args| args.loc.target();
        flush Flush Done |args| args.fd.inode().gfid();
        fsync Fsync PrePost |args| args.fd.inode().gfid();
        lk Lk Locked |args| args.fd.inode().gfid();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_option_is_in_the_readme() {
        let readme = include_str!("../README.md");
        for decl in <ReadAhead as Xlator>::options().0.iter() {
            assert!(readme.contains(&format!("`{}`", decl.keys[0])), "{} is missing", decl.keys[0]);
        }
    }
}
