//! What is answered without a child, and what is not.
#![allow(clippy::unwrap_used, reason = "helpers of tests")]

use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex};

use performance_md_cache::MdCache;
use plugin_api::prelude::*;
use plugin_api::upcall::{self, flag};
use plugin_testkit::{Bench, Caller, Fake, Fault, Testkit, block_on, poll};

const FILE: Gfid = Gfid([7; 16]);

fn bench(options: &[(&str, &str)]) -> Bench {
    Testkit::<MdCache>::new()
        .option("md-cache-timeout", "60")
        .options(options)
        .child(Fake::answering())
        .start()
}

fn file(ctime: i64, size: u64) -> Iatt {
    Iatt { gfid: FILE, mode: libc::S_IFREG | 0o644, mtime: ctime, ctime, size, nlink: 1, ..Iatt::default() }
}

/// A brick whose file has these attributes.
fn shows(bench: &Bench, ctime: i64, size: u64) {
    bench.on::<kind::stat>(move |_| Ok(Attr { iatt: file(ctime, size), ..Attr::default() }));
    bench.on::<kind::lookup>(move |_| Ok(Looked { iatt: file(ctime, size), ..Looked::default() }));
}

fn inode() -> Inode {
    Inode::new(FILE, FileType::Regular)
}

fn stat(inode: &Inode) -> Stat {
    Stat { loc: Loc::of(inode.clone()), xdata: Dict::new() }
}

fn size(bench: &Bench, inode: &Inode) -> u64 {
    bench.call::<kind::stat>(stat(inode)).unwrap().iatt.size
}

fn asked(bench: &Bench, fop: &str) -> usize {
    bench.calls().iter().filter(|call| **call == fop).count()
}

fn write(inode: &Inode) -> Writev {
    let fd = Fd::new(inode.clone(), libc::O_RDWR, 1);
    Writev { fd, data: IoBuf::from("x").into(), offset: 0, flags: 0, xdata: Dict::new() }
}

fn upcall(flags: u32, stat: Option<Iatt>) -> Event {
    let mut data = Dict::new()
        .with(upcall::KIND, upcall::kind::CACHE_INVALIDATION)
        .with(upcall::GFID, FILE)
        .with(upcall::FLAGS, u64::from(flags));
    if let Some(stat) = stat {
        data.set(upcall::STAT, stat);
    }
    Event { kind: EventKind::UPCALL, data }
}

#[test]
fn attributes_are_asked_once() {
    let bench = bench(&[]);
    shows(&bench, 5, 1);
    let inode = inode();
    assert_eq!((size(&bench, &inode), size(&bench, &inode)), (1, 1));
    assert_eq!(asked(&bench, "stat"), 1);
    bench.close();
}

#[test]
fn without_time_to_live_nothing_is_kept_and_switched_off_nothing_is_asked_for() {
    for options in [[("md-cache-timeout", "0")], [("pass-through", "on")]] {
        let bench = bench(&options);
        shows(&bench, 5, 1);
        let inode = inode();
        size(&bench, &inode);
        size(&bench, &inode);
        assert_eq!(asked(&bench, "stat"), 2, "{options:?}");
    }
}

#[test]
fn what_was_kept_before_it_was_off_does_not_count_afterwards() {
    let bench = bench(&[]);
    shows(&bench, 5, 1);
    let inode = inode();
    size(&bench, &inode);
    bench.reconfigure(&[("md-cache-timeout", "60"), ("pass-through", "on")]);
    bench.reconfigure(&[("md-cache-timeout", "60"), ("pass-through", "off")]);
    size(&bench, &inode);
    assert_eq!(asked(&bench, "stat"), 2);
}

#[test]
fn what_a_write_tells_is_shown_afterwards() {
    let bench = bench(&[]);
    shows(&bench, 5, 1);
    bench.on::<kind::writev>(|_| {
        Ok(Written { count: 1, pre: file(5, 1), post: file(6, 9), ..Written::default() })
    });
    let inode = inode();
    size(&bench, &inode);
    bench.call::<kind::writev>(write(&inode)).unwrap();
    assert_eq!((size(&bench, &inode), asked(&bench, "stat")), (9, 1));
}

