//! Rule `answers`: every fop that a translator writes is answered, and a child's error reaches the caller.

use plugin_api::Errno;

use super::Rule;
use super::trial::{Kept, Trial};
use crate::samples::{PROBES, Probe};
use crate::{Caller, Failed, Fake, Fault};

pub(super) const RULE: Rule = Rule {
    name: "answers",
    about: "each fop that it writes is answered, whatever its child answers, and an error of the child is one for the caller",
    check,
};

fn check(trial: &mut Trial<'_>) -> Kept {
    let written: Vec<u32> = trial.subject.fops().collect();
    for probe in PROBES.iter().filter(|probe| written.contains(&probe.code)) {
        if trial.is_enough() {
            break;
        }
        trial.step(probe.name);
        let child = Fake::memory();
        let bench = trial.start(&child)?;
        let parts = trial.parts(&bench, &format!("answers-{}", probe.name));
        let parts = parts.unwrap_or_else(|_| super::hostile::nobodys(&bench));
        let caller = Caller::new(&bench, trial.random.number());
        if let Err(failed @ (Failed::Silent { .. } | Failed::Nonsense(_))) = (probe.ask)(&caller, &parts) {
            trial.found(failed.to_string());
            continue;
        }
        trial.panics(&bench);
        if !trial.subject.is_leaf() {
            for errno in [Errno::EIO, Errno::ENOTCONN] {
                over_a_failing_child(trial, *probe, &child, errno, || (probe.ask)(&caller, &parts));
            }
        }
        drop(parts);
        trial.finish(bench);
    }
    Ok(())
}

/// The child fails all that it is asked; the caller must not hear that all is well when its own fop was among it.
fn over_a_failing_child(
    trial: &mut Trial<'_>,
    probe: Probe,
    child: &Fake,
    errno: Errno,
    ask: impl Fn() -> Result<(), Failed>,
) {
    child.forget();
    child.always(Some(Fault::Fail(errno)));
    let answer = ask();
    child.always(None);
    let reached = child.calls().contains(&probe.name);
    match answer {
        Ok(()) if reached => {
            trial.found(format!("its child failed with {errno:?}, and the caller heard that it is done"))
        }
        Err(failed @ (Failed::Silent { .. } | Failed::Nonsense(_))) => {
            trial.found(format!("its child failed with {errno:?}: {failed}"));
        }
        Err(Failed::Refused(heard)) if reached && heard != errno => {
            trial.note(format!("{} turns {errno:?} of its child into {heard:?}", probe.name));
        }
        _ => {}
    }
}
