//! The content of open files.

use std::io::{IoSlice, IoSliceMut};
use std::ops::Range;
use std::os::fd::AsFd;

use md5::Md5;
use plugin_api::{Iatt, IoBuf, IoBufMut};
use rustix::fs::{FallocateFlags, OFlags, SeekFrom, Statx};
use rustix::io::{Errno, ReadWriteFlags, Result};
use sha2::{Digest, Sha256};
use smallvec::SmallVec;

use crate::aligned::{self, ALIGN};
use crate::attr::Change;
use crate::brick::Brick;
use crate::caller::Caller;
use crate::files::OpenFile;

/// No file and no offset is larger.
const MAX_OFFSET: u64 = i64::MAX.cast_unsigned();
/// Reads longer than this first look how much there is: memory is for what is read, not for what is asked.
const LARGE_READ: usize = 1 << 20;
/// Zeros written at once where the file system cannot allocate them.
const ZEROS: usize = 64 * 1024;
/// Most slices in one system call.
const SLICES: usize = 64;
/// Open flags of a single write that ask for the disk.
const SYNC_FLAGS: u32 = 0o4_010_000;

/// What a read gave.
#[derive(Debug)]
pub(crate) struct Read {
    pub(crate) data: IoBuf,
    pub(crate) iatt: Iatt,
    pub(crate) at_end: bool,
}

/// A read under way.
pub(crate) struct Reading {
    data: IoBufMut,
    /// Where in `data` it goes.
    place: Range<usize>,
    offset: u64,
    /// How much of it is there.
    got: usize,
    /// The file behind it, once all is there that is wanted.
    st: Option<Statx>,
}

impl Reading {
    /// Whether its end has to wait for the disk.
    pub(crate) fn waits(&self) -> bool {
        self.st.is_none()
    }
}

/// What a write did.
#[derive(Debug)]
pub(crate) struct Wrote {
    pub(crate) count: u64,
    pub(crate) change: Change,
    /// It began where the file ended.
    pub(crate) is_append: bool,
}

/// The two sums over a block.
#[derive(Debug)]
pub(crate) struct Sums {
    pub(crate) weak: u32,
    pub(crate) strong: [u8; 32],
    pub(crate) all_zero: bool,
}

/// Which range of a file to make room in.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Room {
    Allocate { keep_size: bool },
    Discard,
    Zero,
}

impl Brick {
    /// Begins a read of up to `size` bytes: takes what the page cache has, without waiting for the disk.
    pub(crate) fn begin_read(&self, file: &OpenFile, offset: u64, size: usize) -> Result<Reading> {
        if size == 0 || offset > MAX_OFFSET {
            return Err(Errno::INVAL);
        }
        let is_direct = file.flags.contains(OFlags::DIRECT);
        let size = if size > LARGE_READ {
            let left = file.place().stat()?.stx_size.saturating_sub(offset);
            let left = usize::try_from(left).unwrap_or(usize::MAX).max(1);
            // Past the page cache whole blocks are read.
            size.min(if is_direct { left.checked_next_multiple_of(ALIGN).unwrap_or(size) } else { left })
        } else {
            size
        };
        if is_direct {
            // It waits in any case.
            let (data, start) = aligned::room(size);
            return Ok(Reading { data, place: start..start + size, offset, got: 0, st: None });
        }
        let mut data = IoBufMut::with_len(size);
        let slices = &mut [IoSliceMut::new(&mut data)];
        let got = match rustix::io::preadv2(file.fd(), slices, offset, ReadWriteFlags::NOWAIT) {
            // The file system has no such reads.
            Err(Errno::AGAIN | Errno::OPNOTSUPP) => {
                return Ok(Reading { data, place: 0..size, offset, got: 0, st: None });
            }
            other => other?,
        };
        let st = file.place().stat()?;
        let is_whole = got == size || end_of(offset, got) >= st.stx_size;
        Ok(Reading { data, place: 0..size, offset, got, st: is_whole.then_some(st) })
    }

    /// Ends a read: what was not in the page cache is waited for.
    pub(crate) fn end_read(&self, caller: &Caller, file: &OpenFile, reading: Reading) -> Result<Read> {
        let Reading { mut data, place, offset, mut got, st } = reading;
        let st = match st {
            Some(st) => st,
            None => {
                let room = &mut data[place.start + got..place.end];
                got += rustix::io::pread(file.fd(), room, end_of(offset, got))?;
                file.place().stat()?
            }
        };
        self.touch(&file.inode, &file.place(), caller);
        let at_end = end_of(offset, got) >= st.stx_size;
        let data = data.freeze(place.start + got);
        let data = if place.start == 0 { data } else { data.slice(place.start..) };
        Ok(Read { data, iatt: self.show_file(file, &st), at_end })
    }

