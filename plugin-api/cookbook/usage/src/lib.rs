//! `features/usage`: how much lies below each directory, at once and without a walk.
//!
//! `books` keeps what is counted, `turns` lets those who would disturb each other work in turn, `seal` knows after a crash,
//! `count` counts everything anew. No lock that two programs share is held while a call below is awaited.

mod books;
mod count;
mod counts;
mod disk;
mod seal;
#[cfg(test)]
mod tests;
mod turns;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::time::Duration;

use plugin_api::prelude::*;

use books::{Books, HOME, Move};
use count::count;
use counts::{Counts, Resized};
use disk::is_gone;
use turns::File;

/// Asked of a directory, answers what is below it.
const ASK: &[u8] = b"user.mortar.usage";
/// Set on anything, counts everything anew.
const RECOUNT: &str = "trusted.mortar.usage.recount";

/// So often a name is looked up anew that stands for another file each time.
const LOOKS: usize = 16;

/// Keeps the books.
#[derive(Debug, Default)]
struct Usage {
    books: Option<Arc<Books>>,
    kept: AtomicBool,
    interval: Duration,
}

#[xlator(
    "features/usage",
    positions = "brick",
    unknown_fops = "decompose",
    replace = "restart",
    doc = "counts what lies below each directory"
)]
impl Xlator for Usage {
    fn options() -> Options {
        Options::new()
            .time("interval", "how often counts are written to disk")
            .default_value("5")
            // Without a pause there would be no end to it.
            .range(1.0, 86_400.0)
    }

    fn init(&mut self, cx: &InitCx<'_>) -> Result<(), InitError> {
        self.interval = cx.time("interval")?;
        self.books = Some(Arc::new(Books::new(cx.handle())));
        Ok(())
    }

    fn notify(&self, cx: &NotifyCx<'_>, event: &Event) {
        let books = self.books().clone();
        match event.kind {
            // It comes again whenever the child was down. Before those above are told: a new brick, which is empty, is
            // counted when its first client comes.
            EventKind::CHILD_UP if !self.kept.swap(true, Relaxed) => {
                rt::run_inline(keep(books, self.interval));
            }
            // Before those below are told: afterwards they no longer answer.
            EventKind::PARENT_DOWN => rt::run_inline(async move { books.close().await }),
            _ => {}
        }
        cx.pass_on(event);
    }

    fn fini(&self) {
        self.books().stop();
    }

    async fn getxattr(&self, frame: &Frame, args: Getxattr) -> FopResult<Xattrs> {
        if args.name[..] != *ASK {
            return frame.child().getxattr(args).await;
        }
        let asked = Stat { loc: args.loc.clone(), xdata: Dict::new() };
        let dir = frame.child().stat(asked).await?.iatt;
        if !dir.is_dir() {
            return Err(Errno::ENODATA.into());
        }
        let books = self.books();
        books.open().await?;
        let exact = if books.settle().await && books.is_exact() { "yes" } else { "no" };
        let answer = format!("{} exact={exact}", books.below(dir.gfid).await?);
        let xattrs = Dict::new().with("user.mortar.usage", Value::bytes(answer.into_bytes()));
        Ok(Xattrs { xattrs, xdata: Dict::new() })
    }

    async fn setxattr(&self, frame: &Frame, args: Setxattr) -> FopResult<Done> {
        if !args.xattrs.contains(RECOUNT) {
            return frame.child().setxattr(args).await;
        }
        let books = self.books().clone();
        books.ask_count();
        rt::spawn(async move { count(&books).await });
        Ok(Done::default())
    }

    async fn create(&self, frame: &Frame, mut args: Create) -> FopResult<Created> {
        let books = self.books();
        let mut change = books.change().await?;
        let wanted = args.xdata.gfid("gfid-req");
        let home = at_home(&args.loc, &mut args.xdata);
        change.enter(home).await;
        let cuts = args.flags & libc::O_TRUNC != 0;
        let made = frame.child().create(args).await?;
        // Without O_EXCL it may have been there before, and its content may be gone now.
        match wanted.is_none_or(|gfid| gfid == made.iatt.gfid) {
            true => books.add(home, Counts::of(&made.iatt)),
            false if cuts => drop(books.doubt()),
            false => {}
        }
        Ok(made)
    }

    async fn mknod(&self, frame: &Frame, mut args: Mknod) -> FopResult<Made> {
        let home = at_home(&args.loc, &mut args.xdata);
        self.made(home, frame.child().mknod(args)).await
    }

    async fn symlink(&self, frame: &Frame, mut args: Symlink) -> FopResult<Made> {
        let home = at_home(&args.loc, &mut args.xdata);
        self.made(home, frame.child().symlink(args)).await
    }

    async fn mkdir(&self, frame: &Frame, mut args: Mkdir) -> FopResult<Made> {
        let home = at_home(&args.loc, &mut args.xdata);
        self.made(home, frame.child().mkdir(args)).await
    }

