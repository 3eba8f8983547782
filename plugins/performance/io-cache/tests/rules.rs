//! The rule book, in the ways that it may be set up.

use performance_io_cache::IoCache;
use plugin_testkit::rules::Subject;

fn keeps(rule: &str) {
    for options in [
        &[][..],
        &[("cache-timeout", "60"), ("cache-size", "256KB")],
        &[("cache-timeout", "0"), ("priority", "*a*:0,*b*:2"), ("max-file-size", "100KB")],
    ] {
        let subject = Subject::of::<IoCache>();
        let subject = options.iter().fold(subject, |subject, (key, value)| subject.option(key, value));
        (1..4).for_each(|seed| subject.assert_kept(rule, seed));
    }
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
    keeps("hostile");
}

#[test]
fn every_error_reaches_its_caller() {
    keeps("answers");
}

#[test]
fn it_starts_passes_on_what_it_does_not_write_and_bears_events() {
    for rule in ["declaration", "starts", "passes", "events"] {
        keeps(rule);
    }
}
