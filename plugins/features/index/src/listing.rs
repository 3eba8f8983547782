//! A list that is open for reading: the file system's own order and positions.

use std::mem::MaybeUninit;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::{Mutex, PoisonError};

use gluster_brick::DIR_FLAGS;
use plugin_api::fop::{DirEntry, Entries};
use plugin_api::prelude::*;
use rustix::fs::{Mode, RawDir, SeekFrom};

use crate::lists::{List, Lists};

/// How much one system call reads.
const BATCH: usize = 16 * 1024;
/// Bytes of an entry on the wire besides its name.
const ENTRY: usize = 32;
/// Most bytes of entries in one answer.
const MOST: usize = 64 * 1024;

/// An open list, or the changes of one directory.
#[derive(Debug)]
pub(crate) struct Listing {
    dir: Mutex<OwnedFd>,
    /// The list whose own folder this is: its base files are no entries.
    list: Option<List>,
}

impl Listing {
    /// Opens the folder `dir`, with a position of its own.
    pub(crate) fn open(dir: BorrowedFd<'_>, list: Option<List>) -> Result<Self, Errno> {
        let dir = rustix::fs::openat(dir, ".", DIR_FLAGS, Mode::empty()).map_err(errno)?;
        Ok(Self { dir: Mutex::new(dir), list })
    }

    /// Whether its entries are named after files.
    pub(crate) fn names_files(&self) -> bool {
        self.list.is_some()
    }

    /// Entries from `offset` on, about `size` bytes of them, at least one before the end.
    pub(crate) fn read(&self, lists: &Lists, offset: u64, size: usize) -> Result<Entries, Errno> {
        let dir = self.dir.lock().unwrap_or_else(PoisonError::into_inner);
        let offset = i64::try_from(offset).map_err(|_| Errno::EINVAL)?;
        rustix::fs::seek(&*dir, SeekFrom::Start(offset.cast_unsigned())).map_err(errno)?;
        let mut buffer = vec![MaybeUninit::uninit(); BATCH];
        let mut raw = RawDir::new(dir.as_fd(), &mut buffer);
        let mut answer = Entries::default();
        let mut left = size.min(MOST);
        while let Some(entry) = raw.next() {
            let entry = entry.map_err(errno)?;
            let name = entry.file_name().to_bytes();
            if let Some(list) = self.list.filter(|list| list.is_base(name)) {
                lists.drop_stale_base(list, name);
                continue;
            }
            let cost = ENTRY + name.len();
            if cost > left && !answer.entries.is_empty() {
                return Ok(answer);
            }
            left = left.saturating_sub(cost);
            answer.entries.push(DirEntry {
                ino: entry.ino(),
                offset: entry.next_entry_cookie(),
                name: IoBuf::copy_from_slice(name),
                ..DirEntry::default()
            });
        }
        answer.at_end = true;
        Ok(answer)
    }
}

pub(crate) fn errno(errno: rustix::io::Errno) -> Errno {
    Errno::from_raw(errno.raw_os_error())
}