    /// Writes all of `data`; `flags` are open flags for this write alone.
    pub(crate) fn write(
        &self,
        caller: &Caller,
        file: &OpenFile,
        data: &[&[u8]],
        offset: u64,
        flags: u32,
        atomic: bool,
    ) -> Result<Wrote> {
        let size: usize = data.iter().map(|slice| slice.len()).sum();
        check_range(offset, u64::try_from(size).unwrap_or(u64::MAX))?;
        self.check_space(caller)?;
        let _alone = atomic.then(|| file.inode.write.lock().expect("no panic under it"));
        let before = file.place().stat()?;
        let pre = self.show_file(file, &before);
        let count = if file.flags.contains(OFlags::DIRECT) && !aligned::is_aligned(data) {
            let (buffer, range) = aligned::copied(data);
            write_all(file, &[&buffer[range]], offset)?
        } else {
            write_all(file, data, offset)?
        };
        if flags & SYNC_FLAGS != 0 {
            rustix::fs::fsync(file.fd())?;
        }
        let post = self.after_change(caller, file)?;
        let is_append = file.appends() || before.stx_size == offset;
        Ok(Wrote { count, change: Change { pre, post }, is_append })
    }

    /// Cuts or extends a file to `size`.
    pub(crate) fn truncate(&self, caller: &Caller, file: &OpenFile, size: u64) -> Result<Change> {
        check_range(size, 0)?;
        let pre = self.show_file(file, &file.place().stat()?);
        rustix::fs::ftruncate(file.fd(), size)?;
        Ok(Change { pre, post: self.after_change(caller, file)? })
    }

    /// Makes room, holes or zeros in a range.
    pub(crate) fn make_room(
        &self,
        caller: &Caller,
        file: &OpenFile,
        room: Room,
        offset: u64,
        len: u64,
        atomic: bool,
    ) -> Result<Change> {
        check_range(offset, len)?;
        self.check_space_now(caller)?;
        let _alone = atomic.then(|| file.inode.write.lock().expect("no panic under it"));
        let pre = self.show_file(file, &file.place().stat()?);
        match room {
            Room::Allocate { keep_size } => {
                let mode = if keep_size { FallocateFlags::KEEP_SIZE } else { FallocateFlags::empty() };
                rustix::fs::fallocate(file.fd(), mode, offset, len)?;
            }
            Room::Discard => {
                let mode = FallocateFlags::PUNCH_HOLE | FallocateFlags::KEEP_SIZE;
                rustix::fs::fallocate(file.fd(), mode, offset, len)?;
            }
            Room::Zero => match rustix::fs::fallocate(file.fd(), FallocateFlags::ZERO_RANGE, offset, len) {
                Err(Errno::OPNOTSUPP) => write_zeros(file, offset, len)?,
                other => other?,
            },
        }
        Ok(Change { pre, post: self.after_change(caller, file)? })
    }

    pub(crate) fn sync(&self, file: &OpenFile, data_only: bool) -> Result<Change> {
        let pre = self.show_file(file, &file.place().stat()?);
        if data_only { rustix::fs::fdatasync(file.fd()) } else { rustix::fs::fsync(file.fd()) }?;
        Ok(Change { pre, post: self.show_file(file, &file.place().stat()?) })
    }

    /// Finds the next data (0) or hole (1) from `offset` on.
    pub(crate) fn seek(&self, file: &OpenFile, offset: u64, what: i32) -> Result<u64> {
        check_range(offset, 0)?;
        let to = match what {
            0 => SeekFrom::Data(offset),
            1 => SeekFrom::Hole(offset),
            _ => return Err(Errno::NOTSUP),
        };
        rustix::fs::seek(file.fd(), to)
    }

    /// Copies a range between two files, as far as one system call goes.
    #[allow(clippy::too_many_arguments, reason = "two files, two places, a length")]
    pub(crate) fn copy_range(
        &self,
        caller: &Caller,
        from: &OpenFile,
        offset_from: u64,
        to: &OpenFile,
        offset_to: u64,
        len: usize,
        atomic: bool,
    ) -> Result<(u64, Iatt, Change)> {
        let length = u64::try_from(len).unwrap_or(u64::MAX);
        check_range(offset_from, length)?;
        check_range(offset_to, length)?;
        self.check_space(caller)?;
        let _alone = atomic.then(|| to.inode.write.lock().expect("no panic under it"));
        let pre = self.show_file(to, &to.place().stat()?);
        let (mut in_at, mut out_at) = (offset_from, offset_to);
        let count =
            rustix::fs::copy_file_range(from.fd(), Some(&mut in_at), to.fd(), Some(&mut out_at), len)?;
        let post = self.after_change(caller, to)?;
        let source = self.show_file(from, &from.place().stat()?);
        Ok((u64::try_from(count).unwrap_or(u64::MAX), source, Change { pre, post }))
    }