    async fn link(&self, frame: &Frame, args: Link) -> FopResult<Made> {
        let books = self.books();
        let _change = books.change().await?;
        let _file = books.turns.file(args.old.target()).await;
        // A count knows by their number of names which files it may meet again.
        books.upset();
        frame.child().link(args).await
    }

    async fn unlink(&self, frame: &Frame, args: Unlink) -> FopResult<Removed> {
        let mut change = self.books().change().await?;
        let held = self.hold(frame, [&args.loc]).await?;
        let [found] = held.found;
        let (found, dir) = (found?, args.loc.directory());
        change.enter(found.home.unwrap_or(dir)).await;
        let removed = frame.child().unlink(args).await?;
        self.gone(&found, dir);
        Ok(removed)
    }

    async fn rmdir(&self, frame: &Frame, args: Rmdir) -> FopResult<Removed> {
        let books = self.books();
        let mut change = books.change().await?;
        let held = self.hold(frame, [&args.loc]).await?;
        let [found] = held.found;
        let (found, dir) = (found?, args.loc.directory());
        change.enter(dir).await;
        books.upset();
        let removed = frame.child().rmdir(args).await?;
        self.gone(&found, dir);
        Ok(removed)
    }

    async fn rename(&self, frame: &Frame, args: Rename) -> FopResult<Renamed> {
        let books = self.books();
        let mut change = books.change().await?;
        let (from, to) = (args.old.directory(), args.new.directory());
        let held = self.hold(frame, [&args.old, &args.new]).await?;
        let [found, replaced] = held.found;
        let found = found?;
        let replaced = match replaced {
            Ok(there) => Some(there).filter(|there| there.iatt.gfid != found.iatt.gfid),
            Err(error) if is_gone(&error) => None,
            Err(error) => return Err(error),
        };
        let homes = [found.home, replaced.as_ref().and_then(|there| there.home)];
        for home in homes.into_iter().flatten().chain([from, to]) {
            change.enter(home).await;
        }
        if found.iatt.is_dir() {
            books.upset();
        }
        let renamed = frame.child().rename(args).await?;
        if let Some(replaced) = replaced {
            self.gone(&replaced, to);
        }
        if from != to {
            self.moved(&found, from, to).await;
        }
        Ok(renamed)
    }

    async fn writev(&self, frame: &Frame, args: Writev) -> FopResult<Written> {
        self.resized(args.fd.inode().gfid(), frame.child().writev(args)).await
    }

    async fn truncate(&self, frame: &Frame, args: Truncate) -> FopResult<PrePost> {
        self.resized(args.loc.target(), frame.child().truncate(args)).await
    }

    async fn ftruncate(&self, frame: &Frame, args: Ftruncate) -> FopResult<PrePost> {
        self.resized(args.fd.inode().gfid(), frame.child().ftruncate(args)).await
    }

    async fn setattr(&self, frame: &Frame, args: Setattr) -> FopResult<PrePost> {
        self.resized(args.loc.target(), frame.child().setattr(args)).await
    }

    async fn fsetattr(&self, frame: &Frame, args: Fsetattr) -> FopResult<PrePost> {
        self.resized(args.fd.inode().gfid(), frame.child().fsetattr(args)).await
    }

    async fn fallocate(&self, frame: &Frame, args: Fallocate) -> FopResult<PrePost> {
        self.resized(args.fd.inode().gfid(), frame.child().fallocate(args)).await
    }

    async fn zerofill(&self, frame: &Frame, args: Zerofill) -> FopResult<PrePost> {
        self.resized(args.fd.inode().gfid(), frame.child().zerofill(args)).await
    }

    async fn copy_file_range(&self, frame: &Frame, args: CopyFileRange) -> FopResult<Copied> {
        self.resized(args.fd_out.inode().gfid(), frame.child().copy_file_range(args)).await
    }

    async fn open(&self, frame: &Frame, args: Open) -> FopResult<Opened> {
        if args.flags & libc::O_TRUNC == 0 {
            return frame.child().open(args).await;
        }
        let books = self.books();
        let mut change = books.change().await?;
        let gfid = args.loc.target();
        let _file = books.turns.file(gfid).await;
        let home = books.home(gfid).await?;
        if let Some(home) = home {
            change.enter(home).await;
        }
        let stat = Stat { loc: args.loc.clone(), xdata: Dict::new() };
        let before = frame.child().stat(stat).await?.iatt;
        let opened = frame.child().open(args).await?;
        if let Some(home) = home {
            books.add(home, Counts::grown(before.size, 0));
        }
        Ok(opened)
    }

    // Rare ways to make a file: who asks falls back to `create` and `writev`.

    fn put(&self, _: &Frame, _: Put) -> FopResult<Made> {
        Err(Errno::EOPNOTSUPP.into())
    }

    fn icreate(&self, _: &Frame, _: Icreate) -> FopResult<Attr> {
        Err(Errno::EOPNOTSUPP.into())
    }
}

/// From the day the disk is there to the end: counts when the books were not closed in order, then closes them now and then.
async fn keep(books: Arc<Books>, interval: Duration) {
    while books.open().await.is_err() {
        if !books.wait(interval).await {
            return;
        }
    }
    if !books.is_exact() {
        books.ask_count();
        count(&books).await;
    }
    while books.wait(interval).await {
        books.close().await;
    }
}

