//! Takes names away: unlink and rmdir.

use std::sync::atomic::Ordering::{Acquire, Relaxed, Release};

use plugin_api::{Gfid, Iatt};
use rustix::fs::{AtFlags, Statx};
use rustix::io::{Errno, Result};

use crate::brick::Brick;
use crate::caller::Caller;
use crate::find::{Entry, gfid_at};
use crate::handle::gfid_text;
use crate::inodes::Inode;
use crate::seam::seam;
use crate::stat::{S_IFDIR, S_IFMT, kind};

const LINKTO_XATTR: &[u8] = b"trusted.glusterfs.dht.linkto";
const STICKY: u32 = 0o1000;

/// Conditions that a request puts on an unlink.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct UnlinkOnly {
    /// Only a pointer file of distribute.
    pub(crate) linkto: bool,
    /// Only while nobody has it open here.
    pub(crate) closed: bool,
}

/// What was taken away.
#[derive(Debug)]
pub(crate) struct Removed {
    pub(crate) pre_parent: Iatt,
    pub(crate) post_parent: Iatt,
    /// The object just before.
    pub(crate) st: Statx,
    pub(crate) gfid: Gfid,
    /// Whether this was its last name, and nobody has it open.
    pub(crate) gone: bool,
}

impl Brick {
    /// Removes the name `entry` of anything but a directory.
    pub(crate) fn unlink(&self, caller: &Caller, entry: &Entry<'_>, only: UnlinkOnly) -> Result<Removed> {
        let (parent_st, pre_parent, parent_inode) = self.show_parent(entry)?;
        let removed = {
            let _names = self.lock_names(entry.parent);
            let place = entry.place();
            let st = place.stat()?;
            if kind(&st) == S_IFDIR {
                return Err(Errno::ISDIR);
            }
            let gfid = self.gfids.of(&place, &st)?;
            if only.linkto {
                let pointer = u32::from(st.stx_mode) & !S_IFMT == STICKY
                    && place.xattr(LINKTO_XATTR, &mut [0; 256]).is_ok();
                if !pointer {
                    return Err(Errno::BUSY);
                }
            }
            let gone = match gfid {
                Some(gfid) => self.unlink_known(caller, entry, gfid, only.closed)?,
                None => {
                    rustix::fs::unlinkat(&entry.dir, entry.name.bytes(), AtFlags::empty())?;
                    false
                }
            };
            (st, gfid.unwrap_or_default(), gone)
        };
        let (st, gfid, gone) = removed;
        if gone {
            self.inodes.forget(gfid);
        }
        let post_parent = self.after_removal(caller, entry, &parent_inode, parent_st);
        Ok(Removed { pre_parent, post_parent, st, gfid, gone })
    }

    /// Says whether the object is gone.
    fn unlink_known(
        &self,
        caller: &Caller,
        entry: &Entry<'_>,
        gfid: Gfid,
        only_closed: bool,
    ) -> Result<bool> {
        let inode = self.inodes.get(gfid);
        // Opens by handle wait here, so that the count of open files stays true to the end.
        let handle = inode.handle.write().expect("no panic under it");
        let open = inode.fds.load(Acquire) > 0;
        if only_closed && open {
            return Err(Errno::BUSY);
        }
        let unlink =
            || seam().and_then(|()| rustix::fs::unlinkat(&entry.dir, entry.name.bytes(), AtFlags::empty()));
        // Counted under the lock, which links wait for.
        let links = entry.place().stat()?.stx_nlink;
        if links == 1 {
            // A crash kept it from getting its handle: one that is there is another object's, made since by a heal.
            return unlink().map(|()| false);
        }
        if links > 2 {
            unlink()?;
            drop(handle);
            let place = self.handle_place(gfid);
            self.forget_name(&place, entry);
            self.touch(&inode, &place, caller);
            return Ok(false);
        }
        let parked = self.retire_handle(gfid, &inode, open)?;
        if let Err(e) = unlink() {
            self.restore_handle(entry, gfid, &inode, parked);
            return Err(e);
        }
        if !parked {
            inode.forget();
        }
        Ok(!parked)
    }

    /// The last name goes: removes the handle, or parks it while the file is open. Says whether it was parked.
    pub(crate) fn retire_handle(&self, gfid: Gfid, inode: &Inode, open: bool) -> Result<bool> {
        inode.regular.store(false, Relaxed);
        self.anonymous.forget(gfid);
        if open && !inode.unlinked.load(Relaxed) {
            match self.park_handle(gfid) {
                Ok(()) => {
                    inode.unlinked.store(true, Release);
                    return Ok(true);
                }
                Err(Errno::NOENT) => {}
                Err(e) => return Err(e),
            }
        }
        self.remove_handle(gfid)?;
        Ok(false)
    }