    /// The sums over a block: the weak one of rsync, and SHA-256 or (padded) MD5.
    pub(crate) fn checksum(&self, file: &OpenFile, offset: u64, len: usize) -> Result<Sums> {
        check_range(offset, 0)?;
        let left = file.place().stat()?.stx_size.saturating_sub(offset);
        let mut block = vec![0; len.min(usize::try_from(left).unwrap_or(usize::MAX))];
        let got = if block.is_empty() { 0 } else { rustix::io::pread(file.fd(), &mut block[..], offset)? };
        block.truncate(got);
        let mut strong = [0; 32];
        if self.options().fips_checksum {
            strong.copy_from_slice(&Sha256::digest(&block));
        } else {
            strong[..16].copy_from_slice(&Md5::digest(&block));
        }
        Ok(Sums { weak: weak_sum(&block), strong, all_zero: block.iter().all(|b| *b == 0) })
    }

    /// What is shown for an open file.
    pub(crate) fn show_file(&self, file: &OpenFile, st: &Statx) -> Iatt {
        self.show(st, file.gfid, &file.inode, &file.place())
    }

    fn after_change(&self, caller: &Caller, file: &OpenFile) -> Result<Iatt> {
        let st = file.place().stat()?;
        self.touch(&file.inode, &file.place(), caller);
        Ok(self.show_file(file, &st))
    }
}

/// Where `len` bytes from `offset` end.
fn end_of(offset: u64, len: usize) -> u64 {
    offset.saturating_add(u64::try_from(len).unwrap_or(u64::MAX))
}

fn check_range(offset: u64, len: u64) -> Result<()> {
    match offset.checked_add(len) {
        Some(end) if end <= MAX_OFFSET => Ok(()),
        _ => Err(Errno::FBIG),
    }
}

