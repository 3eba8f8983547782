//! What is read before it is asked for, and what of that is used.
#![allow(clippy::unwrap_used, reason = "helpers of tests")]

use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use performance_read_ahead::ReadAhead;
use plugin_api::prelude::*;
use plugin_api::upcall;
use plugin_testkit::{Bench, Fake, Fault, Testkit, block_on, poll};

const PAGE: usize = 4096;
const FILE: Gfid = Gfid([7; 16]);

/// The file of a brick: what it is full of, how long it is.
type File = Arc<Mutex<(u8, usize)>>;

fn bench(options: &[(&str, &str)]) -> (Bench, File) {
    let bench = Testkit::<ReadAhead>::new()
        .option("page-size", "4KB")
        .options(options)
        .child(Fake::recorder())
        .start();
    let file: File = Arc::new(Mutex::new((b'a', 100 * PAGE)));
    let on_disk = file.clone();
    bench.on::<kind::readv>(move |args| {
        let (byte, len) = *on_disk.lock().unwrap();
        let offset = usize::try_from(args.offset).unwrap();
        let count = args.size.min(len.saturating_sub(offset));
        let iatt = Iatt { gfid: FILE, size: len as u64, mtime: 5, ctime: 6, mode: 0o600, ..Iatt::default() };
        let data = IoBuf::from(vec![byte; count]).into();
        Ok(Data { data, iatt, at_end: offset + count >= len, xdata: Dict::new() })
    });
    (bench, file)
}

fn open(flags: i32) -> Fd {
    Fd::new(Inode::new(FILE, FileType::Regular), flags, 1)
}

fn args(fd: &Fd, offset: usize, size: usize) -> Readv {
    Readv { fd: fd.clone(), size, offset: offset as u64, flags: 0, xdata: Dict::new() }
}

fn read(bench: &Bench, fd: &Fd, offset: usize, size: usize) -> Data {
    bench.call::<kind::readv>(args(fd, offset, size)).unwrap()
}

fn first(read: &Data) -> u8 {
    read.data.to_iobuf()[0]
}

/// What the child was asked to read since the last time: from where, how much.
fn asked(bench: &Bench) -> Vec<(usize, usize)> {
    let asked = bench.fake().args::<kind::readv>();
    bench.fake().forget();
    asked.iter().map(|args| (usize::try_from(args.offset).unwrap(), args.size)).collect()
}

fn pages(numbers: impl IntoIterator<Item = usize>) -> Vec<(usize, usize)> {
    numbers.into_iter().map(|number| (number * PAGE, PAGE)).collect()
}

#[test]
fn who_reads_from_the_front_finds_the_next_pages_there_more_and_more_of_them() {
    let (bench, _) = bench(&[]);
    let fd = open(libc::O_RDONLY);
    read(&bench, &fd, 0, PAGE);
    assert_eq!(asked(&bench), pages([0, 1]));
    bench.fake().always(Some(Fault::Hold));
    let frame = bench.frame(Identity::default(), None);
    let second = poll(&mut frame.child().readv(args(&fd, PAGE, PAGE))).expect("it is there").unwrap();
    assert_eq!(second.data.len(), PAGE);
    assert_eq!(asked(&bench), pages([2, 3]));
    bench.fake().always(None);
    bench.fake().release();
    for page in 2..50 {
        let read = read(&bench, &fd, page * PAGE, PAGE);
        assert_eq!((read.data.len(), read.at_end), (PAGE, false));
    }
    assert_eq!(asked(&bench), pages(4..54), "each page once, and four ahead");
    drop((fd, frame));
    bench.fake().forget();
    bench.close();
}

#[test]
fn small_reads_are_cut_out_of_pages_and_so_are_large_ones() {
    let (bench, _) = bench(&[]);
    let fd = open(libc::O_RDONLY);
    for offset in (0..8 * PAGE).step_by(512) {
        assert_eq!(read(&bench, &fd, offset, 512).data.len(), 512);
    }
    let came = asked(&bench);
    assert_eq!(came[0], (0, 512));
    assert!(came[1..].iter().all(|(offset, size)| offset % PAGE == 0 && *size == PAGE), "{came:?}");
    assert!(came.len() <= 14, "{came:?}");
    assert_eq!(read(&bench, &fd, 8 * PAGE + 100, 3 * PAGE).data.len(), 3 * PAGE);
    assert!(asked(&bench).iter().all(|(_, size)| *size == PAGE));
}