/// Gives what is being made its home, in the one request; answers which.
fn at_home(loc: &Loc, xdata: &mut Dict) -> Gfid {
    let home = loc.directory();
    xdata.set(HOME, Value::bytes(home.0.to_vec()));
    home
}

/// What a name stands for, before it goes or moves.
struct Found {
    iatt: Iatt,
    home: Option<Gfid>,
}

/// What some names stand for, which nobody else resizes, moves or removes meanwhile.
struct Held<const N: usize> {
    found: [FopResult<Found>; N],
    _files: Vec<File>,
}

impl Usage {
    fn books(&self) -> &Arc<Books> {
        self.books.as_ref().expect("init comes before fops and events")
    }

    /// Counts what a fop makes.
    async fn made(&self, home: Gfid, fop: impl Future<Output = FopResult<Made>>) -> FopResult<Made> {
        let books = self.books();
        let mut change = books.change().await?;
        change.enter(home).await;
        let made = fop.await?;
        books.add(home, Counts::of(&made.iatt));
        Ok(made)
    }

    /// Counts by how much a fop changes the size of a file.
    async fn resized<R: Resized>(&self, gfid: Gfid, fop: impl Future<Output = FopResult<R>>) -> FopResult<R> {
        let books = self.books();
        let mut change = books.change().await?;
        let _file = books.turns.file(gfid).await;
        let home = books.home(gfid).await?;
        if let Some(home) = home {
            change.enter(home).await;
        }
        let reply = fop.await?;
        let (pre, post) = reply.sizes();
        // What has lost its last name was taken off when that went.
        if pre.size != post.size
            && post.nlink > 0
            && !post.is_dir()
            && let Some(home) = home
        {
            books.add(home, Counts::grown(pre.size, post.size));
        }
        Ok(reply)
    }

    /// Holds what names stand for. A name may come to stand for something else before that is held: then once more.
    async fn hold<const N: usize>(&self, frame: &Frame, locs: [&Loc; N]) -> FopResult<Held<N>> {
        let mut wanted: Vec<Gfid> = locs.iter().map(|loc| loc.target()).collect();
        for _ in 0..LOOKS {
            // All in one order, so that no two wait for each other.
            wanted.sort();
            wanted.dedup();
            let mut files = Vec::new();
            for gfid in wanted.iter().filter(|gfid| !gfid.is_null()) {
                files.push(self.books().turns.file(*gfid).await);
            }
            let mut found = Vec::new();
            for loc in locs {
                found.push(self.look(frame, loc).await);
            }
            let there: Vec<Gfid> = found.iter().flatten().map(|found| found.iatt.gfid).collect();
            if there.iter().all(|gfid| wanted.contains(gfid)) {
                let found = found.try_into().unwrap_or_else(|_| unreachable!("one for each name"));
                return Ok(Held { found, _files: files });
            }
            wanted = there;
        }
        Err(Errno::EBUSY.into())
    }

    async fn look(&self, frame: &Frame, loc: &Loc) -> FopResult<Found> {
        let asked = Lookup { loc: loc.clone(), xdata: Dict::new() };
        let iatt = frame.child().lookup(asked).await?.iatt;
        Ok(Found { home: self.books().home(iatt.gfid).await?, iatt })
    }

    /// Takes off an object whose name in `dir` went, if that was its last.
    fn gone(&self, found: &Found, dir: Gfid) {
        let Some(home) = self.counted(found, dir) else { return };
        if found.iatt.is_dir() {
            self.books().add_move(Move { dir: found.iatt.gfid, from: Some(home), to: None });
        } else if found.iatt.nlink <= 1 {
            self.books().add(home, -Counts::of(&found.iatt));
        }
    }

    /// Where an object with a name in `dir` is counted. While a count goes on, what has no home yet is counted with its name.
    fn counted(&self, found: &Found, dir: Gfid) -> Option<Gfid> {
        if !found.iatt.is_dir() && found.home.is_some_and(|home| home != dir) {
            // A count may have been where it belongs before it comes to where its name is.
            self.books().upset();
        }
        found.home.or(self.books().is_counting().then_some(dir))
    }

    /// Takes an object off where it was, and adds it where it is now. A file that is counted elsewhere stays there.
    async fn moved(&self, found: &Found, from: Gfid, to: Gfid) {
        let (books, Some(home)) = (self.books(), self.counted(found, from)) else { return };
        if found.iatt.is_dir() {
            return books.add_move(Move { dir: found.iatt.gfid, from: Some(home), to: Some(to) });
        }
        if home != from {
            return;
        }
        if let Err(error) = books.move_home(found.iatt.gfid, to).await {
            log!(Warn, xl: books.disk.name(), "a file keeps its old home", gfid = found.iatt.gfid, errno = error);
            books.doubt();
            return;
        }
        books.add(from, -Counts::of(&found.iatt));
        books.add(to, Counts::of(&found.iatt));
    }
}
