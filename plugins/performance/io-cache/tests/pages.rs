//! What is read without a child, and what is not.
#![allow(clippy::unwrap_used, reason = "helpers of tests")]

use std::sync::{Arc, Mutex};

use performance_io_cache::IoCache;
use plugin_api::prelude::*;
use plugin_api::upcall;
use plugin_testkit::{Bench, Fake, Fault, Testkit, block_on, poll};

const PAGE: usize = 128 << 10;

/// The file of a brick: what it is full of, how long it is, when it was changed.
type File = Arc<Mutex<(u8, usize, i64)>>;

fn gfid(n: u8) -> Gfid {
    Gfid([n; 16])
}

fn shown(file: &File, gfid: Gfid) -> Iatt {
    let (_, len, mtime) = *file.lock().unwrap();
    Iatt { gfid, mode: libc::S_IFREG, size: len as u64, mtime, ctime: 7, ..Iatt::default() }
}

/// A bench over a brick that has one file under every id and name, of three pages and a bit.
fn bench(options: &[(&str, &str)]) -> (Bench, File) {
    let bench = Testkit::<IoCache>::new()
        .option("cache-timeout", "60")
        .options(options)
        .child(Fake::recorder())
        .start();
    let file: File = Arc::new(Mutex::new((b'a', 3 * PAGE + 100, 5)));
    let [looked, stat, fstat, read] = [(); 4].map(|()| file.clone());
    bench.on::<kind::lookup>(move |args| {
        Ok(Looked { iatt: shown(&looked, args.loc.target()), ..Looked::default() })
    });
    bench.on::<kind::stat>(move |args| Ok(Attr { iatt: shown(&stat, args.loc.target()), ..Attr::default() }));
    bench.on::<kind::fstat>(move |args| {
        Ok(Attr { iatt: shown(&fstat, args.fd.inode().gfid()), ..Attr::default() })
    });
    bench.on::<kind::readv>(move |args| {
        let (byte, len, _) = *read.lock().unwrap();
        let offset = usize::try_from(args.offset).unwrap();
        let count = args.size.min(len.saturating_sub(offset));
        let iatt = shown(&read, args.fd.inode().gfid());
        let data = IoBuf::from(vec![byte; count]).into();
        Ok(Data { data, iatt, at_end: offset + count >= len, xdata: Dict::new() })
    });
    (bench, file)
}

fn inode(n: u8) -> Inode {
    Inode::new(gfid(n), FileType::Regular)
}

fn args(inode: &Inode, offset: usize, size: usize) -> Readv {
    let fd = Fd::new(inode.clone(), libc::O_RDONLY, 1);
    Readv { fd, size, offset: offset as u64, flags: 0, xdata: Dict::new() }
}

/// What comes of a read: what the bytes are, how many, whether they reach the end.
fn read(bench: &Bench, inode: &Inode, offset: usize, size: usize) -> (Option<u8>, usize, bool) {
    let read = bench.call::<kind::readv>(args(inode, offset, size)).unwrap();
    let bytes = read.data.to_iobuf();
    assert!(bytes.iter().all(|byte| *byte == bytes[0]));
    (bytes.first().copied(), bytes.len(), read.at_end)
}

/// How often the child was asked since the last time.
fn calls(bench: &Bench) -> Vec<&'static str> {
    let calls = bench.calls();
    bench.fake().forget();
    calls
}

fn write(inode: &Inode, offset: usize) -> Writev {
    let fd = Fd::new(inode.clone(), libc::O_RDWR, 1);
    Writev { fd, data: IoBuf::from("x").into(), offset: offset as u64, flags: 0, xdata: Dict::new() }
}

fn stat(bench: &Bench, inode: &Inode) {
    bench.call::<kind::stat>(Stat { loc: Loc::of(inode.clone()), xdata: Dict::new() }).unwrap();
}

fn look(bench: &Bench, inode: &Inode, name: &str) {
    let root = Inode::new(Gfid::ROOT, FileType::Directory);
    let loc = Loc::entry(root, IoBuf::from(name.to_owned()));
    let loc = Loc { inode: Some(inode.clone()).into(), ..loc };
    bench.call::<kind::lookup>(Lookup { loc, xdata: Dict::new() }).unwrap();
}

