//! Which opens reach the child, and when.
#![allow(clippy::unwrap_used, reason = "helpers of tests")]

use performance_open_behind::OpenBehind;
use plugin_api::prelude::*;
use plugin_testkit::{Bench, Caller, Fake, Fault, Testkit, block_on, poll};

fn bench(options: &[(&str, &str)]) -> Bench {
    Testkit::<OpenBehind>::new().options(options).child(Fake::recorder()).start()
}

fn inode() -> Inode {
    Inode::new(Gfid([7; 16]), FileType::Regular)
}

fn open(bench: &Bench, inode: &Inode, flags: i32) -> Fd {
    let fd = Fd::new(inode.clone(), flags, 77);
    let args = Open { loc: Loc::of(inode.clone()), flags, fd, xdata: Dict::new() };
    let mut frame = bench.frame(Identity { uid: 5, ..Identity::default() }, None);
    frame.identity_mut().gid = 6;
    block_on(frame.child().open(args)).unwrap().fd
}

fn readv(fd: &Fd) -> Readv {
    Readv { fd: fd.clone(), size: 9, offset: 0, flags: 0, xdata: Dict::new() }
}

fn flush(bench: &Bench, fd: &Fd) {
    bench.call::<kind::flush>(Flush { fd: fd.clone(), xdata: Dict::new() }).unwrap();
}

#[test]
fn a_file_that_is_opened_and_closed_never_reaches_the_child() {
    let bench = bench(&[]);
    let fd = open(&bench, &inode(), libc::O_RDWR);
    flush(&bench, &fd);
    drop(fd);
    assert!(bench.calls().is_empty());
    bench.close();
}

#[test]
fn what_needs_an_open_has_it_sent_once_as_who_asked_for_it() {
    let bench = bench(&[]);
    let fd = open(&bench, &inode(), libc::O_RDWR);
    bench.call::<kind::readv>(readv(&fd)).unwrap();
    bench.call::<kind::readv>(readv(&fd)).unwrap();
    flush(&bench, &fd);
    assert_eq!(bench.calls(), ["open", "readv", "readv", "flush"]);
    let ids: Vec<_> = bench.fake().identities().iter().map(|id| (id.uid, id.gid)).collect();
    assert_eq!(ids[..2], [(5, 6), (0, 0)]);
    let opened = bench.fake().args::<kind::open>()[0].fd.clone();
    assert_eq!((opened.flags(), opened.pid()), (libc::O_RDWR, 77));
    assert_eq!(opened, fd, "the child knows what callers hold");
    assert_eq!(bench.fake().args::<kind::readv>()[1].fd, opened);
}

#[test]
fn an_open_that_does_something_and_one_that_may_not_wait_go_at_once() {
    let bench = bench(&[]);
    open(&bench, &inode(), libc::O_WRONLY | libc::O_TRUNC);
    assert_eq!(bench.calls(), ["open"]);
    for option in [("lazy-open", "off"), ("pass-through", "on")] {
        let bench = self::bench(&[option]);
        open(&bench, &inode(), libc::O_RDONLY);
        assert_eq!(bench.calls(), ["open"], "{option:?}");
    }
}

#[test]
fn an_open_that_fails_gives_its_error_to_all_who_need_it() {
    let bench = bench(&[]);
    let fd = open(&bench, &inode(), libc::O_RDWR);
    bench.fake().fault(0, Fault::Fail(Errno::EACCES));
    for _ in 0..2 {
        assert_eq!(bench.call::<kind::readv>(readv(&fd)).unwrap_err().errno, Errno::EACCES);
    }
    assert_eq!(bench.calls(), ["open"]);
}

