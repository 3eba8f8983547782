//! `performance/quick-read`: brings the content of small files along with their lookup, and reads from that.
//!
//! What is kept of one file, and when it counts, is in `content`; all of it is on the `shelf`. This
//! file says of every fop what it brings, shows and changes.
#![forbid(unsafe_code)]

mod content;
mod options;
mod shelf;

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, PoisonError, RwLock};

use gluster_cache::{Moment, now};
use plugin_api::prelude::*;
use plugin_api::upcall;

use content::{Content, Mark};
use options::Settings;
use shelf::Shelf;

/// Asks for the content of a file that is not longer than the value, and names it in the answer.
const CONTENT: &str = "glusterfs.content";
/// Marks of an answer whose file is not in order.
const UNSOUND: [&str; 2] = ["sh-failed", "glusterfs.bad-inode"];

/// The translator.
#[derive(Debug, Default)]
pub struct QuickRead {
    off: AtomicBool,
    settings: RwLock<Settings>,
    /// What was told up to then does not count any more.
    stale: AtomicU64,
    shelf: Arc<Shelf>,
}

/// A change of a file that is under way: its content goes before and after.
struct Change(Option<Arc<Content>>);

impl Change {
    fn of(content: Option<Arc<Content>>) -> Self {
        content.iter().for_each(|content| content.begin());
        Self(content)
    }
}

impl Drop for Change {
    fn drop(&mut self) {
        self.0.iter().for_each(|content| content.end());
    }
}

impl QuickRead {
    fn take_settings(&self, cx: &InitCx<'_>) -> Result<(), InitError> {
        let settings = Settings::read(cx)?;
        self.off.store(settings.pass_through, Ordering::Relaxed);
        self.shelf.room.set_limit(if settings.pass_through { 0 } else { settings.room });
        *self.settings.write().unwrap_or_else(PoisonError::into_inner) = settings;
        // Marks of another kind cannot be compared.
        self.forget_all();
        Ok(())
    }

