//! The rule book, in the ways that it may be set up.

use performance_read_ahead::ReadAhead;

plugin_testkit::keeps_the_rules!(
    ReadAhead,
    &[],
    &[("page-count", "16"), ("page-size", "4KB")],
    &[("page-count", "1"), ("page-size", "4KB"), ("force-atime-update", "on")],
);

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
