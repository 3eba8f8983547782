//! Takes the last name of a file in blocks away: an entry that says how long it was stays until its blocks are gone as well.

use std::sync::atomic::{AtomicU64, Ordering};

use gluster_cache::now;
use plugin_api::OwnedFrame;
use plugin_api::prelude::*;

use crate::blocks::marker;
use crate::call::Call;
use crate::extent::{BLOCK_SIZE, Extent, FILE_SIZE, ask, block_size};
use crate::folder::{is_absent, linked};

static OWNERS: AtomicU64 = AtomicU64::new(1);

/// A file in blocks that is about to lose a name.
struct Doomed {
    loc: Loc,
    inode: Inode,
    gfid: Gfid,
    names: u32,
    block_size: u64,
    extent: Extent,
}

impl Doomed {
    /// The entry's xattrs, as the incumbent writes them.
    fn xattrs(&self) -> Dict {
        let size = Extent { blocks: 0, ..self.extent };
        Dict::new().with(BLOCK_SIZE, self.block_size.to_be_bytes().to_vec()).with(FILE_SIZE, size.encode())
    }
}

impl Call<'_> {
    pub(crate) async fn unlink(&self, args: Unlink) -> FopResult<Removed> {
        match self.doomed(&args.loc).await? {
            Some(doomed) => self.remove::<kind::unlink>(doomed, args).await,
            None => self.frame.child().unlink(args).await,
        }
    }

    pub(crate) async fn rename(&self, args: Rename) -> FopResult<Renamed> {
        let moved = args.old.inode.clone().into_option();
        let mut renamed = match self.doomed(&args.new).await? {
            // Two names of one file: nothing is removed.
            Some(doomed) if doomed.gfid == args.old.target() => self.frame.child().rename(args).await,
            Some(doomed) => self.remove::<kind::rename>(doomed, args).await,
            None => self.frame.child().rename(args).await,
        }?;
        self.told(moved.as_ref(), now(), &mut renamed.iatt, &Dict::new());
        Ok(renamed)
    }

    /// The file at a place, when it has more blocks than its first.
    async fn doomed(&self, loc: &Loc) -> FopResult<Option<Doomed>> {
        let inode = loc.inode.as_ref().into_option();
        if inode.is_some_and(|inode| !matches!(inode.file_type(), FileType::Regular | FileType::Invalid)) {
            return Ok(None);
        }
        let known = inode.and_then(|inode| self.known(inode));
        if let Some(file) = known
            && file.block_size().is_none_or(|block_size| file.is_fresh() && file.extent().size <= block_size)
        {
            return Ok(None);
        }
        self.look(loc.clone()).await
    }

    /// Who cannot be asked may have blocks, which nobody would find again: nothing is removed then.
    async fn look(&self, mut loc: Loc) -> FopResult<Option<Doomed>> {
        let fresh = || Inode::new(Gfid::NULL, FileType::Invalid);
        let inode = loc.inode.clone().into_option().unwrap_or_else(fresh);
        loc.inode = Some(inode.clone()).into();
        let mut xdata = Dict::new();
        ask(&mut xdata);
        let found = match self.root().child().lookup(Lookup { loc: loc.clone(), xdata }).await {
            Err(error) if is_absent(&error) => return Ok(None),
            found => found?,
        };
        let told = block_size(&found.xdata).zip(Extent::told(&found.xdata));
        let Some((block_size, extent)) = told.filter(|(block_size, extent)| extent.size > *block_size) else {
            return Ok(None);
        };
        let Iatt { gfid, nlink: names, .. } = found.iatt;
        inode.link(gfid, FileType::Regular);
        Ok(Some(Doomed { loc, inode, gfid, names, block_size, extent }))
    }

    /// Does what takes a name away, while no other client does; the blocks follow when it was the last.
    async fn remove<F: FopType>(&self, doomed: Doomed, args: F::Args) -> FopResult<F::Reply> {
        let removed = self.shard.blocks.make_removed(&self.root()).await?;
        let mut owner = self.root();
        let number = 0x7368_0000_0000_0000_u64 | OWNERS.fetch_add(1, Ordering::Relaxed);
        owner.identity_mut().lk_owner = LkOwner::new(number.to_be_bytes().to_vec().into());
        let names = Names { owner, domain: IoBuf::copy_from_slice(self.frame.name().as_bytes()), removed };
        names.lock(&doomed, LockKind::Write).await?;
        let outcome = self.remove_locked::<F>(&names, &doomed, args).await;
        // Who cannot take a lock back has lost its connection, and the lock with it.
        let _unlocked = names.lock(&doomed, LockKind::Unlock).await;
        outcome
    }

    async fn remove_locked<F: FopType>(
        &self,
        names: &Names,
        doomed: &Doomed,
        args: F::Args,
    ) -> FopResult<F::Reply> {
        let child = self.frame.child();
        // Another client may have changed it before the lock was there.
        let doomed = match self.look(doomed.loc.clone()).await? {
            Some(again) if again.gfid == doomed.gfid && again.names == 1 => again,
            _ => return child.wind::<F>(args).await,
        };
        names.lock_entry(&doomed, EntrylkCmd::Lock).await?;
        let outcome = match names.mark(&doomed).await {
            Ok(()) => child.wind::<F>(args).await,
            Err(error) => Err(error),
        };
        let _unlocked = names.lock_entry(&doomed, EntrylkCmd::Unlock).await;
        // Where the name has stayed after all, the sweep leaves the file alone.
        if outcome.is_ok() {
            self.shard.sweeper.sweep(&self.shard.blocks, self.frame.handle());
        }
        outcome
    }
}

