//! Makes objects: files, nodes, directories, symlinks. Either all of it is there afterwards, or nothing.

use std::os::fd::{AsFd, OwnedFd};
use std::sync::Arc;

use gluster_brick::{BENEATH, DIR_FLAGS};
use plugin_api::{Gfid, Iatt};
use rustix::fs::{AtFlags, FileType, Mode, OFlags, XattrFlags};
use rustix::io::{Errno, Result};

use crate::brick::{Brick, GFID_XATTR};
use crate::caller::Caller;
use crate::find::Entry;
use crate::gfid2path;
use crate::mdata::Times;
use crate::place::Place;
use crate::seam::seam;
use crate::stat::{S_IFLNK, S_ISGID, kind};

/// Kernel-set on creation, so they come before every other xattr.
const ACLS: [&[u8]; 2] = [b"system.posix_acl_access", b"system.posix_acl_default"];

/// What is to be made.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Kind<'a> {
    /// A regular file, opened with these flags.
    File(OFlags),
    /// A node of this type (a regular file too), with its device number.
    Node(FileType, u64),
    Directory,
    Symlink(&'a [u8]),
}

/// The new object.
#[derive(Debug)]
pub(crate) struct New<'a> {
    pub(crate) gfid: Gfid,
    pub(crate) kind: Kind<'a>,
    /// Permission bits.
    pub(crate) mode: u32,
    /// Xattrs it starts with, as they lie on disk.
    pub(crate) xattrs: Vec<(&'a [u8], std::borrow::Cow<'a, [u8]>)>,
    /// Times it starts with, where a heal brings them.
    pub(crate) times: Option<Times>,
}

/// What was made.
#[derive(Debug)]
pub(crate) struct Made {
    pub(crate) iatt: Iatt,
    pub(crate) pre_parent: Iatt,
    pub(crate) post_parent: Iatt,
    /// The open file, for [`Kind::File`].
    pub(crate) file: Option<OwnedFd>,
}

impl Brick {
    /// Makes `new` at `entry`. `EEXIST` when the name or the gfid is taken.
    pub(crate) fn make(&self, caller: &Caller, entry: &Entry<'_>, new: &New<'_>) -> Result<Made> {
        if new.gfid.is_null() || new.gfid.is_root() {
            return Err(if matches!(new.kind, Kind::Directory) { Errno::PERM } else { Errno::INVAL });
        }
        self.check_space(caller)?;
        let (parent_st, pre_parent, parent_inode) = self.show_parent(entry)?;
        let mode = self.masked(new);
        let names = self.share_names(entry.parent);
        let mut file = self.make_name(entry, new, mode)?;
        let done = (|| {
            if matches!(new.kind, Kind::Directory) {
                seam()?;
                file = Some(rustix::fs::openat2(
                    &entry.dir,
                    entry.name.bytes(),
                    DIR_FLAGS,
                    Mode::empty(),
                    BENEATH,
                )?);
            }
            let place = file.as_ref().map_or_else(|| entry.place(), |fd| Place::Fd(fd.as_fd()));
            self.dress(caller, entry, new, &place, u32::from(parent_st.stx_mode), parent_st.stx_gid, mode)
        })();
        let shown = match done {
            Ok(shown) => shown,
            Err(e) => {
                self.unmake(entry, new);
                return Err(e);
            }
        };
        drop(names);
        if let Kind::Directory = new.kind
            && let Some(fd) = file.take()
        {
            self.dirs.put(new.gfid, Arc::new(fd));
            self.inodes.get(new.gfid).handle_right.store(true, std::sync::atomic::Ordering::Relaxed);
        }
        let parent = entry.parent_place();
        // It is made; what cannot be told about the parent any more does not unmake it.
        let parent_st = parent.stat().unwrap_or(parent_st);
        self.touch_parent(&parent_inode, &parent, caller);
        let post_parent = self.show(&parent_st, entry.parent, &parent_inode, &parent);
        Ok(Made { iatt: shown, pre_parent, post_parent, file })
    }

    fn masked(&self, new: &New<'_>) -> u32 {
        let options = self.options();
        let (mask, force) = match new.kind {
            Kind::Directory => (options.create_directory_mask, options.force_directory_mode),
            _ => (options.create_mask, options.force_create_mode),
        };
        let low = (new.mode & 0o777 & mask) | (force & 0o777);
        (new.mode & 0o7000) | low
    }

