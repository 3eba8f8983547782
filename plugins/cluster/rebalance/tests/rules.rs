//! The rule book, in the ways that it may be set up.

use cluster_rebalance::Rebalance;

plugin_testkit::keeps_the_rules!(
    Rebalance,
    &[],
    &[("rebalance-cmd", "4")],
    &[("rebalance-cmd", "5"), ("commit-hash", "9")],
);

#[test]
fn every_error_reaches_its_caller() {
    keeps("answers");
}

#[test]
fn it_starts_and_bears_events() {
    // What it asks for by itself begins with the first event: nobody can tell by the child's calls what it passes on.
    for rule in ["declaration", "starts", "events"] {
        keeps(rule);
    }
}
