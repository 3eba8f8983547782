//! The translator: its life, and the table of its fops.

use std::fmt::Write;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::time::Duration;

use plugin_api::prelude::*;

use crate::brick::Brick;
use crate::fops::data::Reads;
use crate::fops::{Call, data, dir, entry, inode, xattr};
use crate::health::Health;
use crate::options;

/// How long a brick whose disk failed stays, for clients to hear of it; then once more before it is killed.
const LAST_WORDS: Duration = Duration::from_secs(30);

/// A brick folder, served.
#[derive(Debug, Default)]
pub struct Posix {
    brick: Option<Arc<Brick>>,
    health: Option<Health>,
}

impl Posix {
    fn call(&self, frame: &Frame, xdata: &Dict) -> Call<'_> {
        let brick = self.brick.as_ref().expect("init opened the brick before the first fop");
        Call::new(brick, frame, xdata)
    }
}

macro_rules! answer {
    ($this:ident, $frame:ident, $args:ident, $family:ident::$fop:ident) => {
        Ok($family::$fop(&$this.call($frame, &$args.xdata), &$args)?)
    };
}

#[xlator(
    "storage/posix",
    replace = "restart",
    doc = "keeps the files of a brick in a folder of a local file system",
    positions = "brick",
    unknown_fops = "deny"
)]
impl Xlator for Posix {
    fn options() -> Options {
        options::declared()
    }

    fn init(&mut self, cx: &InitCx<'_>) -> Result<(), InitError> {
        // Modes arrive finished: what the process was started with must not take anything away.
        rustix::process::umask(rustix::fs::Mode::empty());
        let brick = Arc::new(Brick::open(options::Options::read(cx)?)?);
        let me = cx.handle();
        self.health = brick.watch_health(move |why, stopped| give_up(&me, &why, stopped));
        let janitor = Arc::clone(&brick);
        std::thread::Builder::new().name("posix-janitor".into()).spawn(move || janitor.run_janitor())?;
        self.brick = Some(brick);
        Ok(())
    }

    fn reconfigure(&self, cx: &InitCx<'_>) -> Result<(), InitError> {
        if let Some(brick) = &self.brick {
            brick.reconfigure(options::Options::read(cx)?);
        }
        Ok(())
    }

    fn notify(&self, cx: &NotifyCx<'_>, event: &Event) {
        match event.kind {
            EventKind::PARENT_UP => cx.me().notify_up(&EventKind::CHILD_UP.into()),
            EventKind::PARENT_DOWN => {
                cx.me().notify_up(&EventKind::CHILD_DOWN.into());
            }
            _ => cx.pass_on(event),
        }
    }

    fn dump(&self, out: &mut String) {
        if let Some(brick) = &self.brick {
            let _ = writeln!(out, "base_path={}", brick.path.display());
        }
    }

    fn fini(&self) {
        if let Some(brick) = &self.brick {
            brick.janitor.stop();
        }
        if let Some(health) = &self.health {
            health.stop();
        }
    }

    fn lookup(&self, frame: &Frame, args: Lookup) -> FopResult<Looked> {
        answer!(self, frame, args, entry::lookup)
    }

    fn mknod(&self, frame: &Frame, args: Mknod) -> FopResult<Made> {
        answer!(self, frame, args, entry::mknod)
    }

    fn mkdir(&self, frame: &Frame, args: Mkdir) -> FopResult<Made> {
        answer!(self, frame, args, entry::mkdir)
    }

    fn symlink(&self, frame: &Frame, args: Symlink) -> FopResult<Made> {
        answer!(self, frame, args, entry::symlink)
    }

    fn link(&self, frame: &Frame, args: Link) -> FopResult<Made> {
        answer!(self, frame, args, entry::link)
    }

    fn create(&self, frame: &Frame, args: Create) -> FopResult<Created> {
        answer!(self, frame, args, entry::create)
    }

