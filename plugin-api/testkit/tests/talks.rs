//! A translator that logs much: what the bench keeps of that for tests is not the translator's.
#![forbid(unsafe_code)]

use plugin_api::prelude::*;
use plugin_testkit::rules::Subject;

/// Says much in each graph, of itself and of nobody.
#[derive(Debug, Default)]
struct Talks;

#[xlator("debug/talks", unknown_fops = "pass")]
impl Xlator for Talks {
    fn init(&mut self, cx: &InitCx<'_>) -> Result<(), InitError> {
        // Short, since the test's own output is kept as well.
        for _ in 0..20 {
            log!(Info, xl: cx.name(), "a");
            log!(Info, "b");
        }
        Ok(())
    }
}

#[test]
fn what_a_translator_logs_is_not_held_against_its_memory() {
    Subject::of::<Talks>().assert_kept("switches", 1);
}