    fn restore_handle(&self, entry: &Entry<'_>, gfid: Gfid, inode: &Inode, parked: bool) {
        if parked {
            if self.unpark_handle(gfid).is_ok() {
                inode.unlinked.store(false, Release);
            }
        } else {
            let name = crate::handle::HandleName::of(gfid);
            let (dir, keep) = (&entry.dir, &self.glusterfs);
            let _ = rustix::fs::linkat(dir, entry.name.bytes(), keep, name.bytes(), AtFlags::empty());
        }
    }

    /// Removes the directory `entry`, which must be empty; with `all`, whatever is in it, in the background.
    pub(crate) fn rmdir(&self, caller: &Caller, entry: &Entry<'_>, all: bool) -> Result<Removed> {
        let (parent_st, pre_parent, parent_inode) = self.show_parent(entry)?;
        let (st, gfid) =
            {
                let _names = self.lock_names(entry.parent);
                let place = entry.place();
                let st = place.stat()?;
                if kind(&st) != S_IFDIR {
                    return Err(Errno::NOTDIR);
                }
                let gfid = gfid_at(&place)?;
                match (all, gfid) {
                    (true, Some(gfid)) => self.move_to_landfill(entry, gfid)?,
                    _ => rustix::fs::unlinkat(&entry.dir, entry.name.bytes(), AtFlags::REMOVEDIR).map_err(
                        |e| match e {
                            Errno::EXIST => Errno::NOTEMPTY,
                            other => other,
                        },
                    )?,
                }
                if let Some(gfid) = gfid {
                    self.remove_dir_handle(entry, gfid);
                }
                (st, gfid.unwrap_or_default())
            };
        if all {
            self.janitor.wake();
        }
        let post_parent = self.after_removal(caller, entry, &parent_inode, parent_st);
        let gone = !gfid.is_null();
        if gone {
            self.inodes.forget(gfid);
        }
        Ok(Removed { pre_parent, post_parent, st, gfid, gone })
    }

    fn move_to_landfill(&self, entry: &Entry<'_>, gfid: Gfid) -> Result<()> {
        let text = gfid_text(gfid);
        for attempt in 0..100_u32 {
            let mut place = [b"landfill/", &text[..]].concat();
            if attempt > 0 {
                place.extend_from_slice(format!(".{attempt}").as_bytes());
            }
            match rustix::fs::renameat(&entry.dir, entry.name.bytes(), &self.glusterfs, &place[..]) {
                // The same directory was thrown away before and is not gone yet.
                Err(Errno::NOTEMPTY | Errno::EXIST) => {}
                other => return other,
            }
        }
        Err(Errno::BUSY)
    }