    fn make_name(&self, entry: &Entry<'_>, new: &New<'_>, mode: u32) -> Result<Option<OwnedFd>> {
        let (dir, name, bits) = (entry.dir.as_fd(), entry.name.bytes(), Mode::from_bits_truncate(mode));
        seam()?;
        match new.kind {
            Kind::File(flags) => {
                let flags = flags | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
                rustix::fs::openat(dir, name, flags.difference(OFlags::TRUNC), bits).map(Some)
            }
            Kind::Node(kind, rdev) => rustix::fs::mknodat(dir, name, kind, bits, rdev).map(|()| None),
            Kind::Directory => rustix::fs::mkdirat(dir, name, bits).map(|()| None),
            Kind::Symlink(target) => rustix::fs::symlinkat(target, dir, name).map(|()| None),
        }
    }

    /// Owner, mode, xattrs, gfid, times, handle: in this order, so that what has a handle is complete.
    #[allow(clippy::too_many_arguments, reason = "one step of make, apart only to be told apart")]
    fn dress(
        &self,
        caller: &Caller,
        entry: &Entry<'_>,
        new: &New<'_>,
        place: &Place<'_>,
        parent_mode: u32,
        parent_gid: u32,
        mode: u32,
    ) -> Result<Iatt> {
        let inherits = parent_mode & S_ISGID != 0;
        let gid = if inherits { parent_gid } else { caller.gid };
        if (caller.uid, gid) != (0, if inherits { parent_gid } else { 0 }) {
            place.chown(Some(caller.uid), Some(gid))?;
        }
        for acl in new.xattrs.iter().filter(|(name, _)| ACLS.contains(name)) {
            place.set_xattr(acl.0, &acl.1, XattrFlags::empty())?;
        }
        let directory = matches!(new.kind, Kind::Directory);
        if !directory {
            let options = self.options();
            if options.parent_link_counts {
                self.count_parent_link(place, entry.parent, 1)?;
            }
            if options.gfid2path {
                let record = gfid2path::record(entry.parent, entry.name);
                // An aid to readers: the object stands without it, as in the incumbent.
                let _ = place.set_xattr(&record.key, &record.value, XattrFlags::empty());
            }
        }
        for (name, value) in new.xattrs.iter().filter(|(name, _)| !ACLS.contains(name)) {
            match place.set_xattr(name, value, XattrFlags::empty()) {
                // A symlink or a node takes no user's xattrs, and is made without them.
                Err(Errno::PERM | Errno::NOTSUP) if name.starts_with(b"user.") => {}
                other => other?,
            }
        }
        place.set_xattr(GFID_XATTR, &new.gfid.0, XattrFlags::empty())?;
        let inode = self.inodes.get(new.gfid);
        inode.forget();
        self.first_times(&inode, place, caller, new.times);
        self.make_handle(entry, directory, new.gfid)?;
        let mut st = place.stat()?;
        let wanted = mode & 0o6000;
        if kind(&st) != S_IFLNK && u32::from(st.stx_mode) & wanted != wanted {
            // A change of owner, or mkdir itself, took these bits away.
            let made = if place.is_open() { place.clone() } else { self.handle_place(new.gfid) };
            self.set_mode(&inode, &made, u32::from(st.stx_mode) & 0o7777 | wanted)?;
            st = place.stat()?;
        }
        self.gfids.made(&st, new.gfid);
        Ok(self.show(&st, new.gfid, &inode, place))
    }

    /// Takes back all that [`make`](Self::make) did: handle first, so that no handle outlives its object.
    fn unmake(&self, entry: &Entry<'_>, new: &New<'_>) {
        let directory = matches!(new.kind, Kind::Directory);
        if directory {
            self.remove_dir_handle(entry, new.gfid);
        } else if let (Ok(here), Ok(there)) = (
            entry.place().stat(),
            Place::Handle(self.housekeeping(), crate::handle::HandleName::of(new.gfid)).stat(),
        ) && here.stx_ino == there.stx_ino
        {
            let _ = self.remove_handle(new.gfid);
        }
        self.inodes.get(new.gfid).forget();
        let flags = if directory { AtFlags::REMOVEDIR } else { AtFlags::empty() };
        let _ = rustix::fs::unlinkat(&entry.dir, entry.name.bytes(), flags);
    }

