//! `performance/io-cache`: keeps what was read for who reads it next.
//!
//! One `page` is the unit; what is kept of one `file`, and when it counts, is there; all of it is on the `shelf`. Which pages the
//! bytes of a fop lie in is the `span`'s. This file says of every fop what it reads, shows and changes.
#![forbid(unsafe_code)]

mod file;
mod options;
mod page;
mod shelf;
mod span;

use std::ops::RangeInclusive;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, PoisonError, RwLock};

use futures_util::future::join_all;
use gluster_cache::{Moment, now};
use plugin_api::prelude::*;
use plugin_api::upcall;

use file::{Fetch, File, Mark, Want};
use options::Settings;
use page::{PAGE, Piece};
use shelf::Shelf;
use span::Span;

/// All pages of a file.
const ALL: RangeInclusive<u64> = 0..=u64::MAX;

/// The translator.
#[derive(Debug, Default)]
pub struct IoCache {
    off: AtomicBool,
    settings: RwLock<Arc<Settings>>,
    /// What was told up to then does not count any more.
    stale: AtomicU64,
    shelf: Arc<Shelf>,
}

/// A change of a file that is under way: its pages go before and after.
struct Change {
    file: Option<Arc<File>>,
    pages: RangeInclusive<u64>,
}

impl Change {
    fn of(file: Option<Arc<File>>, pages: RangeInclusive<u64>) -> Self {
        file.iter().for_each(|file| file.begin(&pages));
        Self { file, pages }
    }
}

impl Drop for Change {
    fn drop(&mut self) {
        self.file.iter().for_each(|file| file.end(&self.pages));
    }
}

impl IoCache {
    fn take_settings(&self, cx: &InitCx<'_>) -> Result<(), InitError> {
        let settings = Settings::read(cx)?;
        self.off.store(settings.off, Ordering::Relaxed);
        self.shelf.set_limit(if settings.off { 0 } else { settings.room });
        *self.settings.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(settings);
        // What changed while it was off was not seen.
        self.doubt_all();
        Ok(())
    }

