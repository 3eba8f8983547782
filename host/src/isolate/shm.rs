//! Memory that two processes map: sealed, so that neither can take it from under the other.
//!
//! The other process writes here when it likes, and may mean harm. So there is never a reference into this memory but to
//! its atomics; everything else is copied in and out through raw pointers, and a copy is looked at only once it is ours. A
//! race with the other process garbles the copy, which whoever reads it has to expect of a stranger's bytes anyway.
#![allow(unsafe_code, reason = "a mapping, and copies to and from it")]

use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::ptr::NonNull;
use std::sync::atomic::AtomicU64;

use rustix::fs::{MemfdFlags, SealFlags, fcntl_add_seals, fstat, ftruncate, memfd_create};
use rustix::mm::{MapFlags, ProtFlags, mmap, munmap};

/// A mapping of shared memory.
#[derive(Debug)]
pub(super) struct Map {
    start: NonNull<u8>,
    len: usize,
}

// SAFETY: the mapping belongs to the process, not to a thread, and is reached by atomics and copies only.
unsafe impl Send for Map {}
// SAFETY: as above.
unsafe impl Sync for Map {}

impl Map {
    /// Fresh memory of `len` bytes, all zero, and the descriptor that hands it to another process.
    pub(super) fn create(len: usize) -> io::Result<(OwnedFd, Self)> {
        let fd = memfd_create("mortar-isolate", MemfdFlags::CLOEXEC | MemfdFlags::ALLOW_SEALING)?;
        ftruncate(&fd, len as u64)?;
        // Whoever could cut the file short could end the other process by SIGBUS.
        fcntl_add_seals(&fd, SealFlags::SHRINK | SealFlags::GROW | SealFlags::SEAL)?;
        let map = Self::of(fd.as_fd(), len)?;
        Ok((fd, map))
    }

    /// Memory that another process has made.
    pub(super) fn open(fd: BorrowedFd<'_>, len: usize) -> io::Result<Self> {
        let found = fstat(fd)?.st_size;
        if u64::try_from(found).ok() != Some(len as u64) {
            return Err(io::Error::other(format!("{found} bytes of shared memory, expected {len}")));
        }
        Self::of(fd, len)
    }

    fn of(fd: BorrowedFd<'_>, len: usize) -> io::Result<Self> {
        let protection = ProtFlags::READ | ProtFlags::WRITE;
        // SAFETY: a mapping at an address of the kernel's choice touches no memory that is in use.
        let start = unsafe { mmap(std::ptr::null_mut(), len, protection, MapFlags::SHARED, fd, 0) }?;
        let start = NonNull::new(start.cast()).ok_or(io::ErrorKind::OutOfMemory)?;
        Ok(Self { start, len })
    }

    fn at(&self, offset: usize, len: usize) -> NonNull<u8> {
        assert!(offset <= self.len && len <= self.len - offset, "within the mapping");
        // SAFETY: `offset` lies within the mapping, by the line above.
        unsafe { self.start.add(offset) }
    }

    /// The word at `offset`, a multiple of 8.
    pub(super) fn word(&self, offset: usize) -> &AtomicU64 {
        assert_eq!(offset % 8, 0, "words are aligned");
        // SAFETY: eight aligned bytes within the mapping, which lives as long as the reference. Both processes reach them
        // as an atomic only; one that does not can change their value, as it may.
        unsafe { AtomicU64::from_ptr(self.at(offset, 8).as_ptr().cast()) }
    }

    /// Copies `bytes` to `offset`.
    pub(super) fn copy_in(&self, offset: usize, bytes: &[u8]) {
        let to = self.at(offset, bytes.len());
        // SAFETY: both sides are valid for so many bytes, and the slice lies in memory of this process alone.
        unsafe { to.as_ptr().copy_from_nonoverlapping(bytes.as_ptr(), bytes.len()) }
    }

    /// Copies what is at `offset` into `bytes`.
    pub(super) fn copy_out(&self, offset: usize, bytes: &mut [u8]) {
        let from = self.at(offset, bytes.len());
        // SAFETY: as above.
        unsafe { from.as_ptr().copy_to_nonoverlapping(bytes.as_mut_ptr(), bytes.len()) }
    }
}

impl Drop for Map {
    fn drop(&mut self) {
        // SAFETY: the mapping is this value's own, and no reference into it outlives it.
        let _ = unsafe { munmap(self.start.as_ptr().cast(), self.len) };
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::Ordering;

    use super::*;

    #[test]
    fn two_mappings_are_one_memory_which_nobody_can_cut_short() {
        let (fd, one) = Map::create(8192).unwrap();
        let two = Map::open(fd.as_fd(), 8192).unwrap();
        one.word(64).store(7, Ordering::Release);
        one.copy_in(4096, b"bytes");
        let mut found = [0; 5];
        two.copy_out(4096, &mut found);
        assert_eq!((two.word(64).load(Ordering::Acquire), &found), (7, b"bytes"));
        assert!(ftruncate(&fd, 0).is_err());
        assert!(Map::open(fd.as_fd(), 4096).is_err());
    }

    #[test]
    #[should_panic(expected = "within the mapping")]
    fn nothing_is_copied_past_the_end() {
        Map::create(4096).unwrap().1.copy_in(4090, b"too long");
    }
}
