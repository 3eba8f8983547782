//! Rule `passes`: what a translator does not write goes by it, unseen and whole.

use super::Rule;
use super::trial::{End, Kept, Trial};
use crate::samples::PROBES;
use crate::{Caller, Fake};

pub(super) const RULE: Rule = Rule {
    name: "passes",
    about: "each fop that it does not write reaches its child once, and the answer comes back",
    check,
};

fn check(trial: &mut Trial<'_>) -> Kept {
    if trial.subject.is_leaf() {
        return Err(End::Skip("it is a store: nothing lies below it".to_owned()));
    }
    let child = Fake::answering();
    let bench = trial.start(&child)?;
    let parts = super::hostile::nobodys(&bench);
    let caller = Caller::new(&bench, trial.random.number());
    let written: Vec<u32> = trial.subject.fops().collect();
    for probe in PROBES.iter().filter(|probe| !written.contains(&probe.code)) {
        trial.step(probe.name);
        child.forget();
        if let Err(failed) = (probe.ask)(&caller, &parts) {
            trial.found(format!("the child answered, and the caller heard: {failed}"));
        }
        if child.calls() != [probe.name] {
            trial.found(format!("the child heard {:?}", child.calls()));
        }
    }
    drop(parts);
    child.forget();
    trial.finish(bench);
    Ok(())
}
