//! Finds objects: by name in a directory, or by gfid through their handle.

use std::os::fd::{AsFd, OwnedFd};
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use gluster_brick::{HIDDEN, Name};
use plugin_api::{Gfid, Iatt};
use rustix::fs::{AtFlags, Statx, XattrFlags};
use rustix::io::{Errno, Result};

use crate::brick::{Brick, GFID_XATTR};
use crate::handle::{DirTarget, HandleName, gfid_text};
use crate::inodes::Inode;
use crate::place::Place;
use crate::stat::{S_IFDIR, S_IFLNK, kind};

/// An object without a gfid may still be in the making for this long.
const SETTLING: Duration = Duration::from_secs(1);

/// A name in a directory that is held open.
#[derive(Debug)]
pub(crate) struct Entry<'n> {
    pub(crate) dir: Arc<OwnedFd>,
    pub(crate) parent: Gfid,
    pub(crate) name: Name<'n>,
}

impl Entry<'_> {
    pub(crate) fn place(&self) -> Place<'_> {
        Place::Entry(self.dir.as_fd(), self.name)
    }

    pub(crate) fn parent_place(&self) -> Place<'static> {
        Place::Dir(Arc::clone(&self.dir))
    }
}

/// An object that was found.
#[derive(Debug)]
pub(crate) struct Found<'b> {
    pub(crate) gfid: Gfid,
    pub(crate) st: Statx,
    pub(crate) place: Place<'b>,
    pub(crate) inode: Arc<Inode>,
}

impl Found<'_> {
    pub(crate) fn is_dir(&self) -> bool {
        kind(&self.st) == S_IFDIR
    }
}

/// How a lookup treats an object that has no gfid.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Gfidless {
    /// Give it this one.
    pub(crate) give: Option<Gfid>,
    /// Show it without one.
    pub(crate) show: bool,
}

impl Gfidless {
    fn is_wanted(self) -> bool {
        self.show || self.give.is_some()
    }
}

