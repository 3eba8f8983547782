//! Removes files and directories.

use futures_util::future::join_all;
use plugin_api::prelude::*;

use crate::call::{Call, inode_of, is_pointer, worst};
use crate::locks::Held;

impl Call<'_> {
    /// The place with its inode, and the child that has its data; looked up where the caller does not say.
    pub(crate) async fn find(&self, loc: &Loc) -> FopResult<(Loc, usize)> {
        let mut loc = loc.clone();
        let known = loc.inode.as_ref().into_option().and_then(|inode| self.known(inode).file());
        if let Some(at) = known {
            return Ok((loc, at));
        }
        let inode = inode_of(&loc);
        loc.inode = Some(inode.clone()).into();
        let found = self.lookup(Lookup { loc: loc.clone(), xdata: Dict::new() }).await?;
        loc.gfid = found.iatt.gfid;
        inode.link(found.iatt.gfid, found.iatt.file_type());
        let at = self.known(&inode).file().ok_or(Errno::EISDIR)?;
        Ok((loc, at))
    }

    pub(crate) async fn unlink(&self, mut args: Unlink) -> FopResult<Removed> {
        let (loc, cached) = self.find(&args.loc).await?;
        args.loc = loc;
        let removed = self.child(cached).unlink(args.clone()).await;
        let is_gone = removed.as_ref().err().is_none_or(|e| e.errno == Errno::ENOENT);
        let hashed = self.hashed(&args.loc).await.ok().map(|(hashed, _)| hashed);
        let copy = match hashed.filter(|hashed| *hashed != cached && is_gone) {
            Some(hashed) => self.unlink_copy(hashed, &args).await,
            None => None,
        };
        match (removed, copy) {
            // It was moved since it was found.
            (Err(_), Some(copy)) => copy,
            (removed, _) => removed,
        }
    }

    /// Takes the name away where it belongs: a pointer, the copy that a mover makes, or the file once it has been moved.
    async fn unlink_copy(&self, hashed: usize, args: &Unlink) -> Option<FopResult<Removed>> {
        let root = self.root();
        let fresh = Some(Inode::new(Gfid::NULL, FileType::Invalid)).into();
        let loc = Loc { inode: fresh, gfid: Gfid::NULL, ..args.loc.clone() };
        let asked = Lookup { loc: loc.clone(), xdata: self.ask(&Dict::new(), false) };
        let found = root.child_at(hashed).lookup(asked).await.ok()?;
        if found.iatt.gfid == args.loc.target() {
            return Some(root.child_at(hashed).unlink(args.clone()).await);
        }
        if is_pointer(&found.iatt, &found.xdata) {
            self.drop_pointer(hashed, &args.loc).await;
        }
        None
    }

    pub(crate) async fn rmdir(&self, mut args: Rmdir) -> FopResult<Removed> {
        let inode = inode_of(&args.loc);
        args.loc.inode = Some(inode.clone()).into();
        let before = self.lookup(Lookup { loc: args.loc.clone(), xdata: Dict::new() }).await?;
        inode.link(before.iatt.gfid, before.iatt.file_type());
        args.loc.gfid = before.iatt.gfid;
        if !before.iatt.is_dir() {
            return Err(Errno::ENOTDIR.into());
        }
        if args.flags == 0 {
            self.is_empty(&inode).await?;
        }
        let parent = Self::parent(&args.loc)?;
        let (hashed, _) = self.hashed(&args.loc).await?;
        let mut held = Held::none(self);
        let outcome = match held.name(hashed, &parent, &args.loc.name).await {
            Ok(()) => self.rmdir_locked(&args, hashed, &before.iatt).await,
            Err(e) => Err(e),
        };
        held.release();
        outcome
    }

    async fn rmdir_locked(&self, args: &Rmdir, hashed: usize, before: &Iatt) -> FopResult<Removed> {
        let others: Vec<_> = (0..self.count()).filter(|at| *at != hashed).collect();
        let answers = join_all(others.iter().map(|at| self.child(*at).rmdir(args.clone()))).await;
        let gone: Vec<_> =
            others.iter().zip(&answers).filter(|(_, a)| a.is_ok()).map(|(at, _)| *at).collect();
        let failed = answers.into_iter().filter_map(Result::err).filter(|e| e.errno != Errno::ENOENT);
        let failed: Vec<_> = failed.collect();
        let outcome = match failed.is_empty() {
            true => self.child(hashed).rmdir(args.clone()).await,
            false => Err(worst(failed)),
        };
        if outcome.is_err() {
            self.make_again(&args.loc, &gone, before).await;
        }
        outcome
    }

    /// Makes a directory again where it was removed before another child refused; its layout comes with the next lookup.
    async fn make_again(&self, loc: &Loc, gone: &[usize], iatt: &Iatt) {
        let root = self.root();
        let mut set = Iatt::default();
        (set.uid, set.gid) = (iatt.uid, iatt.gid);
        for at in gone {
            let xdata = Dict::new().with("gfid-req", iatt.gfid).with(INTERNAL_FOP, "yes");
            let mkdir = Mkdir { loc: loc.clone(), mode: iatt.mode & 0o7777, umask: 0, xdata };
            if root.child_at(*at).mkdir(mkdir).await.is_ok() {
                let (valid, xdata) = (set_attr::UID | set_attr::GID, Dict::new());
                let loc = Loc::of(inode_of(loc));
                let _best_effort = root.child_at(*at).setattr(Setattr { loc, iatt: set, valid, xdata }).await;
            }
        }
        if let Some(parent) = loc.inode.as_ref().into_option() {
            let _again = self.read_layout(parent).await;
        }
    }

    /// Fails where a directory has names on any child; pointers that lead nowhere are taken away.
    pub(crate) async fn is_empty(&self, dir: &Inode) -> FopResult<()> {
        join_all((0..self.count()).map(|at| self.is_empty_on(at, dir))).await.into_iter().collect()
    }

    async fn is_empty_on(&self, at: usize, dir: &Inode) -> FopResult<()> {
        let root = self.root();
        let child = || root.child_at(at);
        let fd = Fd::new(dir.clone(), libc::O_RDONLY | libc::O_DIRECTORY, 0);
        let opened = Opendir { loc: Loc::of(dir.clone()), fd: fd.clone(), xdata: Dict::new() };
        match child().opendir(opened).await {
            Err(e) if matches!(e.errno, Errno::ENOENT | Errno::ESTALE) => return Ok(()),
            other => other?,
        };
        let mut offset = 0;
        loop {
            let xdata = Dict::new().with(crate::call::LINKTO, 256_u32);
            let read = child().readdirp(Readdirp { fd: fd.clone(), size: 128 * 1024, offset, xdata }).await?;
            for entry in &read.entries {
                if matches!(&entry.name[..], b"." | b"..") {
                    continue;
                }
                if !is_pointer(&entry.iatt, &entry.xattrs) {
                    return Err(Errno::ENOTEMPTY.into());
                }
                let loc = Loc::entry(dir.clone(), entry.name.clone());
                if let Some(to) = self.pointed(&entry.xattrs).filter(|to| *to != at) {
                    let fresh = Inode::new(Gfid::NULL, FileType::Invalid);
                    let place = Loc { inode: Some(fresh).into(), ..loc.clone() };
                    let asked = Lookup { loc: place, xdata: self.ask(&Dict::new(), false) };
                    match root.child_at(to).lookup(asked).await {
                        Err(e) if matches!(e.errno, Errno::ENOENT | Errno::ESTALE) => {}
                        Err(e) => return Err(e),
                        Ok(_) => return Err(Errno::ENOTEMPTY.into()),
                    }
                }
                self.drop_pointer(at, &loc).await;
            }
            match read.entries.last() {
                Some(last) if !read.at_end && last.offset != offset => offset = last.offset,
                _ => return Ok(()),
            }
        }
    }
}
