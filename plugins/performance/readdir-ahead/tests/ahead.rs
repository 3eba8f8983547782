//! What is read of a directory before it is asked for, and what becomes of it.
#![allow(clippy::unwrap_used, reason = "helpers of tests")]

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use performance_readdir_ahead::ReaddirAhead;
use plugin_api::prelude::*;
use plugin_api::upcall;
use plugin_testkit::{Bench, Fake, Fault, Testkit, block_on, poll};

const DIR: Gfid = Gfid([9; 16]);
/// Bytes that each name takes in an answer.
const ENTRY: usize = 196;

fn gfid(n: usize) -> Gfid {
    Gfid((n as u128 + 1000).to_be_bytes())
}

/// A directory of so many names, in answers as large as they are asked for.
fn bench(count: usize, options: &[(&str, &str)]) -> (Bench, Arc<AtomicUsize>) {
    let bench = Testkit::<ReaddirAhead>::new()
        .option("rda-request-size", "4096")
        .options(options)
        .child(Fake::recorder())
        .start();
    let size = Arc::new(AtomicUsize::new(1));
    let shown = size.clone();
    bench.on::<kind::readdirp>(move |args| {
        let from = usize::try_from(args.offset).unwrap();
        let to = (from + (args.size / ENTRY).max(1)).min(count);
        let entry = |n: usize| {
            let size = shown.load(Ordering::Relaxed) as u64;
            let iatt = Iatt { gfid: gfid(n), size, ctime: 5, ..Iatt::default() };
            let xattrs = args.xdata.clone();
            let name = IoBuf::from(format!("{n:04}"));
            DirEntry { ino: 1, offset: n as u64 + 1, kind: 8, name, iatt, xattrs }
        };
        let entries: Vec<_> = (from..to).map(entry).collect();
        Ok(Entries { entries: entries.into(), at_end: to == count, xdata: Dict::new() })
    });
    (bench, size)
}

fn folder() -> Fd {
    Fd::new(Inode::new(DIR, FileType::Directory), libc::O_RDONLY, 1)
}

fn open_asking(bench: &Bench, xdata: Dict) -> Fd {
    let fd = folder();
    let loc = Loc::of(fd.inode().clone());
    bench.call::<kind::opendir>(Opendir { loc, fd: fd.clone(), xdata }).unwrap();
    fd
}

fn open(bench: &Bench) -> Fd {
    open_asking(bench, Dict::new())
}

fn args(fd: &Fd, offset: u64, size: usize) -> Readdirp {
    Readdirp { fd: fd.clone(), size, offset, xdata: Dict::new() }
}

fn read(bench: &Bench, fd: &Fd, offset: u64, size: usize) -> Entries {
    bench.call::<kind::readdirp>(args(fd, offset, size)).unwrap()
}

/// The rest of a directory by its numbers, in answers of that size.
fn rest(bench: &Bench, fd: &Fd, mut offset: u64, size: usize) -> Vec<usize> {
    let mut names = Vec::new();
    loop {
        let read = read(bench, fd, offset, size);
        assert!(read.entries.len() <= (size / ENTRY).max(1), "more than was asked for");
        names.extend(
            read.entries
                .iter()
                .map(|entry| String::from_utf8(entry.name.to_vec()).unwrap().parse::<usize>().unwrap()),
        );
        let Some(last) = read.entries.last() else {
            assert!(read.at_end);
            return names;
        };
        offset = last.offset;
    }
}

/// What the child was asked for since the last time: from where, how much.
fn asked(bench: &Bench) -> Vec<(u64, usize)> {
    let asked = bench.fake().args::<kind::readdirp>();
    bench.fake().forget();
    asked.iter().map(|args| (args.offset, args.size)).collect()
}

fn bytes(bench: &Bench) -> usize {
    let dump = bench.dump();
    let line = dump.lines().find_map(|line| line.strip_prefix("bytes=")).unwrap();
    line.parse().unwrap()
}

#[test]
fn an_open_directory_is_read_at_once_and_listed_from_that() {
    let (bench, _) = bench(50, &[]);
    let fd = open(&bench);
    assert_eq!(asked(&bench), [(0, 4096), (20, 4096), (40, 4096)]);
    assert_eq!(rest(&bench, &fd, 0, 1000), (0..50).collect::<Vec<_>>());
    assert!(asked(&bench).is_empty());
    assert_eq!(bytes(&bench), 0);
    drop(fd);
    bench.fake().forget();
    bench.close();
}

#[test]
fn it_is_read_on_between_the_marks_and_no_further() {
    let (bench, _) = bench(1000, &[("rda-high-wmark", "8KB"), ("rda-low-wmark", "2KB")]);
    let fd = open(&bench);
    assert_eq!(asked(&bench).len(), 3, "two answers are a little less than the mark");
    let first = read(&bench, &fd, 0, 49 * ENTRY);
    assert_eq!(first.entries.len(), 49);
    assert!(asked(&bench).is_empty(), "there are 11 left, more than the lower mark");
    read(&bench, &fd, 49, 2 * ENTRY);
    assert!(!asked(&bench).is_empty(), "9 are less");
    assert_eq!(rest(&bench, &fd, 51, 4096), (51..1000).collect::<Vec<_>>());
}