    fn settings(&self) -> Arc<Settings> {
        self.settings.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Whether nothing is kept.
    fn is_off(&self) -> bool {
        self.off.load(Ordering::Relaxed)
    }

    /// Who reads next asks.
    fn doubt_all(&self) {
        self.stale.store(now(), Ordering::Relaxed);
    }

    /// What is, or will be, kept of an inode.
    fn of(&self, inode: Option<&Inode>, key: CtxKey) -> Option<Arc<File>> {
        let inode = inode?;
        self.shelf.of(inode, inode.gfid(), key)
    }

    /// An answer tells of a file.
    fn seen(&self, began: Moment, iatt: &Iatt) {
        if let Some(file) = self.shelf.files.find(iatt.gfid) {
            file.seen(began, iatt);
        }
    }

    /// A name leads to a file.
    fn named(&self, inode: Option<&Inode>, iatt: &Iatt, name: &[u8], key: CtxKey) {
        let settings = self.settings();
        if !settings.has_priorities() || name.is_empty() || iatt.file_type() != FileType::Regular {
            return;
        }
        let file = match inode {
            Some(inode) => self.shelf.of(inode, iatt.gfid, key),
            None => self.shelf.files.find(iatt.gfid),
        };
        file.iter().for_each(|file| file.set_priority(settings.priority(name)));
    }

    /// The file and the bytes of a read that may be answered from pages.
    fn cacheable(&self, args: &Readv, settings: &Settings, key: CtxKey) -> Option<(Arc<File>, Span)> {
        let is_readable = args.fd.flags() & libc::O_ACCMODE != libc::O_WRONLY;
        if !is_readable || is_direct(args) || !args.xdata.is_empty() || args.size as u64 > settings.room {
            return None;
        }
        let span = Span::of(args.offset, args.size as u64)?;
        let file = self.of(Some(args.fd.inode()), key)?;
        file.is_wanted(settings).then_some((file, span))
    }

    /// Has the pages of a file count again, where their time is over and the file is the same.
    async fn check(&self, frame: &Frame, file: &File, fd: &Fd, since: Moment) {
        let Some(check) = file.check(since) else { return };
        let ask = || async {
            // Where nobody answers, pages do not count.
            if let Ok(told) = frame.child().fstat(Fstat { fd: fd.clone(), xdata: Dict::new() }).await {
                file.seen(check.began, &told.iatt);
            }
        };
        check.done.get_or_init(ask).await;
    }

    /// Waits for a page; who is the first to want it brings it.
    async fn piece(
        &self,
        frame: &Frame,
        file: &Arc<File>,
        settings: &Settings,
        args: &Readv,
        want: Want,
    ) -> Option<Piece> {
        let fetch = match want {
            Want::Kept(piece) => return Some(piece),
            Want::Coming(fetch) => fetch,
        };
        let bring = || async {
            let came = bring(frame, args, &fetch).await;
            let known = came.as_ref().and_then(|(piece, mark)| Some((piece, (*mark)?)));
            file.arrived(&fetch, known, settings);
            came.map(|(piece, _)| piece)
        };
        fetch.piece.get_or_init(bring).await.clone()
    }

    /// Somebody else has changed something.
    fn out_of_date(&self, data: &Dict) {
        let file = data.gfid(upcall::GFID).and_then(|gfid| self.shelf.files.find(gfid));
        file.iter().for_each(|file| file.forget());
    }
}

/// Reads a page to its end, however little the child answers at a time, and with it what tells its time.
async fn bring(frame: &Frame, args: &Readv, fetch: &Fetch) -> Option<(Piece, Option<Mark>)> {
    let start = fetch.number * PAGE;
    let (mut data, mut mark) = (Payload::default(), None);
    let page = usize::try_from(PAGE).expect("a page fits into memory");
    let at_end = loop {
        let (fd, flags, had) = (args.fd.clone(), args.flags, data.len());
        let rest = Readv { fd, size: page - had, offset: start + had as u64, flags, xdata: Dict::new() };
        let read = frame.child().readv(rest).await.ok()?;
        let told = Mark::of(&read.iatt);
        // Parts of two times are no page.
        mark = if had == 0 || mark == told { told } else { None };
        let is_empty = read.data.is_empty();
        read.data.buffers().filter(|part| !part.is_empty()).for_each(|part| data.push(part.clone()));
        if read.at_end || is_empty || data.len() >= page {
            break read.at_end || is_empty;
        }
    };
    (data.len() <= page).then(|| (Piece { bytes: alone(&data), at_end }, mark))
}

/// The bytes in one buffer; a few not in the large one that they came in.
fn alone(data: &Payload) -> IoBuf {
    let bytes = data.to_iobuf();
    match (bytes.len() as u64) < PAGE / 2 {
        true => IoBuf::copy_from_slice(&bytes),
        false => bytes,
    }
}

/// Whether a read is to go past all caches.
fn is_direct(args: &Readv) -> bool {
    let direct = u32::from_ne_bytes(libc::O_DIRECT.to_ne_bytes());
    args.flags & direct != 0 || args.fd.flags() & libc::O_DIRECT != 0
}

fn at(loc: &Loc) -> Option<&Inode> {
    loc.inode.as_ref().into_option()
}

fn open(fd: &Fd) -> Option<&Inode> {
    Some(fd.inode())
}

fn pages(offset: u64, len: u64) -> RangeInclusive<u64> {
    Span::of(offset, len).map_or(onward(offset), Span::pages)
}

fn onward(offset: u64) -> RangeInclusive<u64> {
    offset / PAGE..=u64::MAX
}

/// Where a write goes; only the brick knows that of one that appends.
fn written(args: &Writev) -> RangeInclusive<u64> {
    let append = u32::from_ne_bytes(libc::O_APPEND.to_ne_bytes());
    match args.flags & append != 0 || args.fd.flags() & libc::O_APPEND != 0 {
        true => ALL,
        false => pages(args.offset, args.len()),
    }
}

/// Writes the `impl`: the fops that show a file, and those that change its content.
macro_rules! io_cache {
    (
        { $($written:tt)* }
        shows { $($show:ident $show_args:ident;)* }
        changes { $($change:ident $args:ident $reply:ident |$a:ident| $file:expr, $pages:expr;)* }
    ) => {
        #[xlator(
            "performance/io-cache",
            positions = "client",
            unknown_fops = "decompose",
            doc = "keeps what was read for who reads it next"
        )]
        impl Xlator for IoCache {
            $($written)*

            $(
                async fn $show(&self, frame: &Frame, args: $show_args) -> FopResult<Attr> {
                    if self.is_off() || self.shelf.files.is_empty() {
                        return frame.child().$show(args).await;
                    }
                    let began = now();
                    let told = frame.child().$show(args).await?;
                    self.seen(began, &told.iatt);
                    Ok(told)
                }
            )*

            $(
                async fn $change(&self, frame: &Frame, args: $args) -> FopResult<$reply> {
                    if self.is_off() {
                        return frame.child().$change(args).await;
                    }
                    let change = { let $a = &args; Change::of(self.of($file, frame.key()), $pages) };
                    let answer = frame.child().$change(args).await;
                    drop(change);
                    answer
                }
            )*
        }
    };
}

