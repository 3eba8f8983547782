//! Reads directories: the file system's own order and positions.

use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::{Arc, Mutex};

use gluster_brick::{DIR_FLAGS, HIDDEN, Name};
use plugin_api::fop::DirEntry;
use plugin_api::{Dict, Gfid, Iatt, IoBuf};
use rustix::fs::{Mode, RawDir, SeekFrom};
use rustix::io::{Errno, Result};

use crate::ask::Ask;
use crate::brick::Brick;
use crate::find::Found;
use crate::place::Place;
use crate::stat::{S_IFDIR, iatt, kind};

/// How much one system call reads.
const BATCH: usize = 32 * 1024;
/// Bytes of an entry on the wire besides its name; with attributes; per xattr besides its bytes.
const ENTRY: usize = 32;
const ENTRY_PLUS: usize = ENTRY + 148 + 12;
const PAIR: usize = 16;
/// `DT_UNKNOWN` and `DT_DIR`.
const UNKNOWN: u32 = 0;
const DIRECTORY: u32 = 4;
/// Positions above this are hashes, of which clients may clear the lowest bits.
const HASHED: u64 = 1 << 48;
/// So far below a hashed position may be what a client makes of it.
const CLEARED: u64 = 255;

/// A directory that is open for reading.
#[derive(Debug)]
pub(crate) struct OpenDir {
    pub(crate) gfid: Gfid,
    fd: OwnedFd,
    reader: Mutex<Reader>,
}

/// What was read ahead.
#[derive(Debug, Default)]
struct Reader {
    batch: Vec<Raw>,
    next: usize,
    /// The position of `batch[next]`.
    at: u64,
    end: bool,
}

#[derive(Debug)]
struct Raw {
    ino: u64,
    offset: u64,
    kind: u32,
    name: Vec<u8>,
}

/// Entries of a directory.
#[derive(Debug)]
pub(crate) struct Entries {
    pub(crate) entries: Vec<DirEntry>,
    pub(crate) at_end: bool,
}

/// What is read of each entry besides its name.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Plus<'a, 'd> {
    pub(crate) ask: &'a Ask<'d>,
    pub(crate) pid: i32,
}

impl OpenDir {
    pub(crate) fn fd(&self) -> BorrowedFd<'_> {
        self.fd.as_fd()
    }

    pub(crate) fn place(&self) -> Place<'_> {
        Place::Fd(self.fd.as_fd())
    }
}

impl Brick {
    /// Opens the directory `gfid` for reading, with a position of its own.
    pub(crate) fn open_dir(&self, gfid: Gfid) -> Result<OpenDir> {
        let dir = self.locate(gfid)?;
        let Place::Dir(dir) = &dir.place else { return Err(Errno::NOTDIR) };
        let fd = rustix::fs::openat(dir, ".", DIR_FLAGS, Mode::empty())?;
        Ok(OpenDir { gfid, fd, reader: Mutex::default() })
    }

    /// Reads entries from `offset` on, about `size` bytes of them as they travel, at least one.
    pub(crate) fn read_dir(
        &self,
        dir: &OpenDir,
        offset: u64,
        size: usize,
        plus: Option<Plus<'_, '_>>,
        no_directories: bool,
    ) -> Result<Entries> {
        let mut reader = dir.reader.lock().expect("no panic under it");
        reader.go_to(dir.fd(), offset)?;
        let mut entries = Vec::new();
        let mut left = size;
        loop {
            if !reader.fill(dir.fd())? {
                return Ok(Entries { entries, at_end: true });
            }
            let raw = &reader.batch[reader.next];
            if let Some(entry) = self.entry_of(dir, raw, plus, no_directories) {
                let cost = cost(&entry, plus.is_some());
                if cost > left && !entries.is_empty() {
                    return Ok(Entries { entries, at_end: false });
                }
                left = left.saturating_sub(cost);
                entries.push(entry);
            }
            reader.at = raw.offset;
            reader.next += 1;
            if left == 0 {
                let at_end = !reader.fill(dir.fd())?;
                return Ok(Entries { entries, at_end });
            }
        }
    }

    fn entry_of(
        &self,
        dir: &OpenDir,
        raw: &Raw,
        plus: Option<Plus<'_, '_>>,
        no_directories: bool,
    ) -> Option<DirEntry> {
        if dir.gfid.is_root() && raw.name == HIDDEN {
            return None;
        }
        let mut entry = DirEntry {
            ino: raw.ino,
            offset: raw.offset,
            kind: raw.kind,
            name: IoBuf::copy_from_slice(&raw.name),
            iatt: Iatt::default(),
            xattrs: Dict::new(),
        };
        if plus.is_some() || raw.kind == UNKNOWN {
            self.describe(dir, &raw.name, plus, &mut entry);
        }
        if no_directories && entry.kind == DIRECTORY {
            return None;
        }
        if dir.gfid.is_root() && raw.name == b".." {
            entry.ino = u64::MAX;
        }
        Some(entry)
    }

