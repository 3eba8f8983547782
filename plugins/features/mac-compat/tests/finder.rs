//! The Finder's xattrs in a graph.
#![allow(clippy::unwrap_used, reason = "helpers of tests")]

use features_mac_compat::MacCompat;
use plugin_api::prelude::*;
use plugin_testkit::{Bench, Testkit, block_on};

fn get(bench: &Bench, name: &str) -> FopResult<Dict> {
    let args = Getxattr { loc: Loc::default(), name: IoBuf::from(name.to_owned()), xdata: Dict::new() };
    let frame = bench.frame(Identity::default(), None);
    block_on(frame.child().getxattr(args)).map(|reply| reply.xattrs)
}

#[test]
fn a_missing_finder_record_is_an_empty_one_and_other_names_stay_missing() {
    let bench = Testkit::<MacCompat>::new().start();
    bench.on::<kind::getxattr>(|_| Err(Errno::ENODATA.into()));
    let info = get(&bench, "com.apple.FinderInfo").unwrap();
    assert_eq!(info.get("com.apple.FinderInfo").and_then(Value::as_bytes), Some(&[0; 32][..]));
    assert_eq!(get(&bench, "user.x").unwrap_err().errno, Errno::ENODATA);
}

#[test]
fn refusing_a_finder_record_is_kept_from_the_finder() {
    let bench = Testkit::<MacCompat>::new().start();
    bench.on::<kind::setxattr>(|_| Err(Errno::EOPNOTSUPP.into()));
    let set = |name: &'static str| {
        let args = Setxattr {
            loc: Loc::default(),
            xattrs: Dict::new().with(name, "x"),
            flags: 0,
            xdata: Dict::new(),
        };
        let frame = bench.frame(Identity::default(), None);
        block_on(frame.child().setxattr(args)).err().map(|error| error.errno)
    };
    assert_eq!(set("com.apple.ResourceFork"), None);
    assert_eq!(set("user.x"), Some(Errno::EOPNOTSUPP));
}
