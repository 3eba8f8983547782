//! `mortar plugin check`: holds a plugin to the rule book.
//!
//! `alone` runs one rule in the process that it is called in, `apart` runs that in a process of its own, so that a plugin
//! that crashes or never comes back is a finding like any other; `report` tells people, `message` tells machines.

mod alone;
mod apart;
mod message;
mod report;

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use plugin_testkit::rules::{RULES, Rule};

use super::{ToolError, plugins, print};
use crate::cmdline::CheckAsk;
use message::{Report, Verdict};

/// The rule that comes before the book: the library opens, and its types are those of this host.
const LOADS: &str = "loads";

/// Runs the rules that were asked for, and says what came of them.
pub(super) fn run(ask: &CheckAsk) -> Result<(), ToolError> {
    if ask.list {
        return print(&report::rules());
    }
    let file = ask.file.as_deref().ok_or_else(|| cannot("name the plugin's file"))?;
    if let Some(place) = &ask.apart {
        return alone::run(ask, file, place);
    }
    let rules = chosen(&ask.only)?;
    if !file.is_file() {
        return Err(cannot(format!("{}: no such file", file.display())));
    }
    let seed = ask.seed.unwrap_or_else(fresh_seed);
    let begun = Instant::now();
    let mut told = Vec::new();
    if !ask.json {
        print(&report::head(ask, file, seed))?;
    }
    for rule in rules {
        let one = apart::run(ask, file, rule, seed)?;
        let goes_on = one.rule != LOADS || matches!(one.verdict, Verdict::Kept);
        if !ask.json {
            print(&report::line(&one, file, ask, seed))?;
        }
        told.push(one);
        if !goes_on {
            break;
        }
    }
    let report = Report { file: file.display().to_string(), seed, rules: told };
    if ask.json {
        let text = serde_json::to_string_pretty(&report).expect("texts and numbers are JSON");
        print(&(text + "\n"))?;
    } else {
        print(&report::foot(&report, begun.elapsed()))?;
    }
    end(&report)
}

fn end(report: &Report) -> Result<(), ToolError> {
    let count = |is: fn(&Verdict) -> bool| report.rules.iter().filter(|told| is(&told.verdict)).count();
    let broken = count(|verdict| matches!(verdict, Verdict::Broken));
    if broken > 0 {
        return Err(ToolError::Broken { file: report.file.clone(), count: broken });
    }
    let cannot_run = report.rules.iter().find_map(|told| match &told.verdict {
        Verdict::CannotRun(why) => Some(why.clone()),
        _ => None,
    });
    cannot_run.map_or(Ok(()), |why| Err(cannot(why)))
}

/// The names of the rules to run: those that were asked for, else all.
fn chosen(only: &[String]) -> Result<Vec<&'static str>, ToolError> {
    let all = || std::iter::once(LOADS).chain(RULES.iter().map(|rule| rule.name));
    if let Some(stray) = only.iter().find(|name| !all().any(|rule| rule == name.as_str())) {
        let names: Vec<_> = all().collect();
        return Err(cannot(format!("there is no rule `{stray}`: {}", names.join(", "))));
    }
    Ok(all().filter(|rule| only.is_empty() || only.iter().any(|name| name == rule)).collect())
}

fn about(rule: &str) -> &'static str {
    match Rule::find(rule) {
        Some(rule) => rule.about,
        None => "the library opens, and its types are those of this host's plugin-api",
    }
}

fn cannot(why: impl Into<String>) -> ToolError {
    ToolError::CannotCheck { why: why.into() }
}

/// A seed that is short enough to type.
fn fresh_seed() -> u64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or(Duration::ZERO);
    u64::from(now.subsec_nanos()) % 1_000_000
}