    /// Adds attributes and xattrs; what cannot be read stays zero, and the client looks for itself.
    fn describe(&self, dir: &OpenDir, name: &[u8], plus: Option<Plus<'_, '_>>, entry: &mut DirEntry) {
        let place = match name {
            b"." => dir.place(),
            b".." if dir.gfid.is_root() => return above_the_root(dir, plus.is_some(), entry),
            b".." => match self.parent_of(dir.gfid) {
                Some(place) => place,
                None => return,
            },
            name => match Name::new(name) {
                Ok(name) => Place::Entry(dir.fd(), name),
                Err(_) => return,
            },
        };
        let Ok(st) = place.stat() else { return };
        entry.kind = u32::from(st.stx_mode) >> 12;
        let Some(plus) = plus else { return };
        let Ok(Some(gfid)) = self.gfids.of(&place, &st) else { return };
        let inode = self.inodes.get(gfid);
        let place = self.shorter(place, gfid, &st);
        let found = Found { gfid, st, place, inode };
        entry.iatt = self.show_found(&found);
        entry.ino = entry.iatt.ino;
        if !matches!(name, b"." | b"..") {
            entry.xattrs = self.answer(plus.ask, &found, plus.pid);
        }
        debug_assert!(kind(&found.st) != S_IFDIR || entry.kind == DIRECTORY);
    }

    fn parent_of(&self, gfid: Gfid) -> Option<Place<'_>> {
        match self.read_dir_handle(gfid).ok()? {
            crate::handle::DirTarget::In(parent, _) => Some(Place::Dir(self.dir(parent).ok()?)),
            crate::handle::DirTarget::Root => Some(Place::Dir(Arc::clone(&self.root))),
        }
    }
}

/// What is above the root is none of ours: it is shown as a directory like the root, with neither id nor number.
/// Clients that put listings together take such entries from one brick only, so they have to see that it is one.
fn above_the_root(dir: &OpenDir, plus: bool, entry: &mut DirEntry) {
    entry.kind = DIRECTORY;
    if let Some(st) = dir.place().stat().ok().filter(|_| plus) {
        entry.iatt = Iatt { ino: u64::MAX, ..iatt(&st, Gfid::NULL) };
    }
}

impl Reader {
    /// Moves to `offset`, unless the next entry read ahead is the one there.
    fn go_to(&mut self, dir: BorrowedFd<'_>, offset: u64) -> Result<()> {
        let fresh = self.batch.is_empty() && !self.end;
        let here = offset == self.at || (offset > HASHED && offset < self.at && self.at - offset <= CLEARED);
        if here && (offset == 0) == fresh {
            if self.next == self.batch.len() {
                // At the end: what was added since is worth a look.
                self.end = false;
            }
            return Ok(());
        }
        if offset > i64::MAX.cast_unsigned() {
            return Err(Errno::INVAL);
        }
        rustix::fs::seek(dir, SeekFrom::Start(offset))?;
        *self = Self { at: offset, ..Self::default() };
        Ok(())
    }

    /// Makes sure that `batch[next]` is there; `false` at the end of the directory.
    fn fill(&mut self, dir: BorrowedFd<'_>) -> Result<bool> {
        if self.next < self.batch.len() {
            return Ok(true);
        }
        if self.end {
            return Ok(false);
        }
        self.batch.clear();
        self.next = 0;
        let mut buffer = Vec::with_capacity(BATCH);
        let mut entries = RawDir::new(dir, buffer.spare_capacity_mut());
        while let Some(entry) = entries.next() {
            let entry = entry?;
            self.batch.push(Raw {
                ino: entry.ino(),
                offset: entry.next_entry_cookie(),
                kind: entry.file_type().as_raw_mode() >> 12,
                name: entry.file_name().to_bytes().to_vec(),
            });
            if entries.is_buffer_empty() {
                return Ok(true);
            }
        }
        self.end = true;
        Ok(!self.batch.is_empty())
    }
}

