//! Rule `faults`: what goes wrong below a translator stays with the fop that it happened to.

use std::thread;
use std::time::{Duration, Instant};

use plugin_api::Errno;

use super::Rule;
use super::trial::{End, Kept, Trial};
use super::work::{is_fault, round};
use crate::{Bench, Caller, Fake, Fault, SOON};

pub(super) const RULE: Rule = Rule {
    name: "faults",
    about: "a child that fails its nth call, loses an answer, answers late or from another thread, or never: each fop is \
            answered, others go on, and it serves afterwards",
    check,
};

fn check(trial: &mut Trial<'_>) -> Kept {
    if trial.subject.is_leaf() {
        return Err(End::Skip("it is a store: nothing lies below it".to_owned()));
    }
    each_call(trial, Fault::Fail(Errno::EIO))?;
    each_call(trial, Fault::Lose(Errno::ENOTCONN))?;
    elsewhere(trial)?;
    held(trial)?;
    late(trial)
}

/// Call 0 of the child has the fault, then call 1, and so on, until a round meets none.
fn each_call(trial: &mut Trial<'_>, fault: Fault) -> Kept {
    let child = Fake::memory();
    let bench = trial.start(&child)?;
    for number in 0..400 {
        trial.step(format!("{fault:?} as call {number} of a small program"));
        child.fault(number, fault);
        let caller = Caller::new(&bench, trial.random.number());
        if let Err((what, failed)) = round(&caller, &format!("faults-{number}"))
            && is_fault(&failed)
        {
            trial.found(format!("{what}: {failed}"));
        }
        let met = !child.is_failing();
        child.clear_faults();
        if trial.panics(&bench) || trial.is_enough() || !met {
            break;
        }
    }
    trial.step(format!("an ordinary program after {fault:?}"));
    trial.serves(&bench, "faults-after");
    trial.finish(bench);
    Ok(())
}

/// Every answer comes from another thread, some of them late.
fn elsewhere(trial: &mut Trial<'_>) -> Kept {
    for fault in [Fault::Elsewhere, Fault::Delay(Duration::from_millis(2))] {
        trial.step(format!("every call answered with {fault:?}"));
        let child = Fake::memory();
        let bench = trial.start(&child)?;
        child.always(Some(fault));
        trial.serves(&bench, "elsewhere");
        child.clear_faults();
        trial.finish(bench);
    }
    Ok(())
}

/// One call is never answered; a program that has nothing to do with it goes on.
fn held(trial: &mut Trial<'_>) -> Kept {
    let child = Fake::memory();
    let bench = trial.start(&child)?;
    for number in 0..trial.size.pick(10, 30) {
        trial.step(format!("call {number} of one program is not answered, another program runs"));
        child.fault(number, Fault::Hold);
        let seeds = [trial.random.number(), trial.random.number()];
        let stuck = thread::scope(|scope| {
            let first = scope.spawn(|| round(&Caller::new(&bench, seeds[0]).patience(SOON * 4), "held"));
            if !wait(|| child.held() > 0 || first.is_finished()) {
                return Some("the first program does not come to its call".to_owned());
            }
            if child.held() == 0 {
                // It does not make so many calls, and no other program is to meet what was meant for it.
                return None;
            }
            let begun = Instant::now();
            let other = round(&Caller::new(&bench, seeds[1]), "beside");
            let took = begun.elapsed();
            child.release();
            let stuck = match other {
                Err((what, failed)) if is_fault(&failed) => {
                    Some(format!("{what} of the other program: {failed}"))
                }
                _ if took >= SOON => Some(format!("the other program took {took:?}")),
                _ => None,
            };
            let first = first.join().expect("a caller does not panic");
            match first {
                Err((what, failed)) if is_fault(&failed) && stuck.is_none() => {
                    Some(format!("{what}, which waited and was let go: {failed}"))
                }
                _ => stuck,
            }
        });
        let met = !child.is_failing();
        child.clear_faults();
        if let Some(what) = stuck {
            trial.found(what);
        }
        if !met || trial.is_enough() || trial.panics(&bench) {
            break;
        }
    }
    trial.finish(bench);
    Ok(())
}

/// Calls that are answered only after the graph was told to stop.
fn late(trial: &mut Trial<'_>) -> Kept {
    for number in 0..trial.size.pick(4, 12) {
        trial.step(format!("call {number} of a program is answered after fini"));
        let child = Fake::memory();
        let bench = trial.start(&child)?;
        child.fault(number, Fault::AfterFini);
        let seed = trial.random.number();
        let said = thread::scope(|scope| {
            let work = scope.spawn(|| round(&Caller::new(&bench, seed), "late"));
            wait(|| child.held() > 0 || work.is_finished());
            bench.stop();
            work.join().expect("a caller does not panic")
        });
        if let Err((what, failed)) = said
            && is_fault(&failed)
        {
            trial.found(format!("{what}: {failed}"));
        }
        trial.finish(bench);
    }
    Ok(())
}

/// Waits for a condition, no longer than for what comes soon.
pub(super) fn wait(is: impl Fn() -> bool) -> bool {
    let end = Instant::now() + SOON;
    while !is() {
        if Instant::now() > end {
            return false;
        }
        thread::sleep(Duration::from_millis(1));
    }
    true
}

/// A bench is used by several threads at once.
const _: fn() = || {
    fn shared<T: Sync>() {}
    shared::<Bench>();
};
