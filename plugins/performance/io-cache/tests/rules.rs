//! The rule book, in the ways that it may be set up.

use performance_io_cache::IoCache;

plugin_testkit::keeps_the_rules!(
    IoCache,
    &[],
    &[("cache-timeout", "60"), ("cache-size", "256KB")],
    &[("cache-timeout", "0"), ("priority", "*a*:0,*b*:2"), ("max-file-size", "100KB")],
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