fn cost(entry: &DirEntry, plus: bool) -> usize {
    let fixed = if plus { ENTRY_PLUS } else { ENTRY };
    let xattrs: usize = entry
        .xattrs
        .iter()
        .map(|(key, value)| PAIR + key.as_bytes().len() + value.as_bytes().map_or(8, <[u8]>::len))
        .sum();
    fixed + entry.name.len().next_multiple_of(4) + xattrs
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::testing::{TestBrick, brick};

    fn names(brick: &TestBrick, dir: &OpenDir, size: usize, bent: impl Fn(u64) -> u64) -> Vec<String> {
        let (mut names, mut offset) = (Vec::new(), 0);
        loop {
            let read = brick.read_dir(dir, offset, size, None, false).unwrap();
            names.extend(read.entries.iter().map(|e| String::from_utf8_lossy(&e.name).into_owned()));
            match read.entries.last() {
                Some(last) => offset = bent(last.offset),
                None => assert!(read.at_end, "an empty answer is the end"),
            }
            if read.at_end {
                return names;
            }
        }
    }

    #[test]
    fn every_entry_comes_once_however_small_the_steps() {
        let brick = brick();
        let dir = brick.mkdir(Gfid::ROOT, "d");
        let made: BTreeSet<String> = (0..500).map(|n| format!("file {n}")).collect();
        for name in &made {
            brick.mkfile(dir, name);
        }
        let expected: BTreeSet<_> = made.into_iter().chain([".".into(), "..".into()]).collect();
        for size in [1, 300, 4096, 1 << 20] {
            let open = brick.open_dir(dir).unwrap();
            let got = names(&brick, &open, size, |offset| offset);
            assert_eq!(got.len(), expected.len(), "step {size}");
            assert_eq!(got.into_iter().collect::<BTreeSet<_>>(), expected);
        }
    }

    #[test]
    fn offsets_survive_a_client_that_clears_their_low_bits_and_a_new_descriptor() {
        let brick = brick();
        let dir = brick.mkdir(Gfid::ROOT, "d");
        for n in 0..300 {
            brick.mkfile(dir, &format!("f{n}"));
        }
        let bent = |offset: u64| if offset > HASHED { offset & !0xf } else { offset };
        let open = brick.open_dir(dir).unwrap();
        assert_eq!(names(&brick, &open, 1000, bent).len(), 302);
        let (mut seen, mut offset) = (BTreeSet::new(), 0);
        loop {
            let fresh = brick.open_dir(dir).unwrap();
            let read = brick.read_dir(&fresh, offset, 1000, None, false).unwrap();
            seen.extend(read.entries.iter().map(|e| e.name.to_vec()));
            offset = read.entries.last().map_or(offset, |e| bent(e.offset));
            if read.at_end {
                break;
            }
        }
        assert_eq!(seen.len(), 302);
    }

    #[test]
    fn the_root_hides_its_housekeeping_and_what_is_above_it() {
        let brick = brick();
        brick.mkfile(Gfid::ROOT, "f");
        let ask = Ask::default();
        let open = brick.open_dir(Gfid::ROOT).unwrap();
        let read = brick.read_dir(&open, 0, 1 << 20, Some(Plus { ask: &ask, pid: 0 }), false).unwrap();
        let by_name = |name: &[u8]| read.entries.iter().find(|e| &e.name[..] == name);
        assert!(by_name(b".glusterfs").is_none());
        let above = by_name(b"..").unwrap();
        assert_eq!((above.ino, above.kind, above.iatt.mode), (u64::MAX, 4, by_name(b".").unwrap().iatt.mode));
        assert_eq!((above.iatt.ino, above.iatt.gfid, above.iatt.flags), (u64::MAX, Gfid::NULL, 0x16ff));
        assert_eq!(by_name(b".").unwrap().iatt.gfid, Gfid::ROOT);
        let file = by_name(b"f").unwrap();
        assert_eq!((file.ino, file.iatt.nlink, file.kind), (file.iatt.gfid.ino(), 1, 8));
    }

    #[test]
    fn entries_carry_the_xattrs_that_were_asked_for_and_no_directories_when_told() {
        let brick = brick();
        brick.mkdir(Gfid::ROOT, "d");
        brick.mkfile(Gfid::ROOT, "f");
        crate::testing::set_behind(&brick.path("f"), "user.note", b"v");
        let asked = Dict::new().with("user.*", 0).with("user.note", 0).with("gfid-req", 0);
        let ask = Ask::of(&asked);
        let open = brick.open_dir(Gfid::ROOT).unwrap();
        let read = brick.read_dir(&open, 0, 1 << 20, Some(Plus { ask: &ask, pid: 0 }), true).unwrap();
        assert_eq!(read.entries.len(), 1);
        assert_eq!(read.entries[0].xattrs.get("user.note").unwrap().as_bytes(), Some(&b"v"[..]));
    }

    #[test]
    fn entries_made_after_the_end_are_seen_from_there() {
        let brick = brick();
        let dir = brick.mkdir(Gfid::ROOT, "d");
        let open = brick.open_dir(dir).unwrap();
        assert_eq!(names(&brick, &open, 4096, |o| o).len(), 2);
        brick.mkfile(dir, "f");
        assert_eq!(names(&brick, &open, 4096, |o| o).len(), 3);
    }
}