    fn put(&self, frame: &Frame, args: Put) -> FopResult<Made> {
        answer!(self, frame, args, entry::put)
    }

    fn unlink(&self, frame: &Frame, args: Unlink) -> FopResult<Removed> {
        answer!(self, frame, args, entry::unlink)
    }

    fn rmdir(&self, frame: &Frame, args: Rmdir) -> FopResult<Removed> {
        answer!(self, frame, args, entry::rmdir)
    }

    fn rename(&self, frame: &Frame, args: Rename) -> FopResult<Renamed> {
        answer!(self, frame, args, entry::rename)
    }

    fn stat(&self, frame: &Frame, args: Stat) -> FopResult<Attr> {
        answer!(self, frame, args, inode::stat)
    }

    fn fstat(&self, frame: &Frame, args: Fstat) -> FopResult<Attr> {
        answer!(self, frame, args, inode::fstat)
    }

    fn setattr(&self, frame: &Frame, args: Setattr) -> FopResult<PrePost> {
        answer!(self, frame, args, inode::setattr)
    }

    fn fsetattr(&self, frame: &Frame, args: Fsetattr) -> FopResult<PrePost> {
        answer!(self, frame, args, inode::fsetattr)
    }

    fn access(&self, frame: &Frame, args: Access) -> FopResult<Done> {
        answer!(self, frame, args, inode::access)
    }

    fn readlink(&self, frame: &Frame, args: Readlink) -> FopResult<Target> {
        answer!(self, frame, args, inode::readlink)
    }

    fn statfs(&self, frame: &Frame, args: Statfs) -> FopResult<SpaceReply> {
        answer!(self, frame, args, inode::statfs)
    }

    fn truncate(&self, frame: &Frame, args: Truncate) -> FopResult<PrePost> {
        answer!(self, frame, args, inode::truncate)
    }

    fn open(&self, frame: &Frame, args: Open) -> FopResult<Opened> {
        answer!(self, frame, args, data::open)
    }

    async fn readv(&self, frame: &Frame, args: Readv) -> FopResult<Data> {
        let begun = data::readv(&self.call(frame, &args.xdata), &args)?;
        match begun {
            Reads::Now(data) => Ok(data),
            // On the heap: it waits anyway, and what is in the page cache needs no room for it.
            Reads::Later(rest) => {
                Ok(Box::pin(rt::offload(async move { rest.read() })).await.ok_or(Errno::EIO)??)
            }
        }
    }

    fn writev(&self, frame: &Frame, args: Writev) -> FopResult<Written> {
        answer!(self, frame, args, data::writev)
    }

    fn flush(&self, frame: &Frame, args: Flush) -> FopResult<Done> {
        answer!(self, frame, args, data::flush)
    }

    fn fsync(&self, frame: &Frame, args: Fsync) -> FopResult<PrePost> {
        answer!(self, frame, args, data::fsync)
    }

    fn ftruncate(&self, frame: &Frame, args: Ftruncate) -> FopResult<PrePost> {
        answer!(self, frame, args, data::ftruncate)
    }

    fn fallocate(&self, frame: &Frame, args: Fallocate) -> FopResult<PrePost> {
        answer!(self, frame, args, data::fallocate)
    }

    fn discard(&self, frame: &Frame, args: Discard) -> FopResult<PrePost> {
        answer!(self, frame, args, data::discard)
    }

    fn zerofill(&self, frame: &Frame, args: Zerofill) -> FopResult<PrePost> {
        answer!(self, frame, args, data::zerofill)
    }

    fn seek(&self, frame: &Frame, args: Seek) -> FopResult<Sought> {
        answer!(self, frame, args, data::seek)
    }

    fn copy_file_range(&self, frame: &Frame, args: CopyFileRange) -> FopResult<Copied> {
        answer!(self, frame, args, data::copy_file_range)
    }

    fn rchecksum(&self, frame: &Frame, args: Rchecksum) -> FopResult<Checksum> {
        answer!(self, frame, args, data::rchecksum)
    }

