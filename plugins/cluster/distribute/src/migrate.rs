//! Moves a file to the child that its name belongs on, while others use it.
//!
//! Two marks tell other clients. While the data is copied the file has [both bits of moving](crate::call::is_moving) and a
//! pointer to where it goes: they change both copies alike. Then the old one becomes a pointer itself, and they follow it.

use plugin_api::OwnedFrame;
use plugin_api::prelude::*;

use crate::call::{Call, LINKTO, POINTER_MODE, inode_of, is_moving, is_pointer};
use crate::heal::internal;
use crate::locks::{FILE_DOMAIN, Held, new_owner};

/// The pid under which the rebalance process asks.
pub(crate) const REBALANCE_PID: i32 = -3;
/// Asks how many locks of programs a file has.
const LOCK_COUNT: &str = "glusterfs.posixlk-count";
/// On the new copy: a client has written to it, which the copier must not write over.
pub(crate) const WRITTEN: &str = "trusted.glusterfs.protect.writes";
const PATHS: &[u8] = b"trusted.gfid2path.";
const MARKS: u32 = 0o3000;

impl Call<'_> {
    /// Moves a file to where its name belongs; with `force` even where that one has less room than the other.
    ///
    /// # Errors
    ///
    /// `EEXIST` when it is there, `EPERM` when it is better left where it is, `ENOSPC` when there is no room; all else is
    /// a failure that left it where it was.
    pub(crate) async fn migrate(&self, loc: &Loc, force: bool) -> FopResult<Done> {
        let inode = inode_of(loc);
        let from = self.cached(&inode).await?;
        let loc = match loc.name.is_empty() {
            true => self.place(&inode, from).await?,
            false => Loc { inode: Some(inode.clone()).into(), gfid: inode.gfid(), ..loc.clone() },
        };
        let (to, _) = self.hashed(&loc).await?;
        let settings = self.settings();
        let leaves = |at: usize| settings.leaving.contains(&self.dht.names[at]);
        let stays = !settings.leaving.is_empty() && !leaves(from);
        if from == to || stays {
            return Err(Errno::EEXIST.into());
        }
        let mut held = Held::none(self);
        let locked = match held.range(from, FILE_DOMAIN, &inode, LockKind::Write).await {
            Ok(()) => held.name(to, &Self::parent(&loc)?, &loc.name).await,
            Err(e) => Err(e),
        };
        let moved = match locked {
            Ok(()) => self.migrate_locked(loc, (from, to), force || leaves(from), leaves(from)).await,
            Err(e) => Err(e),
        };
        held.release();
        moved?;
        self.known(&inode).is_file_on(to);
        Ok(Done::default())
    }

    /// A place of a file that is known by its id alone: one that its brick remembers.
    async fn place(&self, inode: &Inode, at: usize) -> FopResult<Loc> {
        let list = Getxattr { loc: Loc::of(inode.clone()), name: IoBuf::default(), xdata: Dict::new() };
        let xattrs = self.root().child_at(at).getxattr(list).await?.xattrs;
        let path = xattrs.iter().find(|(key, _)| key.as_bytes().starts_with(PATHS));
        let path = path.and_then(|(_, value)| value.as_bytes()).ok_or(Errno::ENODATA)?;
        let (parent, name) = path.split_at_checked(36).ok_or(Errno::EINVAL)?;
        let parent = std::str::from_utf8(parent).ok().and_then(|text| text.parse::<Gfid>().ok());
        let parent = Inode::new(parent.ok_or(Errno::EINVAL)?, FileType::Directory);
        let name = name.strip_prefix(b"/").unwrap_or_default();
        let name = name.strip_suffix(b"\0").unwrap_or(name);
        Ok(Loc { parent: Some(parent).into(), name: IoBuf::copy_from_slice(name), ..Loc::of(inode.clone()) })
    }

    async fn migrate_locked(
        &self,
        loc: Loc,
        (from, to): (usize, usize),
        force: bool,
        must: bool,
    ) -> FopResult<()> {
        let inode = inode_of(&loc);
        let mut frame = self.root();
        let identity = frame.identity_mut();
        (identity.pid, identity.lk_owner) = (REBALANCE_PID, new_owner());
        let ask = Lookup { loc: loc.clone(), xdata: self.ask(&Dict::new(), false).with(LOCK_COUNT, 4_u32) };
        let found = frame.child_at(from).lookup(ask).await?;
        let iatt = found.iatt;
        if iatt.gfid != inode.gfid() || is_pointer(&iatt, &found.xdata) {
            return Err(Errno::ESTALE.into());
        }
        // What has several names, or is locked by a program, is at home where it is.
        if iatt.nlink > 1 || found.xdata.int(LOCK_COUNT).is_some_and(|locks| locks > 0) {
            return Err(if must { Errno::EBUSY } else { Errno::EPERM }.into());
        }
        let mut iatt = iatt;
        if is_moving(&iatt) && found.xdata.contains(LINKTO) {
            // A mover before this one has not come to its end.
            iatt.mode &= !MARKS;
        }
        let fd = Fd::new(inode, libc::O_RDWR, REBALANCE_PID);
        let moving = Moving { call: self, frame, loc, fd, from, to, before: iatt };
        match iatt.file_type() {
            FileType::Regular => {
                moving.check_space(force).await?;
                moving.file().await
            }
            FileType::Directory | FileType::Invalid => Err(Errno::EINVAL.into()),
            _ => moving.special().await,
        }
    }
}

