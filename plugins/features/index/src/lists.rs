//! The lists on disk: a folder each below `.glusterfs/indices`, an entry each file that a client has marked.
//!
//! An entry is a hard link to an empty file of the folder, so that it costs a name and no inode. That base file is new with
//! each start; old ones go when the last entry that was made from them is gone.

use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicI64, Ordering::Relaxed};
use std::sync::{PoisonError, RwLock};

use gluster_brick::{DIR_FLAGS, Name, make_dir, open_dir};
use plugin_api::{Gfid, Iatt};
use rustix::fs::{AtFlags, CWD, Dir, Mode, OFlags, StatxFlags};
use rustix::io::{Errno, Result};
use uuid::Uuid;

/// As the incumbent makes them.
const FOLDER_MODE: u32 = 0o600;
/// More base files are not made for one entry: each that is full has tens of thousands of links.
const TRIES: usize = 8;

/// One of the lists.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum List {
    /// Files that another brick missed a change of.
    Pending,
    /// Files that are being changed.
    Dirty,
    /// Names that another brick missed, by folder.
    Changes,
}

impl List {
    pub(crate) const ALL: [Self; 3] = [Self::Pending, Self::Dirty, Self::Changes];

    /// Its folder, and what the names of its base files start with.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Pending => "xattrop",
            Self::Dirty => "dirty",
            Self::Changes => "entry-changes",
        }
    }

    /// Whether `name`, in the list's own folder, is a base file's.
    pub(crate) fn is_base(self, name: &[u8]) -> bool {
        name.strip_prefix(self.name().as_bytes()).is_some_and(|rest| rest.first() == Some(&b'-'))
    }
}

/// Why the lists cannot be kept.
#[derive(Debug, thiserror::Error)]
#[error("{path}: {step}: {errno}; no change that a heal would have to find is let through")]
pub(crate) struct OpenError {
    path: PathBuf,
    step: &'static str,
    pub(crate) errno: Errno,
}

/// The lists of one brick, open.
#[derive(Debug)]
pub(crate) struct Lists([Folder; 3]);

#[derive(Debug)]
struct Folder {
    dir: OwnedFd,
    list: List,
    /// The file that entries are made from; it may not be there yet.
    base: RwLock<String>,
    count: AtomicI64,
}

impl Lists {
    /// Opens the lists in `base`, the brick's `.glusterfs/indices`, and makes what is missing.
    pub(crate) fn open(base: &Path) -> std::result::Result<Self, OpenError> {
        let fault = |step| move |errno| OpenError { path: base.into(), step, errno };
        let (Some(above), Some(name)) = (base.parent(), base.file_name()) else {
            return Err(fault("index-base names no folder")(Errno::INVAL));
        };
        let name = name.as_encoded_bytes();
        let above =
            rustix::fs::openat(CWD, above, DIR_FLAGS, Mode::empty()).map_err(fault("opening the brick"))?;
        make_dir(&above, name, FOLDER_MODE).map_err(fault("making the folder of the lists"))?;
        let indices = open_dir(&above, name).map_err(fault("opening the folder of the lists"))?;
        let id = Uuid::new_v4();
        let folder = |list: List| Folder::open(&indices, list, &id).map_err(fault("opening a list"));
        Ok(Self([folder(List::Pending)?, folder(List::Dirty)?, folder(List::Changes)?]))
    }

    fn folder(&self, list: List) -> &Folder {
        &self.0[list as usize]
    }

