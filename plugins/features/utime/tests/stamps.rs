//! What reaches the child.
#![allow(clippy::unwrap_used, reason = "helpers of tests")]

use std::sync::{Arc, Mutex};

use features_utime::Utime;
use plugin_api::prelude::*;
use plugin_testkit::{Testkit, block_on};

#[test]
fn a_file_without_times_is_given_those_that_were_told() {
    let bench = Testkit::<Utime>::new().start();
    let set: Arc<Mutex<Vec<Dict>>> = Arc::default();
    let told = Iatt { gfid: Gfid([3; 16]), mtime: 5, ctime: 6, ctime_nsec: 7, ..Iatt::default() };
    bench.on::<kind::lookup>(move |args| {
        assert!(args.xdata.contains("trusted.glusterfs.mdata"), "the times are asked for");
        Ok(Looked { iatt: told, ..Looked::default() })
    });
    let seen = set.clone();
    bench.on::<kind::setxattr>(move |args| {
        seen.lock().unwrap().push(args.xattrs);
        Err(Errno::EROFS.into())
    });
    let args = Lookup { loc: Loc::of(Inode::new(Gfid([3; 16]), FileType::Regular)), xdata: Dict::new() };
    let frame = bench.frame(Identity::default(), None);
    let found = block_on(frame.child().lookup(args)).expect("whatever became of the times");
    assert_eq!(found.iatt, told);
    let set = set.lock().unwrap();
    match set[0].get("set-ctime-mdata") {
        Some(Value::Mdata(times)) => {
            assert_eq!((times.mtime, times.ctime, times.ctime_nsec), (5, 6, 7));
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_file_with_times_is_left_alone() {
    let bench = Testkit::<Utime>::new().start();
    bench.on::<kind::lookup>(|_| {
        let xdata = Dict::new().with("trusted.glusterfs.mdata", vec![1_u8; 57]);
        Ok(Looked { iatt: Iatt { gfid: Gfid([3; 16]), ..Iatt::default() }, xdata, ..Looked::default() })
    });
    bench.on::<kind::setxattr>(|_| panic!("nothing is set"));
    let args = Lookup { loc: Loc::of(Inode::new(Gfid([3; 16]), FileType::Regular)), xdata: Dict::new() };
    let frame = bench.frame(Identity::default(), None);
    block_on(frame.child().lookup(args)).expect("found");
}
