//! A process that lives and does not serve: it is ended, that is a fault, and the next one serves.

use plugin_api::abi::graph::FaultKind;
use plugin_api::prelude::*;
use tests::wait::wait_until;

use crate::volume::{Volume, lives, services};

/// The mask with which `bad/crashes` keeps its thread for an hour.
const SLEEP: i32 = 0x7003;

/// The value of `step` that `bad/crashes` does not come back from.
const FOR_EVER: &str = " option isolate yes\n option step 13\n";

fn is_ended(volume: &Volume, pid: u64, words: &str) {
    wait_until("it is ended", || volume.count(FaultKind::Crash) == 1);
    assert_eq!(volume.last(), words);
    wait_until("the next process serves", || volume.stat().is_ok());
    assert!(!lives(pid) && lives(volume.pid()));
    assert_eq!(volume.count(FaultKind::Crash), 1, "{}", volume.report());
    volume.serves();
}

#[test]
fn one_that_keeps_its_thread_is_ended_when_it_has_been_silent_for_too_long() {
    let volume = Volume::start("bad/crashes", " option isolate yes\n");
    let pid = volume.pid();
    let loc = Loc { gfid: Gfid::ROOT, ..Loc::default() };
    let asked = volume.call::<kind::access>(Access { loc, mask: SLEEP, xdata: Dict::new() });
    assert_eq!(asked.unwrap_err().errno, Errno::ETIMEDOUT);
    is_ended(&volume, pid, "it was ended: it has been silent for 10 s while calls wait");
    assert_eq!(volume.count(FaultKind::Deadline), 1);
    volume.stop();
}

#[test]
fn one_that_holds_calls_which_were_given_up_is_ended() {
    let volume = Volume::start("bad/never-answers", " option isolate yes\n");
    let pid = volume.pid();
    let loc = Loc { gfid: Gfid::ROOT, ..Loc::default() };
    let statfs = || Statfs { loc: loc.clone(), xdata: Dict::new() };
    let calls = [(); 3].map(|()| volume.spawn::<kind::statfs>(statfs()));
    for call in calls {
        let answer = services().runtime().block_on(call).unwrap();
        assert_eq!(answer.unwrap_err().errno, Errno::ETIMEDOUT);
    }
    is_ended(&volume, pid, "it was ended: it holds 3 calls that were given up");
    assert_eq!(volume.count(FaultKind::Deadline), 3);
    volume.stop();
}

#[test]
fn one_that_does_not_take_its_options_is_ended_and_goes_on_with_the_old_ones() {
    let volume = Volume::start("bad/crashes", " option isolate yes\n");
    let pid = volume.pid();
    let why = volume.take(FOR_EVER).unwrap_err();
    assert!(why.contains("it has not done for 10 s what it was told"), "{why}");
    is_ended(&volume, pid, "it was ended: it has not done for 10 s what it was told");
    volume.stop();
}