#[test]
fn attributes_that_nobody_knows_end_what_is_kept() {
    let bench = bench(&[]);
    shows(&bench, 5, 1);
    bench.on::<kind::writev>(|_| Ok(Written { count: 1, ..Written::default() }));
    let inode = inode();
    size(&bench, &inode);
    bench.call::<kind::writev>(write(&inode)).unwrap();
    size(&bench, &inode);
    assert_eq!(asked(&bench, "stat"), 2);
}

#[test]
fn a_change_that_failed_may_have_been_made() {
    let bench = bench(&[]);
    shows(&bench, 5, 1);
    bench.on::<kind::writev>(|_| Err(Errno::ENOTCONN.into()));
    let inode = inode();
    size(&bench, &inode);
    bench.call::<kind::writev>(write(&inode)).unwrap_err();
    size(&bench, &inode);
    assert_eq!(asked(&bench, "stat"), 2);
}

#[test]
fn an_answer_that_a_change_has_overtaken_is_not_kept() {
    for overtaken in [file(5, 1), file(6, 1)] {
        let bench = bench(&[]);
        bench.on::<kind::stat>(move |_| Ok(Attr { iatt: overtaken, ..Attr::default() }));
        bench.on::<kind::writev>(|_| {
            Ok(Written { count: 1, pre: file(5, 1), post: file(6, 9), ..Written::default() })
        });
        let inode = inode();
        bench.fake().fault(0, Fault::Hold);
        let frame = bench.frame(Identity::default(), None);
        let mut late = frame.child().stat(stat(&inode));
        assert!(poll(&mut late).is_none(), "the child keeps it");
        bench.call::<kind::writev>(write(&inode)).unwrap();
        bench.fake().release();
        block_on(late).unwrap();
        assert_eq!((size(&bench, &inode), asked(&bench, "stat")), (9, 1), "what the write told still stands");
    }
}

#[test]
fn an_answer_that_a_change_without_attributes_has_overtaken_is_not_kept() {
    let bench = bench(&[]);
    shows(&bench, 6, 1);
    bench.on::<kind::writev>(|_| Ok(Written { count: 1, ..Written::default() }));
    let inode = inode();
    bench.fake().fault(0, Fault::Hold);
    let frame = bench.frame(Identity::default(), None);
    let mut late = frame.child().stat(stat(&inode));
    assert!(poll(&mut late).is_none());
    bench.call::<kind::writev>(write(&inode)).unwrap();
    bench.fake().release();
    block_on(late).unwrap();
    shows(&bench, 7, 2);
    assert_eq!((size(&bench, &inode), asked(&bench, "stat")), (2, 2));
}

#[test]
fn an_answer_that_is_proved_newer_is_kept_though_it_was_overtaken() {
    let bench = bench(&[]);
    shows(&bench, 7, 20);
    bench.on::<kind::writev>(|_| {
        Ok(Written { count: 1, pre: file(5, 1), post: file(6, 9), ..Written::default() })
    });
    let inode = inode();
    bench.fake().fault(0, Fault::Hold);
    let frame = bench.frame(Identity::default(), None);
    let mut late = frame.child().stat(stat(&inode));
    assert!(poll(&mut late).is_none());
    bench.call::<kind::writev>(write(&inode)).unwrap();
    bench.fake().release();
    block_on(late).unwrap();
    assert_eq!((size(&bench, &inode), asked(&bench, "stat")), (20, 1));
}

#[test]
fn of_two_changes_at_once_that_cannot_be_ordered_neither_is_kept() {
    let bench = bench(&[]);
    shows(&bench, 6, 30);
    let sizes = Arc::new(Mutex::new(vec![20, 10]));
    bench.on::<kind::writev>(move |_| {
        let size = sizes.lock().unwrap().pop().unwrap();
        Ok(Written { count: 1, pre: file(5, 1), post: file(6, size), ..Written::default() })
    });
    let inode = inode();
    bench.fake().fault(0, Fault::Hold);
    let frame = bench.frame(Identity::default(), None);
    let mut late = frame.child().writev(write(&inode));
    assert!(poll(&mut late).is_none());
    bench.call::<kind::writev>(write(&inode)).unwrap();
    bench.fake().release();
    block_on(late).unwrap();
    assert_eq!((size(&bench, &inode), asked(&bench, "stat")), (30, 1));
}

