//! `features/usage`: how much lies below each directory, at once and without a walk.
//!
//! `books` keeps what is counted, `count` counts everything anew.

mod books;
mod count;
mod counts;
#[cfg(test)]
mod tests;

use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

use plugin_api::prelude::*;

use books::{Books, HOME};
use count::count;
use counts::{Counts, Resized};

/// Asked of a directory, answers what is below it.
const ASK: &[u8] = b"user.mortar.usage";
/// Set on anything, counts everything anew.
const RECOUNT: &str = "trusted.mortar.usage.recount";

/// Keeps the books.
#[derive(Debug, Default)]
struct Usage {
    books: Option<Arc<Books>>,
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
        Options::new().time("interval", "how often counts are written to disk").default_value("5")
    }

    fn init(&mut self, cx: &InitCx<'_>) -> Result<(), InitError> {
        self.interval = cx.time("interval")?;
        self.books = Some(Arc::new(Books::new(cx.handle())));
        Ok(())
    }

    fn notify(&self, cx: &NotifyCx<'_>, event: &Event) {
        let books = self.books().clone();
        match event.kind {
            EventKind::CHILD_UP => rt::spawn(keep(books, self.interval)),
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
        if !frame.child().stat(asked).await?.iatt.is_dir() {
            return Err(Errno::ENODATA.into());
        }
        let books = self.books();
        books.open().await;
        let _alone = books.quiet().await;
        books.write_down().await;
        let exact = if books.exact.load(Relaxed) { "yes" } else { "no" };
        let answer = format!("{} exact={exact}", books.below(args.loc.target()).await);
        let xattrs = Dict::new().with("user.mortar.usage", Value::bytes(answer.into_bytes()));
        Ok(Xattrs { xattrs, xdata: Dict::new() })
    }

    async fn setxattr(&self, frame: &Frame, args: Setxattr) -> FopResult<Done> {
        if !args.xattrs.contains(RECOUNT) {
            return frame.child().setxattr(args).await;
        }
        let books = self.books().clone();
        books.exact.store(false, Relaxed);
        rt::spawn(async move { count(&books).await });
        Ok(Done::default())
    }

    async fn create(&self, frame: &Frame, mut args: Create) -> FopResult<Created> {
        let books = self.books();
        let _shared = books.shared().await?;
        let (home, wanted) = (args.loc.directory(), args.xdata.gfid("gfid-req"));
        args.xdata.set(HOME, Value::bytes(home.0.to_vec()));
        let cuts = args.flags & libc::O_TRUNC != 0;
        let made = frame.child().create(args).await?;
        // Without O_EXCL it may have been there before, and its content may be gone now.
        match wanted.is_none_or(|gfid| gfid == made.iatt.gfid) {
            true => books.add(home, Counts::of(&made.iatt)),
            false if cuts => books.exact.store(false, Relaxed),
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

    async fn unlink(&self, frame: &Frame, args: Unlink) -> FopResult<Removed> {
        let books = self.books();
        let _alone = books.alone().await?;
        let found = self.look(frame, &args.loc).await?;
        let removed = frame.child().unlink(args).await?;
        self.gone(&found);
        Ok(removed)
    }

    async fn rmdir(&self, frame: &Frame, args: Rmdir) -> FopResult<Removed> {
        let books = self.books();
        let _alone = books.alone().await?;
        let found = self.look(frame, &args.loc).await?;
        let inside = self.inside(&found).await;
        let removed = frame.child().rmdir(args).await?;
        self.moved(&found, inside, None).await?;
        Ok(removed)
    }

    async fn rename(&self, frame: &Frame, args: Rename) -> FopResult<Renamed> {
        let books = self.books();
        let _alone = books.alone().await?;
        let (from, to) = (args.old.directory(), args.new.directory());
        let found = self.look(frame, &args.old).await?;
        let replaced =
            self.look(frame, &args.new).await.ok().filter(|there| there.iatt.gfid != found.iatt.gfid);
        let inside = self.inside(&found).await;
        let renamed = frame.child().rename(args).await?;
        if let Some(replaced) = replaced {
            self.gone(&replaced);
        }
        if from != to {
            self.moved(&found, inside, Some((from, to))).await?;
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
        let _alone = books.alone().await?;
        let stat = Stat { loc: args.loc.clone(), xdata: Dict::new() };
        let before = frame.child().stat(stat).await?.iatt;
        let opened = frame.child().open(args).await?;
        if let Some(home) = books.home(before.gfid).await {
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
    books.open().await;
    if !books.exact.load(Relaxed) {
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

impl Usage {
    fn books(&self) -> &Arc<Books> {
        self.books.as_ref().expect("init comes before fops and events")
    }

    /// Counts what a fop makes.
    async fn made(&self, home: Gfid, fop: impl Future<Output = FopResult<Made>>) -> FopResult<Made> {
        let books = self.books();
        let _shared = books.shared().await?;
        let made = fop.await?;
        books.add(home, Counts::of(&made.iatt));
        Ok(made)
    }

    /// Counts by how much a fop changes the size of a file.
    async fn resized<R: Resized>(&self, gfid: Gfid, fop: impl Future<Output = FopResult<R>>) -> FopResult<R> {
        let books = self.books();
        let _shared = books.shared().await?;
        let _size = books.sizes_of(gfid).lock().await;
        let reply = fop.await?;
        let (pre, post) = reply.sizes();
        // What has lost its last name was taken off when that went.
        if pre.size != post.size
            && post.nlink > 0
            && !post.is_dir()
            && let Some(home) = books.home(gfid).await
        {
            books.add(home, Counts::grown(pre.size, post.size));
        }
        Ok(reply)
    }

    async fn look(&self, frame: &Frame, loc: &Loc) -> FopResult<Found> {
        let asked = Lookup { loc: loc.clone(), xdata: Dict::new() };
        let iatt = frame.child().lookup(asked).await?.iatt;
        Ok(Found { home: self.books().home(iatt.gfid).await, iatt })
    }

    /// Takes off an object whose name went, if that was its last.
    fn gone(&self, found: &Found) {
        if let Some(home) = found.home
            && (found.iatt.is_dir() || found.iatt.nlink <= 1)
        {
            self.books().add(home, -Counts::of(&found.iatt));
        }
    }

    /// What goes with an object: itself, and what is below it.
    async fn inside(&self, found: &Found) -> Counts {
        let mut inside = Counts::of(&found.iatt);
        if found.iatt.is_dir() {
            // A count that goes on has to begin anew.
            self.books().moved.store(true, Relaxed);
            self.books().write_down().await;
            inside += self.books().below(found.iatt.gfid).await;
        }
        inside
    }

    /// Takes an object off where it was, and adds it where it is now. A file that is counted elsewhere stays there.
    async fn moved(&self, found: &Found, inside: Counts, way: Option<(Gfid, Gfid)>) -> FopResult<()> {
        let (books, Some(home)) = (self.books(), found.home) else { return Ok(()) };
        if way.is_some_and(|(from, _)| from != home) {
            return Ok(());
        }
        books.add(home, -inside);
        if let Some((_, to)) = way {
            books.move_home(found.iatt.gfid, to).await?;
            books.add(to, inside);
        }
        Ok(())
    }
}