#[test]
fn what_was_read_is_read_again_without_the_child_by_any_descriptor() {
    let (bench, file) = bench(&[]);
    let inode = inode(1);
    assert_eq!(read(&bench, &inode, 10, 4096), (Some(b'a'), 4096, false));
    let asked = bench.fake().args::<kind::readv>();
    assert_eq!((asked[0].offset, asked[0].size), (0, PAGE), "a whole page");
    file.lock().unwrap().0 = b'b';
    assert_eq!(read(&bench, &inode, 20_000, 4096), (Some(b'a'), 4096, false));
    assert_eq!(calls(&bench), ["readv"]);
    bench.call::<kind::readv>(args(&inode, PAGE - 10, 20)).unwrap();
    assert_eq!(calls(&bench), ["readv"], "the second page alone is missing");
    bench.close();
}

#[test]
fn the_end_of_a_file_is_where_it_was() {
    let (bench, _) = bench(&[]);
    let inode = inode(1);
    for _ in 0..2 {
        assert_eq!(read(&bench, &inode, 3 * PAGE, 50), (Some(b'a'), 50, false));
        assert_eq!(read(&bench, &inode, 3 * PAGE + 50, 50), (Some(b'a'), 50, true));
        assert_eq!(read(&bench, &inode, 2 * PAGE + 1, 2 * PAGE), (Some(b'a'), PAGE + 99, true));
        assert_eq!(read(&bench, &inode, 9 * PAGE, 10), (None, 0, true));
    }
    assert_eq!(calls(&bench).len(), 3);
}

#[test]
fn a_page_that_comes_in_parts_is_read_to_its_end() {
    let (bench, _) = bench(&[]);
    bench.on::<kind::readv>(|args| {
        let data = IoBuf::from(vec![b'p'; args.size.min(50_000)]).into();
        Ok(Data { data, iatt: Iatt { mtime: 5, ..Iatt::default() }, ..Data::default() })
    });
    assert_eq!(read(&bench, &inode(1), 100_000, 4096), (Some(b'p'), 4096, false));
    assert_eq!(calls(&bench).len(), 3);
}

#[test]
fn a_page_whose_parts_are_of_two_times_is_not_kept() {
    let (bench, _) = bench(&[]);
    let inode = inode(1);
    bench.on::<kind::readv>(|args| {
        let data = IoBuf::from(vec![b'p'; args.size.min(PAGE / 2)]).into();
        let mtime = 5 + i64::from(args.offset > 0);
        Ok(Data { data, iatt: Iatt { mtime, ..Iatt::default() }, ..Data::default() })
    });
    for _ in 0..2 {
        read(&bench, &inode, 0, 10);
        assert_eq!(calls(&bench).len(), 2);
    }
}

#[test]
fn pages_do_not_count_where_nobody_answers_whether_they_do() {
    let (bench, file) = bench(&[("cache-timeout", "0")]);
    let inode = inode(1);
    read(&bench, &inode, 0, 10);
    file.lock().unwrap().0 = b'b';
    bench.fake().fail_call(0, Errno::ENOTCONN);
    assert_eq!(read(&bench, &inode, 0, 10).0, Some(b'b'));
}

#[test]
fn a_file_that_is_made_anew_has_no_pages() {
    let (bench, file) = bench(&[]);
    let inode = inode(1);
    let root = Inode::new(Gfid::ROOT, FileType::Directory);
    bench.on::<kind::create>(|args| {
        let none = Iatt::default();
        let iatt = Iatt { gfid: gfid(1), ..none };
        Ok(Created { fd: args.fd, iatt, pre_parent: none, post_parent: none, xdata: Dict::new() })
    });
    for (flags, byte) in [(libc::O_CREAT, b'a'), (libc::O_CREAT | libc::O_TRUNC, b'b')] {
        read(&bench, &inode, 0, 10);
        file.lock().unwrap().0 = b'b';
        let loc = Loc::entry(root.clone(), IoBuf::from("name"));
        let fd = Fd::new(inode.clone(), libc::O_RDWR, 1);
        let made = Create { loc, flags, mode: 0, umask: 0, fd, xdata: Dict::new() };
        bench.call::<kind::create>(made).unwrap();
        assert_eq!(read(&bench, &inode, 0, 10).0, Some(byte));
    }
}