#[test]
fn an_older_answer_does_not_take_the_place_of_a_newer_one() {
    let bench = bench(&[]);
    let ctime = Arc::new(AtomicI64::new(9));
    let told = ctime.clone();
    bench.on::<kind::lookup>(move |_| {
        let ctime = told.load(Ordering::Relaxed);
        Ok(Looked { iatt: file(ctime, ctime.unsigned_abs()), ..Looked::default() })
    });
    let inode = inode();
    let loc = Loc::of(inode.clone());
    for time in [9, 8] {
        ctime.store(time, Ordering::Relaxed);
        let xdata = Dict::new().with("something.else", 0);
        bench.call::<kind::lookup>(Lookup { loc: loc.clone(), xdata }).unwrap();
        assert_eq!(size(&bench, &inode), 9);
    }
}

#[test]
fn a_lookup_is_answered_when_all_that_it_asks_is_kept() {
    let bench = bench(&[]);
    shows(&bench, 5, 1);
    let inode = inode();
    let loc = Loc {
        inode: Some(inode.clone()).into(),
        ..Loc::entry(bench.inode(Gfid::ROOT, FileType::Directory), "f".into())
    };
    let look = |xdata: Dict| bench.call::<kind::lookup>(Lookup { loc: loc.clone(), xdata }).unwrap();
    look(Dict::new());
    look(Dict::new().with("gfid-req", FILE));
    look(Dict::new().with("security.capability", 0));
    assert_eq!(asked(&bench, "lookup"), 1);
    look(Dict::new().with("glusterfs.content", 65536));
    assert_eq!(asked(&bench, "lookup"), 2);
}

#[test]
fn a_name_that_was_not_looked_up_is_not_answered_by_the_inode_alone() {
    let bench = bench(&[]);
    shows(&bench, 5, 1);
    let inode = inode();
    size(&bench, &inode);
    let place = Loc {
        inode: Some(inode).into(),
        ..Loc::entry(bench.inode(Gfid::ROOT, FileType::Directory), "f".into())
    };
    bench.call::<kind::lookup>(Lookup { loc: place, xdata: Dict::new() }).unwrap();
    assert_eq!(asked(&bench, "lookup"), 1);
}

#[test]
fn xattrs_are_asked_with_the_attributes_and_a_missing_one_is_missing() {
    let bench = bench(&[("xattr-cache-list", "user.kept, user.more.*")]);
    bench.on::<kind::lookup>(|args| {
        for asked in ["user.kept", "user.more.*", "security.capability", "security.ima"] {
            assert!(args.xdata.contains(asked), "{asked}");
        }
        let xdata = Dict::new().with("user.more.a", vec![1_u8]).with("unasked", 5);
        Ok(Looked { iatt: file(5, 1), xdata, ..Looked::default() })
    });
    bench.on::<kind::getxattr>(|_| Err(Errno::EIO.into()));
    let inode = inode();
    let loc = Loc::of(inode);
    bench.call::<kind::lookup>(Lookup { loc: loc.clone(), xdata: Dict::new() }).unwrap();
    let read = |name: &str| {
        let args = Getxattr { loc: loc.clone(), name: IoBuf::from(name.to_owned()), xdata: Dict::new() };
        bench.call::<kind::getxattr>(args).map_err(|error| error.errno)
    };
    assert_eq!(read("user.more.a").unwrap().xattrs.get("user.more.a").unwrap().as_bytes(), Some(&[1_u8][..]));
    assert_eq!(read("user.kept").unwrap_err(), Errno::ENODATA);
    assert_eq!(read("user.other").unwrap_err(), Errno::EIO, "it is none of those that are kept");
    let xattrs = Dict::new().with("user.kept", vec![2_u8]);
    bench
        .call::<kind::setxattr>(Setxattr { loc: loc.clone(), xattrs, flags: 0, xdata: Dict::new() })
        .unwrap();
    assert_eq!(read("user.kept").unwrap_err(), Errno::EIO, "it has changed, so the brick is asked");
}