    fn settings(&self) -> Settings {
        *self.settings.read().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether nothing is kept.
    fn is_off(&self) -> bool {
        self.off.load(Ordering::Relaxed)
    }

    fn forget_all(&self) {
        self.stale.store(now(), Ordering::Relaxed);
    }

    fn since(&self) -> Moment {
        now().saturating_sub(self.settings().timeout).max(self.stale.load(Ordering::Relaxed))
    }

    fn known(&self, inode: &Inode, key: CtxKey) -> Option<Arc<Content>> {
        inode.object().ctx(key)
    }

    /// What is, or will be, kept of an inode that is about to be changed.
    fn of(&self, inode: Option<&Inode>, key: CtxKey) -> Option<Arc<Content>> {
        let inode = inode?;
        self.shelf.of(inode, inode.gfid(), key)
    }

    /// An answer tells of a file.
    fn seen(&self, content: Option<&Arc<Content>>, began: Moment, iatt: &Iatt) {
        let Some(content) = content else { return };
        let settings = self.settings();
        // Nobody knows the attributes: writes wait below.
        if iatt.ctime == 0 || iatt.size > settings.largest {
            return content.prune();
        }
        content.seen(began, Mark::of(iatt, settings.by_ctime));
    }

    /// A lookup that asked for content has found a file.
    fn brought(&self, inode: &Inode, key: CtxKey, began: Moment, found: &mut Looked) {
        let brought = found.xdata.remove(CONTENT);
        let known = || self.known(inode, key).or_else(|| self.shelf.files.find(found.iatt.gfid));
        if UNSOUND.iter().any(|mark| found.xdata.contains(mark)) {
            return known().iter().for_each(|content| content.prune());
        }
        if found.iatt.file_type() != FileType::Regular {
            return;
        }
        let bytes = brought.as_ref().and_then(Value::as_bytes);
        let bytes = bytes.filter(|bytes| bytes.len() as u64 == found.iatt.size && found.iatt.ctime != 0);
        let settings = self.settings();
        match bytes {
            Some(bytes) => {
                if let Some(content) = self.shelf.of(inode, found.iatt.gfid, key) {
                    content.put(began, Mark::of(&found.iatt, settings.by_ctime), bytes);
                }
            }
            None => self.seen(known().as_ref(), began, &found.iatt),
        }
    }

    /// What a read would bring, from what is kept.
    fn kept(&self, args: &Readv, key: CtxKey) -> Option<Data> {
        if is_direct(args) {
            return None;
        }
        let bytes = self.known(args.fd.inode(), key)?.bytes(self.since())?;
        let from = usize::try_from(args.offset).unwrap_or(usize::MAX).min(bytes.len());
        let to = from.saturating_add(args.size).min(bytes.len());
        let at_end = to == bytes.len();
        // Attributes may have changed since then, and nobody has to take these for new ones.
        Some(Data { data: bytes.slice(from..to).into(), iatt: Iatt::default(), at_end, xdata: Dict::new() })
    }

    /// A read from the start has brought this: kept when it is all of a small file.
    fn read_whole(&self, inode: &Inode, key: CtxKey, began: Moment, read: &Data) {
        let settings = self.settings();
        let is_whole = read.iatt.size == read.data.len() as u64 && read.iatt.gfid == inode.gfid();
        if !is_whole || read.iatt.ctime == 0 || read.iatt.size > settings.largest {
            return;
        }
        if let Some(content) = self.shelf.of(inode, inode.gfid(), key) {
            let bytes: Vec<u8> = read.data.buffers().flat_map(|part| part.iter().copied()).collect();
            content.put(began, Mark::of(&read.iatt, settings.by_ctime), &bytes);
        }
    }

    /// Somebody else has changed something.
    fn out_of_date(&self, data: &Dict) {
        let content = data.gfid(upcall::GFID).and_then(|gfid| self.shelf.files.find(gfid));
        content.iter().for_each(|content| content.prune());
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

/// Writes the `impl`: the fops that show a file, and those that change its content.
macro_rules! quick_read {
    (
        { $($written:tt)* }
        shows { $($show:ident $show_args:ident |$sa:ident| $shown:expr;)* }
        changes { $($change:ident $change_args:ident $change_reply:ident |$ca:ident| $changed:expr;)* }
    ) => {
        #[xlator(
            "performance/quick-read",
            positions = "client",
            unknown_fops = "decompose",
            doc = "brings the content of small files along with their lookup"
        )]
        impl Xlator for QuickRead {
            $($written)*

            $(
                async fn $show(&self, frame: &Frame, args: $show_args) -> FopResult<Attr> {
                    if self.is_off() {
                        return frame.child().$show(args).await;
                    }
                    let content = { let $sa = &args; $shown.and_then(|inode| self.known(inode, frame.key())) };
                    let began = now();
                    let told = frame.child().$show(args).await?;
                    self.seen(content.as_ref(), began, &told.iatt);
                    Ok(told)
                }
            )*

            $(
                async fn $change(&self, frame: &Frame, args: $change_args) -> FopResult<$change_reply> {
                    if self.is_off() {
                        return frame.child().$change(args).await;
                    }
                    let change = { let $ca = &args; Change::of(self.of($changed, frame.key())) };
                    let answer = frame.child().$change(args).await;
                    drop(change);
                    answer
                }
            )*
        }
    };
}

quick_read! {
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
                    self.out_of_date(&event.data);
                }
                _ => {}
            }
            cx.pass_on(event);
        }

        fn dump(&self, out: &mut String) {
            let (files, bytes) = (self.shelf.files.len(), self.shelf.room.bytes());
            out.push_str(&format!("files={files}\nbytes={bytes}\n"));
        }

        async fn lookup(&self, frame: &Frame, mut args: Lookup) -> FopResult<Looked> {
            let largest = self.settings().largest;
            if self.is_off() || largest == 0 {
                return frame.child().lookup(args).await;
            }
            let Some(inode) = at(&args.loc).cloned() else { return frame.child().lookup(args).await };
            if !matches!(inode.file_type(), FileType::Regular | FileType::Invalid) {
                return frame.child().lookup(args).await;
            }
            let kept = self.known(&inode, frame.key()).is_some_and(|content| content.is_kept());
            if !kept && !args.xdata.contains(CONTENT) {
                args.xdata.push(CONTENT, largest);
            }
            let began = now();
            let mut found = frame.child().lookup(args).await?;
            self.brought(&inode, frame.key(), began, &mut found);
            Ok(found)
        }

        async fn readv(&self, frame: &Frame, args: Readv) -> FopResult<Data> {
            if let Some(kept) = self.kept(&args, frame.key()) {
                return Ok(kept);
            }
            if args.offset != 0 || self.is_off() || is_direct(&args) {
                return frame.child().readv(args).await;
            }
            // It may be all of a small file, whose lookup somebody above has answered.
            let fd = args.fd.clone();
            let began = now();
            let read = frame.child().readv(args).await?;
            self.read_whole(fd.inode(), frame.key(), began, &read);
            Ok(read)
        }

        async fn readdirp(&self, frame: &Frame, args: Readdirp) -> FopResult<Entries> {
            if self.is_off() || self.shelf.room.bytes() == 0 {
                return frame.child().readdirp(args).await;
            }
            let began = now();
            let read = frame.child().readdirp(args).await?;
            for entry in read.entries.iter().filter(|entry| !entry.iatt.gfid.is_null()) {
                self.seen(self.shelf.files.find(entry.iatt.gfid).as_ref(), began, &entry.iatt);
            }
            Ok(read)
        }

        async fn open(&self, frame: &Frame, args: Open) -> FopResult<Opened> {
            if args.flags & libc::O_TRUNC == 0 {
                return frame.child().open(args).await;
            }
            let change = Change::of(self.of(open(&args.fd), frame.key()));
            let answer = frame.child().open(args).await;
            drop(change);
            answer
        }

        async fn create(&self, frame: &Frame, args: Create) -> FopResult<Created> {
            if args.flags & libc::O_TRUNC == 0 {
                return frame.child().create(args).await;
            }
            let created = frame.child().create(args).await?;
            // It may have been there.
            let content = self.shelf.files.find(created.iatt.gfid);
            content.iter().for_each(|content| content.prune());
            Ok(created)
        }

        async fn lk(&self, frame: &Frame, args: Lk) -> FopResult<Locked> {
            if self.is_off() || args.cmd == LockCmd::Get || args.flock.kind == LockKind::Unlock {
                return frame.child().lk(args).await;
            }
            let content = self.known(args.fd.inode(), frame.key());
            let answer = frame.child().lk(args).await;
            // Who held it before may have changed the file: with the lock one sees that.
            content.iter().for_each(|content| content.prune());
            answer
        }
    }
    shows {
        stat Stat |args| at(&args.loc);
        fstat Fstat |args| open(&args.fd);
    }
    changes {
        writev Writev Written |args| open(&args.fd);
        truncate Truncate PrePost |args| at(&args.loc);
        ftruncate Ftruncate PrePost |args| open(&args.fd);
        fallocate Fallocate PrePost |args| open(&args.fd);
        discard Discard PrePost |args| open(&args.fd);
        zerofill Zerofill PrePost |args| open(&args.fd);
        copy_file_range CopyFileRange Copied |args| open(&args.fd_out);
        put Put Made |args| at(&args.loc);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_option_is_in_the_readme() {
        let readme = include_str!("../README.md");
        for decl in <QuickRead as Xlator>::options().0.iter() {
            assert!(readme.contains(&format!("`{}`", decl.keys[0])), "{} is missing", decl.keys[0]);
        }
    }
}