io_cache! {
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
                EventKind::CHILD_DOWN | EventKind::SOME_DESCENDENT_DOWN => self.doubt_all(),
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
            let (files, bytes) = (self.shelf.files.len(), self.shelf.bytes());
            out.push_str(&format!("files={files}\nbytes={bytes}\n"));
        }

        async fn readv(&self, frame: &Frame, args: Readv) -> FopResult<Data> {
            if self.is_off() {
                return frame.child().readv(args).await;
            }
            let settings = self.settings();
            let Some((file, span)) = self.cacheable(&args, &settings, frame.key()) else {
                return frame.child().readv(args).await;
            };
            let since = now().saturating_sub(settings.timeout).max(self.stale.load(Ordering::Relaxed));
            self.check(frame, &file, &args.fd, since).await;
            let wants = file.want(span.pages(), since);
            let pieces = wants.into_iter().map(|want| self.piece(frame, &file, &settings, &args, want));
            let pieces: Option<Vec<_>> = join_all(pieces).await.into_iter().collect();
            match pieces {
                Some(pieces) => Ok(span.cut(&pieces)),
                // Whose page failed may have been another's, or more than was asked for.
                None => frame.child().readv(args).await,
            }
        }

        async fn lookup(&self, frame: &Frame, args: Lookup) -> FopResult<Looked> {
            if self.is_off() || self.shelf.files.is_empty() && !self.settings().has_priorities() {
                return frame.child().lookup(args).await;
            }
            let (inode, name) = (at(&args.loc).cloned(), args.loc.name.clone());
            let began = now();
            let found = frame.child().lookup(args).await?;
            self.named(inode.as_ref(), &found.iatt, &name, frame.key());
            self.seen(began, &found.iatt);
            Ok(found)
        }

        async fn readdirp(&self, frame: &Frame, args: Readdirp) -> FopResult<Entries> {
            if self.is_off() || self.shelf.files.is_empty() {
                return frame.child().readdirp(args).await;
            }
            let began = now();
            let read = frame.child().readdirp(args).await?;
            for entry in read.entries.iter().filter(|entry| !entry.iatt.gfid.is_null()) {
                self.seen(began, &entry.iatt);
            }
            Ok(read)
        }

        async fn rename(&self, frame: &Frame, args: Rename) -> FopResult<Renamed> {
            if self.is_off() || !self.settings().has_priorities() {
                return frame.child().rename(args).await;
            }
            let (inode, name) = (at(&args.old).cloned(), args.new.name.clone());
            let renamed = frame.child().rename(args).await?;
            self.named(inode.as_ref(), &renamed.iatt, &name, frame.key());
            Ok(renamed)
        }

        async fn open(&self, frame: &Frame, args: Open) -> FopResult<Opened> {
            if self.is_off() || args.flags & libc::O_TRUNC == 0 {
                return frame.child().open(args).await;
            }
            let change = Change::of(self.of(open(&args.fd), frame.key()), ALL);
            let answer = frame.child().open(args).await;
            drop(change);
            answer
        }

        async fn create(&self, frame: &Frame, args: Create) -> FopResult<Created> {
            if self.is_off() {
                return frame.child().create(args).await;
            }
            let (inode, name, flags) = (at(&args.loc).cloned(), args.loc.name.clone(), args.flags);
            let created = frame.child().create(args).await?;
            self.named(inode.as_ref(), &created.iatt, &name, frame.key());
            if flags & libc::O_TRUNC != 0
                && let Some(file) = self.shelf.files.find(created.iatt.gfid)
            {
                // It may have been there.
                file.forget();
            }
            Ok(created)
        }

        async fn lk(&self, frame: &Frame, args: Lk) -> FopResult<Locked> {
            if self.is_off() || args.cmd == LockCmd::Get || args.flock.kind == LockKind::Unlock {
                return frame.child().lk(args).await;
            }
            let file = self.shelf.files.find(args.fd.inode().gfid());
            let answer = frame.child().lk(args).await;
            // Who held it before may have changed the file: with the lock one sees that.
            file.iter().for_each(|file| file.doubt());
            answer
        }
    }
    shows {
        stat Stat;
        fstat Fstat;
    }
    changes {
        writev Writev Written |args| open(&args.fd), written(args);
        truncate Truncate PrePost |args| at(&args.loc), onward(args.offset);
        ftruncate Ftruncate PrePost |args| open(&args.fd), onward(args.offset);
        fallocate Fallocate PrePost |args| open(&args.fd), onward(args.offset);
        discard Discard PrePost |args| open(&args.fd), pages(args.offset, args.len);
        zerofill Zerofill PrePost |args| open(&args.fd), pages(args.offset, args.len);
        copy_file_range CopyFileRange Copied |args| open(&args.fd_out), pages(args.offset_out, args.len as u64);
        put Put Made |args| at(&args.loc), ALL;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_option_is_in_the_readme() {
        let readme = include_str!("../README.md");
        for decl in <IoCache as Xlator>::options().0.iter() {
            assert!(readme.contains(&format!("`{}`", decl.keys[0])), "{} is missing", decl.keys[0]);
        }
    }
}