#[test]
fn reads_that_come_out_of_order_by_a_little_are_still_in_order() {
    let (bench, _) = bench(&[]);
    let fd = open(libc::O_RDONLY);
    for page in [1, 0, 3, 2, 5, 4, 7, 6, 9, 8] {
        assert_eq!(read(&bench, &fd, page * PAGE, PAGE).data.len(), PAGE);
    }
    let mut came = asked(&bench);
    came.sort_unstable();
    came.dedup();
    assert!(came.len() >= 13 && bench.calls().is_empty(), "it reads ahead: {came:?}");
}

#[test]
fn a_read_elsewhere_goes_as_it_is_and_what_was_ahead_is_dropped() {
    let (bench, _) = bench(&[]);
    let fd = open(libc::O_RDONLY);
    read(&bench, &fd, 0, PAGE);
    asked(&bench);
    read(&bench, &fd, 50 * PAGE + 5, 100);
    assert_eq!(asked(&bench), [(50 * PAGE + 5, 100)]);
    read(&bench, &fd, 80 * PAGE, 100);
    assert_eq!(asked(&bench), [(80 * PAGE, 100)]);
    read(&bench, &fd, PAGE, PAGE);
    assert_eq!(asked(&bench), pages([1]), "the page that was there is gone");
}

#[test]
fn nothing_is_read_behind_the_end_and_the_end_is_told() {
    let (bench, file) = bench(&[("page-count", "16")]);
    file.lock().unwrap().1 = 3 * PAGE + 10;
    let fd = open(libc::O_RDONLY);
    let ends: Vec<_> = (0..4).map(|page| read(&bench, &fd, page * PAGE, PAGE)).collect();
    assert_eq!(ends.iter().map(|read| read.data.len()).collect::<Vec<_>>(), [PAGE, PAGE, PAGE, 10]);
    assert_eq!(ends.iter().map(|read| read.at_end).collect::<Vec<_>>(), [false, false, false, true]);
    assert_eq!(asked(&bench), pages([0, 1, 2, 3]));
    file.lock().unwrap().1 = 5 * PAGE;
    assert_eq!(read(&bench, &fd, 3 * PAGE + 10, PAGE).data.len(), PAGE, "it grew, and the brick was asked");
    let small = open(libc::O_RDONLY);
    file.lock().unwrap().1 = 10;
    asked(&bench);
    read(&bench, &small, 0, PAGE);
    assert_eq!(asked(&bench), pages([0]), "a small file is read at once");
}

#[test]
fn any_change_through_the_mount_ends_what_is_ahead_and_what_is_on_its_way() {
    fn ends<F: FopType>(args: impl Fn(&Fd) -> F::Args) {
        for under_way in [false, true] {
            let (bench, file) = bench(&[]);
            let fd = open(libc::O_RDONLY);
            // Another descriptor, of another object of the same file.
            let other = open(libc::O_RDWR);
            if under_way {
                bench.fake().fault(1, Fault::Hold);
            }
            read(&bench, &fd, 0, PAGE);
            bench.call::<F>(args(&other)).unwrap();
            file.lock().unwrap().0 = b'b';
            let told = read(&bench, &fd, PAGE, PAGE);
            assert_eq!(first(&told), b'b', "{} ends it, under way {under_way}", F::NAME);
            bench.fake().release();
        }
    }
    let none = Dict::new;
    ends::<kind::writev>(|fd| Writev {
        fd: fd.clone(),
        data: IoBuf::from("x").into(),
        offset: 0,
        flags: 0,
        xdata: none(),
    });
    ends::<kind::truncate>(|fd| Truncate { loc: Loc::of(fd.inode().clone()), offset: 0, xdata: none() });
    ends::<kind::ftruncate>(|fd| Ftruncate { fd: fd.clone(), offset: 0, xdata: none() });
    ends::<kind::fallocate>(|fd| Fallocate { fd: fd.clone(), mode: 0, offset: 0, len: 1, xdata: none() });
    ends::<kind::discard>(|fd| Discard { fd: fd.clone(), offset: 0, len: 1, xdata: none() });
    ends::<kind::zerofill>(|fd| Zerofill { fd: fd.clone(), offset: 0, len: 1, xdata: none() });
    ends::<kind::flush>(|fd| Flush { fd: fd.clone(), xdata: none() });
    ends::<kind::fsync>(|fd| Fsync { fd: fd.clone(), data_only: true, xdata: none() });
    ends::<kind::lk>(|fd| {
        let flock = Flock { kind: LockKind::Read, ..Flock::default() };
        Lk { fd: fd.clone(), cmd: LockCmd::Set, flock, xdata: none() }
    });
    ends::<kind::open>(|fd| {
        let loc = Loc::of(fd.inode().clone());
        Open { loc, flags: libc::O_RDWR | libc::O_TRUNC, fd: fd.clone(), xdata: none() }
    });
}