impl Brick {
    /// The entry `name` of the directory `parent`. `EPERM` for what is hidden, `ESTALE` for a parent that is not there.
    pub(crate) fn entry<'n>(&self, parent: Gfid, name: &'n [u8]) -> Result<Entry<'n>> {
        if parent.is_null() {
            return Err(Errno::STALE);
        }
        let name = Name::new(name)?;
        if parent.is_root() && name.bytes() == HIDDEN {
            return Err(Errno::PERM);
        }
        Ok(Entry { dir: self.parent(parent)?, parent, name })
    }

    /// The object of `gfid`: a directory through the cache, anything else through its handle.
    pub(crate) fn locate(&self, gfid: Gfid) -> Result<Found<'_>> {
        if gfid.is_null() {
            return Err(Errno::INVAL);
        }
        let inode = self.inodes.get(gfid);
        if gfid.is_root() || self.dirs.get(gfid).is_some() {
            return self.locate_dir(gfid, inode);
        }
        let place = Place::Handle(self.housekeeping(), HandleName::of(gfid));
        match place.stat() {
            // A directory's handle is a symlink of its own; a symlink's handle is a second link to it, and the last one
            // where its name was lost: a heal gives it one again.
            Ok(st) if kind(&st) == S_IFLNK && st.stx_nlink == 1 => match self.locate_dir(gfid, inode.clone())
            {
                Err(Errno::NOTDIR) => Ok(Found { gfid, st, place, inode }),
                found => found,
            },
            Ok(st) => Ok(Found { gfid, st, place, inode }),
            Err(Errno::NOENT) if inode.unlinked.load(Relaxed) => {
                let place = Place::Unlinked(self.housekeeping(), gfid_text(gfid));
                Ok(Found { gfid, st: place.stat()?, place, inode })
            }
            Err(e) => Err(e),
        }
    }

    fn locate_dir(&self, gfid: Gfid, inode: Arc<Inode>) -> Result<Found<'_>> {
        let mut fd = self.dir(gfid)?;
        let mut st = Place::Dir(Arc::clone(&fd)).stat()?;
        if st.stx_nlink == 0 && !gfid.is_root() {
            // Removed behind our back; perhaps it was made anew.
            self.dirs.forget(gfid);
            inode.forget();
            fd = self.dir(gfid)?;
            st = Place::Dir(Arc::clone(&fd)).stat()?;
        }
        Ok(Found { gfid, st, place: Place::Dir(fd), inode })
    }

    /// Attributes of the object of `gfid`.
    pub(crate) fn attributes(&self, gfid: Gfid) -> Result<Iatt> {
        let found = self.locate(gfid)?;
        Ok(self.show_found(&found))
    }

    pub(crate) fn show_found(&self, found: &Found<'_>) -> Iatt {
        self.show(&found.st, found.gfid, &found.inode, &found.place)
    }

    /// The attributes of a directory that is held open, as a parent.
    pub(crate) fn show_parent(&self, entry: &Entry<'_>) -> Result<(Statx, Iatt, Arc<Inode>)> {
        let place = entry.parent_place();
        let st = place.stat()?;
        if st.stx_nlink == 0 {
            self.dirs.forget(entry.parent);
            return Err(Errno::STALE);
        }
        let inode = self.inodes.get(entry.parent);
        let iatt = self.show(&st, entry.parent, &inode, &place);
        Ok((st, iatt, inode))
    }

    /// Finds `entry` by name; its handle is put right on the way when it was lost.
    pub(crate) fn lookup<'e>(&'e self, entry: &'e mut Entry<'_>, gfidless: Gfidless) -> Result<Found<'e>> {
        let mut st = entry.place().stat();
        if let Err(Errno::NOENT) = st
            && let Some(dir) = self.parent_again(entry.parent, &entry.dir)
        {
            entry.dir = dir;
            st = entry.place().stat();
        }
        let st = st?;
        let entry: &'e Entry<'_> = entry;
        let place = entry.place();
        let gfid = match self.gfids.of(&place, &st)? {
            Some(gfid) => gfid,
            // Whoever would take it as it is has to come again: a heal that went on without it would leave it so.
            None if gfidless.is_wanted() && is_fresh(&st) => return Err(Errno::NOENT),
            None => match gfidless.give {
                Some(gfid) if !gfid.is_null() && !gfid.is_root() => self.adopt(entry, &st, gfid)?,
                _ if gfidless.show => Gfid::NULL,
                _ => return Err(Errno::NODATA),
            },
        };
        // What has no gfid shares nothing with anything else that has none.
        let inode = if gfid.is_null() { Arc::default() } else { self.inodes.get(gfid) };
        if !gfid.is_null() {
            self.put_handle_right(entry, &st, gfid, &inode);
        }
        let place = self.shorter(place, gfid, &st);
        Ok(Found { gfid, st, place, inode })
    }

    /// The quickest way to an object that was found by name: its handle, or the descriptor that is held open for it.
    pub(crate) fn shorter<'e>(&'e self, place: Place<'e>, gfid: Gfid, st: &Statx) -> Place<'e> {
        if gfid.is_null() {
            return place;
        }
        match (kind(st) == S_IFDIR, self.dirs.get(gfid)) {
            (true, Some(fd)) => Place::Dir(fd),
            (false, None) if st.stx_nlink > 1 => self.handle_place(gfid),
            _ => place,
        }
    }

    /// Gives an object that was put on the brick by hand its gfid and handle.
    fn adopt(&self, entry: &Entry<'_>, st: &Statx, gfid: Gfid) -> Result<Gfid> {
        let _names = self.lock_names(entry.parent);
        match entry.place().set_xattr(GFID_XATTR, &gfid.0, XattrFlags::CREATE) {
            Ok(()) => {}
            // Somebody else was first.
            Err(Errno::EXIST) => return gfid_at(&entry.place())?.ok_or(Errno::NODATA),
            Err(e) => return Err(e),
        }
        if let Err(e) = self.make_handle(entry, kind(st) == S_IFDIR, gfid) {
            let _ = entry.place().remove_xattr(GFID_XATTR);
            return Err(e);
        }
        Ok(gfid)
    }

    /// A crash, or a hand on the brick, may have left a name whose handle is missing or old.
    fn put_handle_right(&self, entry: &Entry<'_>, st: &Statx, gfid: Gfid, inode: &Inode) {
        let directory = kind(st) == S_IFDIR;
        if directory {
            if gfid.is_root() || inode.handle_right.load(Relaxed) {
                return;
            }
            let right = DirTarget::In(entry.parent, entry.name.bytes().to_vec());
            let healthy = match self.read_dir_handle(gfid) {
                // Another directory of this gfid, found where its handle says, keeps it.
                Ok(target) => target == right || self.open_dir_by_handle(gfid).is_ok(),
                Err(Errno::NOENT) => false,
                Err(_) => true,
            };
            if !healthy && self.make_handle(entry, true, gfid).is_err() {
                return;
            }
            inode.handle_right.store(true, Relaxed);
        } else if st.stx_nlink == 1 {
            let _names = self.lock_names(entry.parent);
            // Under the lock it is no unlink in progress, whose handle went first.
            let still = entry.place().stat().is_ok_and(|now| now.stx_ino == st.stx_ino && now.stx_nlink == 1);
            if still && gfid_at(&entry.place()) == Ok(Some(gfid)) {
                let _ = self.make_handle(entry, false, gfid);
            }
        }
    }

    /// Removes a handle that leads nowhere, after a lookup by gfid failed.
    pub(crate) fn drop_stale_handle(&self, gfid: Gfid) {
        let handle = HandleName::of(gfid);
        let place = Place::Handle(self.housekeeping(), handle);
        let Ok(st) = place.stat() else { return };
        let inode = self.inodes.get(gfid);
        let _handle = inode.handle.write().expect("no panic under it");
        if kind(&st) == S_IFLNK && st.stx_nlink == 1 && self.read_dir_handle(gfid).is_ok() {
            self.dirs.forget(gfid);
            if matches!(self.dir(gfid), Err(Errno::STALE | Errno::NOENT)) {
                let _ = rustix::fs::unlinkat(&self.glusterfs, handle.bytes(), AtFlags::empty());
                inode.forget();
            }
        }
    }
}

