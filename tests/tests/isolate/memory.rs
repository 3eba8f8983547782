//! A process that may hold so much memory: over its limit it ends, its fops with it, and the next one serves.

use plugin_api::Errno;
use plugin_api::abi::graph::FaultKind;
use tests::wait::wait_until;

use crate::volume::{Volume, lives};

const LIMIT: &str = " option isolate yes\n option memory-limit 64MB\n";
const WORDS: &str = "holds more memory than its limit of 67108864 bytes: its process has ended";

/// Calls until one fails; how many there were, and how.
fn until_it_fails(volume: &Volume, most: usize) -> Option<(usize, Errno)> {
    (0..most).find_map(|count| Some((count, volume.stat().err()?.errno)))
}

fn ends_once_and_serves_again(volume: &Volume, most: usize) -> usize {
    let before = (volume.pid(), volume.faults());
    let (calls, errno) = until_it_fails(volume, most).expect("it ends before the machine does");
    assert_eq!(errno, Errno::EIO);
    wait_until("the fault is counted", || volume.faults() > before.1);
    assert_eq!(volume.last(), WORDS);
    wait_until("the next process serves", || volume.stat().is_ok());
    assert!(!lives(before.0));
    assert_eq!(volume.faults(), before.1 + 1, "{}", volume.report());
    volume.serves();
    calls
}

#[test]
fn what_the_library_counts_over_its_limit_ends_the_process_and_is_counted_once() {
    let volume = Volume::start("bad/eats", LIMIT);
    // 256 KiB each.
    let calls = ends_once_and_serves_again(&volume, 2000);
    assert!((200..=256).contains(&calls), "{calls} calls");
    assert_eq!(volume.count(FaultKind::Memory), 1);
    assert!(volume.report().contains("memory 1 crashes 0"), "{}", volume.report());
    volume.stop();
}

#[test]
fn what_nobody_counts_is_refused_by_the_kernel() {
    let volume = Volume::start("bad/hoards", LIMIT);
    // 8 MiB each.
    let calls = ends_once_and_serves_again(&volume, 100);
    assert!((8..=64).contains(&calls), "{calls} calls");
    assert_eq!(volume.count(FaultKind::Memory), 1);
    volume.stop();
}

#[test]
fn so_many_of_them_mark_it_down() {
    let volume = Volume::start("bad/eats", &format!("{LIMIT} option fault-limit 2\n"));
    ends_once_and_serves_again(&volume, 2000);
    until_it_fails(&volume, 2000).expect("it ends again");
    wait_until("it is marked down", || volume.record().is_down);
    assert_eq!(volume.stat().unwrap_err().errno, Errno::ENOTCONN);
    assert_eq!((volume.faults(), volume.count(FaultKind::Memory)), (2, 2));
    volume.stop();
}

#[test]
fn the_limit_can_be_changed_while_it_runs_and_holds_for_the_next_process() {
    let volume = Volume::start("bad/eats", " option isolate yes\n");
    assert_eq!(until_it_fails(&volume, 400), None, "without a limit there is none");
    let pid = volume.pid();
    volume.take(" option isolate yes\n option memory-limit 512MB\n").expect("it is taken");
    assert_eq!(until_it_fails(&volume, 400), None);
    assert_eq!(volume.pid(), pid);
    let why = volume.take(LIMIT).expect_err("it holds more than that");
    assert!(why.contains(WORDS), "{why}");
    wait_until("the next process", || volume.stat().is_ok());
    volume.take(LIMIT).expect("it is taken now");
    ends_once_and_serves_again(&volume, 2000);
    assert_eq!(volume.count(FaultKind::Memory), 2);
    volume.stop();
}

#[test]
fn a_higher_limit_holds_for_what_nobody_counts_at_once_or_from_the_next_process_on() {
    let volume = Volume::start("bad/hoards", LIMIT);
    volume.take(" option isolate yes\n option memory-limit 1GB\n").expect("it is taken");
    let first = until_it_fails(&volume, 64);
    assert_eq!(first.is_some(), !may_raise_limits());
    if first.is_some() {
        wait_until("the next process", || volume.stat().is_ok());
        assert_eq!(until_it_fails(&volume, 64), None);
    }
    volume.stop();
}

/// Whether this process has CAP_SYS_RESOURCE.
fn may_raise_limits() -> bool {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let set = status.lines().find_map(|line| line.strip_prefix("CapEff:")).unwrap();
    u64::from_str_radix(set.trim(), 16).unwrap() & (1 << 24) != 0
}