#[test]
fn an_answer_that_says_so_is_not_kept() {
    let bench = bench(&[("xattr-cache-list", "user.a")]);
    bench.on::<kind::getxattr>(|args| {
        assert!(args.xdata.contains("user.a"));
        let value = Dict::new().with("user.a", vec![1_u8]);
        Ok(Xattrs { xattrs: value.clone().with("glusterfs.skip-cache", 1), xdata: value })
    });
    let args = Getxattr { loc: Loc::of(inode()), name: "user.a".into(), xdata: Dict::new() };
    bench.call::<kind::getxattr>(args.clone()).unwrap();
    bench.call::<kind::getxattr>(args).unwrap();
    assert_eq!(asked(&bench, "getxattr"), 2);
}

#[test]
fn when_a_child_goes_nothing_counts_any_more() {
    for kind in [EventKind::CHILD_DOWN, EventKind::SOME_DESCENDENT_DOWN] {
        let bench = bench(&[]);
        shows(&bench, 5, 1);
        let inode = inode();
        size(&bench, &inode);
        bench.send_up(&kind.into());
        size(&bench, &inode);
        assert_eq!(asked(&bench, "stat"), 2);
    }
}

#[test]
fn what_others_have_changed_is_taken_or_dropped() {
    let bench = bench(&[]);
    shows(&bench, 9, 30);
    let inode = inode();
    size(&bench, &inode);
    bench.send_up(&upcall(flag::SIZE | flag::TIMES, Some(file(10, 40))));
    assert_eq!((size(&bench, &inode), asked(&bench, "stat")), (40, 1));
    bench.send_up(&upcall(flag::SIZE | flag::TIMES, Some(file(10, 41))));
    assert_eq!((size(&bench, &inode), asked(&bench, "stat")), (30, 2), "it cannot be ordered");
    bench.send_up(&upcall(flag::NLINK, None));
    size(&bench, &inode);
    assert_eq!(asked(&bench, "stat"), 3);
    assert_eq!(bench.risen(EventKind::UPCALL).len(), 3, "those above hear of it");
}

/// Waits until bricks have answered whether they tell of changed xattrs.
fn wait_for(bench: &Bench, unwatched: bool) {
    let line = format!("xattrs-unwatched={unwatched}\n");
    for _ in 0..1000 {
        if bench.dump().contains(&line) && asked(bench, "ipc") > 0 {
            return;
        }
        std::thread::sleep(std::time::Duration::from_millis(5));
    }
    panic!("{}", bench.dump());
}

#[test]
fn bricks_are_told_which_xattrs_are_kept_and_where_they_will_not_none_are() {
    for agrees in [true, false] {
        for comes_up in [true, false] {
            let bench = bench(&[("cache-invalidation", "on"), ("xattr-cache-list", "user.a")]);
            shows(&bench, 5, 1);
            bench.on::<kind::ipc>(move |args| {
                assert_eq!((args.op, args.xdata.contains("user.a")), (2, true));
                if agrees { Ok(Done::default()) } else { Err(Errno::EOPNOTSUPP.into()) }
            });
            let look = || {
                let xdata = Dict::new().with("something.else", 0);
                bench.call::<kind::lookup>(Lookup { loc: Loc::of(inode()), xdata }).unwrap()
            };
            // A translator that takes its place in a graph that serves hears of no child.
            if comes_up {
                bench.send_up(&EventKind::CHILD_UP.into())
            } else {
                drop(look())
            }
            wait_for(&bench, !agrees);
            let inode = inode();
            let loc = Loc::of(inode);
            bench.call::<kind::lookup>(Lookup { loc: loc.clone(), xdata: Dict::new() }).unwrap();
            let read = Getxattr { loc, name: "user.a".into(), xdata: Dict::new() };
            assert_eq!(bench.call::<kind::getxattr>(read).is_err(), agrees, "ENODATA by what is kept");
            assert_eq!(asked(&bench, "getxattr"), usize::from(!agrees));
        }
    }
}

