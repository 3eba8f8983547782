//! A brick in a temporary folder, for the tests.

use std::ops::Deref;
use std::os::fd::AsFd;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::Once;
use std::sync::atomic::{AtomicU32, Ordering::Relaxed};

use plugin_api::Gfid;
use rustix::fs::XattrFlags;
use rustix::io::Result;

use crate::brick::{Brick, VOLUME_ID_XATTR};
use crate::caller::Caller;
use crate::data::Read;
use crate::files::OpenFile;
use crate::find::Entry;
use crate::handle::HandleName;
use crate::make::{Kind, Made, New};
use crate::mdata::Time;
use crate::options::Options;

pub(crate) const VOLUME: Gfid = Gfid([7; 16]);

/// A user whose fops move the times of what they touch.
pub(crate) fn user() -> Caller {
    Caller {
        uid: 1000,
        gid: 1000,
        pid: 42,
        time_flags: 0x1f,
        time: Time { sec: 1_000_000, nsec: 5 },
        internal: false,
    }
}

pub(crate) struct TestBrick {
    pub(crate) brick: Arc<Brick>,
    next: AtomicU32,
    dir: tempfile::TempDir,
}

impl Deref for TestBrick {
    type Target = Arc<Brick>;

    fn deref(&self) -> &Self::Target {
        &self.brick
    }
}

/// A folder that glusterd has marked as a brick.
pub(crate) fn marked_folder() -> tempfile::TempDir {
    static UMASK: Once = Once::new();
    UMASK.call_once(|| {
        rustix::process::umask(rustix::fs::Mode::empty());
    });
    let dir = tempfile::tempdir().unwrap();
    rustix::fs::setxattr(dir.path(), VOLUME_ID_XATTR, &VOLUME.0, XattrFlags::empty())
        .expect("these tests need root and a file system with trusted xattrs under the temporary folder");
    dir
}

pub(crate) fn options(path: &Path) -> Options {
    Options { volume_id: Some(VOLUME), hostname: "here".into(), reserve: 0.0, ..Options::new(path.into()) }
}

pub(crate) fn brick() -> TestBrick {
    brick_with(|_| {})
}

pub(crate) fn brick_with(change: impl FnOnce(&mut Options)) -> TestBrick {
    let dir = marked_folder();
    let mut options = options(dir.path());
    change(&mut options);
    let brick = Arc::new(Brick::open(options).unwrap());
    TestBrick { brick, next: AtomicU32::new(1), dir }
}

impl TestBrick {
    /// The brick after a restart.
    pub(crate) fn reopen(self) -> Self {
        let options = (*self.brick.options()).clone();
        Self { brick: Arc::new(Brick::open(options).unwrap()), ..self }
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        if name == "." { self.dir.path().into() } else { self.dir.path().join(name) }
    }

    pub(crate) fn fresh_gfid(&self) -> Gfid {
        let mut id = [0xab; 16];
        id[12..].copy_from_slice(&self.next.fetch_add(1, Relaxed).to_be_bytes());
        Gfid(id)
    }

    pub(crate) fn at<'n>(&self, parent: Gfid, name: &'n str) -> Entry<'n> {
        self.entry(parent, name.as_bytes()).unwrap()
    }

    pub(crate) fn make_kind(
        &self,
        parent: Gfid,
        name: &str,
        kind: Kind<'_>,
        mode: u32,
    ) -> Result<(Gfid, Made)> {
        let gfid = self.fresh_gfid();
        let new = New { gfid, kind, mode, xattrs: Vec::new(), times: None };
        let made = self.make(&user(), &self.entry(parent, name.as_bytes())?, &new)?;
        Ok((gfid, made))
    }

    pub(crate) fn mkdir(&self, parent: Gfid, name: &str) -> Gfid {
        self.make_kind(parent, name, Kind::Directory, 0o755).unwrap().0
    }

    pub(crate) fn mkfile(&self, parent: Gfid, name: &str) -> Gfid {
        self.make_kind(parent, name, Kind::File(rustix::fs::OFlags::RDWR), 0o644).unwrap().0
    }

    /// A whole read, with the disk where it is needed.
    pub(crate) fn read(&self, caller: &Caller, file: &OpenFile, offset: u64, size: usize) -> Result<Read> {
        let reading = self.begin_read(file, offset, size)?;
        self.end_read(caller, file, reading)
    }

    pub(crate) fn has_handle(&self, gfid: Gfid) -> bool {
        let name = HandleName::of(gfid);
        rustix::fs::statat(&self.glusterfs, name.bytes(), rustix::fs::AtFlags::SYMLINK_NOFOLLOW).is_ok()
    }

    /// The names of all xattrs on `path`.
    pub(crate) fn xattrs(&self, path: &str) -> Vec<String> {
        let name = gluster_brick::Name::new(path.as_bytes()).unwrap();
        let place = crate::place::Place::Entry(self.root.as_fd(), name);
        let names = crate::xattrs::names(&place).unwrap();
        names.iter().map(|name| String::from_utf8(name.to_vec()).unwrap()).collect()
    }

    /// Every name leads to an object that its handle leads to as well, and counts as one of its links.
    pub(crate) fn check_whole(&self) {
        let mut names = std::collections::HashMap::<Gfid, u32>::new();
        self.check_dir(Gfid::ROOT, &mut names);
        for (gfid, count) in names {
            let shown = self.attributes(gfid).unwrap();
            assert!(shown.is_dir() || shown.nlink == count, "{gfid}: {count} names, {} links", shown.nlink);
        }
    }

    fn check_dir(&self, gfid: Gfid, names: &mut std::collections::HashMap<Gfid, u32>) {
        let dir = self.dir(gfid).unwrap();
        for entry in rustix::fs::Dir::read_from(&*dir).unwrap() {
            let name = entry.unwrap().file_name().to_string_lossy().into_owned();
            if matches!(&*name, "." | ".." | ".glusterfs") {
                continue;
            }
            let mut entry = self.at(gfid, &name);
            let by_name = self.lookup(&mut entry, Default::default()).unwrap();
            let by_gfid = self.locate(by_name.gfid).unwrap();
            assert_eq!(by_name.st.stx_ino, by_gfid.st.stx_ino, "{name}");
            *names.entry(by_name.gfid).or_default() += 1;
            let below = by_name.is_dir().then_some(by_name.gfid);
            if let Some(below) = below {
                assert_eq!(
                    self.dir_path(below).unwrap().rsplit(|b| *b == b'/').next(),
                    Some(name.as_bytes())
                );
                self.check_dir(below, names);
            }
        }
    }

    /// Everything under `.glusterfs` and in the brick, to compare before and after.
    pub(crate) fn tree(&self) -> Vec<String> {
        fn walk(at: &Path, out: &mut Vec<String>) {
            for entry in std::fs::read_dir(at).unwrap() {
                let path = entry.unwrap().path();
                out.push(path.display().to_string());
                if path.is_dir() && !path.is_symlink() {
                    walk(&path, out);
                }
            }
        }
        let mut out = Vec::new();
        walk(self.dir.path(), &mut out);
        // Folders for handles come and stay.
        out.retain(|path| {
            let deep = path.split("/.glusterfs/").nth(1).unwrap_or_default();
            !(deep.len() == 5 && deep.as_bytes()[2] == b'/')
        });
        out.sort();
        out
    }
}

/// Sets an xattr on a path behind the brick's back.
pub(crate) fn set_behind(path: &Path, name: &str, value: &[u8]) {
    rustix::fs::lsetxattr(path, name, value, XattrFlags::empty()).unwrap();
}
