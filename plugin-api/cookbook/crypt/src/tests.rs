//! What the translator promises: whole data under random work, sealed on disk, and no change of it unnoticed.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use plugin_testkit::{Bench, Fake, Fault, Testkit};
use tempfile::TempDir;

use super::*;

/// A graph of one over a disk in memory, with one open file.
struct Disk {
    bench: Bench,
    fd: Fd,
    _folder: TempDir,
}

fn key(folder: &TempDir) -> String {
    use std::os::unix::fs::OpenOptionsExt;
    let path = folder.path().join("key");
    let file = std::fs::File::options().write(true).create(true).truncate(true).mode(0o600).open(&path);
    std::io::Write::write_all(&mut file.unwrap(), &[3; 32]).unwrap();
    path.to_str().unwrap().to_owned()
}

fn root() -> Inode {
    Inode::new(Gfid::ROOT, FileType::Directory)
}

fn at(name: &'static str) -> Loc {
    Loc::entry(root(), name.into())
}

impl Disk {
    fn new(sparse: &str) -> Self {
        Self::over(Fake::memory(), sparse)
    }

    fn over(fake: Fake, sparse: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let kit = Testkit::<Crypt>::new().option("key-file", &key(&folder)).option("sparse", sparse);
        let bench = kit.child(fake).start();
        let fd = make(&bench, "f", libc::O_RDWR);
        Self { bench, fd, _folder: folder }
    }

    fn write(&self, offset: u64, bytes: &[u8]) -> FopResult<Written> {
        write_as(&self.bench, &self.fd, offset, bytes)
    }

    fn read(&self, offset: u64, size: usize) -> FopResult<Vec<u8>> {
        let asked = Readv { fd: self.fd.clone(), size, offset, flags: 0, xdata: Dict::new() };
        self.bench.call::<kind::readv>(asked).map(|read| read.data.to_iobuf().to_vec())
    }

    fn cut(&self, to: u64) -> PrePost {
        let asked = Ftruncate { fd: self.fd.clone(), offset: to, xdata: Dict::new() };
        self.bench.call::<kind::ftruncate>(asked).unwrap()
    }

    /// What lies on the disk itself.
    fn raw(&self, fd: &Fd) -> Vec<u8> {
        let asked = Readv { fd: fd.clone(), size: 1 << 20, offset: 0, flags: 0, xdata: Dict::new() };
        let frame = self.bench.handle().frame(Identity::default());
        plugin_testkit::block_on(frame.child().readv(asked)).unwrap().data.to_iobuf().to_vec()
    }

    /// Changes the disk behind the translator's back.
    fn put_raw(&self, offset: u64, bytes: &[u8]) {
        let data = IoBuf::copy_from_slice(bytes).into();
        let asked = Writev { fd: self.fd.clone(), data, offset, flags: 0, xdata: Dict::new() };
        let frame = self.bench.handle().frame(Identity::default());
        plugin_testkit::block_on(frame.child().writev(asked)).unwrap();
    }
}

fn make(bench: &Bench, name: &'static str, flags: i32) -> Fd {
    let fd = Fd::new(Inode::new(Gfid::NULL, FileType::Regular), flags, 1);
    let asked = Create { loc: at(name), flags, mode: 0o644, umask: 0, fd, xdata: Dict::new() };
    bench.call::<kind::create>(asked).unwrap().fd
}

fn write_as(bench: &Bench, fd: &Fd, offset: u64, bytes: &[u8]) -> FopResult<Written> {
    let data = IoBuf::copy_from_slice(bytes).into();
    bench.call::<kind::writev>(Writev { fd: fd.clone(), data, offset, flags: 0, xdata: Dict::new() })
}

fn errno<T>(reply: FopResult<T>) -> Option<Errno> {
    reply.err().map(|error| error.errno)
}

/// Numbers that look random, the same for the same seed.
struct Dice(u64);

impl Dice {
    fn throw(&mut self, below: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % below
    }

