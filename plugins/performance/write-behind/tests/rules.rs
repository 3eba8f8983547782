//! The rule book, in the ways that it may be set up.

use performance_write_behind::WriteBehind;
use plugin_testkit::rules::Subject;

plugin_testkit::keeps_the_rules!(
    WriteBehind,
    &[],
    &[("trickling-writes", "off")],
    &[("flush-behind", "off"), ("strict-write-ordering", "on"), ("aggregate-size", "0")],
);

#[test]
fn passing_through_every_error_reaches_its_caller() {
    Subject::of::<WriteBehind>().option("pass-through", "on").assert_kept("answers", 1);
}
