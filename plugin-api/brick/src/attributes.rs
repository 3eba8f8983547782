//! The attributes of what a translator keeps in its folder, as clients see them.

use std::os::fd::AsFd;

use plugin_api::{Gfid, Iatt, iatt_flags};
use rustix::fs::{AtFlags, StatxFlags};
use rustix::io::Result;

/// The attributes of a name in `dir`, or with an empty name of `dir` itself, shown under `gfid` and its inode number. A
/// symlink is not followed.
///
/// # Errors
/// Those of `statx(2)`.
pub fn attributes(dir: impl AsFd, name: &[u8], gfid: Gfid) -> Result<Iatt> {
    let flags = if name.is_empty() { AtFlags::EMPTY_PATH } else { AtFlags::SYMLINK_NOFOLLOW };
    let st = rustix::fs::statx(dir, name, flags, StatxFlags::BASIC_STATS)?;
    Ok(Iatt {
        gfid,
        flags: iatt_flags::ALL,
        ino: gfid.ino(),
        dev: rustix::fs::makedev(st.stx_dev_major, st.stx_dev_minor),
        size: st.stx_size,
        blocks: st.stx_blocks,
        atime: st.stx_atime.tv_sec,
        mtime: st.stx_mtime.tv_sec,
        ctime: st.stx_ctime.tv_sec,
        atime_nsec: st.stx_atime.tv_nsec,
        mtime_nsec: st.stx_mtime.tv_nsec,
        ctime_nsec: st.stx_ctime.tv_nsec,
        nlink: st.stx_nlink,
        uid: st.stx_uid,
        gid: st.stx_gid,
        blksize: st.stx_blksize,
        mode: u32::from(st.stx_mode),
        ..Iatt::default()
    })
}
