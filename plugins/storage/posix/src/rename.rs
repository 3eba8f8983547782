//! Moves a name over another.

use std::sync::atomic::Ordering::{Acquire, Relaxed};

use plugin_api::{Gfid, Iatt};
use rustix::fs::{AtFlags, Statx};
use rustix::io::{Errno, Result};

use crate::brick::Brick;
use crate::caller::Caller;
use crate::find::{Entry, Found, gfid_at};
use crate::place::Place;
use crate::seam::seam;
use crate::stat::{S_IFDIR, kind};

/// What a new name stood for, and its gfid.
type Victim = (Statx, Option<Gfid>);

/// What moved.
#[derive(Debug)]
pub(crate) struct Renamed {
    pub(crate) iatt: Iatt,
    pub(crate) pre_old_parent: Iatt,
    pub(crate) post_old_parent: Iatt,
    pub(crate) pre_new_parent: Iatt,
    pub(crate) post_new_parent: Iatt,
    /// What the new name stood for until now.
    pub(crate) victim: Option<Statx>,
    /// The object that the new name stood for, when that was its last one and nobody has it open.
    pub(crate) gone: Option<Gfid>,
}

impl Brick {
    /// Moves `old` to `new`. `expected` is the object that the caller believes to be replaced: a directory that is
    /// another one is not (`EEXIST`).
    pub(crate) fn rename(
        &self,
        caller: &Caller,
        old: &Entry<'_>,
        new: &Entry<'_>,
        expected: Option<Gfid>,
    ) -> Result<Renamed> {
        let (old_parent, pre_old_parent, old_parent_inode) = self.show_parent(old)?;
        let (new_parent, pre_new_parent, new_parent_inode) = self.show_parent(new)?;
        let (moved, victim, gone) = {
            let _names = self.lock_both_names(old.parent, new.parent);
            self.rename_locked(caller, old, new, expected)?
        };
        if let Some(gone) = gone {
            self.inodes.forget(gone);
        }
        // It has moved; what cannot be told any more does not move it back.
        let st = moved.place.stat().unwrap_or(moved.st);
        self.touch(&moved.inode, &moved.place, caller);
        let iatt = self.show(&st, moved.gfid, &moved.inode, &moved.place);
        let (old_place, new_place) = (old.parent_place(), new.parent_place());
        let old_st = old_place.stat().unwrap_or(old_parent);
        self.touch_parent(&old_parent_inode, &old_place, caller);
        let new_st = new_place.stat().unwrap_or(new_parent);
        if old.parent != new.parent {
            self.touch_parent(&new_parent_inode, &new_place, caller);
        }
        Ok(Renamed {
            iatt,
            pre_old_parent,
            post_old_parent: self.show(&old_st, old.parent, &old_parent_inode, &old_place),
            pre_new_parent,
            post_new_parent: self.show(&new_st, new.parent, &new_parent_inode, &new_place),
            victim: victim.map(|(st, _)| st),
            gone,
        })
    }

    fn rename_locked(
        &self,
        caller: &Caller,
        old: &Entry<'_>,
        new: &Entry<'_>,
        expected: Option<Gfid>,
    ) -> Result<(Found<'_>, Option<Victim>, Option<Gfid>)> {
        let st = old.place().stat()?;
        let gfid = gfid_at(&old.place())?.ok_or(Errno::NODATA)?;
        // Held from here on, so that it is found by its gfid while its handle still says where it was.
        let place = if kind(&st) == S_IFDIR { Place::Dir(self.dir(gfid)?) } else { self.handle_place(gfid) };
        let moved = Found { gfid, st, place, inode: self.inodes.get(gfid) };
        let victim = match new.place().stat() {
            Ok(victim) => Some((victim, gfid_at(&new.place())?)),
            Err(Errno::NOENT) => None,
            Err(e) => return Err(e),
        };
        if let Some((there, there_gfid)) = &victim {
            if there.stx_ino == st.stx_ino {
                // Two names of one object, or one name twice: the kernel does nothing either.
                return Ok((moved, victim, None));
            }
            let other = expected.is_some_and(|expected| *there_gfid != Some(expected));
            match (kind(there) == S_IFDIR, kind(&st) == S_IFDIR) {
                (true, false) => return Err(Errno::ISDIR),
                (true, true) if other => return Err(Errno::EXIST),
                _ => {}
            }
        }
        let gone = self.rename_over(caller, old, new, &victim)?;
        if moved.is_dir() {
            moved.inode.handle_right.store(false, Relaxed);
            if self.make_handle(new, true, gfid).is_ok() {
                moved.inode.handle_right.store(true, Relaxed);
            }
        } else {
            self.forget_name(&moved.place, old);
            self.record_name(&moved.place, new);
        }
        Ok((moved, victim, gone))
    }

    /// Says which object is gone by it.
    fn rename_over(
        &self,
        caller: &Caller,
        old: &Entry<'_>,
        new: &Entry<'_>,
        victim: &Option<Victim>,
    ) -> Result<Option<Gfid>> {
        let rename = || {
            seam()?;
            rustix::fs::renameat(&old.dir, old.name.bytes(), &new.dir, new.name.bytes())
        };
        let Some((st, Some(gfid))) = victim else { return rename().map(|()| None) };
        let gfid = *gfid;
        if kind(st) == S_IFDIR {
            rename()?;
            self.remove_dir_handle(new, gfid);
            return Ok(Some(gfid));
        }
        let inode = self.inodes.get(gfid);
        let handle = inode.handle.write().expect("no panic under it");
        let links = new.place().stat()?.stx_nlink;
        rename()?;
        if links > 2 {
            drop(handle);
            let place = self.handle_place(gfid);
            self.forget_name(&place, new);
            self.touch(&inode, &place, caller);
            return Ok(None);
        }
        // The name is gone for good; what the handle comes to is housekeeping.
        let parked = self.retire_handle(gfid, &inode, inode.fds.load(Acquire) > 0).unwrap_or(false);
        if !parked {
            inode.forget();
        }
        Ok((!parked).then_some(gfid))
    }

