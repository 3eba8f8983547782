//! Rule `options`: every value that an option declares is taken or refused with a word, at the start and while it runs.

use abi_stable::std_types::ROption;
use plugin_api::options::{OptionDecl, OptionKind};

use super::Rule;
use super::trial::{Kept, Trial};
use crate::Fake;

pub(super) const RULE: Rule = Rule {
    name: "options",
    about: "each option takes or refuses what it declares, at the start and while it runs, and no text brings it down",
    check,
};

/// Texts that are no value of anything but a text.
const GARBAGE: [&str; 6] = ["", "maybe", "-1", "99999999999999999999", "\u{0}", "ä %s %n ../../.."];

fn check(trial: &mut Trial<'_>) -> Kept {
    let child = Fake::memory();
    trial.step("start");
    let bench = trial.start(&child)?;
    trial.finish(bench);
    let declared = trial.subject.declaration().options.clone();
    for option in declared.0.iter().filter(|option| !option.keys[0].contains('*')) {
        let key = option.keys[0].as_str();
        for value in values(option) {
            if trial.is_enough() {
                return Ok(());
            }
            trial.step(format!("start with {key}={value}"));
            let Some(bench) = trial.try_start_with(&child, &[(key, &value)]) else { continue };
            trial.serves(&bench, "options");
            trial.finish(bench);
        }
    }
    while_it_runs(trial, &child, &declared.0)
}

fn while_it_runs(trial: &mut Trial<'_>, child: &Fake, declared: &[OptionDecl]) -> Kept {
    let changes: Vec<_> = declared.iter().filter(|option| option.reconfigurable).collect();
    trial.step("start");
    let bench = trial.start(child)?;
    for option in changes {
        let key = option.keys[0].as_str().replace('*', "any");
        for value in values(option) {
            trial.step(format!("{key}={value} while it runs"));
            if let Err(error) = bench.change(&trial.subject.settled_with(&[(&key, &value)])) {
                refused(trial, &key, &value, &error.why);
            }
            trial.serves(&bench, "changed");
            trial.panics(&bench);
        }
        for value in GARBAGE {
            trial.step(format!("{key}={value:?} while it runs, past the host's check"));
            if let Err(error) = bench.change(&trial.subject.settled_with(&[(&key, value)]))
                && error.why.starts_with("it panicked")
            {
                trial.found(error.why);
            }
            trial.panics(&bench);
        }
        trial.step(format!("{key} as it was"));
        if let Err(error) = bench.change(&trial.subject.settled_with(&[])) {
            trial.found(format!("it refuses the options that it started with: {}", error.why));
        }
        trial.serves(&bench, "changed");
    }
    trial.finish(bench);
    Ok(())
}

/// A refusal is a translator's right; a panic is not.
fn refused(trial: &mut Trial<'_>, key: &str, value: &str, why: &str) {
    if why.starts_with("it panicked") {
        trial.found(why);
    } else {
        trial.note(format!("refuses {key}={value} while it runs: {why}"));
    }
}

/// Values of an option that its declaration lets through: both ends of its range, its default, each of its words.
pub(super) fn values(option: &OptionDecl) -> Vec<String> {
    let number = |end: &ROption<f64>, otherwise: &str| match end {
        ROption::RSome(number) => format!("{number}"),
        ROption::RNone => otherwise.to_owned(),
    };
    let ends = |low: &str, high: &str| vec![number(&option.min, low), number(&option.max, high)];
    let mut values = match option.kind {
        OptionKind::BOOL => vec!["on".to_owned(), "off".to_owned()],
        OptionKind::CHOICE => option.choices.iter().map(ToString::to_string).collect(),
        // A count of threads or of bytes that nobody bounds is no reason to take them all.
        OptionKind::INT => ends("0", "64"),
        OptionKind::SIZE => ends("0", "1MB"),
        OptionKind::PERCENT | OptionKind::PERCENT_OR_SIZE => ends("0", "100"),
        OptionKind::TIME => ends("0", "600"),
        OptionKind::DOUBLE => ends("0", "1"),
        OptionKind::PATH => Vec::new(),
        _ => vec![String::new(), "a,b".to_owned()],
    };
    values.extend(option.default.as_ref().into_option().map(ToString::to_string));
    values.retain(|value| option.check(value).is_ok());
    values.dedup();
    values
}
