//! A place in the brick: one object, however it was reached, with the system calls that work on it.
//!
//! Nothing here follows a symlink in the last component, and what comes before it is either a directory that is held
//! open or the handle tree, which no client can name.

use std::ffi::CStr;
use std::io::Write;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};

use gluster_brick::Name;
use plugin_api::sys::xattr_at;
use rustix::fs::{AtFlags, Mode, Statx, StatxFlags, Timestamps, XattrFlags};
use rustix::io::{Errno, Result};
use rustix::path::Arg;
use smallvec::SmallVec;

use crate::handle::HandleName;
use crate::seam::seam;

/// Longest xattr value that the kernel knows.
const XATTR_MAX: usize = 65536;

type PathBuffer = SmallVec<[u8; 512]>;

/// One object of the brick.
#[derive(Debug, Clone)]
pub(crate) enum Place<'a> {
    /// By an open file or directory.
    Fd(BorrowedFd<'a>),
    /// A directory that the cache holds open.
    Dir(Arc<OwnedFd>),
    /// By its name in a directory that is held open.
    Entry(BorrowedFd<'a>, Name<'a>),
    /// By its handle: never a directory.
    Handle(Housekeeping<'a>, HandleName),
    /// In `.glusterfs/unlink`: open, but without a name.
    Unlinked(Housekeeping<'a>, [u8; 36]),
}

/// The `.glusterfs` folder, held open, with its path for the calls that take only paths.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Housekeeping<'a> {
    pub(crate) fd: BorrowedFd<'a>,
    pub(crate) path: &'a [u8],
}

fn terminated(bytes: &[u8]) -> Result<&CStr> {
    CStr::from_bytes_with_nul(bytes).map_err(|_| Errno::INVAL)
}

impl std::fmt::Debug for HandleName {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}", self.bytes().escape_ascii())
    }
}

