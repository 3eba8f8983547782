//! The way through the volume: directory by directory, each one's layout first, then its files, then what lies below.

use std::sync::atomic::{AtomicBool, Ordering::Relaxed};

use futures_util::{StreamExt, future, stream};
use plugin_api::OwnedFrame;
use plugin_api::prelude::*;

use crate::Task;
use crate::progress::{Progress, Status};

/// The rebalance process asks under this pid.
const PID: i32 = -3;
/// Bytes of names that are read at a time.
const READ: usize = 128 << 10;
/// Files that move at the same time.
const AT_ONCE: usize = 4;

const FIX: &str = "distribute.fix.layout";
/// In the answer: bricks are to leave, with what is still on them at the end.
const LEAVING: &str = "decommissioning";
const NEW_COMMIT: &str = "new-commit-hash";
const VOLUME_COMMIT: &str = "trusted.glusterfs.dht.commithash";
const MOVE: &str = "trusted.distribute.migrate-data";

/// Does the task from the root on, and answers how it ended.
pub(crate) async fn all(handle: &Handle, task: Task, commit: u32, progress: &Progress) -> Status {
    let crawl = Crawl { handle, task, commit, progress, leaving: AtomicBool::new(false) };
    let done = crawl.run().await;
    let failures = progress.failures.load(Relaxed);
    let status = match done {
        Err(e) => {
            log!(Error, xl: handle.name(), "the volume cannot be gone through", errno = e.errno);
            Status::Failed
        }
        Ok(()) if progress.is_stopped() => Status::Stopped,
        Ok(()) if failures > 0 && crawl.leaving.load(Relaxed) => Status::Failed,
        Ok(()) => Status::Complete,
    };
    log!(
        Info,
        xl: handle.name(),
        "the volume was gone through",
        files = progress.files.load(Relaxed),
        bytes = progress.size.load(Relaxed),
        lookups = progress.lookups.load(Relaxed),
        failures = failures,
        skipped = progress.skipped.load(Relaxed)
    );
    status
}

struct Crawl<'a> {
    handle: &'a Handle,
    task: Task,
    commit: u32,
    progress: &'a Progress,
    /// Whether bricks are to leave: nothing may stay behind then.
    leaving: AtomicBool,
}

impl Crawl<'_> {
    fn frame(&self) -> OwnedFrame {
        self.handle.frame(Identity { pid: PID, ..Identity::default() })
    }

    async fn run(&self) -> FopResult<()> {
        let root = Inode::new(Gfid::ROOT, FileType::Directory);
        let frame = self.frame();
        frame.child().lookup(Lookup { loc: Loc::of(root.clone()), xdata: Dict::new() }).await?;
        if self.commits() {
            self.order(Loc::of(root.clone()), Dict::new().with(VOLUME_COMMIT, self.commit)).await?;
        }
        let mut left = vec![root];
        while let Some(dir) = left.pop() {
            if self.progress.is_stopped() {
                return Ok(());
            }
            let is_root = dir.gfid().is_root();
            match self.directory(&dir, &mut left).await {
                Err(e) if is_root => return Err(e),
                Err(e) if is_gone(&e) => {}
                Err(e) => self.failed(&dir, &e),
                Ok(()) => {}
            }
        }
        Ok(())
    }

    /// Whether directories are to say that their files are where they belong.
    fn commits(&self) -> bool {
        self.task != Task::FixLayout && self.commit != 0
    }

    async fn order(&self, loc: Loc, xattrs: Dict) -> FopResult<Dict> {
        let args = Setxattr { loc, xattrs, flags: 0, xdata: Dict::new() };
        self.frame().child().setxattr(args).await.map(|done| done.xdata)
    }

    /// One directory; the directories in it are put on the list of those that are left.
    async fn directory(&self, dir: &Inode, left: &mut Vec<Inode>) -> FopResult<()> {
        let told = self.order(Loc::of(dir.clone()), Dict::new().with(FIX, "yes")).await?;
        self.leaving.fetch_or(told.contains(LEAVING), Relaxed);
        let frame = self.frame();
        let fd = Fd::new(dir.clone(), libc::O_RDONLY | libc::O_DIRECTORY, PID);
        let open = Opendir { loc: Loc::of(dir.clone()), fd: fd.clone(), xdata: Dict::new() };
        frame.child().opendir(open).await?;
        let mut offset = 0;
        loop {
            if self.progress.is_stopped() {
                return Ok(());
            }
            let read = Readdirp { fd: fd.clone(), size: READ, offset, xdata: Dict::new() };
            let page = frame.child().readdirp(read).await?;
            let next = page.entries.last().map(|entry| entry.offset);
            let names = page.entries.into_iter().filter(|entry| !matches!(&entry.name[..], b"." | b".."));
            let below = stream::iter(names).map(|entry| self.entry(dir, entry)).buffer_unordered(AT_ONCE);
            left.extend(below.filter_map(future::ready).collect::<Vec<_>>().await);
            match next.filter(|next| !page.at_end && *next != offset) {
                Some(next) => offset = next,
                None => break,
            }
        }
        if self.commits() {
            let done = Dict::new().with(FIX, "yes").with(NEW_COMMIT, self.commit);
            self.order(Loc::of(dir.clone()), done).await?;
        }
        Ok(())
    }

    /// One name: a file is moved, a directory is answered.
    async fn entry(&self, dir: &Inode, entry: DirEntry) -> Option<Inode> {
        let is_file = entry.iatt.file_type() != FileType::Directory;
        if self.progress.is_stopped() || (is_file && self.task == Task::FixLayout) {
            return None;
        }
        let inode = Inode::new(entry.iatt.gfid, entry.iatt.file_type());
        let loc = Loc { parent: Some(dir.clone()).into(), name: entry.name, ..Loc::of(inode.clone()) };
        // Distribute below knows by this where it lies.
        let found = match self.frame().child().lookup(Lookup { loc: loc.clone(), xdata: Dict::new() }).await {
            // It is another one by now: nobody counts on that.
            Ok(found) if found.iatt.gfid != inode.gfid() => return None,
            Ok(found) => found.iatt,
            Err(e) => {
                if !is_gone(&e) {
                    self.failed(&inode, &e);
                }
                return None;
            }
        };
        if found.is_dir() {
            return Some(inode);
        }
        self.progress.lookups.fetch_add(1, Relaxed);
        self.file(loc, &inode, found.size).await;
        None
    }

    async fn file(&self, loc: Loc, inode: &Inode, size: u64) {
        let how = if self.task == Task::MoveAll { "force" } else { "yes" };
        match self.order(loc, Dict::new().with(MOVE, how)).await {
            Ok(_) => {
                self.progress.files.fetch_add(1, Relaxed);
                self.progress.size.fetch_add(size, Relaxed);
            }
            Err(e) if e.errno == Errno::EEXIST || is_gone(&e) => {}
            Err(e) if e.errno == Errno::EPERM => {
                self.progress.skipped.fetch_add(1, Relaxed);
            }
            Err(e) => self.failed(inode, &e),
        }
    }

    fn failed(&self, inode: &Inode, error: &FopError) {
        log!(Warn, xl: self.handle.name(), "this stays as it is", gfid = inode.gfid(), errno = error.errno);
        self.progress.failures.fetch_add(1, Relaxed);
    }
}

/// Whether somebody has removed it meanwhile.
fn is_gone(error: &FopError) -> bool {
    matches!(error.errno, Errno::ENOENT | Errno::ESTALE)
}
