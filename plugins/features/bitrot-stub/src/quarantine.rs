//! The quarantine: a folder of the brick with an entry for each bad object, which the scrubber reads as a directory.
//!
//! An entry is a hard link to one empty file of the folder, named after the object.

use std::collections::BTreeSet;
use std::os::fd::OwnedFd;
use std::path::Path;
use std::sync::{Mutex, MutexGuard, PoisonError};

use gluster_brick::{DIR_FLAGS, make_dir, open_dir};
use plugin_api::prelude::*;
use rustix::fs::{AtFlags, CWD, Dir, Mode, OFlags};
use rustix::io::{Errno as Os, Result as OsResult};

/// The id by which the folder is reached.
pub(crate) const ID: Gfid = Gfid([0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 8]);
const NAME: &[u8] = b"quarantine";
/// What entries are links to.
const BASE: &str = "stub-00000000-0000-0000-0000-000000000008";
/// As the incumbent makes it.
const FOLDER_MODE: u32 = 0o600;

/// Why there is no quarantine.
#[derive(Debug, thiserror::Error)]
#[error("{brick}/.glusterfs/quarantine: {step}: {errno}")]
pub(crate) struct OpenError {
    brick: String,
    step: &'static str,
    errno: Os,
}

/// The folder, and what it lists.
#[derive(Debug)]
pub(crate) struct Quarantine {
    dir: OwnedFd,
    objects: Mutex<BTreeSet<Gfid>>,
}

impl Quarantine {
    /// Opens the quarantine of a brick, which is made where there is none.
    pub(crate) fn open(brick: &Path) -> Result<Self, OpenError> {
        let fault = |step| move |errno| OpenError { brick: brick.display().to_string(), step, errno };
        let own =
            rustix::fs::openat(CWD, brick, DIR_FLAGS, Mode::empty()).map_err(fault("opening the brick"))?;
        let own = open_dir(&own, b".glusterfs").map_err(fault("opening the brick's own folder"))?;
        make_dir(&own, NAME, FOLDER_MODE).map_err(fault("making the folder"))?;
        let dir = open_dir(&own, NAME).map_err(fault("opening the folder"))?;
        let objects = list(&dir).map_err(fault("reading the folder"))?;
        let this = Self { dir, objects: Mutex::new(objects) };
        this.make_base().map_err(fault("making the file that entries are links to"))?;
        Ok(this)
    }

    fn make_base(&self) -> OsResult<()> {
        let flags = OFlags::CREATE | OFlags::EXCL | OFlags::WRONLY | OFlags::CLOEXEC;
        match rustix::fs::openat(&self.dir, BASE, flags, Mode::empty()) {
            Ok(_) | Err(Os::EXIST) => Ok(()),
            Err(errno) => Err(errno),
        }
    }

    fn objects(&self) -> MutexGuard<'_, BTreeSet<Gfid>> {
        self.objects.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether no object is bad.
    pub(crate) fn is_empty(&self) -> bool {
        self.objects().is_empty()
    }

    pub(crate) fn contains(&self, gfid: Gfid) -> bool {
        self.objects().contains(&gfid)
    }

    /// The bad objects.
    pub(crate) fn list(&self) -> Vec<Gfid> {
        self.objects().iter().copied().collect()
    }

    /// Takes an object in. One that is in stays.
    pub(crate) fn add(&self, gfid: Gfid) -> OsResult<()> {
        self.objects().insert(gfid);
        let link = || rustix::fs::linkat(&self.dir, BASE, &self.dir, gfid.to_string(), AtFlags::empty());
        let linked = match link() {
            Err(Os::NOENT) => self.make_base().and_then(|()| link()),
            linked => linked,
        };
        match linked {
            Err(Os::EXIST) => Ok(()),
            linked => linked,
        }
    }

    /// Lets one go that is gone, or good again.
    pub(crate) fn remove(&self, gfid: Gfid) -> OsResult<()> {
        self.objects().remove(&gfid);
        match rustix::fs::unlinkat(&self.dir, gfid.to_string(), AtFlags::empty()) {
            Err(Os::NOENT) => Ok(()),
            removed => removed,
        }
    }

    /// The folder's attributes.
    pub(crate) fn attributes(&self) -> OsResult<Iatt> {
        gluster_brick::attributes(&self.dir, b"", ID)
    }
}

fn list(dir: &OwnedFd) -> OsResult<BTreeSet<Gfid>> {
    let mut objects = BTreeSet::new();
    for entry in Dir::read_from(dir)? {
        let entry = entry?;
        objects.extend(entry.file_name().to_str().ok().and_then(|name| name.parse::<Gfid>().ok()));
    }
    Ok(objects)
}

/// The folder as it was when it was opened for reading.
#[derive(Debug)]
pub(crate) struct Listing(pub(crate) Vec<Gfid>);

impl Listing {
    /// Entries from `offset` on, about `size` bytes of them.
    pub(crate) fn read(&self, offset: u64, size: usize) -> Entries {
        /// Bytes of an entry, its name included, and of the path that comes with it.
        const ENTRY: usize = 128;
        let from = usize::try_from(offset).unwrap_or(usize::MAX).min(self.0.len());
        let rest = &self.0[from..];
        let some = &rest[..rest.len().min((size / ENTRY).max(1))];
        let entries = some.iter().zip(offset.saturating_add(1)..).map(|(gfid, next)| DirEntry {
            ino: gfid.ino(),
            offset: next,
            name: IoBuf::from(gfid.to_string()),
            ..DirEntry::default()
        });
        Entries { entries: entries.collect(), at_end: some.len() == rest.len(), xdata: Dict::new() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bad_objects_are_still_listed_after_a_restart() {
        let brick = tempfile::tempdir().unwrap();
        assert!(Quarantine::open(brick.path()).unwrap_err().to_string().contains("own folder"));
        std::fs::create_dir(brick.path().join(".glusterfs")).unwrap();
        let quarantine = Quarantine::open(brick.path()).unwrap();
        assert!(quarantine.is_empty());
        let (one, two) = (Gfid([1; 16]), Gfid([2; 16]));
        for gfid in [one, one, two] {
            quarantine.add(gfid).unwrap();
        }
        quarantine.remove(two).unwrap();
        quarantine.remove(two).unwrap();
        std::fs::remove_file(brick.path().join(".glusterfs/quarantine").join(BASE)).unwrap();
        let again = Quarantine::open(brick.path()).unwrap();
        assert_eq!(again.list(), [one]);
        again.add(two).unwrap();
        assert!(brick.path().join(".glusterfs/quarantine").join(two.to_string()).exists());
        assert_eq!(again.attributes().unwrap().gfid, ID);
    }

    #[test]
    fn a_listing_is_read_in_parts() {
        let listing = Listing((1..=5).map(|n| Gfid([n; 16])).collect());
        let first = listing.read(0, 300);
        assert_eq!((first.entries.len(), first.at_end), (2, false));
        let rest = listing.read(first.entries[1].offset, 1 << 16);
        assert_eq!((rest.entries.len(), rest.at_end), (3, true));
        assert_eq!(rest.entries[0].name, IoBuf::from(Gfid([3; 16]).to_string()));
        assert!(listing.read(u64::MAX, 100).at_end);
    }
}