#[test]
fn readers_who_miss_the_same_page_share_one_fetch_and_one_question() {
    let (bench, _) = bench(&[("cache-timeout", "0")]);
    let inode = inode(1);
    for (fault, shared) in [("fetch", "readv"), ("question", "fstat")] {
        bench.fake().fault(0, Fault::Hold);
        let frames: Vec<_> = (0..5).map(|_| bench.frame(Identity::default(), None)).collect();
        // With no time to live, who comes later has a question of his own.
        bench.reconfigure(&[("cache-timeout", "60")]);
        if fault == "question" {
            bench.send_up(&EventKind::SOME_DESCENDENT_DOWN.into());
        }
        let mut reads: Vec<_> = frames.iter().map(|frame| frame.child().readv(args(&inode, 5, 10))).collect();
        assert!(reads.iter_mut().all(|read| poll(read).is_none()));
        assert_eq!(calls(&bench), [shared]);
        bench.fake().release();
        for read in reads {
            assert_eq!(block_on(read).unwrap().data.len(), 10);
        }
        assert!(calls(&bench).is_empty());
    }
}

#[test]
fn who_shared_a_fetch_that_failed_asks_by_himself() {
    let (bench, _) = bench(&[]);
    let inode = inode(1);
    bench.fake().fault(0, Fault::Hold);
    let frames = [(); 2].map(|()| bench.frame(Identity::default(), None));
    let mut reads = frames.each_ref().map(|frame| frame.child().readv(args(&inode, 5, 10)));
    assert!(reads.iter_mut().all(|read| poll(read).is_none()));
    bench.on::<kind::readv>(|args| match args.size {
        PAGE => Err(Errno::EIO.into()),
        _ => Ok(Data { data: IoBuf::from("direct").into(), ..Data::default() }),
    });
    bench.fake().release();
    for read in reads {
        assert_eq!(&block_on(read).unwrap().data.to_iobuf()[..], b"direct");
    }
}

#[test]
fn after_its_time_the_file_is_asked_and_only_the_same_one_counts() {
    let (bench, file) = bench(&[("cache-timeout", "0")]);
    let inode = inode(1);
    read(&bench, &inode, 0, 10);
    file.lock().unwrap().0 = b'b';
    assert_eq!(read(&bench, &inode, 0, 10).0, Some(b'a'), "the time says that it is the same");
    assert_eq!(calls(&bench), ["readv", "fstat"]);
    file.lock().unwrap().2 = 6;
    assert_eq!(read(&bench, &inode, 0, 10).0, Some(b'b'));
    assert_eq!(calls(&bench), ["fstat", "readv"]);
}

#[test]
fn another_time_in_any_answer_ends_all_pages() {
    type Show = fn(&Bench, &Inode);
    let shows: [Show; 4] = [
        stat,
        |bench, inode| {
            let fd = Fd::new(inode.clone(), libc::O_RDONLY, 1);
            bench.call::<kind::fstat>(Fstat { fd, xdata: Dict::new() }).unwrap();
        },
        |bench, inode| look(bench, inode, "name"),
        |bench, _| {
            let fd = Fd::new(Inode::new(Gfid::ROOT, FileType::Directory), libc::O_RDONLY, 1);
            let iatt = Iatt { gfid: gfid(1), mtime: 6, ..Iatt::default() };
            bench.on::<kind::readdirp>(move |_| {
                let entries = [DirEntry { iatt, ..DirEntry::default() }];
                Ok(Entries { entries: entries.into_iter().collect(), ..Entries::default() })
            });
            bench.call::<kind::readdirp>(Readdirp { fd, size: 4096, offset: 0, xdata: Dict::new() }).unwrap();
        },
    ];
    for show in shows {
        let (bench, file) = bench(&[]);
        let inode = inode(1);
        read(&bench, &inode, 0, 10);
        read(&bench, &inode, PAGE, 10);
        *file.lock().unwrap() = (b'b', 3 * PAGE, 6);
        assert_eq!(read(&bench, &inode, 0, 10).0, Some(b'a'));
        show(&bench, &inode);
        assert_eq!(read(&bench, &inode, 0, 10).0, Some(b'b'));
        assert_eq!(read(&bench, &inode, PAGE, 10).0, Some(b'b'));
    }
}

#[test]
fn a_page_of_another_time_ends_those_before_it() {
    let (bench, file) = bench(&[]);
    let inode = inode(1);
    read(&bench, &inode, 0, 10);
    *file.lock().unwrap() = (b'b', 3 * PAGE, 6);
    read(&bench, &inode, PAGE, 10);
    assert_eq!(read(&bench, &inode, 0, 10).0, Some(b'b'));
}

