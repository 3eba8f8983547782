//! Directories, opened from one that is held open: never outside it, never over a symlink.

use std::os::fd::{AsFd, OwnedFd};

use rustix::fs::{AtFlags, FileType, Mode, OFlags, ResolveFlags, StatxFlags};
use rustix::io::{Errno, Result};

/// How every directory is opened: for reading, so that xattrs and `fsync` work on the descriptor, never over a symlink.
pub const DIR_FLAGS: OFlags = OFlags::RDONLY
    .union(OFlags::DIRECTORY)
    .union(OFlags::NOFOLLOW)
    .union(OFlags::CLOEXEC)
    .union(OFlags::NONBLOCK);

/// Nothing outside the directory we start from, and no symlink on the way.
pub const BENEATH: ResolveFlags =
    ResolveFlags::BENEATH.union(ResolveFlags::NO_SYMLINKS).union(ResolveFlags::NO_MAGICLINKS);

/// Opens the directory that `path` leads to from `base`.
///
/// # Errors
/// `ELOOP` for a symlink on the way, `EXDEV` for a way out of `base`, or as `openat2(2)` says.
pub fn open_dir(base: impl AsFd, path: &[u8]) -> Result<OwnedFd> {
    rustix::fs::openat2(base, path, DIR_FLAGS, Mode::empty(), BENEATH)
}

/// Makes the directory `name` in `base`; one that is there is as good.
///
/// # Errors
/// `ENOTDIR` when something else has the name, or as `mkdirat(2)` says.
pub fn make_dir(base: impl AsFd, name: &[u8], mode: u32) -> Result<()> {
    let base = base.as_fd();
    match rustix::fs::mkdirat(base, name, Mode::from_bits_truncate(mode)) {
        Err(Errno::EXIST) => {
            let st = rustix::fs::statx(base, name, AtFlags::SYMLINK_NOFOLLOW, StatxFlags::TYPE)?;
            let is_dir = FileType::from_raw_mode(st.stx_mode.into()) == FileType::Directory;
            if is_dir { Ok(()) } else { Err(Errno::NOTDIR) }
        }
        other => other,
    }
}