#[test]
fn a_read_waits_for_what_is_on_its_way_and_asks_for_nothing_else() {
    let (bench, _) = bench(5, &[]);
    bench.fake().fault(1, Fault::Hold);
    let fd = open(&bench);
    let frame = bench.frame(Identity::default(), None);
    let mut early = frame.child().readdirp(args(&fd, 0, 4096));
    assert!(poll(&mut early).is_none());
    assert_eq!(asked(&bench), [(0, 4096)]);
    bench.fake().release();
    let read = block_on(early).unwrap();
    assert_eq!((read.entries.len(), read.at_end), (5, true));
}

#[test]
fn all_directories_together_hold_no_more_than_the_limit_and_give_it_back() {
    let (bench, _) = bench(1000, &[("rda-cache-limit", "10000")]);
    let open: Vec<_> = (0..5).map(|_| open(&bench)).collect();
    assert!(bytes(&bench) <= 10_000, "{}", bytes(&bench));
    for fd in &open {
        assert_eq!(rest(&bench, fd, 0, 4096), (0..1000).collect::<Vec<_>>());
        assert!(bytes(&bench) <= 10_000, "{}", bytes(&bench));
    }
    drop(open);
    bench.fake().forget();
    assert!(bench.dump().contains("directories=0\nbytes=0\n"), "{}", bench.dump());
    let (bench, _) = self::bench(5, &[("rda-cache-limit", "1000")]);
    let fd = self::open(&bench);
    assert!(asked(&bench).is_empty(), "there is no room");
    assert_eq!(rest(&bench, &fd, 0, 4096).len(), 5);
}

#[test]
fn who_goes_elsewhere_or_asks_for_more_is_answered_by_the_child() {
    let (bench, _) = bench(50, &[]);
    let fd = open(&bench);
    read(&bench, &fd, 0, 4096);
    asked(&bench);
    assert_eq!(read(&bench, &fd, 7, 2 * ENTRY).entries[0].offset, 8);
    assert_eq!(asked(&bench), [(7, 2 * ENTRY)]);
    assert_eq!(bytes(&bench), 0, "the rest was given up");
    read(&bench, &fd, 9, ENTRY);
    assert_eq!(asked(&bench), [(9, ENTRY)]);
    let fd = open_asking(&bench, Dict::new().with("user.one", 0));
    asked(&bench);
    let one = Readdirp { xdata: Dict::new().with("user.one", 0), ..args(&fd, 0, ENTRY) };
    let told = bench.call::<kind::readdirp>(one).unwrap();
    assert!(told.entries[0].xattrs.contains("user.one") && asked(&bench).is_empty());
    let other = Readdirp { xdata: Dict::new().with("user.two", 0), ..args(&fd, 1, ENTRY) };
    let told = bench.call::<kind::readdirp>(other).unwrap();
    assert!(told.entries[0].xattrs.contains("user.two"));
}

#[test]
fn names_alone_come_from_the_same() {
    let (bench, _) = bench(50, &[]);
    let fd = open(&bench);
    asked(&bench);
    let args = Readdir { fd, size: 4096, offset: 0, xdata: Dict::new() };
    let read = bench.call::<kind::readdir>(args).unwrap();
    assert!(read.entries.len() == 20 && read.entries.iter().all(|entry| entry.iatt == Iatt::default()));
    assert!(asked(&bench).is_empty());
}

#[test]
fn an_error_is_for_who_has_read_all_before_it_and_then_the_child_is_asked() {
    let (bench, _) = bench(50, &[]);
    bench.fake().fail_call(2, Errno::EIO);
    let fd = open(&bench);
    asked(&bench);
    assert_eq!(read(&bench, &fd, 0, 15 * ENTRY).entries.len(), 15);
    assert_eq!(read(&bench, &fd, 15, 15 * ENTRY).entries.len(), 5);
    let lost = bench.call::<kind::readdirp>(args(&fd, 20, 4096));
    assert_eq!(lost.unwrap_err().errno, Errno::EIO);
    assert!(asked(&bench).is_empty());
    assert_eq!(rest(&bench, &fd, 20, 4096), (20..50).collect::<Vec<_>>());
}