#[test]
fn all_who_need_an_open_wait_for_the_one_that_was_sent() {
    let bench = bench(&[]);
    let fd = open(&bench, &inode(), libc::O_RDWR);
    bench.fake().fault(0, Fault::Hold);
    let frames = [bench.frame(Identity::default(), None), bench.frame(Identity::default(), None)];
    let mut reads: Vec<_> = frames.iter().map(|frame| frame.child().readv(readv(&fd))).collect();
    assert!(reads.iter_mut().all(|read| poll(read).is_none()));
    assert_eq!(bench.calls(), ["open"]);
    bench.fake().release();
    for read in reads {
        block_on(read).unwrap();
    }
    assert_eq!(bench.calls(), ["open", "readv", "readv"]);
}

#[test]
fn an_open_comes_before_what_would_take_the_file_or_the_right_away() {
    let place = |inode: &Inode| {
        let root = Inode::new(Gfid::ROOT, FileType::Directory);
        Loc { inode: Some(inode.clone()).into(), ..Loc::entry(root, "f".into()) }
    };
    type Act = (&'static str, fn(&Bench, Loc));
    let acts: [Act; 4] = [
        ("unlink", |bench, loc| {
            bench.call::<kind::unlink>(Unlink { loc, flags: 0, xdata: Dict::new() }).unwrap();
        }),
        ("rename", |bench, new| {
            let old = Loc::entry(Inode::new(Gfid::ROOT, FileType::Directory), "g".into());
            bench.call::<kind::rename>(Rename { old, new, xdata: Dict::new() }).unwrap();
        }),
        ("setattr", |bench, loc| {
            let args = Setattr { loc, iatt: Iatt::default(), valid: set_attr::MODE, xdata: Dict::new() };
            bench.call::<kind::setattr>(args).unwrap();
        }),
        ("setxattr", |bench, loc| {
            let args = Setxattr { loc, xattrs: Dict::new(), flags: 0, xdata: Dict::new() };
            bench.call::<kind::setxattr>(args).unwrap();
        }),
    ];
    for (fop, act) in acts {
        let bench = bench(&[]);
        let inode = inode();
        let (one, closed, _two) =
            (open(&bench, &inode, libc::O_RDWR), open(&bench, &inode, 0), open(&bench, &inode, 0));
        drop(closed);
        act(&bench, place(&inode));
        assert_eq!(bench.calls(), ["open", "open", fop]);
        act(&bench, place(&inode));
        assert_eq!(bench.calls(), ["open", "open", fop, fop]);
        bench.call::<kind::readv>(readv(&one)).unwrap();
        let opened: Vec<_> = bench.fake().args::<kind::open>().into_iter().map(|open| open.fd).collect();
        assert!(opened.contains(&bench.fake().args::<kind::readv>()[0].fd), "what was opened in its place");
    }
}

#[test]
fn reads_go_by_the_inode_when_told_so() {
    let bench = bench(&[("read-after-open", "off"), ("use-anonymous-fd", "on")]);
    let fd = open(&bench, &inode(), libc::O_RDWR);
    bench.call::<kind::readv>(readv(&fd)).unwrap();
    bench.call::<kind::fstat>(Fstat { fd: fd.clone(), xdata: Dict::new() }).unwrap();
    assert_eq!(bench.calls(), ["readv", "fstat"]);
    assert!(bench.fake().args::<kind::readv>()[0].fd.is_anonymous());
}

#[test]
fn a_file_that_was_removed_stays_open_though_nobody_said_which_it_was() {
    let bench = Testkit::<OpenBehind>::new().child(Fake::memory()).start();
    let caller = Caller::new(&bench, 1);
    let root = caller.root();
    let made = caller.create(&root, "f").unwrap();
    caller.write(&made, 0, b"still there").unwrap();
    let inode = made.inode().clone();
    drop(made);
    let fd = caller.open(&inode, libc::O_RDWR).unwrap();
    caller.unlink(&root, "f").unwrap();
    assert_eq!(caller.read(&fd, 0, 99).unwrap(), b"still there");
    drop((root, inode));
    drop(fd);
    bench.close();
}