#[test]
fn the_word_of_a_brick_and_a_lost_child_end_it_too() {
    for kind in [EventKind::UPCALL, EventKind::SOME_DESCENDENT_DOWN] {
        let (bench, file) = bench(&[]);
        let fd = open(libc::O_RDONLY);
        read(&bench, &fd, 0, PAGE);
        file.lock().unwrap().0 = b'b';
        let data = Dict::new().with(upcall::KIND, upcall::kind::CACHE_INVALIDATION).with(upcall::GFID, FILE);
        bench.send_up(&Event { kind, data });
        assert_eq!(first(&read(&bench, &fd, PAGE, PAGE)), b'b');
    }
}

#[test]
fn a_read_waits_for_its_page_that_is_on_its_way() {
    let (bench, _) = bench(&[]);
    let fd = open(libc::O_RDONLY);
    bench.fake().fault(1, Fault::Hold);
    read(&bench, &fd, 0, PAGE);
    let frame = bench.frame(Identity::default(), None);
    let mut early = frame.child().readv(args(&fd, PAGE, 10));
    assert!(poll(&mut early).is_none());
    assert_eq!(asked(&bench)[..2], pages([0, 1]), "nobody asks for it again");
    bench.fake().release();
    assert_eq!(block_on(early).unwrap().data.len(), 10);
}

#[test]
fn a_page_that_was_waited_for_while_the_file_changed_is_not_used() {
    let (bench, _) = bench(&[]);
    let fd = open(libc::O_RDONLY);
    bench.fake().fault(1, Fault::Hold);
    read(&bench, &fd, 0, PAGE);
    let frame = bench.frame(Identity::default(), None);
    let mut early = frame.child().readv(args(&fd, PAGE, 10));
    assert!(poll(&mut early).is_none());
    bench.call::<kind::fsync>(Fsync { fd: fd.clone(), data_only: false, xdata: Dict::new() }).unwrap();
    asked(&bench);
    bench.fake().release();
    block_on(early).unwrap();
    assert!(asked(&bench).contains(&(PAGE, 10)), "the brick was asked again");
}

#[test]
fn what_is_asked_for_while_a_write_is_under_way_is_not_used_after_it() {
    let (bench, file) = bench(&[]);
    let fd = open(libc::O_RDWR);
    read(&bench, &fd, 50 * PAGE, 1);
    bench.fake().fault(0, Fault::Hold);
    let frame = bench.frame(Identity::default(), None);
    let data = IoBuf::from("x").into();
    let write = Writev { fd: fd.clone(), data, offset: 0, flags: 0, xdata: Dict::new() };
    let mut write = frame.child().writev(write);
    assert!(poll(&mut write).is_none());
    let reader = open(libc::O_RDONLY);
    read(&bench, &reader, 0, PAGE);
    file.lock().unwrap().0 = b'b';
    bench.fake().release();
    block_on(write).unwrap();
    assert_eq!(first(&read(&bench, &reader, PAGE, PAGE)), b'b');
}

#[test]
fn after_a_page_that_failed_it_reads_ahead_again() {
    let (bench, _) = bench(&[]);
    let fd = open(libc::O_RDONLY);
    bench.fake().fail_call(1, Errno::EIO);
    read(&bench, &fd, 0, 100);
    read(&bench, &fd, 100, 100);
    read(&bench, &fd, 200, 100);
    asked(&bench);
    read(&bench, &fd, 300, 100);
    assert!(!asked(&bench).contains(&(300, 100)), "it is there");
}