/// One file on its way from a child to another.
pub(crate) struct Moving<'a> {
    call: &'a Call<'a>,
    /// Asks as the rebalance process.
    pub(crate) frame: OwnedFrame,
    loc: Loc,
    /// Open on both.
    pub(crate) fd: Fd,
    pub(crate) from: usize,
    pub(crate) to: usize,
    before: Iatt,
}

impl Moving<'_> {
    fn by_id(&self) -> Loc {
        Loc::of(self.fd.inode().clone())
    }

    /// Whether the other child has room for it, and more than this one unless it is forced.
    async fn check_space(&self, force: bool) -> FopResult<()> {
        let ask = |at: usize| {
            let loc = Loc::of(Inode::new(Gfid::ROOT, FileType::Directory));
            let xdata = Dict::new().with("ignore-deem-statfs", 1);
            self.frame.child_at(at).statfs(Statfs { loc, xdata })
        };
        let (here, there) = (ask(self.from).await?.space, ask(self.to).await?.space);
        let takes = u128::from(self.before.blocks) * 512;
        let free = |space: &Space| u128::from(space.bavail) * u128::from(space.frsize);
        let all = |space: &Space| (u128::from(space.blocks) * u128::from(space.frsize)).max(1);
        let after = free(&there).checked_sub(takes).ok_or(Errno::ENOSPC)?;
        if force {
            return Ok(());
        }
        if self.call.is_too_full(&there, takes) {
            return Err(Errno::ENOSPC.into());
        }
        let better = after * 100 / all(&there) >= (free(&here) + takes) * 100 / all(&here);
        if better { Ok(()) } else { Err(Errno::EPERM.into()) }
    }

    /// Moves a regular file.
    async fn file(&self) -> FopResult<()> {
        self.prepare().await?;
        let moved = match self.copy().await {
            Ok(()) => self.hand_over().await,
            Err(e) => Err(e),
        };
        if let Err(e) = moved {
            self.undo().await;
            return Err(e);
        }
        let removed = self.frame.child_at(self.from);
        let unlink = Unlink { loc: self.loc.clone(), flags: 0, xdata: internal() };
        match removed.unlink(unlink.clone()).await {
            Ok(_) => {}
            // Its name was removed after the last look: that of the new copy was a pointer's then, if it went at all.
            Err(e) if e.errno == Errno::ENOENT => {
                let _gone_perhaps = self.frame.child_at(self.to).unlink(unlink).await;
            }
            // It is a pointer to the new copy by now, and does no harm.
            Err(e) => {
                log!(Warn, xl: self.frame.child_at(self.from).name(), "an emptied file stays where it was", gfid = self.before.gfid, errno = e.errno);
            }
        }
        let name = IoBuf::from(WRITTEN);
        let mark = Removexattr { loc: self.by_id(), name, xdata: Dict::new() };
        let _seldom_there = self.frame.child_at(self.to).removexattr(mark).await;
        Ok(())
    }

    /// Makes the new copy, which is a pointer to the old one so far.
    async fn prepare(&self) -> FopResult<()> {
        let new = self.frame.child_at(self.to);
        let xdata = self.call.ask(&Dict::new(), false).with("glusterfs.clean.writexattr", 1);
        match new.lookup(Lookup { loc: self.loc.clone(), xdata }).await {
            Ok(found) if found.iatt.gfid == self.before.gfid && is_pointer(&found.iatt, &found.xdata) => {}
            Ok(_) => return Err(Errno::EEXIST.into()),
            Err(e) if e.errno == Errno::ENOENT => {
                self.call.point(self.to, self.from, &self.loc, Some(self.before.gfid)).await?;
            }
            Err(e) => return Err(e),
        }
        let open = |loc: Loc| Open { loc, flags: libc::O_RDWR, fd: self.fd.clone(), xdata: Dict::new() };
        new.open(open(self.by_id())).await?;
        self.frame.child_at(self.from).open(open(self.by_id())).await.map(drop)
    }

    /// Copies what there is, with the marks that have other clients write to both.
    async fn copy(&self) -> FopResult<()> {
        let (old, new) = (self.frame.child_at(self.from), self.frame.child_at(self.to));
        let owner = set_attr::UID | set_attr::GID;
        new.fsetattr(self.attributes(self.before, owner)).await?;
        self.reserve(&self.before).await?;
        let mut target = self.call.dht.names[self.to].clone().into_bytes();
        target.push(0);
        let xattrs = Dict::new().with(LINKTO, target);
        old.setxattr(Setxattr { loc: self.by_id(), xattrs, flags: 0, xdata: internal() }).await?;
        let marked = Iatt { mode: self.before.mode | MARKS, ..self.before };
        old.setattr(self.attributes(marked, set_attr::MODE).by_place(self.by_id())).await?;
        self.copy_xattrs().await?;
        self.copy_data().await?;
        if self.call.settings().durable {
            let xdata = Dict::new().with("last-fsync", 1);
            new.fsync(Fsync { fd: self.fd.clone(), data_only: false, xdata }).await?;
        }
        let now = old.fstat(Fstat { fd: self.fd.clone(), xdata: Dict::new() }).await?.iatt;
        if now.nlink == 0 {
            // It was removed meanwhile.
            return Err(Errno::ESTALE.into());
        }
        if !is_moving(&now) {
            // Somebody changed the mode, and thereby took the marks off: what was written since is on one copy alone.
            return Err(Errno::EBUSY.into());
        }
        self.claim(LockKind::Write).await.map_err(|_| FopError::from(Errno::EBUSY))?;
        let mode = now.mode & !MARKS | self.before.mode & MARKS;
        let times = set_attr::ATIME | set_attr::MTIME;
        let like = Iatt { mode, ..now };
        new.fsetattr(self.attributes(like, owner | set_attr::MODE)).await?;
        new.setattr(self.attributes(like, times).by_place(self.by_id())).await?;
        self.copy_acl().await
    }

    /// From here on the new copy is the file.
    async fn hand_over(&self) -> FopResult<()> {
        let (old, new) = (self.frame.child_at(self.from), self.frame.child_at(self.to));
        let pointer = Iatt { mode: POINTER_MODE, ..self.before };
        old.fsetattr(self.attributes(pointer, set_attr::MODE)).await?;
        let cut = Ftruncate { fd: self.fd.clone(), offset: 0, xdata: Dict::new() };
        if let Err(e) = old.ftruncate(cut).await {
            log!(Warn, xl: old.name(), "a file that was moved keeps its data where it was, too", gfid = self.before.gfid, errno = e.errno);
        }
        let (fd, name) = (self.fd.clone(), IoBuf::from(LINKTO));
        let _none_below = new.fremovexattr(Fremovexattr { fd, name, xdata: internal() }).await;
        let _with_the_file = self.claim(LockKind::Unlock).await;
        Ok(())
    }

    /// Everything as it was before, but for the pointer: it leads to the file. While the old copy cannot be asked what
    /// became of it the new one stays as it is: it may be the file by now.
    async fn undo(&self) {
        let (old, new) = (self.frame.child_at(self.from), self.frame.child_at(self.to));
        let _held_perhaps = self.claim(LockKind::Unlock).await;
        let kept = |e: FopError| {
            log!(Warn, xl: old.name(), "a file that could not be moved still shows marks of it", gfid = self.before.gfid, errno = e.errno);
        };
        let now = match old.fstat(Fstat { fd: self.fd.clone(), xdata: Dict::new() }).await {
            Ok(now) => now.iatt,
            Err(e) => return kept(e),
        };
        let pointer = Iatt { mode: POINTER_MODE, uid: 0, gid: 0, ..self.before };
        let all = set_attr::MODE | set_attr::UID | set_attr::GID;
        let pointer = new.fsetattr(self.attributes(pointer, all)).await.map(drop);
        let empty = Ftruncate { fd: self.fd.clone(), offset: 0, xdata: Dict::new() };
        let emptied = new.ftruncate(empty).await.map(drop);
        let name = IoBuf::from(LINKTO);
        let unmarked = old.removexattr(Removexattr { loc: self.by_id(), name, xdata: internal() }).await;
        // Whoever set another mode meanwhile took the marks off.
        let mode = match now.mode {
            POINTER_MODE => Some(self.before.mode),
            mode if is_moving(&now) => Some(mode & !MARKS | self.before.mode & MARKS),
            _ => None,
        };
        let restored = match mode {
            Some(mode) => {
                let restored = self.attributes(Iatt { mode, ..now }, set_attr::MODE);
                old.setattr(restored.by_place(self.by_id())).await.map(drop)
            }
            None => Ok(()),
        };
        let outcome = [pointer, emptied, unmarked.map(drop), restored];
        outcome.into_iter().filter_map(Result::err).filter(|e| e.errno != Errno::ENODATA).for_each(kept);
    }

    /// Takes the whole file as a program would, or gives it back; refused while a program has a lock on it.
    async fn claim(&self, kind: LockKind) -> FopResult<()> {
        let flock = Flock { kind, pid: REBALANCE_PID, ..Flock::default() };
        let lk = Lk { fd: self.fd.clone(), cmd: LockCmd::Set, flock, xdata: Dict::new() };
        self.frame.child_at(self.from).lk(lk).await.map(drop)
    }

    fn attributes(&self, iatt: Iatt, valid: u32) -> Fsetattr {
        Fsetattr { fd: self.fd.clone(), iatt, valid, xdata: Dict::new() }
    }

    /// Moves what is no regular file: it is made anew.
    async fn special(&self) -> FopResult<()> {
        let (old, new) = (self.frame.child_at(self.from), self.frame.child_at(self.to));
        let pointer = Lookup { loc: self.loc.clone(), xdata: self.call.ask(&Dict::new(), false) };
        match new.lookup(pointer).await {
            Ok(found) if is_pointer(&found.iatt, &found.xdata) => {
                self.call.drop_pointer(self.to, &self.loc).await;
            }
            Ok(_) => return Err(Errno::EEXIST.into()),
            Err(_) => {}
        }
        let nobody = Inode::new(Gfid::NULL, FileType::Invalid);
        let loc = Loc { inode: Some(nobody).into(), gfid: Gfid::NULL, ..self.loc.clone() };
        let xdata = internal().with("gfid-req", self.before.gfid);
        if self.before.file_type() == FileType::Symlink {
            let size = usize::try_from(self.before.size).unwrap_or(0).saturating_add(1);
            let target = old.readlink(Readlink { loc: self.by_id(), size, xdata: Dict::new() }).await?.path;
            new.symlink(Symlink { loc, target, umask: 0, xdata }).await?;
        } else {
            let (mode, rdev) = (self.before.mode, self.before.rdev);
            new.mknod(Mknod { loc, mode, rdev, umask: 0, xdata }).await?;
        }
        let valid = set_attr::UID | set_attr::GID | set_attr::ATIME | set_attr::MTIME;
        new.setattr(self.attributes(self.before, valid).by_place(self.by_id())).await?;
        old.unlink(Unlink { loc: self.loc.clone(), flags: 0, xdata: internal() }).await.map(drop)
    }
}

/// The same change by place.
trait ByPlace {
    fn by_place(self, loc: Loc) -> Setattr;
}

impl ByPlace for Fsetattr {
    fn by_place(self, loc: Loc) -> Setattr {
        Setattr { loc, iatt: self.iatt, valid: self.valid, xdata: self.xdata }
    }
}
