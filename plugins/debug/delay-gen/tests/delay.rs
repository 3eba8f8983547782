//! The translator in a graph: who waits, and who does not.
#![allow(clippy::unwrap_used, reason = "helpers of tests")]

use std::time::{Duration, Instant};

use debug_delay_gen::DelayGen;
use plugin_api::prelude::*;
use plugin_testkit::{Bench, Fake, Testkit, block_on, poll};

const LONG: &str = "50000";

fn bench(options: &[(&str, &str)]) -> Bench {
    Testkit::<DelayGen>::new().options(options).child(Fake::answering()).start()
}

fn time_of<F: FopType>(bench: &Bench, args: F::Args) -> Duration {
    let start = Instant::now();
    bench.call::<F>(args).unwrap();
    start.elapsed()
}

fn stat() -> Stat {
    Stat { loc: Loc::default(), xdata: Dict::new() }
}

fn statfs() -> Statfs {
    Statfs { loc: Loc::default(), xdata: Dict::new() }
}

#[test]
fn only_fops_that_are_named_wait() {
    let bench = bench(&[("enable", "stat"), ("delay-percentage", "100"), ("delay-duration", LONG)]);
    assert!(time_of::<kind::stat>(&bench, stat()) >= Duration::from_millis(50));
    assert_eq!(bench.dump(), "delayed=1\n");
    time_of::<kind::statfs>(&bench, statfs());
    assert_eq!(bench.dump(), "delayed=1\n", "it was not named");
}

#[test]
fn with_no_list_every_fop_waits_and_with_no_percentage_none() {
    let bench = bench(&[("delay-percentage", "100"), ("delay-duration", "1")]);
    time_of::<kind::stat>(&bench, stat());
    time_of::<kind::statfs>(&bench, statfs());
    assert_eq!(bench.dump(), "delayed=2\n");
    bench.reconfigure(&[("delay-percentage", "0")]);
    time_of::<kind::stat>(&bench, stat());
    assert_eq!(bench.dump(), "delayed=2\n", "a running translator takes new options");
}

#[test]
fn a_part_of_them_waits() {
    let bench = bench(&[("delay-percentage", "30%"), ("delay-duration", "0")]);
    for _ in 0..1000 {
        time_of::<kind::stat>(&bench, stat());
    }
    let dump = bench.dump();
    let delayed: u32 = dump.trim_end().strip_prefix("delayed=").unwrap().parse().unwrap();
    assert!((200..400).contains(&delayed), "{delayed} of 1000");
}

#[test]
fn a_list_with_a_word_that_is_no_fop_is_refused() {
    let bench = bench(&[]);
    assert!(bench.try_reconfigure(&[("enable", "stat,wrote")]).is_err());
}

#[test]
fn a_change_of_options_ends_a_long_wait() {
    let bench = bench(&[("delay-percentage", "100"), ("delay-duration", "2000000000")]);
    let frame = bench.frame(Identity::default(), None);
    let mut waiting = Box::pin(frame.child().stat(stat()));
    assert!(poll(&mut waiting).is_none());
    bench.reconfigure(&[("delay-percentage", "0")]);
    block_on(waiting).unwrap();
}