    /// The name is gone; what cannot be told about the parent any more does not bring it back.
    fn after_removal(&self, caller: &Caller, entry: &Entry<'_>, parent_inode: &Inode, before: Statx) -> Iatt {
        let parent = entry.parent_place();
        let st = parent.stat().unwrap_or(before);
        self.touch_parent(parent_inode, &parent, caller);
        self.show(&st, entry.parent, parent_inode, &parent)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::make::Kind;
    use crate::testing::{brick, user};

    #[test]
    fn a_leftover_without_a_handle_goes_and_leaves_anothers_handle() {
        let brick = brick();
        let (gfid, _) =
            brick.make_kind(Gfid::ROOT, "whole", Kind::File(rustix::fs::OFlags::RDWR), 0o640).unwrap();
        std::fs::write(brick.path("leftover"), "").unwrap();
        rustix::fs::setxattr(
            brick.path("leftover"),
            "trusted.gfid",
            &gfid.0,
            rustix::fs::XattrFlags::empty(),
        )
        .unwrap();
        let entry = brick.entry(Gfid::ROOT, b"leftover").unwrap();
        brick.unlink_known(&user(), &entry, gfid, false).unwrap();
        assert!(!brick.path("leftover").exists());
        assert!(brick.has_handle(gfid), "it is the whole file's");
    }

    #[test]
    fn the_last_name_takes_the_handle_along() {
        let brick = brick();
        let before = brick.tree();
        let gfid = brick.mkfile(Gfid::ROOT, "f");
        let removed = brick.unlink(&user(), &brick.at(Gfid::ROOT, "f"), UnlinkOnly::default()).unwrap();
        assert_eq!(removed.gfid, gfid);
        assert_eq!(brick.tree(), before);
        assert_eq!(brick.locate(gfid).unwrap_err(), Errno::NOENT);
    }

    #[test]
    fn one_of_two_names_leaves_the_other_and_its_record() {
        let brick = brick();
        let gfid = brick.mkfile(Gfid::ROOT, "f");
        brick.link(&user(), gfid, &brick.at(Gfid::ROOT, "g")).unwrap();
        brick.unlink(&user(), &brick.at(Gfid::ROOT, "f"), UnlinkOnly::default()).unwrap();
        assert_eq!(brick.attributes(gfid).unwrap().nlink, 1);
        let found = brick.locate(gfid).unwrap();
        assert_eq!(brick.paths(&found).unwrap(), vec![b"/g".to_vec()]);
    }

    #[test]
    fn an_open_file_is_read_until_its_last_close() {
        let brick = brick();
        let gfid = brick.mkfile(Gfid::ROOT, "f");
        let before = brick.path("f");
        std::fs::write(&before, "still here").unwrap();
        let open = brick.open_file(gfid, 2).unwrap();
        let closed = UnlinkOnly { closed: true, ..Default::default() };
        assert_eq!(brick.unlink(&user(), &brick.at(Gfid::ROOT, "f"), closed).unwrap_err(), Errno::BUSY);
        brick.unlink(&user(), &brick.at(Gfid::ROOT, "f"), UnlinkOnly::default()).unwrap();
        let parked = brick.path(&format!(".glusterfs/unlink/{gfid}"));
        assert!(parked.exists() && !brick.has_handle(gfid));
        assert_eq!(brick.attributes(gfid).unwrap().nlink, 0);
        let by_gfid = brick.anonymous_file(gfid, false).unwrap();
        for file in [&open, &by_gfid] {
            let read = brick.read(&user(), file, 0, 100).unwrap();
            assert_eq!((&read.data[..], read.at_end), (&b"still here"[..], true));
        }
        drop((open, by_gfid));
        assert!(!parked.exists());
        assert_eq!(brick.locate(gfid).unwrap_err(), Errno::NOENT);
    }

    #[test]
    fn only_pointer_files_go_when_only_they_may() {
        let brick = brick();
        brick.mkfile(Gfid::ROOT, "data");
        let linkto = UnlinkOnly { linkto: true, ..Default::default() };
        assert_eq!(brick.unlink(&user(), &brick.at(Gfid::ROOT, "data"), linkto).unwrap_err(), Errno::BUSY);
        brick
            .make_kind(Gfid::ROOT, "pointer", Kind::Node(rustix::fs::FileType::RegularFile, 0), 0o1000)
            .unwrap();
        crate::testing::set_behind(&brick.path("pointer"), "trusted.glusterfs.dht.linkto", b"v-client-1\0");
        brick.unlink(&user(), &brick.at(Gfid::ROOT, "pointer"), linkto).unwrap();
    }

    #[test]
    fn directories_are_removed_empty_or_thrown_away_whole() {
        let brick = brick();
        let before = brick.tree();
        let dir = brick.mkdir(Gfid::ROOT, "d");
        let sub = brick.mkdir(dir, "sub");
        let file = brick.mkfile(sub, "f");
        let at = |name| brick.at(Gfid::ROOT, name);
        assert_eq!(brick.unlink(&user(), &at("d"), UnlinkOnly::default()).unwrap_err(), Errno::ISDIR);
        assert_eq!(brick.rmdir(&user(), &at("d"), false).unwrap_err(), Errno::NOTEMPTY);
        assert!(brick.has_handle(dir));
        brick.rmdir(&user(), &at("d"), true).unwrap();
        assert!(!brick.path("d").exists() && !brick.has_handle(dir));
        brick.empty_landfill().unwrap();
        assert_eq!(brick.tree(), before);
        assert!(!brick.has_handle(sub) && !brick.has_handle(file));
        assert_eq!(brick.entry(dir, b"x").unwrap_err(), Errno::STALE);
    }

    #[test]
    fn a_directory_made_anew_under_its_gfid_is_the_new_one() {
        let brick = brick();
        let dir = brick.mkdir(Gfid::ROOT, "d");
        brick.rmdir(&user(), &brick.at(Gfid::ROOT, "d"), false).unwrap();
        let new =
            crate::make::New { gfid: dir, kind: Kind::Directory, mode: 0o755, xattrs: vec![], times: None };
        brick.make(&user(), &brick.at(Gfid::ROOT, "d"), &new).unwrap();
        brick.mkfile(dir, "f");
        assert!(brick.path("d/f").exists());
    }
}