/// Whether an object changed so lately that it may still be in the making.
fn is_fresh(st: &Statx) -> bool {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let changed = Duration::new(u64::try_from(st.stx_ctime.tv_sec).unwrap_or_default(), st.stx_ctime.tv_nsec);
    now.saturating_sub(changed) < SETTLING
}

/// The gfid on the object itself; `None` when it has none.
pub(crate) fn gfid_at(place: &Place<'_>) -> Result<Option<Gfid>> {
    let mut id = [0; 16];
    match place.xattr(GFID_XATTR, &mut id) {
        Ok(16) if Gfid(id).is_null() => Ok(None),
        Ok(16) => Ok(Some(Gfid(id))),
        Ok(_) | Err(Errno::RANGE) => Err(Errno::IO),
        Err(Errno::NODATA | Errno::OPNOTSUPP) => Ok(None),
        Err(e) => Err(e),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use plugin_api::FileType;

    use crate::make::Kind;
    use crate::testing::{brick, set_behind, user};

    #[test]
    fn a_name_and_a_gfid_lead_to_the_same_object() {
        let brick = brick();
        let dir = brick.mkdir(Gfid::ROOT, "d");
        let file = brick.mkfile(dir, "f");
        let mut entry = brick.at(dir, "f");
        let by_name = brick.show_found(&brick.lookup(&mut entry, Gfidless::default()).unwrap());
        assert_eq!(by_name, brick.attributes(file).unwrap());
        let mut missing = brick.at(dir, "g");
        assert_eq!(brick.lookup(&mut missing, Gfidless::default()).unwrap_err(), Errno::NOENT);
        assert_eq!(brick.locate(Gfid::NULL).unwrap_err(), Errno::INVAL);
        assert_eq!(brick.attributes(Gfid::ROOT).unwrap().ino, 1);
    }

    #[test]
    fn what_was_put_on_the_brick_by_hand_is_adopted_once_it_has_settled() {
        let brick = brick();
        std::fs::write(brick.path("f"), "x").unwrap();
        let gfid = brick.fresh_gfid();
        let give = Gfidless { give: Some(gfid), show: false };
        let mut entry = brick.at(Gfid::ROOT, "f");
        assert_eq!(brick.lookup(&mut entry, Gfidless::default()).unwrap_err(), Errno::NODATA);
        let shown = Gfidless { give: None, show: true };
        for fresh in [give, shown] {
            let found = brick.lookup(&mut entry, fresh).unwrap_err();
            assert_eq!(found, Errno::NOENT, "it may still be in the making");
        }
        // The one thing that cannot be set back is a ctime, so this test has to see a second go by.
        let until = std::time::Instant::now() + SETTLING;
        while std::time::Instant::now() <= until {
            std::thread::yield_now();
        }
        assert_eq!(brick.lookup(&mut entry, shown).unwrap().gfid, Gfid::NULL);
        assert_eq!(brick.lookup(&mut entry, give).unwrap().gfid, gfid);
        assert!(brick.has_handle(gfid));
    }

    #[test]
    fn lost_handles_come_back_with_the_next_lookup_by_name() {
        let brick = brick();
        let (dir, file) = (brick.mkdir(Gfid::ROOT, "d"), brick.mkfile(Gfid::ROOT, "f"));
        brick.remove_handle(dir).unwrap();
        brick.remove_handle(file).unwrap();
        let brick = brick.reopen();
        for (name, gfid) in [("d", dir), ("f", file)] {
            let mut entry = brick.at(Gfid::ROOT, name);
            assert_eq!(brick.lookup(&mut entry, Gfidless::default()).unwrap().gfid, gfid);
            assert!(brick.has_handle(gfid), "{name}");
        }
    }

    #[test]
    fn a_directory_removed_and_made_anew_behind_our_back_is_found_again() {
        let brick = brick();
        let dir = brick.mkdir(Gfid::ROOT, "d");
        std::fs::remove_dir(brick.path("d")).unwrap();
        std::fs::create_dir(brick.path("d")).unwrap();
        set_behind(&brick.path("d"), "trusted.gfid", &dir.0);
        assert_eq!(brick.attributes(dir).unwrap().nlink, 2);
        brick.mkfile(dir, "f");
        assert!(brick.path("d/f").exists());
    }

    #[test]
    fn a_symlink_that_lost_its_name_is_found_and_gets_one_again() {
        let brick = brick();
        let (link, _) = brick.make_kind(Gfid::ROOT, "link", Kind::Symlink(b"FILE"), 0o777).unwrap();
        std::fs::remove_file(brick.path("link")).unwrap();
        assert_eq!(brick.attributes(link).unwrap().file_type(), FileType::Symlink);
        let entry = brick.entry(Gfid::ROOT, b"link").unwrap();
        brick.link(&user(), link, &entry).unwrap();
        assert_eq!(std::fs::read_link(brick.path("link")).unwrap(), std::path::Path::new("FILE"));
    }

    #[test]
    fn a_handle_that_leads_nowhere_is_cleared_away() {
        let brick = brick();
        let dir = brick.mkdir(Gfid::ROOT, "d");
        std::fs::remove_dir(brick.path("d")).unwrap();
        assert!(brick.locate(dir).is_err());
        brick.drop_stale_handle(dir);
        assert!(!brick.has_handle(dir));
    }
}
