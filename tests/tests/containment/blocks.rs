//! A translator that keeps an event thread for itself: it is named, and the other threads serve.

use plugin_api::abi::graph::FaultKind;
use plugin_api::fop::{FopType, kind};
use tests::wait::wait_until;

use crate::rig::stat;
use crate::volume::{Volume, wait};

#[test]
fn who_keeps_an_event_thread_is_named_once_and_the_volume_serves_on_the_other() {
    let volume = Volume::with("bad/blocks", " option fault-limit 1\n");
    let blocked = volume.spawn::<kind::stat>(stat());
    let mut served = 0;
    wait_until("the one that blocks to be named", || {
        volume.serves();
        served += 1;
        volume.count(FaultKind::Stall) == 1
    });
    assert!(!blocked.is_finished(), "it was named while it blocked");
    assert!(served > 10, "{served} calls were served meanwhile");
    let last = volume.record().last.unwrap();
    assert_eq!((last.kind, last.fop), (FaultKind::Stall, kind::stat::CODE));
    assert!(last.what.starts_with("has not come back from call "), "{}", last.what);
    wait(blocked).expect("it goes on where it was");
    assert_eq!(volume.count(FaultKind::Stall), 1, "an episode is one fault");
    assert!(!volume.record().is_down, "a slow disk is no reason to fail calls");
    let (dump, faults) = volume.reports();
    assert!(dump.contains("faults.stalls=1\n"), "{dump}");
    assert!(faults.contains("bad bad/blocks: panics 0 deadlines 0 stalls 1 memory 0"), "{faults}");
}