enum Target<'p> {
    Fd(BorrowedFd<'p>),
    /// A name in a directory.
    At(BorrowedFd<'p>, &'p CStr),
    Path(&'p CStr),
}

/// Whether the kernel was found to have attribute calls for a name in a directory, and to allow them.
static KNOWS_NAMES: AtomicBool = AtomicBool::new(false);

/// Finds out which attribute calls work here; without it paths are used, which every kernel knows.
pub(crate) fn learn(dir: BorrowedFd<'_>) {
    KNOWS_NAMES.store(xattr_at::list(dir, c".", &mut []).is_ok(), Relaxed);
}

/// The error as the calls of this file have it.
fn system(errno: plugin_api::Errno) -> Errno {
    Errno::from_raw_os_error(errno.raw())
}

/// Who is to own something. All ones are nobody's number: `chown(2)` leaves the owner then, and so is it here.
pub(crate) fn owner(
    uid: Option<u32>,
    gid: Option<u32>,
) -> (Option<rustix::fs::Uid>, Option<rustix::fs::Gid>) {
    let somebody = |id: &u32| *id != u32::MAX;
    let uid = uid.filter(somebody).map(rustix::fs::Uid::from_raw);
    (uid, gid.filter(somebody).map(rustix::fs::Gid::from_raw))
}

impl Place<'_> {
    /// The attributes.
    pub(crate) fn stat(&self) -> Result<Statx> {
        let mask = StatxFlags::BASIC_STATS | StatxFlags::BTIME;
        self.at(|dir, name, flags| rustix::fs::statx(dir, name, flags, mask))
    }

    pub(crate) fn chown(&self, uid: Option<u32>, gid: Option<u32>) -> Result<()> {
        let (uid, gid) = owner(uid, gid);
        self.at(|dir, name, flags| rustix::fs::chownat(dir, name, uid, gid, flags))
    }

    /// Whether the object is held by a descriptor.
    pub(crate) fn is_open(&self) -> bool {
        matches!(self, Self::Fd(_) | Self::Dir(_))
    }

    /// Sets the permission bits; for [`Brick::set_mode`](crate::brick::Brick::set_mode) alone. There is no call on
    /// every kernel that would not follow a symlink, so a name, which may become one at any time, is refused.
    pub(crate) fn chmod(&self, mode: u32) -> Result<()> {
        let mode = Mode::from_bits_truncate(mode & 0o7777);
        match self {
            Self::Fd(fd) => rustix::fs::fchmod(fd, mode),
            Self::Dir(fd) => rustix::fs::fchmod(fd, mode),
            Self::Entry(..) => Err(Errno::INVAL),
            _ => self.at(|dir, name, _| rustix::fs::chmodat(dir, name, mode, AtFlags::empty())),
        }
    }

    pub(crate) fn set_times(&self, times: &Timestamps) -> Result<()> {
        match self {
            Self::Fd(fd) => rustix::fs::futimens(fd, times),
            Self::Dir(fd) => rustix::fs::futimens(fd, times),
            _ => self.at(|dir, name, flags| rustix::fs::utimensat(dir, name, times, flags)),
        }
    }

    /// Reads the xattr `name` into `buf`; gives its length. `ENODATA` when there is none, `ERANGE` when it is longer.
    pub(crate) fn xattr(&self, name: &[u8], buf: &mut [u8]) -> Result<usize> {
        self.target(|target| match target {
            Target::Fd(fd) => rustix::fs::fgetxattr(fd, name, &mut *buf),
            Target::At(dir, at) => {
                name.into_with_c_str(|name| xattr_at::get(dir, at, name, buf).map_err(system))
            }
            Target::Path(path) => rustix::fs::lgetxattr(path, name, &mut *buf),
        })
    }

    /// The whole value of the xattr `name`.
    pub(crate) fn xattr_vec(&self, name: &[u8]) -> Result<Vec<u8>> {
        let mut small = [0; 256];
        match self.xattr(name, &mut small) {
            Ok(len) => Ok(small[..len].to_vec()),
            Err(Errno::RANGE) => {
                let mut large = vec![0; XATTR_MAX];
                let len = self.xattr(name, &mut large)?;
                large.truncate(len);
                Ok(large)
            }
            Err(e) => Err(e),
        }
    }

    pub(crate) fn set_xattr(&self, name: &[u8], value: &[u8], flags: XattrFlags) -> Result<()> {
        self.target(|target| match target {
            Target::Fd(fd) => rustix::fs::fsetxattr(fd, name, value, flags),
            Target::At(dir, at) => {
                name.into_with_c_str(|name| xattr_at::set(dir, at, name, value, flags.bits()).map_err(system))
            }
            Target::Path(path) => rustix::fs::lsetxattr(path, name, value, flags),
        })
    }

    pub(crate) fn remove_xattr(&self, name: &[u8]) -> Result<()> {
        self.target(|target| match target {
            Target::Fd(fd) => rustix::fs::fremovexattr(fd, name),
            Target::At(dir, at) => {
                name.into_with_c_str(|name| xattr_at::remove(dir, at, name).map_err(system))
            }
            Target::Path(path) => rustix::fs::lremovexattr(path, name),
        })
    }

    /// The names of all xattrs, each ended by a NUL.
    pub(crate) fn xattr_names(&self) -> Result<SmallVec<[u8; 512]>> {
        let mut names: SmallVec<[u8; 512]> = SmallVec::from_elem(0, 512);
        loop {
            let got = self.target(|target| match target {
                Target::Fd(fd) => rustix::fs::flistxattr(fd, &mut names[..]),
                Target::At(dir, at) => xattr_at::list(dir, at, &mut names[..]).map_err(system),
                Target::Path(path) => rustix::fs::llistxattr(path, &mut names[..]),
            });
            match got {
                Ok(len) => {
                    names.truncate(len);
                    return Ok(names);
                }
                Err(Errno::RANGE) if names.len() < XATTR_MAX => names.resize(XATTR_MAX, 0),
                Err(e) => return Err(e),
            }
        }
    }

    /// Runs a call of the `*at` family: a directory, a name in it (empty for the fd itself) and the flags that fit.
    fn at<T>(&self, call: impl FnOnce(BorrowedFd<'_>, &[u8], AtFlags) -> Result<T>) -> Result<T> {
        seam()?;
        match self {
            Self::Fd(fd) => call(*fd, b"", AtFlags::EMPTY_PATH),
            Self::Dir(fd) => call(fd.as_fd(), b"", AtFlags::EMPTY_PATH),
            Self::Entry(dir, name) => call(*dir, name.bytes(), AtFlags::SYMLINK_NOFOLLOW),
            Self::Handle(keep, name) => call(keep.fd, name.bytes(), AtFlags::SYMLINK_NOFOLLOW),
            Self::Unlinked(keep, name) => {
                let path = [b"unlink/", &name[..]].concat();
                call(keep.fd, &path, AtFlags::SYMLINK_NOFOLLOW)
            }
        }
    }

    /// Runs a call of the xattr family: on the fd, on a name in a directory, or on a path where the kernel knows no such
    /// pair.
    fn target<T>(&self, mut call: impl FnMut(Target<'_>) -> Result<T>) -> Result<T> {
        seam()?;
        let mut name = PathBuffer::new();
        let dir = match self {
            Self::Fd(fd) => return call(Target::Fd(*fd)),
            Self::Dir(fd) => return call(Target::Fd(fd.as_fd())),
            Self::Entry(dir, entry) => {
                name.extend_from_slice(entry.bytes());
                *dir
            }
            Self::Handle(keep, handle) => {
                name.extend_from_slice(handle.bytes());
                keep.fd
            }
            Self::Unlinked(keep, unlinked) => {
                name.extend_from_slice(b"unlink/");
                name.extend_from_slice(unlinked);
                keep.fd
            }
        };
        if KNOWS_NAMES.load(Relaxed) {
            name.push(0);
            return call(Target::At(dir, terminated(&name)?));
        }
        let path = self.path(dir, &name);
        call(Target::Path(terminated(&path)?))
    }

    /// The path of `name` in `dir`, ended by NUL. An entry is reached through its directory's magic link, so that nothing
    /// above it can be swapped.
    fn path(&self, dir: BorrowedFd<'_>, name: &[u8]) -> PathBuffer {
        let mut path = PathBuffer::new();
        match self {
            Self::Handle(keep, _) | Self::Unlinked(keep, _) => path.extend_from_slice(keep.path),
            _ => write!(path, "/proc/self/fd/{}", dir.as_raw_fd()).expect("a vector takes every write"),
        }
        path.push(b'/');
        path.extend_from_slice(name);
        path.push(0);
        path
    }
}

#[cfg(test)]
mod tests {
    use plugin_api::Gfid;

    use super::*;
    use crate::testing::brick;

    #[test]
    fn xattrs_are_the_same_by_name_and_by_path() {
        let brick = brick();
        let gfid = brick.mkfile(Gfid::ROOT, "f");
        let entry = brick.at(Gfid::ROOT, "f");
        let handle = brick.locate(gfid).unwrap().place;
        let knows = KNOWS_NAMES.load(Relaxed);
        for place in [&entry.place(), &handle] {
            for by_name in [knows, false] {
                KNOWS_NAMES.store(by_name, Relaxed);
                assert_eq!(place.set_xattr(b"trusted.a", b"1", XattrFlags::REPLACE), Err(Errno::NODATA));
                place.set_xattr(b"trusted.a", b"12", XattrFlags::empty()).unwrap();
                KNOWS_NAMES.store(knows && !by_name, Relaxed);
                assert_eq!(place.xattr(b"trusted.a", &mut [0; 1]), Err(Errno::RANGE));
                assert_eq!(place.xattr_vec(b"trusted.a").as_deref(), Ok(&b"12"[..]));
                let names = place.xattr_names().unwrap();
                assert!(names.split(|byte| *byte == 0).any(|name| name == b"trusted.a"));
                place.remove_xattr(b"trusted.a").unwrap();
            }
        }
        KNOWS_NAMES.store(knows, Relaxed);
    }
}
