//! The rule book, in the ways that it may be set up.

use performance_readdir_ahead::ReaddirAhead;

plugin_testkit::keeps_the_rules!(
    ReaddirAhead,
    &[],
    &[("rda-request-size", "4096"), ("rda-high-wmark", "8KB")],
    &[("rda-request-size", "4096"), ("rda-low-wmark", "0"), ("rda-cache-limit", "6KB")],
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
