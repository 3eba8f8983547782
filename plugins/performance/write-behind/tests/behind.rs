//! What is answered before the child has it, in which order it goes, and who is told when it does not get there.
#![allow(clippy::unwrap_used, reason = "helpers of tests")]

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use performance_write_behind::WriteBehind;
use plugin_api::OwnedFrame;
use plugin_api::prelude::*;
use plugin_testkit::{Bench, Fake, Fault, Testkit, block_on, poll};

const FILE: Gfid = Gfid([7; 16]);

fn bench(options: &[(&str, &str)]) -> Bench {
    Testkit::<WriteBehind>::new().options(options).child(Fake::recorder()).start()
}

fn inode() -> Inode {
    Inode::new(FILE, FileType::Regular)
}

fn open(flags: i32) -> Fd {
    Fd::new(inode(), flags | libc::O_RDWR, 1)
}

fn again(fd: &Fd) -> Fd {
    Fd::new(fd.inode().clone(), libc::O_RDWR, 1)
}

fn write(fd: &Fd, offset: u64, bytes: &str) -> Writev {
    let data = IoBuf::from(bytes.to_owned()).into();
    Writev { fd: fd.clone(), data, offset, flags: 0, xdata: Dict::new() }
}

fn read(fd: &Fd, offset: u64, size: usize) -> Readv {
    Readv { fd: fd.clone(), size, offset, flags: 0, xdata: Dict::new() }
}

fn flush(fd: &Fd) -> Flush {
    Flush { fd: fd.clone(), xdata: Dict::new() }
}

fn fsync(fd: &Fd) -> Fsync {
    Fsync { fd: fd.clone(), data_only: false, xdata: Dict::new() }
}

fn fstat(fd: &Fd) -> Fstat {
    Fstat { fd: fd.clone(), xdata: Dict::new() }
}

fn root(bench: &Bench) -> OwnedFrame {
    bench.frame(Identity::default(), None)
}

/// A write that is answered at once.
fn wrote(bench: &Bench, args: Writev) -> FopResult<Written> {
    poll(&mut root(bench).child().writev(args)).expect("a write that is behind waits for nobody")
}

/// What reached the child, in order: offset and bytes.
fn below(bench: &Bench) -> Vec<(u64, String)> {
    let writes = bench.fake().args::<kind::writev>();
    let text = |args: &Writev| String::from_utf8(args.data.to_iobuf().to_vec()).unwrap();
    writes.iter().map(|args| (args.offset, text(args))).collect()
}

fn wait(what: &str, mut done: impl FnMut() -> bool) {
    let end = Instant::now() + Duration::from_secs(20);
    while !done() {
        assert!(Instant::now() < end, "{what} did not come");
        std::thread::yield_now();
    }
}

fn writes_all(bench: &Bench) {
    bench.on::<kind::writev>(|args| Ok(Written { count: args.len(), ..Written::default() }));
}

#[test]
fn a_write_is_answered_before_the_child_and_without_attributes() {
    let bench = bench(&[]);
    writes_all(&bench);
    bench.fake().always(Some(Fault::Hold));
    let fd = open(0);
    let done = wrote(&bench, write(&fd, 0, "abc")).unwrap();
    assert_eq!((done.count, done.pre, done.post), (3, Iatt::default(), Iatt::default()));
    assert_eq!(bench.fake().held(), 1);
    bench.fake().always(None);
    bench.fake().release();
    drop(fd);
    bench.fake().forget();
}

#[test]
fn what_follows_while_one_is_on_its_way_goes_as_one_and_is_not_copied() {
    let bench = bench(&[]);
    writes_all(&bench);
    bench.fake().fault(0, Fault::Hold);
    let fd = open(0);
    let second = IoBuf::from("bb");
    let held = Writev { data: second.clone().into(), ..write(&fd, 2, "") };
    wrote(&bench, write(&fd, 0, "aa")).unwrap();
    wrote(&bench, held).unwrap();
    wrote(&bench, write(&fd, 4, "cc")).unwrap();
    assert_eq!(below(&bench).len(), 1);
    bench.fake().release();
    block_on(root(&bench).child().fsync(fsync(&fd))).unwrap();
    assert_eq!(below(&bench), [(0, "aa".to_owned()), (2, "bbcc".to_owned())]);
    let sent = bench.fake().args::<kind::writev>();
    let first = sent[1].data.buffers().next().unwrap();
    assert_eq!(first.as_ptr(), second.as_ptr(), "the bytes are those that came");
}