#[test]
fn a_change_ends_the_pages_that_it_touches_and_what_shows_the_end() {
    type Change = fn(&Bench, &Inode);
    let changes: [(Change, [bool; 4]); 4] = [
        (
            |bench, inode| drop(bench.call::<kind::writev>(write(inode, PAGE)).unwrap()),
            [true, false, true, false],
        ),
        (
            |bench, inode| {
                let loc = Loc::of(inode.clone());
                let cut = Truncate { loc, offset: 2 * PAGE as u64, xdata: Dict::new() };
                bench.call::<kind::truncate>(cut).unwrap();
            },
            [true, true, false, false],
        ),
        (
            |bench, inode| {
                let fd = Fd::new(inode.clone(), libc::O_RDWR, 1);
                let hole = Discard { fd, offset: 0, len: 2 * PAGE as u64, xdata: Dict::new() };
                bench.call::<kind::discard>(hole).unwrap();
            },
            [false, false, true, false],
        ),
        (
            |bench, inode| {
                let fd = Fd::new(inode.clone(), libc::O_RDWR | libc::O_APPEND, 1);
                bench.call::<kind::writev>(Writev { fd, ..write(inode, 0) }).unwrap();
            },
            [false; 4],
        ),
    ];
    for (change, kept) in changes {
        let (bench, file) = bench(&[]);
        let inode = inode(1);
        for page in 0..4 {
            read(&bench, &inode, page * PAGE, 10);
        }
        change(&bench, &inode);
        file.lock().unwrap().0 = b'b';
        calls(&bench);
        let left = [0, 1, 2, 3].map(|page| {
            bench.call::<kind::readv>(args(&inode, page * PAGE, 10)).unwrap();
            calls(&bench).is_empty()
        });
        assert_eq!(left, kept);
    }
}

#[test]
fn what_a_change_overtakes_is_not_kept_nor_shared_with_who_comes_later() {
    let (bench, file) = bench(&[]);
    let inode = inode(1);
    bench.fake().fault(0, Fault::Hold);
    let frame = bench.frame(Identity::default(), None);
    let mut early = frame.child().readv(args(&inode, 0, 10));
    assert!(poll(&mut early).is_none(), "the child keeps it");
    bench.call::<kind::writev>(write(&inode, 0)).unwrap();
    calls(&bench);
    assert_eq!(read(&bench, &inode, 0, 10).0, Some(b'a'), "it does not wait for the one before the write");
    assert_eq!(calls(&bench), ["readv"]);
    file.lock().unwrap().0 = b'o';
    bench.fake().release();
    assert_eq!(block_on(early).unwrap().data.to_iobuf()[0], b'o');
    assert_eq!(read(&bench, &inode, 0, 10).0, Some(b'a'), "what came late is not kept");
}

#[test]
fn what_is_read_while_a_write_is_under_way_is_not_kept() {
    let (bench, file) = bench(&[]);
    let inode = inode(1);
    bench.fake().fault(0, Fault::Hold);
    let frame = bench.frame(Identity::default(), None);
    let mut late = frame.child().writev(write(&inode, 2 * PAGE));
    assert!(poll(&mut late).is_none());
    read(&bench, &inode, 0, 10);
    file.lock().unwrap().0 = b'b';
    assert_eq!(read(&bench, &inode, 0, 10).0, Some(b'b'));
    bench.fake().release();
    block_on(late).unwrap();
}

#[test]
fn direct_reads_questions_and_what_nobody_knows_the_time_of_are_not_kept() {
    let (bench, _) = bench(&[("cache-size", "1MB")]);
    let inode = inode(1);
    let direct = |flags| Fd::new(inode.clone(), flags, 1);
    let past = [
        Readv { fd: direct(libc::O_RDONLY | libc::O_DIRECT), ..args(&inode, 0, 10) },
        Readv { flags: u32::try_from(libc::O_DIRECT).unwrap(), ..args(&inode, 0, 10) },
        Readv { fd: direct(libc::O_WRONLY), ..args(&inode, 0, 10) },
        Readv { xdata: Dict::new().with("key", 1), ..args(&inode, 0, 10) },
        args(&inode, 0, (1 << 20) + 1),
        args(&inode, 0, 0),
    ];
    for asked in past {
        read(&bench, &inode, 0, 10);
        calls(&bench);
        bench.call::<kind::readv>(asked.clone()).unwrap();
        let came = bench.fake().args::<kind::readv>();
        assert_eq!((came.len(), came[0].size), (1, asked.size), "{asked:?}");
    }
    bench.on::<kind::readv>(|_| Ok(Data { data: IoBuf::from("x").into(), at_end: true, ..Data::default() }));
    let unknown = self::inode(2);
    read(&bench, &unknown, 0, 10);
    calls(&bench);
    read(&bench, &unknown, 0, 10);
    assert_eq!(calls(&bench), ["readv"]);
}