    fn opendir(&self, frame: &Frame, args: Opendir) -> FopResult<Opened> {
        answer!(self, frame, args, dir::opendir)
    }

    fn readdir(&self, frame: &Frame, args: Readdir) -> FopResult<Entries> {
        answer!(self, frame, args, dir::readdir)
    }

    fn readdirp(&self, frame: &Frame, args: Readdirp) -> FopResult<Entries> {
        answer!(self, frame, args, dir::readdirp)
    }

    fn fsyncdir(&self, frame: &Frame, args: Fsyncdir) -> FopResult<Done> {
        answer!(self, frame, args, dir::fsyncdir)
    }

    fn setxattr(&self, frame: &Frame, args: Setxattr) -> FopResult<Done> {
        answer!(self, frame, args, xattr::setxattr)
    }

    fn fsetxattr(&self, frame: &Frame, args: Fsetxattr) -> FopResult<Done> {
        answer!(self, frame, args, xattr::fsetxattr)
    }

    fn getxattr(&self, frame: &Frame, args: Getxattr) -> FopResult<Xattrs> {
        answer!(self, frame, args, xattr::getxattr)
    }

    fn fgetxattr(&self, frame: &Frame, args: Fgetxattr) -> FopResult<Xattrs> {
        answer!(self, frame, args, xattr::fgetxattr)
    }

    fn removexattr(&self, frame: &Frame, args: Removexattr) -> FopResult<Done> {
        answer!(self, frame, args, xattr::removexattr)
    }

    fn fremovexattr(&self, frame: &Frame, args: Fremovexattr) -> FopResult<Done> {
        answer!(self, frame, args, xattr::fremovexattr)
    }

    fn xattrop(&self, frame: &Frame, args: Xattrop) -> FopResult<Xattrs> {
        answer!(self, frame, args, xattr::xattrop)
    }

    fn fxattrop(&self, frame: &Frame, args: Fxattrop) -> FopResult<Xattrs> {
        answer!(self, frame, args, xattr::fxattrop)
    }

    // Locks and leases are kept above; one that comes this far was meant for a translator that is not there.

    fn lk(&self, _frame: &Frame, _args: Lk) -> FopResult<Locked> {
        Err(Errno::ENOSYS.into())
    }

    fn inodelk(&self, _frame: &Frame, _args: Inodelk) -> FopResult<Done> {
        Err(Errno::ENOSYS.into())
    }

    fn finodelk(&self, _frame: &Frame, _args: Finodelk) -> FopResult<Done> {
        Err(Errno::ENOSYS.into())
    }

    fn entrylk(&self, _frame: &Frame, _args: Entrylk) -> FopResult<Done> {
        Err(Errno::ENOSYS.into())
    }

    fn fentrylk(&self, _frame: &Frame, _args: Fentrylk) -> FopResult<Done> {
        Err(Errno::ENOSYS.into())
    }

    fn lease(&self, _frame: &Frame, _args: LeaseFop) -> FopResult<Leased> {
        Err(Errno::ENOSYS.into())
    }
}

/// The disk failed: clients and the host hear of it. A host that has other bricks takes this one away and goes on;
/// otherwise the process ends, whatever hangs in it.
fn give_up(me: &Handle, why: &str, stopped: &Receiver<()>) {
    log!(Error, xl: me.name(), "the brick's disk failed; the brick goes down", cause = why);
    let failed = Event { kind: EventKind::CHILD_DOWN, data: Dict::new().with("failed", why) };
    me.notify_up(&failed);
    if stopped.recv_timeout(LAST_WORDS) != Err(RecvTimeoutError::Timeout) {
        return;
    }
    plugin_api::rt::stop(1);
    std::thread::sleep(LAST_WORDS);
    let _ = rustix::process::kill_process(rustix::process::getpid(), rustix::process::Signal::KILL);
}