#[test]
fn no_write_grows_beyond_the_aggregate_and_full_ones_do_not_wait() {
    let bench = bench(&[("aggregate-size", "4")]);
    writes_all(&bench);
    bench.fake().always(Some(Fault::Hold));
    let fd = open(0);
    for (offset, bytes) in [(0, "aa"), (2, "bb"), (4, "cc"), (6, "dd"), (8, "eeeee")] {
        wrote(&bench, write(&fd, offset, bytes)).unwrap();
    }
    let full = [(0, "aa"), (2, "bbcc"), (6, "dd"), (8, "eeeee")];
    assert_eq!(below(&bench), full.map(|(at, bytes)| (at, bytes.to_owned())));
    bench.fake().always(None);
    bench.fake().release();
    block_on(root(&bench).child().fsync(fsync(&fd))).unwrap();
}

#[test]
fn only_writes_of_one_descriptor_caller_and_owner_go_together_and_each_as_who_wrote_it() {
    let bench = bench(&[]);
    writes_all(&bench);
    bench.fake().fault(0, Fault::Hold);
    let fd = open(0);
    let other = again(&fd);
    let owner = |name: &'static str| LkOwner::new(IoBuf::from(name));
    let who =
        |uid, name| Identity { uid, groups: vec![uid].into(), lk_owner: owner(name), ..Identity::default() };
    let writes = [
        (who(1, "a"), &fd, 0),
        (who(1, "a"), &fd, 1),
        (who(1, "a"), &fd, 2),
        (who(2, "a"), &fd, 3),
        (who(2, "b"), &fd, 4),
        (who(2, "b"), &other, 5),
    ];
    for (who, fd, offset) in writes {
        let frame = bench.frame(who, None);
        poll(&mut frame.child().writev(write(fd, offset, "x"))).unwrap().unwrap();
    }
    bench.fake().release();
    block_on(root(&bench).child().fstat(fstat(&fd))).unwrap();
    let mut lens: Vec<_> = below(&bench).into_iter().map(|(at, bytes)| (at, bytes.len())).collect();
    lens.sort_unstable();
    assert_eq!(lens, [(0, 1), (1, 2), (3, 1), (4, 1), (5, 1)]);
    let calls = bench.calls();
    let writers = bench.fake().identities().into_iter().zip(calls).filter(|(_, call)| *call == "writev");
    let mut uids: Vec<_> = writers.map(|(who, _)| (who.uid, who.groups.to_vec())).collect();
    uids.sort_unstable();
    assert_eq!(uids, [(1, vec![1]), (1, vec![1]), (2, vec![2]), (2, vec![2]), (2, vec![2])]);
}

#[test]
fn what_overlaps_keeps_its_order_and_what_does_not_goes_at_once() {
    let bench = bench(&[]);
    writes_all(&bench);
    bench.fake().always(Some(Fault::Hold));
    let fd = open(0);
    let other = again(&fd);
    wrote(&bench, write(&fd, 0, "aaaa")).unwrap();
    wrote(&bench, write(&other, 2, "bb")).unwrap();
    wrote(&bench, write(&other, 100, "cc")).unwrap();
    wrote(&bench, write(&fd, 200, "dd")).unwrap();
    assert_eq!(
        below(&bench),
        [(0, "aaaa".to_owned()), (100, "cc".to_owned())],
        "dd may still grow, bb waits"
    );
    bench.fake().always(None);
    bench.fake().release();
    block_on(root(&bench).child().fsync(fsync(&fd))).unwrap();
    let at = |offset| below(&bench).iter().position(|(at, _)| *at == offset);
    assert!(at(0) < at(2));
}

