//! Removes the blocks of removed files, beside the fops.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use plugin_api::OwnedFrame;
use plugin_api::prelude::*;

use crate::blocks::Blocks;
use crate::extent::{Extent, ask, block_size};
use crate::folder::{entry, is_absent};
use crate::remove::entry_lock;

/// Blocks that are removed before it looks whether it has to stop.
const STEP: usize = 1024;
/// Bytes of names that are read at a time.
const READ: usize = 128 << 10;

/// Goes through what is left of removed files, once at a time, until the graph stops.
#[derive(Debug, Default)]
pub(crate) struct Sweeper {
    wanted: AtomicU64,
    stopped: AtomicBool,
}

impl Sweeper {
    /// Has all be looked through that lies there now.
    pub(crate) fn sweep(self: &Arc<Self>, blocks: &Arc<Blocks>, handle: Handle) {
        if self.stopped.load(Ordering::Relaxed) || self.wanted.fetch_add(1, Ordering::Relaxed) > 0 {
            return;
        }
        let (sweeper, blocks) = (self.clone(), blocks.clone());
        rt::spawn(async move {
            let mut frame = handle.frame(Identity::default());
            let owner = 0x7377_0000_0000_0000_u64;
            frame.identity_mut().lk_owner = LkOwner::new(owner.to_be_bytes().to_vec().into());
            let domain = IoBuf::copy_from_slice(handle.name().as_bytes());
            let pass = Pass { sweeper: &sweeper, blocks: &blocks, frame: &frame, domain };
            loop {
                let wanted = sweeper.wanted.load(Ordering::Relaxed);
                if let Err(error) = pass.all().await {
                    log!(Warn, xl: handle.name(), "blocks of removed files stay until the next removal", errno = error.errno);
                }
                if sweeper.wanted.compare_exchange(wanted, 0, Ordering::Relaxed, Ordering::Relaxed).is_ok() {
                    return;
                }
            }
        });
    }

    /// Lets it end: what is left, the next client that removes something finds.
    pub(crate) fn stop(&self) {
        self.stopped.store(true, Ordering::Relaxed);
    }
}

/// One time through.
struct Pass<'a> {
    sweeper: &'a Sweeper,
    blocks: &'a Blocks,
    frame: &'a OwnedFrame,
    domain: IoBuf,
}

impl Pass<'_> {
    async fn all(&self) -> FopResult<()> {
        let Some(removed) = self.blocks.find_removed(self.frame).await? else { return Ok(()) };
        let mut failed = None;
        for gfid in self.names(&removed).await? {
            if self.is_stopped() {
                return Ok(());
            }
            if let Err(error) = self.one(&removed, gfid).await {
                failed = Some(error);
            }
        }
        failed.map_or(Ok(()), Err)
    }

    fn is_stopped(&self) -> bool {
        self.sweeper.stopped.load(Ordering::Relaxed)
    }

    async fn names(&self, removed: &Inode) -> FopResult<Vec<Gfid>> {
        let child = || self.frame.child();
        let fd = Fd::new(removed.clone(), libc::O_RDONLY | libc::O_DIRECTORY, 0);
        let (loc, xdata) = (Loc::of(removed.clone()), Dict::new());
        let fd = child().opendir(Opendir { loc, fd, xdata }).await?.fd;
        let (mut names, mut offset) = (Vec::new(), 0);
        loop {
            let read = Readdir { fd: fd.clone(), size: READ, offset, xdata: Dict::new() };
            let read = child().readdir(read).await?;
            let text = |name: &IoBuf| std::str::from_utf8(name).ok()?.parse::<Gfid>().ok();
            names.extend(read.entries.iter().filter_map(|entry| text(&entry.name)));
            match read.entries.last() {
                Some(last) if !read.at_end && last.offset != offset => offset = last.offset,
                _ => return Ok(names),
            }
        }
    }

    /// Removes the blocks of a file that is no more, and then what says so.
    async fn one(&self, removed: &Inode, gfid: Gfid) -> FopResult<()> {
        if self.is_there(gfid).await? {
            return Ok(());
        }
        let lock = |cmd| self.frame.child().entrylk(entry_lock(&self.domain, removed, gfid, cmd));
        match lock(EntrylkCmd::LockNow).await {
            // Another client is at it.
            Err(error) if error.errno == Errno::EAGAIN => return Ok(()),
            locked => drop(locked?),
        }
        let outcome = self.clear(removed, gfid).await;
        let _unlocked = lock(EntrylkCmd::Unlock).await;
        outcome
    }

    /// Whether a file has a name still, or is open somewhere.
    async fn is_there(&self, gfid: Gfid) -> FopResult<bool> {
        let loc = Loc { gfid, inode: Some(Inode::new(gfid, FileType::Regular)).into(), ..Loc::default() };
        let xdata = Dict::new().with("unlinked-lookup", 1);
        match self.frame.child().lookup(Lookup { loc, xdata }).await {
            Ok(_) => Ok(true),
            Err(error) if is_absent(&error) => Ok(false),
            Err(error) => Err(error),
        }
    }

    async fn clear(&self, removed: &Inode, gfid: Gfid) -> FopResult<()> {
        let loc = entry(removed, &gfid.to_string());
        let mut xdata = Dict::new();
        ask(&mut xdata);
        let found = match self.frame.child().lookup(Lookup { loc: loc.clone(), xdata }).await {
            Err(error) if is_absent(&error) => return Ok(()),
            found => found?,
        };
        if let Some((block_size, extent)) = block_size(&found.xdata).zip(Extent::told(&found.xdata)) {
            let end = extent.size.div_ceil(block_size);
            for from in (1..end).step_by(STEP) {
                if self.is_stopped() {
                    return Ok(());
                }
                self.blocks.remove(self.frame, gfid, from..end.min(from + STEP as u64)).await?;
            }
        }
        self.frame.child().unlink(Unlink { loc, flags: 0, xdata: Dict::new() }).await.map(drop)
    }
}