#[test]
fn the_word_of_a_brick_a_lock_and_a_lost_child_end_trust() {
    let (bench, file) = bench(&[]);
    let inode = inode(1);
    let told = |n| {
        let data = Dict::new()
            .with(upcall::KIND, upcall::kind::CACHE_INVALIDATION)
            .with(upcall::GFID, gfid(n))
            .with(upcall::FLAGS, u64::from(upcall::flag::SIZE));
        bench.send_up(&Event { kind: EventKind::UPCALL, data });
    };
    read(&bench, &inode, 0, 10);
    told(2);
    calls(&bench);
    read(&bench, &inode, 0, 10);
    assert!(calls(&bench).is_empty(), "it was about another file");
    told(1);
    file.lock().unwrap().0 = b'b';
    assert_eq!(read(&bench, &inode, 0, 10).0, Some(b'b'));
    calls(&bench);
    bench.send_up(&EventKind::SOME_DESCENDENT_DOWN.into());
    read(&bench, &inode, 0, 10);
    assert_eq!(calls(&bench), ["fstat"]);
    let flock = Flock { kind: LockKind::Read, ..Flock::default() };
    let fd = Fd::new(inode.clone(), libc::O_RDWR, 1);
    bench.call::<kind::lk>(Lk { fd, cmd: LockCmd::Set, flock, xdata: Dict::new() }).unwrap();
    calls(&bench);
    read(&bench, &inode, 0, 10);
    assert_eq!(calls(&bench), ["fstat"]);
}

#[test]
fn files_of_other_sizes_are_left_alone() {
    let (bench, _) = bench(&[("max-file-size", "100KB")]);
    let large = inode(1);
    read(&bench, &large, 0, 10);
    calls(&bench);
    read(&bench, &large, 0, 10);
    assert_eq!(bench.fake().args::<kind::readv>()[0].size, 10, "one knows by now, and asks for no more");
    bench.reconfigure(&[("cache-timeout", "60"), ("min-file-size", "100KB")]);
    read(&bench, &large, 0, 10);
    calls(&bench);
    read(&bench, &large, 0, 10);
    assert!(calls(&bench).is_empty());
}

#[test]
fn what_was_not_read_for_long_goes_first_and_no_more_is_kept_than_there_is_room_for() {
    let (bench, file) = bench(&[("cache-size", "512KB")]);
    file.lock().unwrap().1 = 100 * PAGE;
    let inode = inode(1);
    for page in 0..40 {
        read(&bench, &inode, page * PAGE, 10);
        read(&bench, &inode, 0, 10);
        assert!(bench.dump().contains("files=1\n"));
    }
    assert!(bench.dump().contains("bytes=524288\n"), "{}", bench.dump());
    calls(&bench);
    read(&bench, &inode, 0, 10);
    assert!(calls(&bench).is_empty(), "it was read all the time");
    bench.reconfigure(&[("pass-through", "on")]);
    assert!(bench.dump().contains("bytes=0\n"), "{}", bench.dump());
    drop(inode);
    assert!(bench.dump().contains("files=0\n"), "{}", bench.dump());
    bench.close();
}

#[test]
fn pages_of_low_priority_go_first_and_those_of_none_never_come() {
    let (bench, _) = bench(&[("cache-size", "256KB"), ("priority", "*.keep:2,*.tmp:0")]);
    let [keep, plain, none] = [1, 2, 3].map(inode);
    look(&bench, &keep, "a.keep");
    look(&bench, &none, "a.tmp");
    read(&bench, &keep, 0, 10);
    for page in 0..4 {
        read(&bench, &plain, page % 3 * PAGE, 10);
        assert!(bench.dump().contains("bytes=262144\n"), "{}", bench.dump());
    }
    read(&bench, &none, 0, 10);
    calls(&bench);
    read(&bench, &keep, 0, 10);
    assert!(calls(&bench).is_empty(), "others have made room");
    read(&bench, &none, 0, 10);
    assert_eq!(calls(&bench), ["readv"]);
    look(&bench, &none, "a.keep");
    read(&bench, &none, 0, 10);
    calls(&bench);
    read(&bench, &none, 0, 10);
    assert!(calls(&bench).is_empty(), "it has another name now");
}
