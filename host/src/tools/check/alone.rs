//! One rule, in this process: what the command starts itself for.

use std::fs::{self, File};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use abi_stable::std_types::ROption;
use plugin_api::abi::host::PluginKind;
use plugin_api::abi::root::PluginRootRef;
use plugin_testkit::rules::{Rule, Size, Subject};

use super::message::{Told, Verdict};
use super::{LOADS, ToolError, cannot, plugins};
use crate::cmdline::CheckAsk;
use crate::loader::{LoadError, Loader};

/// What the process left: the answer, or nothing when it did not come to it.
const ANSWER: &str = "answer";
/// What it was doing last.
const STEP: &str = "step";

/// Where a rule's process leaves its answer.
pub(super) fn answer(place: &Path) -> PathBuf {
    place.join(ANSWER)
}

/// Where it leaves what it does.
pub(super) fn step(place: &Path) -> PathBuf {
    place.join(STEP)
}

/// Runs the one rule that is asked for, and leaves the answer in the folder `place`.
pub(super) fn run(ask: &CheckAsk, file: &Path, place: &Path) -> Result<(), ToolError> {
    let [rule] = ask.only.as_slice() else { return Err(cannot("one rule has a process")) };
    let told = tell(ask, file, rule, place)?;
    let text = serde_json::to_vec(&told).expect("texts and numbers are JSON");
    // Whole or not at all: the one that waits may look at any time.
    let half = place.join("half");
    let written = fs::write(&half, text).and_then(|()| fs::rename(&half, answer(place)));
    written.map_err(|e| cannot(format!("{}: {e}", place.display())))
}

fn tell(ask: &CheckAsk, file: &Path, rule: &str, place: &Path) -> Result<Told, ToolError> {
    let root = match open(ask, file) {
        Ok(root) => root,
        Err(error) => return Ok(Told::broken(rule, "opening it", error.to_string())),
    };
    let Some(rule) = Rule::find(rule) else { return Ok(loads(&root)) };
    let ROption::RSome(module) = root.xlator() else {
        return Ok(Told::plain(rule.name, Verdict::Skipped("it is no translator".to_owned())));
    };
    let subject =
        ask.options.iter().fold(Subject::loaded(module), |subject, (key, value)| subject.option(key, value));
    let steps = File::create(step(place)).map_err(|e| cannot(format!("{}: {e}", place.display())))?;
    let size = if ask.quick { Size::Quick } else { Size::Full };
    let outcome = rule.check(&subject, ask.seed.unwrap_or_default(), size, &|what| {
        // A step that cannot be written is a step that nobody will miss.
        let _ = steps.set_len(0).and_then(|()| steps.write_all_at(what.as_bytes(), 0));
    });
    Ok(Told::from_outcome(rule.name, outcome))
}

/// Opens the plugin in the host of the testkit, where it finds the plugins of the folders that were named.
fn open(ask: &CheckAsk, file: &Path) -> Result<PluginRootRef, LoadError> {
    let loader = Arc::new(Loader::new(ask.plugin_dirs.clone()));
    let others = loader.clone();
    loader.attach(plugin_testkit::attach_with(Box::new(move |kind: PluginKind, name: &str| {
        others.plugin(kind, name).map_err(|error| error.to_string())
    })));
    loader.file(file)
}

fn loads(root: &PluginRootRef) -> Told {
    let mut told = Told::plain(LOADS, Verdict::Kept);
    told.notes.push(plugins::summary(root));
    told
}
