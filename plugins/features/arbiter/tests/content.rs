//! An arbiter in a graph: content is acknowledged and goes nowhere.
#![allow(clippy::unwrap_used, reason = "helpers of tests")]

use features_arbiter::Arbiter;
use plugin_api::prelude::*;
use plugin_testkit::Testkit;

#[test]
fn changes_of_content_succeed_and_reach_nobody() {
    let bench = Testkit::<Arbiter>::new().start();
    let inode = Inode::new(Gfid([2; 16]), FileType::Regular);
    let seen = Iatt { gfid: inode.gfid(), nlink: 1, mode: 0o100_644, ..Iatt::default() };
    bench.on::<kind::lookup>(move |_| Ok(Looked { iatt: seen, ..Looked::default() }));
    let fd = bench.fd(inode.clone(), 2);
    let write = |xdata: Dict| {
        let data = Payload::from(bench.buffer(b"content"));
        bench.call::<kind::writev>(Writev { fd: fd.clone(), data, offset: 5, flags: 0, xdata }).unwrap()
    };
    assert_eq!(write(Dict::new()).post, Iatt::default(), "nobody has looked the file up");
    bench.call::<kind::lookup>(Lookup { loc: Loc::of(inode.clone()), xdata: Dict::new() }).unwrap();
    let wrote = write(Dict::new().with("glusterfs.write-is-append", 4));
    assert_eq!((wrote.count, wrote.pre, wrote.post), (7, seen, seen));
    assert_eq!(wrote.xdata.int("glusterfs.write-is-append"), Some(1));
    let cut = Truncate { loc: Loc::of(inode), offset: 3, xdata: Dict::new() };
    assert_eq!(bench.call::<kind::truncate>(cut).unwrap().post, seen);
    let read = Readv { fd: fd.clone(), size: 9, offset: 0, flags: 0, xdata: Dict::new() };
    assert_eq!(bench.call::<kind::readv>(read).unwrap_err().errno, Errno::ENOSYS);
    assert_eq!(bench.calls(), ["lookup"]);
}
