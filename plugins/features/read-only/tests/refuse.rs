//! The switch in a graph.
#![allow(clippy::unwrap_used, reason = "helpers of tests")]

use features_read_only::ReadOnly;
use plugin_api::prelude::*;
use plugin_testkit::{Bench, Testkit, block_on};

fn mkdir(bench: &Bench, pid: i32) -> Option<Errno> {
    let args = Mkdir { loc: Loc::default(), mode: 0o755, umask: 0, xdata: Dict::new() };
    let frame = bench.frame(Identity { pid, ..Identity::default() }, None);
    block_on(frame.child().mkdir(args)).err().map(|error| error.errno)
}

fn open(bench: &Bench, flags: i32) -> Option<Errno> {
    let fd = Fd::new(Inode::new(Gfid([2; 16]), FileType::Regular), flags, 1);
    let args = Open { loc: Loc::default(), flags, fd, xdata: Dict::new() };
    let frame = bench.frame(Identity::default(), None);
    block_on(frame.child().open(args)).err().map(|error| error.errno)
}

#[test]
fn changes_are_refused_while_it_is_on_and_a_running_one_is_switched() {
    let bench = Testkit::<ReadOnly>::new().start();
    bench.on::<kind::mkdir>(|_| Ok(Made::default()));
    bench.on::<kind::open>(|args| Ok(Opened { fd: args.fd, xdata: Dict::new() }));
    assert_eq!(mkdir(&bench, 1), None);
    bench.reconfigure(&[("read-only", "on")]);
    assert_eq!(mkdir(&bench, 1), Some(Errno::EROFS));
    assert_eq!(mkdir(&bench, -6), None, "healing goes on");
    assert_eq!(open(&bench, libc::O_RDWR), Some(Errno::EROFS));
    assert_eq!(open(&bench, libc::O_RDONLY | libc::O_TRUNC), Some(Errno::EROFS));
    assert_eq!(open(&bench, libc::O_RDONLY), None);
}

#[test]
fn an_xattrop_of_zeros_only_reads() {
    let bench = Testkit::<ReadOnly>::new().option("read-only", "on").start();
    bench.on::<kind::xattrop>(|_| Ok(Xattrs::default()));
    let xattrop = |operand: &[u8]| {
        let xattrs = Dict::new().with("trusted.afr.dirty", Value::Bytes(IoBuf::from(operand.to_vec())));
        let args = Xattrop { loc: Loc::default(), op: 0, xattrs, xdata: Dict::new() };
        let frame = bench.frame(Identity::default(), None);
        block_on(frame.child().xattrop(args)).err().map(|error| error.errno)
    };
    assert_eq!(xattrop(&[0; 12]), None);
    assert_eq!(xattrop(&[0, 0, 0, 1]), Some(Errno::EROFS));
}