    fn bytes(&mut self, len: u64) -> Vec<u8> {
        (0..len).map(|_| self.throw(256).to_le_bytes()[0]).collect()
    }
}

fn size(bytes: u64) -> usize {
    usize::try_from(bytes).unwrap()
}

/// A file as it ought to be.
fn model_write(model: &mut Vec<u8>, offset: u64, bytes: &[u8]) {
    let (at, end) = (size(offset), size(offset) + bytes.len());
    model.resize(model.len().max(end), 0);
    model[at..end].copy_from_slice(bytes);
}

/// Random writes, appends, cuts and reads against a plain `Vec`, with every size that an answer shows.
fn random_work(seed: u64, sparse: &str) {
    const LONGEST: u64 = 5 * BLOCK as u64;
    let disk = Fake::memory().with_short_reads(seed);
    let (disk, mut dice, mut model) = (Disk::over(disk, sparse), Dice(seed), Vec::new());
    let open_as = |flags| Fd::new(disk.fd.inode().clone(), flags, 1);
    let (append, write_only) = (open_as(libc::O_WRONLY | libc::O_APPEND), open_as(libc::O_WRONLY));
    for step in 0..150 {
        let told = format!("seed {seed}, sparse {sparse}, step {step}");
        let before = model.len() as u64;
        // Ends of blocks are where mistakes live.
        let near_edge = |dice: &mut Dice| (dice.throw(5) * BLOCK as u64 + dice.throw(5)).saturating_sub(2);
        let place = if dice.throw(2) == 0 { near_edge(&mut dice) } else { dice.throw(LONGEST) };
        match dice.throw(10) {
            0..4 => {
                let most = if dice.throw(2) == 0 { 50 } else { 3 * BLOCK as u64 };
                let len = dice.throw(most) + 1;
                let bytes = dice.bytes(len);
                let written = write_as(&disk.bench, &write_only, place, &bytes).expect(&told);
                model_write(&mut model, place, &bytes);
                let shown = (written.count, written.pre.size, written.post.size);
                assert_eq!(shown, (bytes.len() as u64, before, model.len() as u64), "{told}");
            }
            4 => {
                let bytes = dice.bytes(100);
                // The offset of who appends does not count.
                write_as(&disk.bench, &append, 0, &bytes).expect(&told);
                model.extend_from_slice(&bytes);
            }
            5 => {
                let cut = disk.cut(place);
                model.resize(size(place), 0);
                assert_eq!((cut.pre.size, cut.post.size), (before, place), "{told}");
            }
            6 => {
                let loc = Loc::of(disk.fd.inode().clone());
                disk.bench
                    .call::<kind::truncate>(Truncate { loc, offset: place, xdata: Dict::new() })
                    .expect(&told);
                model.resize(size(place), 0);
            }
            _ => {
                let wanted = size(dice.throw(3 * BLOCK as u64)) + 1;
                let fd = disk.fd.clone();
                let asked = Readv { fd, size: wanted, offset: place, flags: 0, xdata: Dict::new() };
                let read = disk.bench.call::<kind::readv>(asked).expect(&told);
                let from = size(place).min(model.len());
                let to = (from + wanted).min(model.len());
                assert_eq!(read.data.to_iobuf()[..], model[from..to], "{told}");
                assert_eq!(
                    (read.at_end, read.iatt.size),
                    (size(place) + wanted >= model.len(), before),
                    "{told}"
                );
            }
        }
        let stat = Fstat { fd: disk.fd.clone(), xdata: Dict::new() };
        assert_eq!(disk.bench.call::<kind::fstat>(stat).unwrap().iatt.size, model.len() as u64, "{told}");
    }
    assert_eq!(disk.read(0, 1 << 20).unwrap(), model, "seed {seed}");
}

#[test]
fn random_work_leaves_what_a_plain_file_would_hold() {
    (1..25).for_each(|seed| random_work(seed, "on"));
    (25..50).for_each(|seed| random_work(seed, "off"));
}