#[test]
fn a_change_by_somebody_else_is_told_upwards_and_one_of_our_own_is_not() {
    let bench = bench(&[]);
    shows(&bench, 5, 1);
    let inode = inode();
    size(&bench, &inode);
    bench.on::<kind::writev>(|_| {
        Ok(Written { count: 1, pre: file(5, 1), post: file(6, 9), ..Written::default() })
    });
    bench.call::<kind::writev>(write(&inode)).unwrap();
    assert!(bench.risen(EventKind::UPCALL).is_empty());
    bench.on::<kind::writev>(|_| {
        Ok(Written { count: 1, pre: file(8, 20), post: file(9, 9), ..Written::default() })
    });
    bench.call::<kind::writev>(write(&inode)).unwrap();
    let told = bench.risen(EventKind::UPCALL);
    assert_eq!(told[0].data.gfid(upcall::GFID), Some(FILE));
    bench.reconfigure(&[("global-cache-invalidation", "off")]);
    bench.call::<kind::writev>(write(&inode)).unwrap();
    assert_eq!(bench.risen(EventKind::UPCALL).len(), told.len());
}

#[test]
fn a_read_without_attributes_leaves_what_is_kept() {
    let bench = bench(&[]);
    shows(&bench, 5, 1);
    let inode = inode();
    size(&bench, &inode);
    let fd = Fd::new(inode.clone(), libc::O_RDONLY, 1);
    bench.call::<kind::readv>(Readv { fd, size: 9, offset: 0, flags: 0, xdata: Dict::new() }).unwrap();
    size(&bench, &inode);
    assert_eq!(asked(&bench, "stat"), 1);
}

#[test]
fn a_listing_has_attributes_unless_it_is_told_not_to() {
    for (forced, fop) in [("on", "readdirp"), ("off", "readdir")] {
        let bench = bench(&[("force-readdirp", forced)]);
        let fd = Fd::new(Inode::new(Gfid::ROOT, FileType::Directory), 0, 1);
        bench.call::<kind::readdir>(Readdir { fd, size: 4096, offset: 0, xdata: Dict::new() }).unwrap();
        assert_eq!(bench.calls(), [fop]);
    }
}

#[test]
fn a_lock_shows_what_its_last_holder_did() {
    let bench = bench(&[]);
    shows(&bench, 5, 1);
    let inode = inode();
    size(&bench, &inode);
    let flock = Flock { kind: LockKind::Write, ..Flock::default() };
    let fd = Fd::new(inode.clone(), libc::O_RDWR, 1);
    bench.call::<kind::lk>(Lk { fd, cmd: LockCmd::Set, flock, xdata: Dict::new() }).unwrap();
    size(&bench, &inode);
    assert_eq!(asked(&bench, "stat"), 2);
}

#[test]
fn space_is_kept_when_told_to() {
    for (kept, asks) in [("on", 1), ("off", 2)] {
        let bench = bench(&[("md-cache-statfs", kept)]);
        for _ in 0..2 {
            bench.call::<kind::statfs>(Statfs { loc: Loc::of(inode()), xdata: Dict::new() }).unwrap();
        }
        assert_eq!(asked(&bench, "statfs"), asks);
    }
}

#[test]
fn a_second_name_and_its_end_are_seen_through_the_first() {
    let bench = Testkit::<MdCache>::new().option("md-cache-timeout", "60").child(Fake::memory()).start();
    let caller = Caller::new(&bench, 1);
    let root = caller.root();
    let fd = caller.create(&root, "a").unwrap();
    let inode = fd.inode().clone();
    let nlink = || caller.ask::<kind::stat>(stat(&inode)).unwrap().iatt.nlink;
    assert_eq!(nlink(), 1);
    let (old, new) =
        (Loc { inode: Some(inode.clone()).into(), ..Loc::of(inode.clone()) }, caller.entry(&root, "b"));
    caller.ask::<kind::link>(Link { old, new, xdata: Dict::new() }).unwrap();
    assert_eq!(nlink(), 2);
    let known = Loc { inode: Some(inode.clone()).into(), ..caller.entry(&root, "a") };
    caller.ask::<kind::unlink>(Unlink { loc: known, flags: 0, xdata: Dict::new() }).unwrap();
    assert_eq!(nlink(), 1);
    caller.unlink(&root, "b").unwrap();
    assert_eq!(
        caller.fstat(&fd).map(|iatt| iatt.nlink).unwrap_or(0),
        0,
        "one that nobody named is found, too"
    );
}