    /// The list's folder.
    pub(crate) fn dir(&self, list: List) -> BorrowedFd<'_> {
        self.folder(list).dir.as_fd()
    }

    /// How many entries it has.
    pub(crate) fn count(&self, list: List) -> u64 {
        u64::try_from(self.folder(list).count.load(Relaxed)).unwrap_or(0)
    }

    /// Puts a file on a list.
    pub(crate) fn add(&self, list: List, gfid: Gfid) -> Result<()> {
        let folder = self.folder(list);
        if folder.link(folder.dir.as_fd(), gfid.to_string().as_bytes())? {
            folder.count.fetch_add(1, Relaxed);
        }
        Ok(())
    }

    /// Takes a file off a list.
    pub(crate) fn remove(&self, list: List, gfid: Gfid) -> Result<()> {
        let folder = self.folder(list);
        match rustix::fs::unlinkat(&folder.dir, gfid.to_string(), AtFlags::empty()) {
            Ok(()) => folder.count.fetch_sub(1, Relaxed),
            Err(Errno::NOENT) => return Ok(()),
            Err(e) => return Err(e),
        };
        Ok(())
    }

    /// Notes that `name` in the directory `parent` is changed.
    pub(crate) fn add_change(&self, parent: Gfid, name: Name<'_>) -> Result<()> {
        let (changes, text) = (self.folder(List::Changes), parent.to_string());
        let dir = match open_dir(&changes.dir, text.as_bytes()) {
            Err(Errno::NOENT) => {
                match rustix::fs::mkdirat(&changes.dir, &text, Mode::from_bits_truncate(FOLDER_MODE)) {
                    Ok(()) => changes.count.fetch_add(1, Relaxed),
                    Err(Errno::EXIST) => 0,
                    Err(e) => return Err(e),
                };
                open_dir(&changes.dir, text.as_bytes())?
            }
            opened => opened?,
        };
        changes.link(dir.as_fd(), name.bytes())?;
        Ok(())
    }

    /// Notes that nobody misses the change of `name` any more.
    pub(crate) fn remove_change(&self, parent: Gfid, name: Name<'_>) -> Result<()> {
        let Some(dir) = self.changes_of(parent)? else { return Ok(()) };
        match rustix::fs::unlinkat(dir, name.bytes(), AtFlags::empty()) {
            Err(Errno::NOENT) => Ok(()),
            other => other,
        }
    }

    /// As [`remove_change`](Self::remove_change), and the folder goes with its last name: no healer would ever come for a
    /// directory that nobody marked. Only while nobody else counts on the directory.
    pub(crate) fn undo_change(&self, parent: Gfid, name: Name<'_>) -> Result<()> {
        self.remove_change(parent, name)?;
        match self.forget_changes(parent, false) {
            Err(Errno::NOENT | Errno::NOTEMPTY) => Ok(()),
            other => other,
        }
    }

    /// The folder of the changes in the directory `parent`, if there is one.
    pub(crate) fn changes_of(&self, parent: Gfid) -> Result<Option<OwnedFd>> {
        match open_dir(&self.folder(List::Changes).dir, parent.to_string().as_bytes()) {
            Ok(dir) => Ok(Some(dir)),
            Err(Errno::NOENT) => Ok(None),
            Err(e) => Err(e),
        }
    }

    /// Forgets the changes in the directory `parent`: all of them, or only when there are none.
    pub(crate) fn forget_changes(&self, parent: Gfid, all: bool) -> Result<()> {
        let changes = self.folder(List::Changes);
        if all && let Some(dir) = self.changes_of(parent)? {
            for entry in Dir::read_from(&dir)? {
                let entry = entry?;
                if let Ok(name) = Name::new(entry.file_name().to_bytes()) {
                    match rustix::fs::unlinkat(&dir, name.bytes(), AtFlags::empty()) {
                        // Another healer may be taking names off one by one.
                        Ok(()) | Err(Errno::NOENT) => {}
                        Err(e) => return Err(e),
                    }
                }
            }
        }
        rustix::fs::unlinkat(&changes.dir, parent.to_string(), AtFlags::REMOVEDIR)?;
        changes.count.fetch_sub(1, Relaxed);
        Ok(())
    }

    /// Whether the base file `name` of a list is of no use any more; then it goes.
    pub(crate) fn drop_stale_base(&self, list: List, name: &[u8]) {
        let folder = self.folder(list);
        if *folder.base() != *String::from_utf8_lossy(name) {
            folder.drop_unused(name);
        }
    }
}

impl Folder {
    fn open(indices: &OwnedFd, list: List, id: &Uuid) -> Result<Self> {
        make_dir(indices, list.name().as_bytes(), FOLDER_MODE)?;
        let dir = open_dir(indices, list.name().as_bytes())?;
        let base = RwLock::new(format!("{}-{id}", list.name()));
        let folder = Self { dir, list, base, count: AtomicI64::new(0) };
        for entry in Dir::read_from(&folder.dir)? {
            let entry = entry?;
            match entry.file_name().to_bytes() {
                b"." | b".." => {}
                name if list.is_base(name) => folder.drop_unused(name),
                _ => {
                    folder.count.fetch_add(1, Relaxed);
                }
            }
        }
        Ok(folder)
    }