#[test]
fn writers_of_one_block_do_not_undo_each_other() {
    let disk = Disk::new("on");
    disk.write(0, &[0; BLOCK]).unwrap();
    let rounds = AtomicU64::new(0);
    std::thread::scope(|scope| {
        for writer in 0..4_u64 {
            let (disk, rounds) = (&disk, &rounds);
            scope.spawn(move || {
                for at in 0..200 {
                    disk.write(at * 4 + writer, &[writer.to_le_bytes()[0] + 1]).unwrap();
                    rounds.fetch_add(1, Relaxed);
                }
            });
        }
    });
    assert_eq!(rounds.load(Relaxed), 800);
    assert!(disk.read(0, 800).unwrap() == [1, 2, 3, 4].repeat(200), "a writer's bytes are gone");
}

#[test]
fn nothing_plain_reaches_the_disk_and_sizes_are_those_of_the_plain_file() {
    let disk = Disk::new("on");
    let secret = b"attack at dawn ".repeat(600);
    disk.write(0, &secret).unwrap();
    let raw = disk.raw(&disk.fd);
    assert_eq!(raw.len() as u64, on_disk(secret.len() as u64));
    assert!(!raw.windows(14).any(|some| some == b"attack at dawn"));

    let looked = disk.bench.call::<kind::lookup>(Lookup { loc: at("f"), xdata: Dict::new() }).unwrap();
    let folder = Fd::new(root(), 0, 1);
    let listed = Readdirp { fd: folder, size: 4096, offset: 0, xdata: Dict::new() };
    let listed = disk.bench.call::<kind::readdirp>(listed).unwrap();
    let listed = listed.entries.iter().find(|entry| &entry.name[..] == b"f").unwrap();
    let moved = Rename { old: at("f"), new: at("g"), xdata: Dict::new() };
    let moved = disk.bench.call::<kind::rename>(moved).unwrap();
    let shown = [looked.iatt.size, listed.iatt.size, moved.iatt.size];
    assert_eq!(shown, [secret.len() as u64; 3]);
    assert_eq!(disk.read(0, 1 << 20).unwrap(), secret, "a moved file opens as before");
}

#[test]
fn what_was_changed_moved_or_cut_on_disk_is_an_error_and_the_rest_is_not() {
    let disk = Disk::new("on");
    disk.write(0, &[7; 3 * BLOCK]).unwrap();
    let whole = disk.raw(&disk.fd);
    let read = |block: usize| errno(disk.read((block * BLOCK) as u64, BLOCK));

    disk.put_raw(SLOT as u64 + 100, &[whole[SLOT + 100] ^ 1]);
    assert_eq!([read(0), read(1), read(2)], [None, Some(Errno::EIO), None], "a bit was turned");
    assert_eq!(
        errno(disk.write(BLOCK as u64 + 5, b"x")),
        Some(Errno::EIO),
        "nobody seals what is not known to be right"
    );
    disk.put_raw(SLOT as u64, &whole[..SLOT]);
    assert_eq!(read(1), Some(Errno::EIO), "a block was put in another's place");
    disk.put_raw(0, &whole);
    assert_eq!([read(0), read(1), read(2)], [None; 3]);

    let other = make(&disk.bench, "other", libc::O_RDWR);
    write_as(&disk.bench, &other, 0, &[7; BLOCK]).unwrap();
    disk.put_raw(0, &disk.raw(&other));
    assert_eq!(read(0), Some(Errno::EIO), "a block of another file");
    disk.put_raw(0, &whole);
    let cut = Ftruncate { fd: disk.fd.clone(), offset: 3 * SLOT as u64 - 1, xdata: Dict::new() };
    let frame = disk.bench.handle().frame(Identity::default());
    plugin_testkit::block_on(frame.child().ftruncate(cut)).unwrap();
    assert_eq!([read(1), read(2)], [None, Some(Errno::EIO)], "the end was cut");
}

#[test]
fn zeros_in_place_of_a_block_are_a_hole_or_an_error_as_the_option_says() {
    for (sparse, found) in [("on", Ok(vec![0; BLOCK])), ("off", Err(Errno::EIO))] {
        let disk = Disk::new(sparse);
        disk.write(0, &[7; BLOCK]).unwrap();
        disk.put_raw(0, &[0; SLOT]);
        assert_eq!(disk.read(0, BLOCK).map_err(|error| error.errno), found);
    }
}

