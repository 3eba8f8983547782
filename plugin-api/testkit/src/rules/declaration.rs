//! Rule `declaration`: what a translator says about itself makes sense.

use std::collections::HashSet;

use abi_stable::std_types::ROption;
use plugin_api::options::{OptionDecl, OptionKind};
use plugin_api::{Declaration, UnknownFops, fop, positions};

use super::Rule;
use super::trial::{Kept, Trial};

pub(super) const RULE: Rule = Rule {
    name: "declaration",
    about: "type, doc, options with help and defaults that validate, positions, policy for unknown fops",
    check,
};

fn check(trial: &mut Trial<'_>) -> Kept {
    let declared = trial.subject.declaration().clone();
    identity(trial, &declared);
    fops(trial, &declared);
    let mut seen = HashSet::new();
    for option in &declared.options.0 {
        trial.step(format!("option `{}`", option.keys.first().map_or("", |key| key.as_str())));
        for key in &option.keys {
            if !seen.insert(key.as_str()) {
                trial.found(format!("`{key}` is declared twice"));
            }
        }
        one(trial, option);
    }
    Ok(())
}

fn identity(trial: &mut Trial<'_>, declared: &Declaration) {
    let name = declared.type_name.as_str();
    trial.step("type name");
    let word = |w: &str| {
        !w.is_empty() && w.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b"-_".contains(&b))
    };
    let words: Vec<&str> = name.split('/').collect();
    if words.len() != 2 || !words.iter().all(|w| word(w)) {
        // A declaration that panics is told as one without a type, with its words for a doc.
        trial.found(format!("`{name}` is no CATEGORY/NAME in lower case ({})", declared.doc));
    }
    trial.step("doc");
    match declared.doc.trim() {
        "" => trial.found("it says nothing about what it does: write a doc comment on the struct"),
        doc if doc.lines().count() > 1 => trial.note("its doc has several lines; lists show the first"),
        _ => {}
    }
    trial.step("positions");
    if declared.positions == 0 || declared.positions & !positions::ANY != 0 {
        trial.found(format!("{:#x} names no place in a graph", declared.positions));
    }
}

fn fops(trial: &mut Trial<'_>, declared: &Declaration) {
    trial.step("fops");
    let mut seen = HashSet::new();
    for code in trial.subject.fops().collect::<Vec<_>>() {
        if fop::name(code).is_none() {
            trial.note(format!("fop {code} is one that this host does not know"));
        }
        if !seen.insert(code) {
            trial.found(format!("fop {code} is written twice"));
        }
    }
    let writes = |name| trial.subject.fops().any(|code| fop::name(code) == Some(name));
    if declared.unknown_fops == UnknownFops::PASS
        && writes("readv")
        && writes("writev")
        && !trial.subject.is_leaf()
    {
        trial.note(
            "it writes readv and writev and lets unknown fops pass: if it changes data, a fop added later will go \
             round it; `deny` or `decompose` is safe",
        );
    }
}

fn one(trial: &mut Trial<'_>, option: &OptionDecl) {
    match option.keys.first() {
        None => trial.found("it has no name"),
        Some(key) if key.is_empty() || key.bytes().any(|b| b.is_ascii_whitespace()) => {
            trial.found("its name is empty or has a space: no volfile can set it");
        }
        Some(_) => {}
    }
    if option.help.trim().is_empty() {
        trial.found("it has no help");
    }
    if option.kind == OptionKind::CHOICE && option.choices.is_empty() {
        trial.found("it is a choice between nothing");
    }
    if let (ROption::RSome(min), ROption::RSome(max)) = (option.min, option.max)
        && min > max
    {
        trial.found(format!("its range goes from {min} to {max}"));
    }
    if let ROption::RSome(default) = &option.default
        && let Err(expected) = option.check(default)
    {
        trial.found(format!("its default is `{default}`, and {expected} is what it takes"));
    }
    if option.required && option.default.is_some() {
        trial.note(format!(
            "option `{}` is required and has a default: one of them means nothing",
            option.keys[0]
        ));
    }
}