    fn base(&self) -> String {
        self.base.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Makes an entry; says whether it was not there yet.
    fn link(&self, dir: BorrowedFd<'_>, name: &[u8]) -> Result<bool> {
        for _ in 0..TRIES {
            let base = self.base();
            match rustix::fs::linkat(&self.dir, &base, dir, name, AtFlags::empty()) {
                Ok(()) => return Ok(true),
                Err(Errno::EXIST) => return Ok(false),
                Err(Errno::NOENT) => self.make_base(&base)?,
                Err(Errno::MLINK) => self.next_base(&base),
                Err(e) => return Err(e),
            }
        }
        Err(Errno::MLINK)
    }

    fn make_base(&self, name: &str) -> Result<()> {
        let flags = OFlags::CREATE | OFlags::EXCL | OFlags::WRONLY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        match rustix::fs::openat(&self.dir, name, flags, Mode::empty()) {
            Ok(_) | Err(Errno::EXIST) => Ok(()),
            Err(e) => Err(e),
        }
    }

    /// The base file `full` takes no more links; unless somebody saw that before, the next one has another name.
    fn next_base(&self, full: &str) {
        let mut base = self.base.write().unwrap_or_else(PoisonError::into_inner);
        if *base == full {
            *base = format!("{}-{}", self.list.name(), Uuid::new_v4());
        }
    }

    /// Removes a base file that no entry was made from, or none is left of.
    fn drop_unused(&self, name: &[u8]) {
        let st = rustix::fs::statx(&self.dir, name, AtFlags::SYMLINK_NOFOLLOW, StatxFlags::NLINK);
        if st.is_ok_and(|st| st.stx_nlink == 1) {
            // Whoever makes an entry from it meanwhile finds it gone, and makes another.
            let _ = rustix::fs::unlinkat(&self.dir, name, AtFlags::empty());
        }
    }
}

/// The attributes of an entry, or with an empty name of the folder itself, shown under `gfid`; none has a number.
pub(crate) fn attributes(dir: impl AsFd, name: &[u8], gfid: Gfid) -> Result<Iatt> {
    Ok(Iatt { ino: u64::MAX, ..gluster_brick::attributes(dir, name, gfid)? })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(dir: BorrowedFd<'_>) -> Vec<String> {
        let entries = Dir::read_from(dir).unwrap().map(|entry| entry.unwrap());
        let mut names: Vec<_> = entries.map(|entry| entry.file_name().to_str().unwrap().to_owned()).collect();
        names.retain(|name| name != "." && name != "..");
        names.sort();
        names
    }

    fn lists() -> (tempfile::TempDir, Lists) {
        let brick = tempfile::tempdir().unwrap();
        let lists = Lists::open(&brick.path().join("indices")).unwrap();
        (brick, lists)
    }

    const FILE: Gfid = Gfid([7; 16]);

    #[test]
    fn an_entry_is_a_link_to_the_base_file_and_is_counted_once() {
        let (_brick, lists) = lists();
        assert_eq!(lists.count(List::Pending), 0);
        lists.add(List::Pending, FILE).unwrap();
        lists.add(List::Pending, FILE).unwrap();
        assert_eq!((lists.count(List::Pending), lists.count(List::Dirty)), (1, 0));
        let names = names(lists.dir(List::Pending));
        assert_eq!(names[0], FILE.to_string());
        assert!(List::Pending.is_base(names[1].as_bytes()), "{names:?}");
        assert_eq!(attributes(lists.dir(List::Pending), names[0].as_bytes(), FILE).unwrap().nlink, 2);
        lists.remove(List::Pending, FILE).unwrap();
        lists.remove(List::Pending, FILE).unwrap();
        assert_eq!(lists.count(List::Pending), 0);
    }

    #[test]
    fn a_start_counts_what_is_there_and_drops_base_files_without_entries() {
        let (brick, lists) = lists();
        lists.add(List::Pending, FILE).unwrap();
        lists.add(List::Dirty, FILE).unwrap();
        lists.remove(List::Dirty, FILE).unwrap();
        assert_eq!(names(lists.dir(List::Dirty)).len(), 1, "the base file");
        let again = Lists::open(&brick.path().join("indices")).unwrap();
        assert_eq!((again.count(List::Pending), again.count(List::Dirty)), (1, 0));
        assert_eq!(names(again.dir(List::Dirty)), Vec::<String>::new());
        again.add(List::Pending, Gfid([8; 16])).unwrap();
        assert_eq!(names(again.dir(List::Pending)).len(), 4, "two entries, two base files");
        again.remove(List::Pending, FILE).unwrap();
        for name in
            names(again.dir(List::Pending)).iter().filter(|name| List::Pending.is_base(name.as_bytes()))
        {
            again.drop_stale_base(List::Pending, name.as_bytes());
        }
        assert_eq!(names(again.dir(List::Pending)).len(), 2, "the older base file went with its last entry");
    }

    #[test]
    fn a_base_file_that_is_gone_or_full_is_replaced() {
        let (brick, lists) = lists();
        lists.add(List::Dirty, FILE).unwrap();
        let base = lists.folder(List::Dirty).base();
        std::fs::remove_file(brick.path().join("indices/dirty").join(&base)).unwrap();
        lists.add(List::Dirty, Gfid([8; 16])).unwrap();
        lists.folder(List::Dirty).next_base(&base);
        assert_ne!(lists.folder(List::Dirty).base(), base);
        lists.add(List::Dirty, Gfid([9; 16])).unwrap();
        assert_eq!(lists.count(List::Dirty), 3);
    }

    #[test]
    fn changed_names_are_kept_by_folder_until_they_are_healed() {
        let (_brick, lists) = lists();
        let (one, two) = (Name::new(b"one").unwrap(), Name::new(b"entry-changes-two").unwrap());
        lists.add_change(FILE, one).unwrap();
        lists.add_change(FILE, two).unwrap();
        lists.add_change(FILE, two).unwrap();
        let folder = lists.changes_of(FILE).unwrap().unwrap();
        assert_eq!(names(folder.as_fd()), ["entry-changes-two", "one"]);
        lists.undo_change(FILE, one).unwrap();
        assert_eq!(lists.forget_changes(FILE, false), Err(Errno::NOTEMPTY));
        lists.forget_changes(FILE, true).unwrap();
        assert!(lists.changes_of(FILE).unwrap().is_none());
        assert_eq!(lists.count(List::Changes), 0);
        lists.undo_change(FILE, one).unwrap();
        lists.add_change(FILE, one).unwrap();
        lists.undo_change(FILE, one).unwrap();
        assert!(lists.changes_of(FILE).unwrap().is_none(), "the folder went with its last name");
    }

    #[test]
    fn two_healers_that_take_the_same_names_off_leave_nothing() {
        let (_brick, lists) = lists();
        for round in 0..20_u8 {
            let names: Vec<_> = (0..200).map(|n| format!("name-{n}")).collect();
            let parent = Gfid([round; 16]);
            names
                .iter()
                .for_each(|name| lists.add_change(parent, Name::new(name.as_bytes()).unwrap()).unwrap());
            std::thread::scope(|scope| {
                scope.spawn(|| {
                    for name in &names {
                        lists.remove_change(parent, Name::new(name.as_bytes()).unwrap()).unwrap();
                    }
                });
                lists.forget_changes(parent, true).unwrap();
            });
            assert!(lists.changes_of(parent).unwrap().is_none());
        }
    }

    #[test]
    fn nothing_leads_out_of_the_folder() {
        let (brick, lists) = lists();
        let away = tempfile::tempdir().unwrap();
        let folder = brick.path().join("indices/entry-changes").join(FILE.to_string());
        std::os::unix::fs::symlink(away.path(), folder).unwrap();
        let name = Name::new(b"f").unwrap();
        assert_eq!(lists.add_change(FILE, name), Err(Errno::NOTDIR));
        assert!(lists.changes_of(FILE).is_err());
        assert!(std::fs::read_dir(away.path()).unwrap().next().is_none());
        let linked = brick.path().join("linked");
        std::os::unix::fs::symlink(away.path(), &linked).unwrap();
        assert!(Lists::open(&linked).is_err());
    }
}