#[test]
fn a_page_that_fails_or_is_short_is_for_nobody_to_know_but_who_needs_it() {
    for fails in [true, false] {
        let (bench, _) = bench(&[]);
        let fd = open(libc::O_RDONLY);
        bench.on::<kind::readv>(move |args| match (args.size, fails) {
            (PAGE, true) => Err(Errno::EIO.into()),
            (PAGE, false) => Ok(Data { data: IoBuf::from("short").into(), ..Data::default() }),
            (size, _) => Ok(Data { data: IoBuf::from(vec![1; size]).into(), ..Data::default() }),
        });
        assert_eq!(read(&bench, &fd, 0, 100).data.len(), 100);
        assert_eq!(read(&bench, &fd, 100, 100).data.len(), 100);
        if fails {
            let lost = bench.call::<kind::readv>(args(&fd, 200, PAGE));
            assert_eq!(lost.unwrap_err().errno, Errno::EIO);
        }
    }
}

#[test]
fn some_reads_are_left_alone() {
    let direct = u32::try_from(libc::O_DIRECT).unwrap();
    let asks = |fd: Fd| Readv { xdata: Dict::new().with("key", 1), ..args(&fd, 0, PAGE) };
    let inode = Inode::new(FILE, FileType::Regular);
    let alone = [
        args(&open(libc::O_RDONLY | libc::O_DIRECT), 0, PAGE),
        args(&open(libc::O_WRONLY), 0, PAGE),
        Readv { flags: direct, ..args(&open(libc::O_RDONLY), 0, PAGE) },
        args(&Fd::anonymous(inode, libc::O_RDONLY), 0, PAGE),
        asks(open(libc::O_RDONLY)),
        args(&open(libc::O_RDONLY), 0, 5 * PAGE),
    ];
    for alone in alone {
        let (bench, _) = bench(&[]);
        bench.call::<kind::readv>(alone.clone()).unwrap();
        assert_eq!(asked(&bench).len(), 1, "{alone:?}");
    }
    let (bench, _) = bench(&[("pass-through", "on")]);
    read(&bench, &open(libc::O_RDONLY), 0, PAGE);
    assert_eq!(asked(&bench).len(), 1);
}

#[test]
fn pages_are_asked_for_as_who_reads_and_tell_no_attributes_but_their_version() {
    let (bench, _) = bench(&[]);
    let fd = open(libc::O_RDONLY);
    let who = Identity { uid: 7, ..Identity::default() };
    let frame = bench.frame(who, None);
    block_on(frame.child().readv(args(&fd, 0, PAGE))).unwrap();
    assert!(bench.fake().identities().iter().all(|who| who.uid == 7));
    let told = read(&bench, &fd, PAGE, PAGE).iatt;
    assert_eq!((told.gfid, told.size, told.mtime), (FILE, 100 * PAGE as u64, 5));
    assert_eq!((told.ctime, told.mode), (0, 0));
}

#[test]
fn the_brick_sees_a_byte_of_each_read_when_it_is_to_note_the_time() {
    let (bench, _) = bench(&[("force-atime-update", "on")]);
    let fd = open(libc::O_RDONLY);
    read(&bench, &fd, 0, PAGE);
    asked(&bench);
    read(&bench, &fd, PAGE, 100);
    let end = Instant::now() + Duration::from_secs(20);
    while !bench.fake().args::<kind::readv>().iter().any(|args| (args.offset, args.size) == (PAGE as u64, 1))
    {
        assert!(Instant::now() < end, "it does not come");
    }
}

#[test]
fn options_change_while_files_are_read() {
    let (bench, _) = bench(&[("page-count", "16")]);
    let fd = open(libc::O_RDONLY);
    (0..10).for_each(|page| assert_eq!(read(&bench, &fd, page * PAGE, PAGE).data.len(), PAGE));
    bench.reconfigure(&[("page-size", "8KB"), ("page-count", "1")]);
    asked(&bench);
    for page in 10..20 {
        assert_eq!(read(&bench, &fd, page * PAGE, PAGE).data.len(), PAGE);
    }
    let came = asked(&bench);
    assert!(came[1..].iter().all(|(offset, size)| offset % (2 * PAGE) == 0 && *size == 2 * PAGE), "{came:?}");
    bench.try_reconfigure(&[("page-size", "0")]).unwrap_err();
}