#[test]
fn files_that_were_changed_since_come_without_attributes_and_others_with_them() {
    fn blanks<F: FopType>(args: impl Fn(Fd, Loc) -> F::Args) {
        for under_way in [false, true] {
            let (bench, size) = bench(3, &[]);
            if under_way {
                bench.fake().fault(1, Fault::Hold);
            }
            let fd = open(&bench);
            let inode = Inode::new(gfid(1), FileType::Regular);
            let file = Fd::new(inode.clone(), libc::O_RDWR, 1);
            bench.call::<F>(args(file, Loc::of(inode))).unwrap();
            size.store(2, Ordering::Relaxed);
            bench.fake().release();
            let told = read(&bench, &fd, 0, 4096).entries;
            assert_eq!(told[1].iatt, Iatt::default(), "{} changes it, under way {under_way}", F::NAME);
            assert_eq!(told[2].iatt.gfid, gfid(2));
        }
    }
    let none = Dict::new;
    blanks::<kind::writev>(|fd, _| Writev {
        fd,
        data: IoBuf::from("x").into(),
        offset: 0,
        flags: 0,
        xdata: none(),
    });
    blanks::<kind::truncate>(|_, loc| Truncate { loc, offset: 0, xdata: none() });
    blanks::<kind::ftruncate>(|fd, _| Ftruncate { fd, offset: 0, xdata: none() });
    blanks::<kind::fallocate>(|fd, _| Fallocate { fd, mode: 0, offset: 0, len: 1, xdata: none() });
    blanks::<kind::discard>(|fd, _| Discard { fd, offset: 0, len: 1, xdata: none() });
    blanks::<kind::zerofill>(|fd, _| Zerofill { fd, offset: 0, len: 1, xdata: none() });
    blanks::<kind::setattr>(|_, loc| Setattr { loc, iatt: Iatt::default(), valid: 1, xdata: none() });
    blanks::<kind::fsetattr>(|fd, _| Fsetattr { fd, iatt: Iatt::default(), valid: 1, xdata: none() });
    blanks::<kind::open>(|fd, loc| Open { loc, flags: libc::O_RDWR | libc::O_TRUNC, fd, xdata: none() });
}

#[test]
fn a_file_that_was_changed_before_it_was_read_comes_with_its_attributes() {
    let (bench, _) = bench(3, &[]);
    let first = open(&bench);
    let file = Fd::new(Inode::new(gfid(1), FileType::Regular), libc::O_RDWR, 1);
    bench.call::<kind::ftruncate>(Ftruncate { fd: file, offset: 0, xdata: Dict::new() }).unwrap();
    let second = open(&bench);
    assert_eq!(read(&bench, &second, 0, 4096).entries[1].iatt.gfid, gfid(1));
    assert_eq!(read(&bench, &first, 0, 4096).entries[1].iatt, Iatt::default());
}

#[test]
fn names_that_are_made_or_removed_send_the_reader_to_the_child() {
    fn outdates<F: FopType>(args: impl Fn(Loc) -> F::Args, happens: bool) {
        let (bench, _) = bench(50, &[]);
        let fd = open(&bench);
        read(&bench, &fd, 0, ENTRY);
        asked(&bench);
        let name = IoBuf::from("name");
        bench.call::<F>(args(Loc::entry(fd.inode().clone(), name))).unwrap();
        read(&bench, &fd, 1, ENTRY);
        assert_eq!(asked(&bench) == [(1, ENTRY)], happens, "{}", F::NAME);
    }
    let none = Dict::new;
    outdates::<kind::unlink>(|loc| Unlink { loc, flags: 0, xdata: none() }, true);
    outdates::<kind::rmdir>(|loc| Rmdir { loc, flags: 0, xdata: none() }, true);
    outdates::<kind::rename>(|old| Rename { old, new: Loc::default(), xdata: none() }, true);
    outdates::<kind::rename>(|new| Rename { old: Loc::default(), new, xdata: none() }, true);
    outdates::<kind::link>(|new| Link { old: Loc::default(), new, xdata: none() }, true);
    outdates::<kind::unlink>(|_| Unlink { loc: Loc::default(), flags: 0, xdata: none() }, false);
}

#[test]
fn the_word_of_a_brick_counts_as_a_change_and_after_a_lost_child_nothing_is_trusted() {
    let (bench, _) = bench(50, &[]);
    let fd = open(&bench);
    let data = Dict::new().with(upcall::KIND, upcall::kind::CACHE_INVALIDATION).with(upcall::GFID, gfid(1));
    bench.send_up(&Event { kind: EventKind::UPCALL, data });
    let told = read(&bench, &fd, 0, 3 * ENTRY).entries;
    assert!(told[1].iatt == Iatt::default() && told[2].iatt.gfid == gfid(2));
    asked(&bench);
    bench.send_up(&EventKind::SOME_DESCENDENT_DOWN.into());
    read(&bench, &fd, 3, ENTRY);
    assert_eq!(asked(&bench), [(3, ENTRY)]);
}

#[test]
fn it_is_read_as_who_opened_it_and_passing_through_not_at_all() {
    let (bench, _) = bench(3, &[]);
    let frame = bench.frame(Identity { uid: 7, ..Identity::default() }, None);
    let fd = folder();
    let loc = Loc::of(fd.inode().clone());
    block_on(frame.child().opendir(Opendir { loc, fd: fd.clone(), xdata: Dict::new() })).unwrap();
    assert!(bench.fake().identities().iter().all(|who| who.uid == 7));
    asked(&bench);
    bench.reconfigure(&[("pass-through", "on")]);
    read(&bench, &fd, 0, 4096);
    assert_eq!(asked(&bench), [(0, 4096)]);
    open(&bench);
    assert!(asked(&bench).is_empty());
}