    /// Whether `entry` names anything.
    pub(crate) fn exists(&self, entry: &Entry<'_>) -> bool {
        rustix::fs::accessat(
            &entry.dir,
            entry.name.bytes(),
            rustix::fs::Access::EXISTS,
            AtFlags::SYMLINK_NOFOLLOW,
        )
        .is_ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mdata::Time;
    use crate::remove::UnlinkOnly;
    use crate::testing::{brick, user};

    #[test]
    fn a_file_takes_its_record_along_and_the_victim_goes() {
        let brick = brick();
        let dir = brick.mkdir(Gfid::ROOT, "d");
        let (moved, victim) = (brick.mkfile(Gfid::ROOT, "f"), brick.mkfile(dir, "g"));
        let renamed = brick.rename(&user(), &brick.at(Gfid::ROOT, "f"), &brick.at(dir, "g"), None).unwrap();
        assert_eq!(renamed.iatt.gfid, moved);
        assert!(renamed.victim.is_some() && !brick.has_handle(victim));
        let found = brick.locate(moved).unwrap();
        assert_eq!(brick.paths(&found).unwrap(), vec![b"/d/g".to_vec()]);
    }

    #[test]
    fn a_moved_directory_is_found_by_gfid_before_and_after_a_restart() {
        let brick = brick();
        let (one, two) = (brick.mkdir(Gfid::ROOT, "one"), brick.mkdir(Gfid::ROOT, "two"));
        let inner = brick.mkdir(one, "inner");
        brick.rename(&user(), &brick.at(one, "inner"), &brick.at(two, "moved"), None).unwrap();
        brick.mkfile(inner, "f");
        assert!(brick.path("two/moved/f").exists());
        let brick = brick.reopen();
        assert_eq!(brick.dir_path(inner).unwrap(), b"/two/moved");
        brick.mkfile(inner, "g");
        assert!(brick.path("two/moved/g").exists());
    }

    #[test]
    fn a_victim_that_is_open_stays_readable() {
        let brick = brick();
        brick.mkfile(Gfid::ROOT, "f");
        let victim = brick.mkfile(Gfid::ROOT, "g");
        let open = brick.open_file(victim, 0).unwrap();
        brick.rename(&user(), &brick.at(Gfid::ROOT, "f"), &brick.at(Gfid::ROOT, "g"), None).unwrap();
        assert_eq!(brick.attributes(victim).unwrap().nlink, 0);
        drop(open);
        assert!(brick.locate(victim).is_err());
    }

    #[test]
    fn a_victim_that_keeps_a_name_has_a_new_ctime() {
        let brick = brick();
        brick.mkfile(Gfid::ROOT, "f");
        let victim = brick.mkfile(Gfid::ROOT, "g");
        brick.link(&user(), victim, &brick.at(Gfid::ROOT, "h")).unwrap();
        let later = Caller { time: Time { sec: 2_000_000, nsec: 0 }, time_flags: 1, ..user() };
        brick.rename(&later, &brick.at(Gfid::ROOT, "f"), &brick.at(Gfid::ROOT, "g"), None).unwrap();
        let left = brick.attributes(victim).unwrap();
        assert_eq!((left.nlink, left.ctime, left.mtime), (1, 2_000_000, 1_000_000));
    }

    #[test]
    fn two_names_of_one_file_stay_two() {
        let brick = brick();
        let gfid = brick.mkfile(Gfid::ROOT, "f");
        brick.link(&user(), gfid, &brick.at(Gfid::ROOT, "g")).unwrap();
        brick.rename(&user(), &brick.at(Gfid::ROOT, "f"), &brick.at(Gfid::ROOT, "g"), None).unwrap();
        assert!(brick.path("f").exists() && brick.path("g").exists());
        brick.unlink(&user(), &brick.at(Gfid::ROOT, "f"), UnlinkOnly::default()).unwrap();
        assert_eq!(brick.attributes(gfid).unwrap().nlink, 1);
    }

    #[test]
    fn a_directory_only_replaces_the_empty_one_that_was_meant() {
        let brick = brick();
        let (one, two) = (brick.mkdir(Gfid::ROOT, "one"), brick.mkdir(Gfid::ROOT, "two"));
        brick.mkdir(two, "full");
        let rename = |expected| {
            brick.rename(&user(), &brick.at(Gfid::ROOT, "one"), &brick.at(Gfid::ROOT, "two"), expected)
        };
        assert_eq!(rename(Some(one)).unwrap_err(), Errno::EXIST);
        assert_eq!(rename(Some(two)).unwrap_err(), Errno::NOTEMPTY);
        assert!(brick.has_handle(two));
        brick.rmdir(&user(), &brick.at(two, "full"), false).unwrap();
        rename(Some(two)).unwrap();
        assert!(!brick.has_handle(two));
        assert_eq!(brick.dir_path(one).unwrap(), b"/two");
    }
}
