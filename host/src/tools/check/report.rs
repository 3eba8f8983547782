//! The check in words: a line for each rule, and under it what is wrong and how it is seen again.

use std::fmt::Write;
use std::path::Path;
use std::time::Duration;

use plugin_testkit::rules::RULES;

use super::message::{Report, Told, Verdict};
use super::{LOADS, about};
use crate::cmdline::CheckAsk;

/// The rules with what each keeps.
pub(super) fn rules() -> String {
    let names = std::iter::once(LOADS).chain(RULES.iter().map(|rule| rule.name));
    names.fold(String::new(), |mut text, name| {
        writeln!(text, "{name:12} {}", about(name)).expect("a string takes everything");
        text
    })
}

/// What is checked, and with which seed.
pub(super) fn head(ask: &CheckAsk, file: &Path, seed: u64) -> String {
    let size = if ask.quick { ", quick" } else { "" };
    format!("{}: seed {seed}{size}\n", file.display())
}

/// One rule.
pub(super) fn line(told: &Told, file: &Path, ask: &CheckAsk, seed: u64) -> String {
    let rule = &told.rule;
    let mut text = match &told.verdict {
        Verdict::Kept => format!("ok      {rule:12} {}", about(rule)),
        Verdict::Broken => format!("FAIL    {rule:12} {}", about(rule)),
        Verdict::Skipped(why) => format!("skipped {rule:12} {why}"),
        Verdict::CannotRun(why) => format!("CANNOT  {rule:12} {why}"),
    };
    let mut put = |words: std::fmt::Arguments<'_>| text.write_fmt(words).expect("a string takes everything");
    put(format_args!(" ({} ms)\n", told.millis));
    for finding in &told.findings {
        put(format_args!("          {}: {}\n", finding.at, finding.what));
    }
    for note in &told.notes {
        put(format_args!("          note: {note}\n"));
    }
    if let Verdict::Broken = told.verdict {
        put(format_args!("          again: {}\n", again(file, ask, rule, seed)));
    }
    text
}

/// The command that shows a finding again.
fn again(file: &Path, ask: &CheckAsk, rule: &str, seed: u64) -> String {
    let mut command = format!("mortar plugin check {} --only {rule} --seed {seed}", file.display());
    if ask.quick {
        command += " --quick";
    }
    for (key, value) in &ask.options {
        command += &format!(" --option {key}={value}");
    }
    command
}

/// How many rules came out how.
pub(super) fn foot(report: &Report, took: Duration) -> String {
    let count = |is: fn(&Verdict) -> bool| report.rules.iter().filter(|told| is(&told.verdict)).count();
    let kept = count(|verdict| matches!(verdict, Verdict::Kept));
    let broken = count(|verdict| matches!(verdict, Verdict::Broken));
    let skipped = count(|verdict| matches!(verdict, Verdict::Skipped(_)));
    let cannot = count(|verdict| matches!(verdict, Verdict::CannotRun(_)));
    let mut text = format!("{kept} kept, {broken} broken, {skipped} skipped");
    if cannot > 0 {
        text += &format!(", {cannot} not tried");
    }
    format!("{text}, in {:.1} s\n", took.as_secs_f64())
}