    /// Gives an object that is there a second name instead of making one: how a pointer file for a hard link is made.
    /// `None` when no object has this gfid.
    pub(crate) fn link_existing(
        &self,
        caller: &Caller,
        entry: &Entry<'_>,
        gfid: Gfid,
    ) -> Result<Option<Made>> {
        match self.locate(gfid) {
            Ok(found) if !found.is_dir() => {}
            _ => return Ok(None),
        }
        self.link(caller, gfid, entry).map(Some)
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::{FileTypeExt, MetadataExt, PermissionsExt};

    use super::*;
    use crate::testing::{brick, brick_with, set_behind, user};

    #[test]
    fn a_file_has_its_owner_gfid_handle_names_and_times() {
        let brick = brick();
        let (gfid, made) = brick.make_kind(Gfid::ROOT, "f", Kind::File(OFlags::RDWR), 0o640).unwrap();
        let on_disk = std::fs::metadata(brick.path("f")).unwrap();
        assert_eq!((on_disk.uid(), on_disk.gid(), on_disk.nlink()), (1000, 1000, 2));
        assert_eq!(on_disk.permissions().mode() & 0o7777, 0o640);
        assert_eq!(
            (made.iatt.gfid, made.iatt.nlink, made.iatt.ctime, made.iatt.mtime),
            (gfid, 1, 1_000_000, 1_000_000)
        );
        assert_eq!(made.iatt.ino, gfid.ino());
        assert_eq!(made.post_parent.ctime, 1_000_000, "the parent's times are the client's");
        let mut xattrs = brick.xattrs("f");
        xattrs.sort();
        assert_eq!(xattrs.len(), 3, "{xattrs:?}");
        assert_eq!((&*xattrs[0], &*xattrs[2]), ("trusted.gfid", "trusted.glusterfs.mdata"));
        assert!(xattrs[1].starts_with("trusted.gfid2path."));
        assert!(brick.has_handle(gfid));
        assert!(made.file.is_some());
    }

    #[test]
    fn nodes_and_symlinks_are_made_and_never_opened() {
        let brick = brick();
        brick.make_kind(Gfid::ROOT, "fifo", Kind::Node(FileType::Fifo, 0), 0o600).unwrap();
        let device = rustix::fs::makedev(1, 3);
        let (null, _) = brick
            .make_kind(Gfid::ROOT, "null", Kind::Node(FileType::CharacterDevice, device), 0o600)
            .unwrap();
        let (link, made) = brick.make_kind(Gfid::ROOT, "link", Kind::Symlink(b"/etc/passwd"), 0o777).unwrap();
        assert!(std::fs::symlink_metadata(brick.path("null")).unwrap().file_type().is_char_device());
        assert_eq!(made.iatt.nlink, 1);
        assert_eq!(brick.read_link(link, 4096).unwrap().0, b"/etc/passwd");
        assert_eq!(brick.open_file(null, 2).unwrap_err(), Errno::INVAL);
        assert_eq!(brick.anonymous_file(null, false).unwrap_err(), Errno::INVAL);
        assert_eq!(brick.open_file(link, 0).unwrap_err(), Errno::LOOP);
    }

    #[test]
    fn a_directory_is_found_by_gfid_at_any_depth_after_a_restart() {
        let brick = brick();
        let mut at = Gfid::ROOT;
        for level in 0..60 {
            at = brick.mkdir(at, &format!("level {level}"));
        }
        let file = brick.mkfile(at, "deep");
        let brick = brick.reopen();
        assert!(brick.attributes(at).unwrap().is_dir());
        let mut entry = brick.at(at, "deep");
        assert_eq!(brick.lookup(&mut entry, Default::default()).unwrap().gfid, file);
    }

    #[test]
    fn set_gid_directories_hand_their_group_down() {
        let brick = brick();
        let (dir, _) = brick.make_kind(Gfid::ROOT, "d", Kind::Directory, 0o2775).unwrap();
        std::os::unix::fs::chown(brick.path("d"), None, Some(50)).unwrap();
        brick.mkfile(dir, "f");
        let (_, sub) = brick.make_kind(dir, "sub", Kind::Directory, 0o755).unwrap();
        assert_eq!(std::fs::metadata(brick.path("d/f")).unwrap().gid(), 50);
        assert_eq!((sub.iatt.gid, sub.iatt.mode & 0o7777), (50, 0o2755));
    }

    #[test]
    fn set_uid_survives_the_change_of_owner() {
        let brick = brick();
        let (_, made) =
            brick.make_kind(Gfid::ROOT, "f", Kind::Node(FileType::RegularFile, 0), 0o4755).unwrap();
        assert_eq!((made.iatt.uid, made.iatt.mode & 0o7777), (1000, 0o4755));
    }

    #[test]
    fn a_taken_gfid_undoes_the_whole_creation() {
        let brick = brick();
        let taken = brick.mkfile(Gfid::ROOT, "first");
        let before = brick.tree();
        for kind in [Kind::File(OFlags::RDWR), Kind::Symlink(b"x"), Kind::Directory] {
            let new = New { gfid: taken, kind, mode: 0o644, xattrs: Vec::new(), times: None };
            let made = brick.make(&user(), &brick.at(Gfid::ROOT, "second"), &new);
            assert_eq!(made.unwrap_err(), Errno::EXIST);
            assert_eq!(brick.tree(), before);
        }
        assert_eq!(brick.attributes(taken).unwrap().nlink, 1);
    }

    #[test]
    fn an_xattr_that_the_disk_refuses_undoes_the_creation() {
        let brick = brick();
        let before = brick.tree();
        let bad = (&b"trusted.x"[..], std::borrow::Cow::Owned(vec![0; 70_000]));
        for kind in
            [Kind::File(OFlags::RDWR), Kind::Node(FileType::Fifo, 0), Kind::Directory, Kind::Symlink(b"x")]
        {
            let new =
                New { gfid: brick.fresh_gfid(), kind, mode: 0o644, xattrs: vec![bad.clone()], times: None };
            assert!(brick.make(&user(), &brick.at(Gfid::ROOT, "f"), &new).is_err());
            assert_eq!(brick.tree(), before);
        }
    }

    #[test]
    fn the_housekeeping_folder_is_out_of_reach() {
        let brick = brick();
        assert_eq!(brick.entry(Gfid::ROOT, b".glusterfs").unwrap_err(), Errno::PERM);
        for name in [&b".."[..], b".", b"a/b", b"/etc"] {
            assert_eq!(brick.entry(Gfid::ROOT, name).unwrap_err(), Errno::PERM);
        }
        assert_eq!(brick.entry(brick.fresh_gfid(), b"x").unwrap_err(), Errno::STALE);
        assert_eq!(brick.entry(Gfid::NULL, b"x").unwrap_err(), Errno::STALE);
    }

    #[test]
    fn null_and_root_are_no_gfids_for_new_objects() {
        let brick = brick();
        for (gfid, kind) in
            [(Gfid::NULL, Kind::Directory), (Gfid::ROOT, Kind::Node(FileType::RegularFile, 0))]
        {
            let new = New { gfid, kind, mode: 0o644, xattrs: Vec::new(), times: None };
            assert!(brick.make(&user(), &brick.at(Gfid::ROOT, "f"), &new).is_err());
        }
    }

    #[test]
    fn symlinks_in_the_way_of_a_parent_are_not_followed() {
        let brick = brick();
        let outside = tempfile::tempdir().unwrap();
        let dir = brick.mkdir(Gfid::ROOT, "d");
        let inner = brick.mkdir(dir, "inner");
        let brick = brick.reopen();
        // Behind our back, the parent becomes a symlink to a tree of the same shape outside.
        std::fs::create_dir(outside.path().join("inner")).unwrap();
        set_behind(&outside.path().join("inner"), "trusted.gfid", &inner.0);
        std::fs::rename(brick.path("d"), brick.path("was")).unwrap();
        std::os::unix::fs::symlink(outside.path(), brick.path("d")).unwrap();
        assert_eq!(brick.entry(inner, b"x").unwrap_err(), Errno::STALE);
        assert_eq!(std::fs::read_dir(outside.path().join("inner")).unwrap().count(), 0);
    }

    #[test]
    fn a_handle_of_a_symlink_object_is_never_taken_for_a_directory() {
        let brick = brick();
        let dir = brick.mkdir(Gfid::ROOT, "secret");
        let target = crate::handle::dir_target(Gfid::ROOT, gluster_brick::Name::new(b"secret").unwrap());
        let (link, _) = brick.make_kind(Gfid::ROOT, "link", Kind::Symlink(&target), 0o777).unwrap();
        assert_eq!(brick.entry(link, b"x").unwrap_err(), Errno::STALE);
        std::fs::remove_file(brick.path("link")).unwrap();
        assert!(brick.locate(link).is_err(), "one link left, the shape of a directory's handle");
        assert!(brick.locate(dir).is_ok());
    }

    #[test]
    fn mode_masks_apply() {
        let brick = brick_with(|options| {
            options.create_mask = 0o700;
            options.force_directory_mode = 0o011;
        });
        let (_, file) = brick.make_kind(Gfid::ROOT, "f", Kind::File(OFlags::RDWR), 0o666).unwrap();
        let (_, dir) = brick.make_kind(Gfid::ROOT, "d", Kind::Directory, 0o700).unwrap();
        assert_eq!((file.iatt.mode & 0o777, dir.iatt.mode & 0o777), (0o600, 0o711));
    }
}