/// Writes slice after slice until all is written; what a full disk took before it was full counts.
fn write_all(file: &OpenFile, data: &[&[u8]], offset: u64) -> Result<u64> {
    let mut slices: SmallVec<[IoSlice<'_>; 8]> =
        data.iter().filter(|s| !s.is_empty()).map(|s| IoSlice::new(s)).collect();
    let mut left = &mut slices[..];
    let mut written = 0_u64;
    while !left.is_empty() {
        let batch = left.len().min(SLICES);
        match rustix::io::pwritev(file.fd(), &left[..batch], offset + written) {
            Ok(0) => return Err(Errno::IO),
            Ok(n) => {
                written += u64::try_from(n).unwrap_or(u64::MAX);
                IoSlice::advance_slices(&mut left, n);
            }
            Err(Errno::INTR) => {}
            Err(_) if written > 0 => break,
            Err(e) => return Err(e),
        }
    }
    Ok(written)
}

fn write_zeros(file: &OpenFile, offset: u64, len: u64) -> Result<()> {
    let zeros = [0; ZEROS];
    let mut done = 0;
    while done < len {
        let step = usize::try_from(len - done).unwrap_or(ZEROS).min(ZEROS);
        let n = rustix::io::pwrite(file.fd().as_fd(), &zeros[..step], offset + done)?;
        done += u64::try_from(n).unwrap_or(u64::MAX);
    }
    Ok(())
}

/// Adler-32 with initial value 0, as the incumbent computes it.
fn weak_sum(block: &[u8]) -> u32 {
    const MODULUS: u32 = 65521;
    /// So many bytes fit before the sums have to be reduced.
    const RUN: usize = 5552;
    let (mut a, mut b) = (0_u32, 0_u32);
    for run in block.chunks(RUN) {
        for byte in run {
            a += u32::from(*byte);
            b += a;
        }
        a %= MODULUS;
        b %= MODULUS;
    }
    b << 16 | a
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_weak_sum_is_adler_from_zero() {
        assert_eq!(weak_sum(b""), 0);
        assert_eq!(weak_sum(b"a"), 0x0061_0061);
        // Adler-32 of "Wikipedia" from 1 is 0x11E60398; from 0, a is one less and b nine less.
        assert_eq!(weak_sum(b"Wikipedia"), 0x11dd_0397);
        assert_eq!(weak_sum(&[0; 4096]), 0);
    }
}

#[cfg(test)]
mod brick_tests {
    use plugin_api::Gfid;

    use super::*;
    use crate::testing::{TestBrick, brick, brick_with, user};

    const O_DIRECT: u32 = 0o40_000;

    fn open(brick: &TestBrick) -> OpenFile {
        brick.open_file(brick.mkfile(Gfid::ROOT, "f"), 2).unwrap()
    }

    #[test]
    fn what_is_written_is_read_back_and_the_times_are_the_clients() {
        let brick = brick();
        let file = open(&brick);
        let later = Caller { time: crate::mdata::Time { sec: 2_000_000, nsec: 0 }, time_flags: 3, ..user() };
        let wrote = brick.write(&later, &file, &[b"hello ", b"", b"world"], 0, 0, false).unwrap();
        assert_eq!(
            (wrote.count, wrote.is_append, wrote.change.pre.size, wrote.change.post.size),
            (11, true, 0, 11)
        );
        assert_eq!((wrote.change.post.mtime, wrote.change.post.atime), (2_000_000, 1_000_000));
        let read = brick.read(&user(), &file, 6, 100).unwrap();
        assert_eq!((&read.data[..], read.at_end), (&b"world"[..], true));
        let read = brick.read(&user(), &file, 0, 5).unwrap();
        assert_eq!((&read.data[..], read.at_end), (&b"hello"[..], false));
        assert!(!brick.write(&user(), &file, &[b"!"], 3, 0, true).unwrap().is_append);
    }

    #[test]
    fn a_huge_size_costs_no_memory() {
        let brick = brick();
        let file = open(&brick);
        brick.write(&user(), &file, &[b"x"], 0, 0, false).unwrap();
        assert_eq!(&brick.read(&user(), &file, 0, usize::MAX).unwrap().data[..], b"x");
        assert_eq!(brick.checksum(&file, 0, usize::MAX).unwrap().weak, weak_sum(b"x"));
        assert_eq!(brick.read(&user(), &file, 0, 0).unwrap_err(), Errno::INVAL);
        assert_eq!(brick.read(&user(), &file, u64::MAX, 1).unwrap_err(), Errno::INVAL);
        assert_eq!(brick.write(&user(), &file, &[b"x"], u64::MAX, 0, false).unwrap_err(), Errno::FBIG);
        assert_eq!(brick.truncate(&user(), &file, u64::MAX).unwrap_err(), Errno::FBIG);
    }

    #[test]
    fn what_is_not_in_the_page_cache_is_left_for_where_one_may_wait() {
        let brick = brick();
        let file = open(&brick);
        brick.write(&user(), &file, &[&[7; 10_000]], 0, 0, false).unwrap();
        assert!(!brick.begin_read(&file, 0, 10_000).unwrap().waits(), "it was just written");
        assert!(!brick.begin_read(&file, 9_000, 10_000).unwrap().waits(), "there is no more of it");
        let direct = brick.open_file(file.gfid, O_DIRECT).unwrap();
        assert!(brick.begin_read(&direct, 0, 4096).unwrap().waits(), "past the page cache");
        rustix::fs::fdatasync(file.fd()).unwrap();
        rustix::fs::fadvise(file.fd(), 0, None, rustix::fs::Advice::DontNeed).unwrap();
        // The disk may be quick enough that nothing is left to wait for; it comes whole in any case.
        let reading = brick.begin_read(&file, 5, 9_000).unwrap();
        assert_eq!(&brick.end_read(&user(), &file, reading).unwrap().data[..], [7; 9_000]);
    }

    #[test]
    fn what_goes_past_the_page_cache_needs_no_buffers_that_are_aligned() {
        let brick = brick();
        let file = open(&brick);
        let direct = brick.open_file(file.gfid, O_DIRECT | 2).unwrap();
        let source: Vec<u8> = (0_u32..(1 << 18) + 1).flat_map(u32::to_le_bytes).collect();
        for at in [0, 1, 3] {
            let whole = &source[at..at + (1 << 20)];
            let (one, two) = whole.split_at(5000);
            let wrote = brick.write(&user(), &direct, &[one, two], 0, 0, false).unwrap();
            assert_eq!(wrote.count, 1 << 20);
            for size in [4096, 1 << 16, 1 << 20] {
                let read = brick.read(&user(), &direct, 0, size).unwrap();
                assert!(read.data[..] == whole[..size], "{size} bytes differ");
            }
        }
        brick.truncate(&user(), &file, 10_000).unwrap();
        let read = brick.read(&user(), &direct, 4096, 2 << 20).unwrap();
        assert_eq!((read.data.len(), read.at_end), (10_000 - 4096, true));
    }

    #[test]
    fn a_read_of_which_half_was_in_the_page_cache_comes_whole() {
        let brick = brick();
        let file = open(&brick);
        brick.write(&user(), &file, &[b"0123456789"], 0, 0, false).unwrap();
        let mut data = IoBufMut::with_len(6);
        data[..4].copy_from_slice(b"2345");
        let half = Reading { data, place: 0..6, offset: 2, got: 4, st: None };
        let read = brick.end_read(&user(), &file, half).unwrap();
        assert_eq!((&read.data[..], read.at_end), (&b"234567"[..], false));
    }

    #[test]
    fn room_is_made_zeroed_and_given_back() {
        let brick = brick();
        let file = open(&brick);
        let call =
            |room, offset, len| brick.make_room(&user(), &file, room, offset, len, false).unwrap().post;
        assert_eq!(call(Room::Allocate { keep_size: true }, 0, 8192).size, 0);
        assert_eq!(call(Room::Allocate { keep_size: false }, 0, 8192).size, 8192);
        brick.write(&user(), &file, &[&[1; 8192]], 0, 0, false).unwrap();
        call(Room::Discard, 0, 4096);
        assert_eq!(brick.seek(&file, 0, 0), Ok(4096));
        assert_eq!(brick.seek(&file, 4096, 1), Ok(8192));
        assert_eq!(brick.seek(&file, 9000, 0), Err(Errno::NXIO));
        assert_eq!(brick.seek(&file, 0, 2), Err(Errno::NOTSUP));
        assert_eq!(call(Room::Zero, 4096, 8192).size, 12288);
        assert!(brick.checksum(&file, 0, 12288).unwrap().all_zero);
        write_zeros(&file, 12288, 100_000).unwrap();
        assert_eq!(file.place().stat().unwrap().stx_size, 112_288);
    }

    #[test]
    fn an_allocation_moves_the_ctime_that_the_client_forgets_to_name() {
        let brick = brick();
        let file = open(&brick);
        let later = Caller { time: crate::mdata::Time { sec: 2_000_000, nsec: 0 }, time_flags: 6, ..user() };
        let room = Room::Allocate { keep_size: false };
        let post = brick.make_room(&later, &file, room, 0, 123, false).unwrap().post;
        assert_eq!((post.size, post.mtime, post.ctime), (123, 2_000_000, 2_000_000));
    }

    #[test]
    fn ranges_are_copied_between_files() {
        let brick = brick();
        let from = open(&brick);
        let to = brick.open_file(brick.mkfile(Gfid::ROOT, "g"), 2).unwrap();
        brick.write(&user(), &from, &[b"0123456789"], 0, 0, false).unwrap();
        let (count, source, change) = brick.copy_range(&user(), &from, 2, &to, 5, 4, false).unwrap();
        assert_eq!((count, source.size, change.pre.size, change.post.size), (4, 10, 0, 9));
        assert_eq!(&brick.read(&user(), &to, 0, 100).unwrap().data[..], b"\0\0\0\0\x002345");
    }

    #[test]
    fn the_strong_sum_is_what_the_option_says() {
        let brick = brick_with(|options| options.fips_checksum = true);
        let file = open(&brick);
        let sha = brick.checksum(&file, 0, 10).unwrap().strong;
        assert_eq!(sha[..4], [0xe3, 0xb0, 0xc4, 0x42]);
        brick.reconfigure(crate::testing::options(&brick.path(".")));
        let md5 = brick.checksum(&file, 0, 10).unwrap().strong;
        assert_eq!((md5[..4].to_vec(), md5[16..].to_vec()), (vec![0xd4, 0x1d, 0x8c, 0xd9], vec![0; 16]));
    }

    #[test]
    fn users_stop_at_the_reserve_and_the_cluster_does_not() {
        let brick = brick_with(|options| options.reserve = 99.999);
        let entry = brick.at(Gfid::ROOT, "f");
        let new = |gfid| crate::make::New {
            gfid,
            kind: crate::make::Kind::File(rustix::fs::OFlags::RDWR),
            mode: 0o644,
            xattrs: Vec::new(),
            times: None,
        };
        assert_eq!(brick.make(&user(), &entry, &new(brick.fresh_gfid())).unwrap_err(), Errno::NOSPC);
        let heal = Caller { pid: -6, ..user() };
        brick.make(&heal, &entry, &new(brick.fresh_gfid())).unwrap();
        assert_eq!(brick.statfs().unwrap().f_bavail, 0);
    }
}
