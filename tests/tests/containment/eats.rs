//! A translator that eats memory: at its limit it is taken down, and what it holds grows no more.

use plugin_api::Errno;
use plugin_api::abi::graph::FaultKind;

use crate::volume::Volume;

/// Of 256 KiB each: far more than the limit.
const CALLS: usize = 2000;
const LIMIT: u64 = 64 << 20;

#[test]
fn who_holds_more_memory_than_it_may_is_taken_down_and_the_volume_serves() {
    let volume = Volume::with("bad/eats", " option memory-limit 64MB\n");
    let errors = (0..CALLS).find_map(|_| volume.stat().err());
    assert_eq!(errors.expect("it stops before the machine does").errno, Errno::ENOTCONN);
    let record = volume.record();
    assert!(record.is_down && volume.count(FaultKind::Memory) == 1, "{record:?}");
    volume.serves();
    let (dump, faults) = volume.reports();
    let held = dump.lines().filter_map(|line| line.strip_prefix("memory=")).next().unwrap();
    let held: u64 = held.parse().unwrap();
    // How far it gets before the watchdog acts is a matter of milliseconds.
    assert!((LIMIT..4 * LIMIT).contains(&held), "{held} bytes");
    assert!(faults.contains("memory 1") && faults.contains("DOWN"), "{faults}");
}
