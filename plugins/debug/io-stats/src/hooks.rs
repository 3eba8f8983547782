//! What single kinds of fops add to the counts: bytes, files, open files.

use std::sync::Arc;
use std::time::Instant;

use plugin_api::fop::{
    Create, Created, Data, Entries, Open, Opendir, Opened, Readdir, Readdirp, Readv, Writev, Written,
};
use plugin_api::{Event, Fd, Frame, Inode, Loc};

use crate::IoStats;
use crate::opens::OpenFile;
use crate::profile::Profile;
use crate::top::{FileStats, Rank};

/// Numbers of what closing counts as; no fops of the graph.
const RELEASE: usize = 42;
const RELEASEDIR: usize = 43;

/// On an open file or folder: closing it is counted.
#[derive(Debug)]
struct Opening {
    _open: Option<OpenFile>,
    profile: Arc<Profile>,
    code: Option<usize>,
}

impl Drop for Opening {
    fn drop(&mut self) {
        if let Some(code) = self.code {
            self.profile.counters.fop(code, None);
        }
    }
}

impl IoStats {
    fn opened(&self, frame: &Frame, fd: &Fd, path: &[u8], rank: Rank) {
        let folder = rank == Rank::Opendir;
        fd.object().ctx_or_insert_with(frame.key(), || Opening {
            _open: (!folder).then(|| self.opens.count()),
            profile: Arc::clone(&self.profile),
            code: self.counts_hits().then_some(if folder { RELEASEDIR } else { RELEASE }),
        });
        let stats = fd.inode().object().ctx_or_insert_with(frame.key(), || {
            Tracked(if path.is_empty() {
                self.files.track(format!("<gfid:{}>", fd.inode().gfid()).as_bytes())
            } else {
                self.files.track(path)
            })
        });
        stats.0.count(rank);
    }

    fn used(&self, frame: &Frame, inode: &Inode, rank: Rank) -> Option<Arc<Tracked>> {
        let tracked = inode.object().ctx::<Tracked>(frame.key())?;
        tracked.0.count(rank);
        Some(tracked)
    }
}

/// On an inode that was ever opened.
#[derive(Debug)]
struct Tracked(Arc<FileStats>);

/// The path, where somebody knows it; else the name below its folder's id.
fn path(loc: &Loc) -> Vec<u8> {
    if !loc.path.is_empty() || loc.name.is_empty() {
        return loc.path.to_vec();
    }
    let folder = loc.directory();
    let folder = if folder.is_root() { String::new() } else { format!("<gfid:{folder}>") };
    [folder.as_bytes(), b"/", &loc.name].concat()
}

/// A module for each fop that has a hook: what is kept of the arguments, and what is done with the answer.
macro_rules! hooks {
    ($($name:ident $args:ident $reply:ident: |$a:ident| $kept:expr, $ty:ty;
        |$stats:ident, $frame:ident, $hook:ident, $r:ident, $begun:ident| $after:expr;)*) => {
        $(
            pub(crate) mod $name {
                use super::*;

                pub(crate) fn before($a: &$args) -> $ty {
                    $kept
                }

                pub(crate) fn after(
                    $stats: &IoStats,
                    $frame: &Frame,
                    $hook: $ty,
                    $r: &$reply,
                    $begun: Option<Instant>,
                ) {
                    $after
                }
            }
        )*
    };
}

hooks! {
    open Open Opened: |args| path(&args.loc), Vec<u8>;
        |stats, frame, path, reply, _begun| stats.opened(frame, &reply.fd, &path, Rank::Open);
    create Create Created: |args| path(&args.loc), Vec<u8>;
        |stats, frame, path, reply, _begun| stats.opened(frame, &reply.fd, &path, Rank::Open);
    opendir Opendir Opened: |args| path(&args.loc), Vec<u8>;
        |stats, frame, path, reply, _begun| stats.opened(frame, &reply.fd, &path, Rank::Opendir);
    readdir Readdir Entries: |args| args.fd.clone(), Fd;
        |stats, frame, fd, _reply, _begun| drop(stats.used(frame, fd.inode(), Rank::Readdir));
    readdirp Readdirp Entries: |args| args.fd.clone(), Fd;
        |stats, frame, fd, _reply, _begun| drop(stats.used(frame, fd.inode(), Rank::Readdir));
    readv Readv Data: |args| args.fd.clone(), Fd;
        |stats, frame, fd, reply, begun| {
            let bytes = reply.data.len() as u64;
            stats.profile.counters.read(bytes);
            if let (Some(file), Some(begun)) = (stats.used(frame, fd.inode(), Rank::Read), begun) {
                file.0.speed(Rank::ReadSpeed, bytes, begun.elapsed());
            }
        };
    writev Writev Written: |args| args.fd.clone(), Fd;
        |stats, frame, fd, reply, begun| {
            stats.profile.counters.write(reply.count);
            if let (Some(file), Some(begun)) = (stats.used(frame, fd.inode(), Rank::Write), begun) {
                file.0.speed(Rank::WriteSpeed, reply.count, begun.elapsed());
            }
        };
}

/// The upcall's number: 1 cache invalidation, 2 lease recall, 3 and 4 contention of range and name locks.
pub(crate) fn upcall_kind(event: &Event) -> usize {
    event.data.uint("upcall").and_then(|kind| usize::try_from(kind).ok()).unwrap_or(0)
}

/// The totals in a statedump.
pub(crate) fn dump(stats: &IoStats, out: &mut String) {
    let report = stats.profile.cumulative(Instant::now());
    let opens = stats.opens.numbers();
    let mut line = |key: &str, value: u64| out.push_str(&format!("{key}={value}\n"));
    line("cumulative.seconds", report.duration.as_secs());
    line("cumulative.data_read", report.sums.reads.bytes);
    line("cumulative.data_written", report.sums.writes.bytes);
    line("current_open", opens.current);
    line("max_open", opens.most);
}