#[test]
fn strict_order_sends_one_after_the_other() {
    let bench = bench(&[("strict-write-ordering", "on")]);
    writes_all(&bench);
    bench.fake().always(Some(Fault::Hold));
    let fd = open(0);
    for offset in [0, 100, 200] {
        wrote(&bench, write(&fd, offset, "xx")).unwrap();
    }
    assert_eq!(below(&bench), [(0, "xx".to_owned())]);
    bench.fake().always(None);
    bench.fake().release();
    block_on(root(&bench).child().fsync(fsync(&fd))).unwrap();
    assert_eq!(below(&bench).iter().map(|(at, _)| *at).collect::<Vec<_>>(), [0, 100, 200]);
}

#[test]
fn an_appending_write_is_alone() {
    let bench = bench(&[]);
    writes_all(&bench);
    bench.fake().always(Some(Fault::Hold));
    let (fd, append) = (open(0), open(libc::O_APPEND));
    wrote(&bench, write(&append, 0, "aa")).unwrap();
    wrote(&bench, write(&fd, 500, "bb")).unwrap();
    assert_eq!(below(&bench), [(0, "aa".to_owned())]);
    let mut reads = root(&bench);
    let mut read_elsewhere = reads.child().readv(read(&fd, 9000, 1));
    assert!(poll(&mut read_elsewhere).is_none(), "the brick says where an appending write goes");
    bench.fake().always(None);
    bench.fake().release();
    block_on(read_elsewhere).unwrap();
    reads.set_deadline(0);
    block_on(root(&bench).child().fsync(fsync(&fd))).unwrap();
}

#[test]
fn a_read_waits_for_the_bytes_that_it_is_about_and_for_no_others() {
    let bench = bench(&[]);
    writes_all(&bench);
    bench.fake().fault(0, Fault::Hold);
    let fd = open(0);
    wrote(&bench, write(&fd, 10, "abcd")).unwrap();
    let frame = root(&bench);
    let mut overlaps = frame.child().readv(read(&fd, 13, 1));
    assert!(poll(&mut overlaps).is_none());
    assert!(poll(&mut root(&bench).child().readv(read(&fd, 14, 100))).is_some());
    bench.fake().release();
    block_on(overlaps).unwrap();
}

#[test]
fn fops_that_show_or_change_a_file_wait_for_all_that_it_holds() {
    fn waits<F: FopType<Args: Clone>>(args: impl Fn(&Fd) -> F::Args) {
        let bench = bench(&[]);
        writes_all(&bench);
        let fd = open(0);
        let frame = root(&bench);
        assert!(poll(&mut frame.child().wind::<F>(args(&fd))).is_some(), "{} waits for nothing", F::NAME);
        bench.fake().fault(0, Fault::Hold);
        wrote(&bench, write(&fd, 10, "abcd")).unwrap();
        let mut second = frame.child().wind::<F>(args(&fd));
        assert!(poll(&mut second).is_none(), "{} goes before the write", F::NAME);
        assert_eq!(bench.calls(), [F::NAME, "writev"]);
        bench.fake().release();
        block_on(second).unwrap();
        assert_eq!(bench.calls().last(), Some(&F::NAME));
    }
    let loc = |fd: &Fd| Loc::of(fd.inode().clone());
    let none = Dict::new;
    waits::<kind::stat>(|fd| Stat { loc: loc(fd), xdata: none() });
    waits::<kind::fstat>(fstat);
    waits::<kind::lookup>(|fd| Lookup { loc: loc(fd), xdata: none() });
    waits::<kind::truncate>(|fd| Truncate { loc: loc(fd), offset: 0, xdata: none() });
    waits::<kind::ftruncate>(|fd| Ftruncate { fd: fd.clone(), offset: 0, xdata: none() });
    waits::<kind::setattr>(|fd| Setattr { loc: loc(fd), iatt: Iatt::default(), valid: 0, xdata: none() });
    waits::<kind::rename>(|fd| Rename { old: loc(fd), new: Loc::default(), xdata: none() });
    waits::<kind::link>(|fd| Link { old: loc(fd), new: Loc::default(), xdata: none() });
    waits::<kind::discard>(|fd| Discard { fd: fd.clone(), offset: 0, len: 1, xdata: none() });
    waits::<kind::seek>(|fd| Seek { fd: fd.clone(), offset: 0, what: 0, xdata: none() });
    waits::<kind::fsync>(fsync);
    waits::<kind::lk>(|fd| {
        let flock = Flock { kind: LockKind::Unlock, ..Flock::default() };
        Lk { fd: fd.clone(), cmd: LockCmd::Set, flock, xdata: none() }
    });
}

