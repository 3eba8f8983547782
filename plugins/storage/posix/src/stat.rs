//! From `statx` to the attributes that clients see.

use plugin_api::{Gfid, Iatt, iatt_flags};
use rustix::fs::Statx;

/// The kind of file in the mode bits.
pub(crate) const S_IFMT: u32 = 0o170_000;
pub(crate) const S_IFREG: u32 = 0o100_000;
pub(crate) const S_IFDIR: u32 = 0o040_000;
pub(crate) const S_IFLNK: u32 = 0o120_000;
pub(crate) const S_ISGID: u32 = 0o2000;

/// The kind bits of `st`.
pub(crate) fn kind(st: &Statx) -> u32 {
    u32::from(st.stx_mode) & S_IFMT
}

/// What is shown for an object with `gfid`. The handle is one link that no client sees, and backend inode numbers are
/// never shown.
pub(crate) fn iatt(st: &Statx, gfid: Gfid) -> Iatt {
    let directory = kind(st) == S_IFDIR;
    // A file system may allocate ahead; what is shown never exceeds the size.
    let blocks = st.stx_blocks.min(st.stx_size.div_ceil(512));
    Iatt {
        gfid,
        flags: if gfid.is_null() { iatt_flags::ALL & !iatt_flags::INO } else { iatt_flags::ALL },
        ino: gfid.ino(),
        dev: rustix::fs::makedev(st.stx_dev_major, st.stx_dev_minor),
        rdev: u64::from(st.stx_rdev_major) << 32 | u64::from(st.stx_rdev_minor),
        size: st.stx_size,
        blocks,
        atime: st.stx_atime.tv_sec,
        mtime: st.stx_mtime.tv_sec,
        ctime: st.stx_ctime.tv_sec,
        atime_nsec: st.stx_atime.tv_nsec,
        mtime_nsec: st.stx_mtime.tv_nsec,
        ctime_nsec: st.stx_ctime.tv_nsec,
        nlink: if directory { st.stx_nlink } else { st.stx_nlink.saturating_sub(1) },
        uid: st.stx_uid,
        gid: st.stx_gid,
        blksize: st.stx_blksize,
        mode: u32::from(st.stx_mode),
        ..Iatt::default()
    }
}
