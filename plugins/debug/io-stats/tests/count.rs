//! What is counted, in a graph.
#![allow(clippy::unwrap_used, reason = "helpers of tests")]

use debug_io_stats::{IPC_INFO, IoStats};
use plugin_api::OwnedFrame;
use plugin_api::prelude::*;
use plugin_testkit::{Bench, Testkit, block_on};

fn ask(frame: &OwnedFrame, pairs: &[(&'static str, i64)]) -> Dict {
    let args = Ipc { op: IPC_INFO, xdata: pairs.iter().copied().collect() };
    block_on(frame.child().ipc(args)).unwrap().xdata
}

fn open(frame: &OwnedFrame, path: &str) -> Fd {
    let fd = Fd::new(Inode::new(Gfid([2; 16]), FileType::Regular), libc::O_RDWR, 1);
    let loc = Loc { path: IoBuf::from(path.to_owned()), ..Loc::default() };
    let args = Open { loc, flags: libc::O_RDWR, fd: fd.clone(), xdata: Dict::new() };
    block_on(frame.child().open(args)).unwrap();
    fd
}

fn write(frame: &OwnedFrame, fd: &Fd, bytes: usize) {
    let data = IoBuf::from(vec![0; bytes]).into();
    let args = Writev { fd: fd.clone(), data, offset: 0, flags: 0, xdata: Dict::new() };
    block_on(frame.child().writev(args)).unwrap();
}

fn bench(options: &[(&str, &str)]) -> Bench {
    let bench = Testkit::<IoStats>::new().options(options).start();
    bench.on::<kind::open>(|args| Ok(Opened { fd: args.fd, xdata: Dict::new() }));
    bench.on::<kind::writev>(|args| Ok(Written { count: args.len(), ..Written::default() }));
    bench
}

#[test]
fn a_profile_counts_fops_bytes_and_closings() {
    let bench = bench(&[("count-fop-hits", "on"), ("latency-measurement", "on")]);
    let frame = bench.frame(Identity::default(), None);
    let fd = open(&frame, "/a");
    write(&frame, &fd, 4096);
    let failed = block_on(frame.child().stat(Stat { loc: Loc::default(), xdata: Dict::new() }));
    assert!(failed.is_err());
    drop(fd);
    let profile = ask(&frame, &[("op", 3), ("info-op", 3)]);
    assert_eq!((profile.uint("-1-11-hits"), profile.uint("-1-13-hits")), (Some(1), Some(1)));
    assert_eq!(profile.uint("-1-1-hits"), Some(1), "a fop that fails is a fop");
    assert_eq!((profile.uint("-1-42-hits"), profile.get("-1-42-avglatency")), (Some(1), None));
    assert_eq!((profile.uint("-1-total-write"), profile.uint("-1-write-4096")), (Some(4096), Some(1)));
    assert!(profile.get("-1-13-avglatency").is_some());
}

#[test]
fn without_the_switch_no_fop_is_counted_but_bytes_and_files_are() {
    let bench = bench(&[]);
    let frame = bench.frame(Identity::default(), None);
    let fd = open(&frame, "/a");
    write(&frame, &fd, 10);
    let profile = ask(&frame, &[("op", 3), ("info-op", 3)]);
    assert_eq!((profile.get("-1-13-hits"), profile.uint("-1-total-write")), (None, Some(10)));
    let top = ask(&frame, &[("op", 4), ("top-op", 3)]);
    assert_eq!((top.str("filename-1"), top.uint("value-1")), (Some("/a"), Some(1)));
    let opens = ask(&frame, &[("op", 4), ("top-op", 1)]);
    assert_eq!((opens.uint("current-open"), opens.uint("max-open")), (Some(1), Some(1)));
    drop(fd);
    assert_eq!(ask(&frame, &[("op", 4), ("top-op", 1)]).uint("current-open"), Some(0));
}

#[test]
fn messages_to_others_pass() {
    let bench = bench(&[]);
    bench.on::<kind::ipc>(|args| Ok(Done { xdata: Dict::new().with("op", args.op) }));
    let frame = bench.frame(Identity::default(), None);
    let reply = block_on(frame.child().ipc(Ipc { op: 2, xdata: Dict::new() })).unwrap();
    assert_eq!(reply.xdata.int("op"), Some(2));
}