#[test]
fn a_short_read_before_a_write_that_is_held_back_is_read_again() {
    let bench = bench(&[]);
    let size = Arc::new(AtomicUsize::new(0));
    let (grown, shown) = (size.clone(), size);
    bench.on::<kind::writev>(move |args| {
        grown.store(usize::try_from(args.offset + args.len()).unwrap(), Ordering::SeqCst);
        Ok(Written { count: args.len(), ..Written::default() })
    });
    bench.on::<kind::readv>(move |args| {
        let data = vec![0; args.size.min(shown.load(Ordering::SeqCst))];
        Ok(Data { data: IoBuf::from(data).into(), ..Data::default() })
    });
    bench.fake().fault(0, Fault::Hold);
    let fd = open(0);
    wrote(&bench, write(&fd, 100, "abcd")).unwrap();
    let frame = root(&bench);
    let mut hole = frame.child().readv(read(&fd, 0, 10));
    assert!(poll(&mut hole).is_none());
    bench.fake().release();
    assert_eq!(block_on(hole).unwrap().data.len(), 10);
}

#[test]
fn beyond_the_window_a_write_waits_and_they_come_in_the_order_in_which_they_came() {
    let bench = bench(&[("cache-size", "512KB")]);
    writes_all(&bench);
    bench.fake().always(Some(Fault::Hold));
    let fd = open(0);
    let large = "x".repeat(512 * 1024);
    wrote(&bench, write(&fd, 0, &large)).unwrap();
    let frames: Vec<_> = (0..3).map(|_| root(&bench)).collect();
    let at = |n: usize| 1_000_000 + 600_000 * n as u64;
    let mut waiting: Vec<_> =
        frames.iter().enumerate().map(|(n, frame)| frame.child().writev(write(&fd, at(n), &large))).collect();
    assert!(waiting.iter_mut().all(|write| poll(write).is_none()));
    bench.fake().always(None);
    bench.fake().release();
    waiting.into_iter().for_each(|write| assert_eq!(block_on(write).unwrap().count, 512 * 1024));
    block_on(root(&bench).child().fsync(fsync(&fd))).unwrap();
    assert_eq!(below(&bench).iter().map(|(at, _)| *at).collect::<Vec<_>>(), [0, at(0), at(1), at(2)]);
}

#[test]
fn synchronous_writes_and_strict_direct_ones_are_answered_by_the_child() {
    let strict: &[(&str, &str)] = &[("strict-O_DIRECT", "on")];
    let cases = [
        (libc::O_SYNC, 0, &[][..], false),
        (libc::O_DSYNC, 0, &[], false),
        (0, libc::O_DSYNC, &[], false),
        (libc::O_DIRECT, 0, &[], true),
        (libc::O_DIRECT, 0, strict, false),
        (0, libc::O_DIRECT, strict, false),
    ];
    for (open_flags, write_flags, options, behind) in cases {
        let bench = bench(options);
        bench.on::<kind::writev>(|args| {
            let post = Iatt { size: 9, ..Iatt::default() };
            Ok(Written { count: args.len(), post, ..Written::default() })
        });
        let fd = open(open_flags);
        let flags = u32::try_from(write_flags).unwrap();
        let done = bench.call::<kind::writev>(Writev { flags, ..write(&fd, 0, "abc") }).unwrap();
        assert_eq!(done.post.size == 0, behind, "{open_flags:#o} {write_flags:#o} {options:?}");
    }
}

