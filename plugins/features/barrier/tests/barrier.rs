//! The translator in a graph: a barrier that goes up and down, and who waits behind it.
#![allow(clippy::unwrap_used, reason = "helpers of tests")]

use features_barrier::Barrier;
use plugin_api::prelude::*;
use plugin_testkit::{Bench, Fake, Testkit, block_on, poll};

fn bench() -> Bench {
    Testkit::<Barrier>::new().child(Fake::answering()).start()
}

fn barrier(bench: &Bench, way: &str) {
    bench.send_down(&Event {
        kind: EventKind::VOLUME_BARRIER_OP,
        data: Dict::new().with("barrier", Value::str(way)),
    });
}

fn root() -> Inode {
    Inode::new(Gfid::ROOT, FileType::Directory)
}

fn unlink() -> Unlink {
    Unlink { loc: Loc::entry(root(), IoBuf::from("f".to_owned())), flags: 0, xdata: Dict::new() }
}

fn write(bench: &Bench, flags: i32) -> Writev {
    let fd = bench.fd(bench.inode(Gfid([7; 16]), FileType::Regular), libc::O_RDWR | flags);
    let data = Payload::from(IoBuf::from_static(b"x"));
    Writev { fd, data, offset: 0, flags: 0, xdata: Dict::new() }
}

#[test]
fn what_was_done_is_told_once_the_barrier_is_down() {
    let bench = bench();
    let frame = bench.frame(Identity::default(), None);
    barrier(&bench, "enable");
    let mut held = frame.child().unlink(unlink());
    assert!(poll(&mut held).is_none());
    assert_eq!(bench.calls(), ["unlink"], "it is done, and not told");
    assert!(bench.dump().contains("held=1"));
    barrier(&bench, "disable");
    poll(&mut held).expect("told").unwrap();
    block_on(frame.child().unlink(unlink())).unwrap();
}

#[test]
fn a_write_waits_only_when_it_promises_the_disk() {
    let bench = bench();
    let frame = bench.frame(Identity::default(), None);
    bench.reconfigure(&[("barrier", "enable")]);
    block_on(frame.child().writev(write(&bench, 0))).unwrap();
    let mut held = frame.child().writev(write(&bench, libc::O_DSYNC));
    assert!(poll(&mut held).is_none());
    bench.reconfigure(&[("barrier", "disable")]);
    poll(&mut held).expect("told").unwrap();
}

#[test]
fn a_barrier_that_nobody_lowers_goes_down_by_itself() {
    let kit = Testkit::<Barrier>::new().option("barrier-timeout", "1").option("barrier", "enable");
    let bench = kit.child(Fake::answering()).start();
    block_on(bench.frame(Identity::default(), None).child().unlink(unlink())).unwrap();
    assert!(bench.dump().contains("barrier=0"));
}

#[test]
fn the_end_of_the_graph_lets_everybody_go() {
    let bench = bench();
    let frame = bench.frame(Identity::default(), None);
    barrier(&bench, "enable");
    let mut held = frame.child().unlink(unlink());
    assert!(poll(&mut held).is_none());
    bench.stop();
    poll(&mut held).expect("told").unwrap();
}
