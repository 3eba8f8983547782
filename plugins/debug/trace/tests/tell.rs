//! What is told, in a graph.
#![allow(clippy::unwrap_used, reason = "helpers of tests")]

use debug_trace::Trace;
use plugin_api::prelude::*;
use plugin_testkit::{Testkit, block_on};

#[test]
fn selected_fops_are_in_the_history_with_their_answers() {
    let bench = Testkit::<Trace>::new().option("log-history", "on").option("exclude-ops", "statfs").start();
    bench.on::<kind::statfs>(|_| Ok(SpaceReply::default()));
    let frame = bench.frame(Identity::default(), None);
    let stat = block_on(frame.child().stat(Stat { loc: Loc::default(), xdata: Dict::new() }));
    assert_eq!(stat.unwrap_err().errno, Errno::ENOSYS);
    block_on(frame.child().statfs(Statfs { loc: Loc::default(), xdata: Dict::new() })).unwrap();
    let dump = bench.dump();
    let lines: Vec<_> = dump.lines().collect();
    assert_eq!(lines.len(), 2, "{dump}");
    assert!(lines[0].starts_with("history[0]=1: stat > Stat {"), "{dump}");
    assert_eq!(lines[1], "history[1]=1: stat < ENOSYS");
}

#[test]
fn nothing_is_kept_when_nobody_asked() {
    let bench = Testkit::<Trace>::new().start();
    let frame = bench.frame(Identity::default(), None);
    let _ = block_on(frame.child().stat(Stat { loc: Loc::default(), xdata: Dict::new() }));
    assert_eq!((bench.dump().as_str(), bench.calls()), ("", vec!["stat"]));
}