#[test]
fn what_a_child_takes_a_part_of_is_sent_on() {
    let bench = bench(&[]);
    bench.on::<kind::writev>(|args| Ok(Written { count: args.len().min(3), ..Written::default() }));
    let fd = open(0);
    wrote(&bench, write(&fd, 10, "abcdefgh")).unwrap();
    block_on(root(&bench).child().fsync(fsync(&fd))).unwrap();
    let expected = [(10, "abcdefgh"), (13, "defgh"), (16, "gh")];
    assert_eq!(below(&bench), expected.map(|(at, bytes)| (at, bytes.to_owned())));
}

#[test]
fn an_error_is_told_once_to_the_next_write_fsync_or_flush_of_the_descriptor() {
    fn failed<F: FopType>(bench: &Bench, args: F::Args) -> Option<Errno> {
        bench.call::<F>(args).err().map(|why| why.errno)
    }
    type Ask = fn(&Bench, &Fd) -> Option<Errno>;
    let asks: [Ask; 3] = [
        |bench, fd| failed::<kind::writev>(bench, write(fd, 100, "later")),
        |bench, fd| failed::<kind::fsync>(bench, fsync(fd)),
        |bench, fd| failed::<kind::flush>(bench, flush(fd)),
    ];
    for ask in asks {
        let bench = bench(&[]);
        writes_all(&bench);
        let fd = open(0);
        bench.fake().fault(0, Fault::Fail(Errno::EIO));
        bench.fake().fault(1, Fault::Fail(Errno::ENOSPC));
        wrote(&bench, write(&fd, 0, "abc")).unwrap();
        assert_eq!(ask(&bench, &fd), Some(Errno::ENOSPC), "what the second attempt says");
        assert!(asks.iter().all(|ask| ask(&bench, &fd).is_none()), "it was told");
        block_on(root(&bench).child().fsync(fsync(&fd))).unwrap();
    }
}

#[test]
fn a_child_that_was_away_for_a_moment_costs_nothing() {
    let bench = bench(&[]);
    writes_all(&bench);
    let fd = open(0);
    bench.fake().fault(0, Fault::Fail(Errno::ENOTCONN));
    wrote(&bench, write(&fd, 0, "abc")).unwrap();
    bench.call::<kind::fsync>(fsync(&fd)).unwrap();
    let twice = [(0, "abc".to_owned()), (0, "abc".to_owned())];
    assert_eq!(below(&bench), twice);
}

#[test]
fn the_error_of_one_descriptor_is_not_taken_by_another_whose_fsync_fails_with_it() {
    let bench = bench(&[]);
    writes_all(&bench);
    let fd = open(0);
    let other = again(&fd);
    bench.fake().fault(0, Fault::Fail(Errno::EIO));
    bench.fake().fault(1, Fault::Fail(Errno::EIO));
    wrote(&bench, write(&fd, 0, "abc")).unwrap();
    assert_eq!(bench.call::<kind::fsync>(fsync(&other)).unwrap_err().errno, Errno::EIO);
    bench.call::<kind::fsync>(fsync(&other)).unwrap();
    assert_eq!(bench.call::<kind::fsync>(fsync(&fd)).unwrap_err().errno, Errno::EIO);
    bench.call::<kind::fsync>(fsync(&fd)).unwrap();
}

#[test]
fn bytes_that_did_not_get_there_are_not_read_as_older_ones_until_their_writer_was_told() {
    let bench = bench(&[]);
    bench.on::<kind::writev>(|_| Err(Errno::ENOSPC.into()));
    let fd = open(0);
    wrote(&bench, write(&fd, 0, "abc")).unwrap();
    for _ in 0..2 {
        bench.call::<kind::fstat>(fstat(&fd)).unwrap();
        assert_eq!(bench.call::<kind::readv>(read(&again(&fd), 1, 1)).unwrap_err().errno, Errno::ENOSPC);
    }
    assert_eq!(bench.call::<kind::flush>(flush(&fd)).unwrap_err().errno, Errno::ENOSPC);
    bench.call::<kind::readv>(read(&fd, 1, 1)).unwrap();
}