#[test]
fn a_read_past_the_end_is_short_and_a_hole_is_zeros() {
    let disk = Disk::new("on");
    disk.write(10_000, b"end").unwrap();
    assert_eq!(disk.read(10_001, 4096).unwrap(), b"nd");
    assert_eq!(disk.read(10_003, 1).unwrap(), b"");
    assert_eq!(disk.read(1 << 40, 1).unwrap(), b"");
    assert_eq!(disk.read(5_000, 100).unwrap(), [0; 100]);
    assert_eq!(disk.read(0, 20_000).unwrap().len(), 10_003);
}

#[test]
fn what_a_full_disk_leaves_half_written_is_cut_off() {
    let full = Fake::memory();
    let disk = Disk::over(full.clone(), "on");
    disk.write(0, b"before").unwrap();
    let whole = disk.raw(&disk.fd);
    // fstat, the load of the block, then the write itself.
    full.fail_call(2, Errno::ENOSPC);
    assert_eq!(errno(disk.write(6, &[1; 2 * BLOCK])), Some(Errno::ENOSPC));
    assert_eq!(disk.raw(&disk.fd), whole);
    assert_eq!(disk.read(0, 100).unwrap(), b"before");
}

/// Runs `work` over a file of two and a half blocks whose calls to the disk fail one after the other: what failed has
/// changed nothing.
fn refused_work(work: impl Fn(&Disk) -> FopResult<()>) {
    let whole = vec![7; 2 * BLOCK + BLOCK / 2];
    for call in 0.. {
        let child = Fake::memory();
        let disk = Disk::over(child.clone(), "on");
        disk.write(0, &whole).unwrap();
        child.fail_call(call, Errno::EROFS);
        let failed = errno(work(&disk));
        if child.is_failing() {
            return;
        }
        assert_eq!(failed, Some(Errno::EROFS), "call {call}");
        assert!(disk.read(0, 1 << 20).is_ok_and(|there| there == whole), "call {call}");
    }
}

#[test]
fn what_is_refused_below_changes_nothing() {
    refused_work(|disk| disk.write(100, &[1; BLOCK]).map(drop));
    refused_work(|disk| disk.write(5 * BLOCK as u64, b"far").map(drop));
    let cut = |disk: &Disk, offset| {
        let asked = Ftruncate { fd: disk.fd.clone(), offset, xdata: Dict::new() };
        disk.bench.call::<kind::ftruncate>(asked).map(drop)
    };
    refused_work(|disk| cut(disk, BLOCK as u64));
    refused_work(|disk| cut(disk, BLOCK as u64 + 100));
    refused_work(|disk| cut(disk, 2 * BLOCK as u64 + 100));
    refused_work(|disk| cut(disk, 4 * BLOCK as u64 + 1));
}

/// Cuts a file of `size` bytes to `to`, and dies before or after each of the calls to the disk: what was to be kept is there,
/// the rest is as before, zeros or gone, and the file can be worked with.
fn dies_in_a_cut(size: usize, to: usize) {
    let whole = Dice(size as u64).bytes(size as u64);
    for (call, done) in (0..).flat_map(|call| [(call, false), (call, true)]) {
        let child = Fake::memory();
        let disk = Disk::over(child.clone(), "off");
        disk.write(0, &whole).unwrap();
        child.always(Some(Fault::Fail(Errno::EIO)));
        for before in 0..call {
            child.fault(before, Fault::Elsewhere);
        }
        child.fault(call, if done { Fault::Lose(Errno::EIO) } else { Fault::Fail(Errno::EIO) });
        let asked = Ftruncate { fd: disk.fd.clone(), offset: to as u64, xdata: Dict::new() };
        let failed = disk.bench.call::<kind::ftruncate>(asked).is_err();
        child.clear_faults();
        let told = format!("{size} to {to}, call {call}, done {done}");
        let found = disk.read(0, 1 << 20).unwrap_or_else(|error| panic!("{told}: {error:?}"));
        assert!([size, to].contains(&found.len()), "{told}: {} bytes", found.len());
        assert!(found[..to] == whole[..to], "{told}: what was to be kept is lost");
        let is_as_it_may_be = |at: usize| found[at] == whole[at] || found[at] == 0;
        assert!((to..found.len()).all(is_as_it_may_be), "{told}: bytes out of nowhere");
        if !failed {
            assert_eq!(found.len(), to, "{told}");
            return;
        }
        disk.write(to as u64 - 1, b"on").unwrap();
        assert!(disk.read(0, to - 1).unwrap() == whole[..to - 1], "{told}: after a write");
    }
}

