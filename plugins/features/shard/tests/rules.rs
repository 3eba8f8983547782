//! The rule book, with small blocks and without any.
#![allow(clippy::unwrap_used, reason = "helpers of tests")]

use features_shard::Shard;
use plugin_testkit::rules::Subject;

fn keeps(rule: &str) {
    let subject = Subject::of::<Shard>().option("shard-block-size", "4MB");
    (1..4).for_each(|seed| subject.assert_kept(rule, seed));
}

#[test]
fn acknowledged_bytes_read_back() {
    keeps("data");
}

#[test]
fn names_are_as_on_a_brick() {
    keeps("names");
}

#[test]
fn a_child_that_fails_or_is_late_stops_nobody() {
    keeps("faults");
}

#[test]
fn every_fop_is_answered_while_the_graph_stops() {
    keeps("load");
    keeps("switches");
}

#[test]
fn every_option_is_taken_and_no_argument_brings_it_down() {
    keeps("options");
    // The longest files that it takes have very many blocks.
    Subject::of::<Shard>().assert_kept("hostile", 1);
}

#[test]
fn an_error_below_is_one_for_the_caller() {
    keeps("answers");
    Subject::of::<Shard>().option("pass-through", "on").assert_kept("answers", 1);
}