#[test]
fn a_cut_that_waited_for_what_failed_fails_once() {
    let bench = bench(&[]);
    bench.on::<kind::writev>(|_| Err(Errno::ENOSPC.into()));
    let fd = open(0);
    wrote(&bench, write(&fd, 0, "abc")).unwrap();
    let cut = || Ftruncate { fd: fd.clone(), offset: 0, xdata: Dict::new() };
    assert_eq!(bench.call::<kind::ftruncate>(cut()).unwrap_err().errno, Errno::ENOSPC);
    bench.call::<kind::ftruncate>(cut()).unwrap();
}

#[test]
fn with_resync_a_failed_write_outlives_the_fsync_that_tells_so() {
    for (resync, attempts) in [("off", 1), ("on", 2)] {
        let bench = bench(&[("resync-failed-syncs-after-fsync", resync)]);
        let tried = Arc::new(AtomicUsize::new(0));
        let count = tried.clone();
        bench.on::<kind::writev>(move |args| match count.fetch_add(1, Ordering::SeqCst) {
            0 | 1 => Err(Errno::ENOSPC.into()),
            _ => Ok(Written { count: args.len(), ..Written::default() }),
        });
        let fd = open(0);
        wrote(&bench, write(&fd, 0, "abc")).unwrap();
        assert_eq!(bench.call::<kind::fsync>(fsync(&fd)).unwrap_err().errno, Errno::ENOSPC);
        bench.call::<kind::fsync>(fsync(&fd)).unwrap();
        assert_eq!(tried.load(Ordering::SeqCst), attempts + 1, "resync {resync}");
    }
}

#[test]
fn a_flush_is_answered_at_once_and_goes_after_the_writes() {
    let bench = bench(&[]);
    writes_all(&bench);
    bench.fake().fault(0, Fault::Hold);
    let fd = open(0);
    wrote(&bench, write(&fd, 0, "abc")).unwrap();
    poll(&mut root(&bench).child().flush(flush(&fd))).unwrap().unwrap();
    assert_eq!(bench.calls(), ["writev"]);
    bench.fake().release();
    wait("the flush", || bench.calls() == ["writev", "flush"]);
}

#[test]
fn without_flush_behind_a_flush_waits_and_tells() {
    let bench = bench(&[("flush-behind", "off")]);
    writes_all(&bench);
    bench.fake().fault(0, Fault::Hold);
    let fd = open(0);
    wrote(&bench, write(&fd, 0, "abc")).unwrap();
    let frame = root(&bench);
    let mut flushed = frame.child().flush(flush(&fd));
    assert!(poll(&mut flushed).is_none());
    bench.fake().release();
    block_on(flushed).unwrap();
    bench.fake().fault(0, Fault::Fail(Errno::EDQUOT));
    bench.fake().fault(1, Fault::Fail(Errno::EDQUOT));
    wrote(&bench, write(&fd, 0, "abc")).unwrap();
    assert_eq!(bench.call::<kind::flush>(flush(&fd)).unwrap_err().errno, Errno::EDQUOT);
    assert_eq!(bench.calls().last(), Some(&"flush"), "locks are given back in any case");
}

#[test]
fn without_trickling_a_small_write_waits_for_company_or_for_who_wants_it() {
    let bench = bench(&[("trickling-writes", "off"), ("aggregate-size", "4")]);
    writes_all(&bench);
    let fd = open(0);
    wrote(&bench, write(&fd, 0, "ab")).unwrap();
    assert!(below(&bench).is_empty());
    wrote(&bench, write(&fd, 2, "cd")).unwrap();
    wait("the full one", || below(&bench) == [(0, "abcd".to_owned())]);
    wrote(&bench, write(&fd, 4, "e")).unwrap();
    bench.call::<kind::fstat>(fstat(&fd)).unwrap();
    assert_eq!(below(&bench).last(), Some(&(4, "e".to_owned())));
}

