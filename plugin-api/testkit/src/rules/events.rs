//! Rule `events`: no event brings a translator down, and one whose child went and came serves again.

use plugin_api::{Dict, Event, EventKind, Gfid, Value};

use super::Rule;
use super::trial::{End, Kept, Trial};
use super::work::{is_fault, round};
use crate::{Bench, Caller, Fake};

pub(super) const RULE: Rule = Rule {
    name: "events",
    about: "storms of events from above and below, with data of any kind; a child that goes down and comes back",
    check,
};

/// An event that nobody knows.
const UNKNOWN: EventKind = EventKind(0x7fff);

fn check(trial: &mut Trial<'_>) -> Kept {
    let child = Fake::memory();
    let bench = trial.start(&child)?;
    if !trial.subject.is_leaf() {
        passed_on(trial, &bench);
        down_and_up(trial, &bench);
    }
    storm(trial, &bench);
    trial.step("an ordinary program after the storm");
    // What a storm of PARENT_DOWN has stopped, one PARENT_UP starts.
    bench.send_down(&EventKind::PARENT_UP.into());
    bench.send_up(&EventKind::CHILD_UP.into());
    trial.serves(&bench, "events");
    trial.finish(bench);
    if trial.is_enough() { Err(End::Found) } else { Ok(()) }
}

fn passed_on(trial: &mut Trial<'_>, bench: &Bench) {
    trial.step("an unknown event from below");
    bench.send_up(&UNKNOWN.into());
    if bench.risen(UNKNOWN).is_empty() {
        trial.note("it keeps events that it does not know: whoever stands above misses them");
    }
}

fn down_and_up(trial: &mut Trial<'_>, bench: &Bench) {
    for round_of in 0..trial.size.pick(5, 50) {
        trial.step(format!("child down, time {round_of}"));
        bench.send_up(&EventKind::CHILD_DOWN.into());
        let caller = Caller::new(bench, trial.random.number());
        if let Err((what, failed)) = round(&caller, "down")
            && is_fault(&failed)
        {
            trial.found(format!("{what} while the child is down: {failed}"));
        }
        trial.step(format!("child up again, time {round_of}"));
        bench.send_up(&EventKind::CHILD_UP.into());
        trial.serves(bench, "up");
        if trial.panics(bench) || trial.is_enough() {
            return;
        }
    }
}

fn storm(trial: &mut Trial<'_>, bench: &Bench) {
    let events = trial.size.pick(500, 20_000);
    trial.step(format!("a storm of {events} events"));
    for _ in 0..events {
        let kind = EventKind(u32::try_from(trial.random.below(30)).expect("below 30"));
        // CLEANUP takes a brick out of its process: nothing comes after it.
        if kind == EventKind::CLEANUP {
            continue;
        }
        let data = match trial.random.below(4) {
            0 => Dict::new().with("gfid", "no gfid at all").with("flags", Value::Double(f64::NAN)),
            1 => Dict::new().with("gfid", Gfid::NULL).with("event-type", i64::MIN).with("client-uid", 7),
            2 => Dict::new()
                .with("barrier", "maybe")
                .with("op", u64::MAX)
                .with("value", Value::bytes(vec![0xff; 3])),
            _ => Dict::new(),
        };
        let event = Event { kind, data };
        let goes_down = if trial.random.one_in(10) { !kind.goes_down() } else { kind.goes_down() };
        if goes_down {
            bench.send_down(&event)
        } else {
            bench.send_up(&event)
        }
        if trial.panics(bench) && trial.is_enough() {
            return;
        }
    }
}
