//! A translator that leaks contexts and buffers: they are counted as its own, and at its limit it is taken down.

use plugin_api::Errno;
use plugin_api::abi::graph::FaultKind;

use crate::volume::Volume;

/// Of one context and 64 KiB each: far more than the limit.
const CALLS: usize = 4000;

fn number(dump: &str, key: &str) -> u64 {
    // The leaf comes first; the bad one stands above it.
    let lines = dump.lines().filter_map(|line| line.strip_prefix(key)?.strip_prefix('='));
    lines.map(|number| number.parse().unwrap()).max().unwrap()
}

#[test]
fn who_leaks_contexts_and_buffers_is_told_so_and_taken_down_and_the_volume_serves() {
    let volume = Volume::with("bad/leaks", " option memory-limit 32MB\n");
    let calls = (0..CALLS).position(|_| volume.stat().is_err()).expect("it stops before the machine does");
    assert_eq!(volume.stat().unwrap_err().errno, Errno::ENOTCONN);
    let record = volume.record();
    assert!(record.is_down && volume.count(FaultKind::Memory) == 1, "{record:?}");
    volume.serves();
    let calls = u64::try_from(calls).unwrap();
    let (dump, faults) = volume.reports();
    assert_eq!(number(&dump, "contexts"), calls, "{dump}");
    assert_eq!(number(&dump, "buffers"), calls * (64 << 10), "{dump}");
    assert!(faults.contains(" bytes in buffers") && faults.contains("DOWN"), "{faults}");
}
