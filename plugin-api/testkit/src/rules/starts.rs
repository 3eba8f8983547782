//! Rule `starts`: a translator can be made, started and stopped, and heard to.

use plugin_api::EventKind;

use super::Rule;
use super::trial::{Kept, Trial};
use crate::Fake;

pub(super) const RULE: Rule = Rule {
    name: "starts",
    about: "it is made, started, told that the graph is up, dumped and stopped, several times over",
    check,
};

fn check(trial: &mut Trial<'_>) -> Kept {
    for round in 0..4 {
        trial.step("start");
        let bench = trial.start(&Fake::memory())?;
        trial.step("CHILD_UP after the start");
        if bench.wait_for(EventKind::CHILD_UP, crate::SOON).is_none() && round == 0 {
            trial.note("no CHILD_UP rose after PARENT_UP: whoever stands above waits for it");
        }
        trial.step("statedump");
        let dump = bench.dump();
        let sound = |line: &str| {
            line.is_empty() || line.contains('=') || line.starts_with('[') && line.ends_with(']')
        };
        if let Some(line) = dump.lines().find(|line| !sound(line)) {
            trial.found(format!("`{line}` is no line KEY=VALUE and no [SECTION]"));
        }
        trial.step("stop");
        trial.finish(bench);
    }
    Ok(())
}