/// Takes a file's name away on behalf of nobody else.
struct Names {
    owner: OwnedFrame,
    domain: IoBuf,
    removed: Inode,
}

impl Names {
    async fn lock(&self, doomed: &Doomed, kind: LockKind) -> FopResult<()> {
        let cmd = if kind == LockKind::Unlock { LockCmd::Set } else { LockCmd::SetWait };
        let flock = Flock { kind, ..Flock::default() };
        // The name may be gone when the lock is given back.
        let (domain, loc, xdata) = (self.domain.clone(), Loc::of(doomed.inode.clone()), Dict::new());
        self.owner.child().inodelk(Inodelk { domain, loc, cmd, flock, xdata }).await.map(drop)
    }

    async fn lock_entry(&self, doomed: &Doomed, cmd: EntrylkCmd) -> FopResult<()> {
        let args = entry_lock(&self.domain, &self.removed, doomed.gfid, cmd);
        self.owner.child().entrylk(args).await.map(drop)
    }

    async fn mark(&self, doomed: &Doomed) -> FopResult<()> {
        let mknod = marker(&self.removed, doomed.gfid, &doomed.xattrs());
        let loc = mknod.loc.clone();
        match self.owner.child().mknod(mknod).await {
            // One is left of an attempt that did not come to its end; the file may have grown since.
            Err(error) if error.errno == Errno::EEXIST => {
                let looked = Lookup { loc: loc.clone(), xdata: Dict::new() };
                let found = self.owner.child().lookup(looked).await?;
                let loc = Loc::of(linked(&loc, &found.iatt)?);
                let (xattrs, xdata) = (doomed.xattrs(), Dict::new());
                self.owner.child().setxattr(Setxattr { loc, xattrs, flags: 0, xdata }).await.map(drop)
            }
            made => made.map(drop),
        }
    }
}

/// A lock of the entry that stands for a removed file.
pub(crate) fn entry_lock(domain: &IoBuf, removed: &Inode, gfid: Gfid, cmd: EntrylkCmd) -> Entrylk {
    let name = IoBuf::copy_from_slice(gfid.to_string().as_bytes());
    let (domain, loc, kind) = (domain.clone(), Loc::of(removed.clone()), LockKind::Write);
    Entrylk { domain, loc, name, cmd, kind, xdata: Dict::new() }
}