#[test]
fn who_dies_in_a_cut_loses_nothing_that_was_to_be_kept() {
    for size in [2 * BLOCK + BLOCK / 2, BLOCK] {
        for kept in [1, 100, size / 2, size - 17, size - 1] {
            dies_in_a_cut(size, kept);
        }
    }
    dies_in_a_cut(3 * BLOCK, 2 * BLOCK);
}

#[test]
fn what_would_reach_past_the_seal_is_refused() {
    let disk = Disk::new("on");
    let (fd, xdata) = (disk.fd.clone(), Dict::new());
    let refused = Some(Errno::EOPNOTSUPP);
    let bench = &disk.bench;
    let discard = Discard { fd: fd.clone(), offset: 0, len: 1, xdata: xdata.clone() };
    assert_eq!(errno(bench.call::<kind::discard>(discard)), refused);
    let sum = Rchecksum { fd: fd.clone(), offset: 0, len: 1, xdata: xdata.clone() };
    assert_eq!(errno(bench.call::<kind::rchecksum>(sum)), refused);
    let iatt = Iatt { size: 7, ..Iatt::default() };
    let resize = Fsetattr { fd, iatt, valid: set_attr::SIZE, xdata };
    assert_eq!(errno(bench.call::<kind::fsetattr>(resize)), refused);
    assert_eq!(errno(disk.write(LONGEST, b"x")), Some(Errno::EFBIG));
    let to = |offset| Truncate { loc: Loc::of(disk.fd.inode().clone()), offset, xdata: Dict::new() };
    for offset in [LONGEST + 1, u64::MAX] {
        assert_eq!(errno(bench.call::<kind::truncate>(to(offset))), Some(Errno::EFBIG));
    }
}

#[test]
fn small_files_do_not_come_sealed_with_their_lookup() {
    let disk = Disk::over(Fake::memory(), "on");
    disk.bench.on::<kind::lookup>(|args| Ok(Looked { xdata: args.xdata, ..Looked::default() }));
    let xdata = Dict::new().with("glusterfs.content", 65536_u64).with("get-size", 1).with("user.note", 0);
    let looked = disk.bench.call::<kind::lookup>(Lookup { loc: at("f"), xdata }).unwrap();
    assert_eq!(looked.xdata.iter().map(|(key, _)| key.as_str()).collect::<Vec<_>>(), ["user.note"]);
}

#[test]
fn data_is_all_there_is_to_seek() {
    let disk = Disk::new("on");
    disk.write(8192, b"x").unwrap();
    let seek = |offset, what| {
        let asked = Seek { fd: disk.fd.clone(), offset, what, xdata: Dict::new() };
        disk.bench.call::<kind::seek>(asked).map(|sought| sought.offset).map_err(|error| error.errno)
    };
    assert_eq!([seek(5, 0), seek(5, 1), seek(8193, 0)], [Ok(5), Ok(8193), Err(Errno::ENXIO)]);
}

#[test]
fn without_a_good_key_nothing_starts() {
    let refused = Testkit::<Crypt>::new().option("key-file", "/nowhere").child(Fake::memory()).try_start();
    assert!(refused.unwrap_err().to_string().contains("head -c 32 /dev/urandom"));
}