#[test]
fn a_directory_shows_no_attributes_of_what_is_held_back_or_was_while_it_was_read() {
    let bench = bench(&[]);
    writes_all(&bench);
    let entries = || {
        let entry = |gfid| DirEntry { iatt: Iatt { gfid, ..Iatt::default() }, ..DirEntry::default() };
        [entry(FILE), entry(Gfid([8; 16]))].into_iter().collect()
    };
    bench.on::<kind::readdirp>(move |_| Ok(Entries { entries: entries(), ..Entries::default() }));
    let shown = |answer: FopResult<Entries>| -> Vec<Gfid> {
        answer.unwrap().entries.iter().map(|entry| entry.iatt.gfid).collect()
    };
    let dir = Fd::new(Inode::new(Gfid::ROOT, FileType::Directory), 0, 1);
    let list = || Readdirp { fd: dir.clone(), size: 4096, offset: 0, xdata: Dict::new() };
    let fd = open(0);
    bench.fake().fault(0, Fault::Hold);
    wrote(&bench, write(&fd, 0, "abc")).unwrap();
    assert_eq!(shown(bench.call::<kind::readdirp>(list())), [Gfid::NULL, Gfid([8; 16])]);
    bench.fake().fault(0, Fault::Hold);
    let frame = root(&bench);
    let mut late = frame.child().readdirp(list());
    assert!(poll(&mut late).is_none());
    bench.fake().release();
    bench.call::<kind::fsync>(fsync(&fd)).unwrap();
    assert_eq!(shown(block_on(late)), [Gfid::NULL, Gfid([8; 16])]);
    assert_eq!(shown(bench.call::<kind::readdirp>(list())), [FILE, Gfid([8; 16])]);
}

#[test]
fn passing_through_comes_back_when_all_is_below() {
    let bench = bench(&[("trickling-writes", "off")]);
    let written = Arc::new(Mutex::new(0));
    let sum = written.clone();
    bench.on::<kind::writev>(move |args| {
        *sum.lock().unwrap() += args.len();
        Ok(Written { count: args.len(), ..Written::default() })
    });
    let fds: Vec<_> =
        (0..20).map(|n| Fd::new(Inode::new(Gfid([n + 1; 16]), FileType::Regular), libc::O_RDWR, 1)).collect();
    bench.fake().always(Some(Fault::Delay(Duration::from_millis(5))));
    for (fd, offset) in fds.iter().flat_map(|fd| [(fd, 0), (fd, 2), (fd, 100)]) {
        wrote(&bench, write(fd, offset, "ab")).unwrap();
    }
    bench.reconfigure(&[("pass-through", "on")]);
    assert_eq!(*written.lock().unwrap(), 20 * 6);
    bench.fake().always(None);
    bench.fake().fault(0, Fault::Fail(Errno::EIO));
    bench.call::<kind::writev>(write(&fds[0], 0, "ab")).unwrap_err();
    bench.reconfigure(&[("pass-through", "off")]);
    bench.fake().fault(0, Fault::Fail(Errno::EIO));
    wrote(&bench, write(&fds[0], 0, "ab")).unwrap();
}

#[test]
fn nothing_stays_of_a_graph_that_ends_with_writes_that_failed() {
    let bench = Testkit::<WriteBehind>::new().child(Fake::answering()).start();
    bench.fake().always(Some(Fault::Fail(Errno::ENOTCONN)));
    let fd = bench.fd(bench.inode(FILE, FileType::Regular), libc::O_RDWR);
    let data = bench.buffer(b"abc").into();
    wrote(&bench, Writev { data, ..write(&fd, 0, "") }).unwrap();
    drop(fd);
    bench.close();
}
