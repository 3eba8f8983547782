//! A translator in a process of its own: it serves as it would in the host's, and what it does to its process does
//! nothing to the host's.

#![forbid(unsafe_code)]
#![allow(clippy::unwrap_used, reason = "what fails here fails the test")]

mod hang;
mod memory;
mod replace;
mod volume;

use std::mem::ManuallyDrop;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use host::cmdline::Request;
use host::loader::Loader;
use host::services::Services;
use plugin_api::abi::graph::FaultKind;
use plugin_api::prelude::*;
use plugin_testkit::{Bench, Fake, Loaded, Testkit};
use tempfile::TempDir;
use tests::built::{file, plugin_folder};

const CRASH: i32 = 0x7001;
const EXIT: i32 = 0x7002;

/// A host with `bad/crashes` in a process of its own.
struct Apart {
    // The host never shuts its pool down either.
    _services: ManuallyDrop<Services>,
    _folder: TempDir,
    kit: Option<Testkit<Loaded>>,
}

fn apart(name: &str) -> Apart {
    let folder = plugin_folder(&[name]);
    let loader = Arc::new(Loader::new(vec![folder.path().to_path_buf()]).with_worker(file("mortar")));
    let Ok(Request::Serve(settings)) = host::cmdline::parse(["glusterd".into()]) else {
        panic!("a bare command line serves");
    };
    let services = host::services::start(&settings, loader.clone()).expect("one host a process");
    let module = loader.isolated(name).expect("it opens").module;
    let kit = Some(Testkit::loaded(module).child(Fake::memory()));
    Apart { _services: ManuallyDrop::new(services), _folder: folder, kit }
}

impl Apart {
    fn start(&mut self) -> Bench {
        self.kit.take().expect("started once").start()
    }
}

fn root() -> Inode {
    Inode::new(Gfid::ROOT, FileType::Directory)
}

fn stat(bench: &Bench, inode: &Inode) -> FopResult<Attr> {
    bench.call::<kind::stat>(Stat { loc: Loc::of(inode.clone()), xdata: Dict::new() })
}

fn access(bench: &Bench, mask: i32) -> FopResult<Done> {
    bench.call::<kind::access>(Access { loc: Loc::of(root()), mask, xdata: Dict::new() })
}

fn create(bench: &Bench, fd: &Fd) -> Created {
    let loc = Loc::entry(root(), IoBuf::from_static(b"file"));
    let create = Create { loc, flags: 2, mode: 0o644, umask: 0, fd: fd.clone(), xdata: Dict::new() };
    let made = bench.call::<kind::create>(create);
    made.unwrap_or_else(|error| panic!("{error}: {:?}", bench.take_faults()))
}

/// The process of the translator, as its statedump tells it.
fn dumped(bench: &Bench, key: &str) -> u64 {
    let dump = bench.dump();
    let line = dump.lines().find_map(|line| line.strip_prefix(&format!("{key}=")));
    line.unwrap_or_else(|| panic!("no {key} in {dump}")).parse().expect("a number")
}

fn wait_until(what: &str, mut done: impl FnMut() -> bool) {
    let start = Instant::now();
    while !done() {
        assert!(start.elapsed() < Duration::from_secs(20), "{what}");
        std::thread::sleep(Duration::from_millis(2));
    }
}

fn lives(pid: u64) -> bool {
    Path::new(&format!("/proc/{pid}")).exists()
}

#[test]
fn its_fops_go_there_and_back_and_its_library_is_not_opened_here() {
    let mut apart = apart("bad/crashes");
    let bench = apart.start();
    let inode = root();
    let reply = stat(&bench, &inode).expect("the child answers");
    assert_eq!((reply.iatt.gfid, reply.xdata.int("looks")), (Gfid::ROOT, Some(1)));
    assert_eq!(stat(&bench, &inode).unwrap().xdata.int("looks"), Some(2), "its context is kept");
    assert_eq!(bench.calls(), ["stat", "stat"]);
    let maps = std::fs::read_to_string("/proc/self/maps").unwrap();
    assert!(!maps.contains("crashes.so"));
}

#[test]
fn data_goes_through_whole_and_descriptors_stay_themselves() {
    let mut apart = apart("bad/crashes");
    let bench = apart.start();
    let fd = Fd::new(Inode::new(Gfid::NULL, FileType::Invalid), 2, 1);
    let made = create(&bench, &fd);
    assert!(made.fd == fd);
    assert_eq!(fd.inode().gfid(), made.iatt.gfid, "the child gave the inode its id");
    let bytes: Vec<u8> = (0..1_000_003_u32).map(|n| u8::try_from(n % 251).unwrap()).collect();
    for round in 0..8_u64 {
        let offset = round * bytes.len() as u64;
        let data = IoBuf::from(bytes.clone()).into();
        let write = Writev { fd: fd.clone(), data, offset, flags: 0, xdata: Dict::new() };
        assert_eq!(bench.call::<kind::writev>(write).expect("written").count, bytes.len() as u64);
        let read = Readv { fd: fd.clone(), size: bytes.len(), offset, flags: 0, xdata: Dict::new() };
        assert_eq!(bench.call::<kind::readv>(read).expect("read").data.to_iobuf()[..], bytes[..]);
    }
}

#[test]
fn what_it_does_not_implement_costs_it_nothing() {
    let mut apart = apart("bad/crashes");
    let bench = apart.start();
    bench
        .call::<kind::mkdir>(Mkdir {
            loc: Loc::entry(root(), IoBuf::from_static(b"d")),
            mode: 0o755,
            umask: 0,
            xdata: Dict::new(),
        })
        .expect("made by the child");
    assert_eq!(dumped(&bench, "seen"), 0);
}

#[test]
fn a_crash_fails_what_was_under_way_and_the_next_process_goes_on() {
    let mut apart = apart("bad/crashes");
    let bench = apart.start();
    bench.reconfigure(&[("step", "10")]);
    let inode = root();
    assert_eq!(stat(&bench, &inode).unwrap().xdata.int("looks"), Some(10));
    let before = dumped(&bench, "isolate.pid");
    assert_eq!(access(&bench, CRASH).unwrap_err().errno, Errno::EIO);
    let reply = stat(&bench, &inode).expect("the next process serves, and whoever came meanwhile has waited");
    assert_eq!(reply.xdata.int("looks"), Some(10), "a new context, counted by the options of before");
    let after = dumped(&bench, "isolate.pid");
    assert!(before != after && !lives(before) && lives(after));
    assert_eq!(bench.take_faults(), ["test: crashed: signal 11 (SIGSEGV)"]);
    assert_eq!(dumped(&bench, "isolate.starts"), 2);
}

#[test]
fn a_crash_is_counted_as_one_and_told_as_one() {
    let volume = volume::Volume::start("bad/crashes", " option isolate yes\n");
    let mask = Access { loc: Loc::of(root()), mask: CRASH, xdata: Dict::new() };
    assert_eq!(volume.call::<kind::access>(mask).unwrap_err().errno, Errno::EIO);
    wait_until("it is counted", || volume.faults() == 1);
    assert_eq!(volume.count(FaultKind::Crash), 1);
    let report = volume.report();
    assert!(report.contains("panics 0 deadlines 0 stalls 0 memory 0 crashes 1"), "{report}");
    assert!(report.contains("last, crashes: crashed: signal 11 (SIGSEGV)"), "{report}");
    volume.stop();
}

#[test]
fn under_load_a_crash_costs_calls_of_that_moment_and_no_others() {
    let mut apart = apart("bad/crashes");
    let bench = apart.start();
    let (mut answered, mut failed) = (0, 0);
    std::thread::scope(|scope| {
        let workers: Vec<_> = (0..4)
            .map(|_| {
                scope.spawn(|| {
                    let (mut answered, mut failed) = (0, 0);
                    let inode = root();
                    for _ in 0..500 {
                        match stat(&bench, &inode) {
                            Ok(_) => answered += 1,
                            Err(error) => {
                                assert_eq!(error.errno, Errno::EIO);
                                failed += 1;
                            }
                        }
                    }
                    (answered, failed)
                })
            })
            .collect();
        wait_until("it is under load", || dumped(&bench, "seen") > 100);
        assert_eq!(access(&bench, CRASH).unwrap_err().errno, Errno::EIO);
        for worker in workers {
            let (a, f) = worker.join().unwrap();
            answered += a;
            failed += f;
        }
    });
    println!("{answered} answered, {failed} failed");
    assert!(failed <= 4 && answered + failed == 2000, "one call of each thread was under way at most");
    assert_eq!(bench.take_faults().len(), 1);
    assert_eq!(dumped(&bench, "isolate.starts"), 2);
}

#[test]
fn after_too_many_crashes_it_is_marked_down_and_not_started_again() {
    let mut apart = apart("bad/crashes");
    let kit = apart.kit.take().unwrap().fault_limit(2);
    let bench = kit.start();
    assert_eq!(access(&bench, EXIT).unwrap_err().errno, Errno::EIO);
    wait_until("it is started again", || stat(&bench, &root()).is_ok());
    assert_eq!(access(&bench, CRASH).unwrap_err().errno, Errno::EIO);
    wait_until("it is marked down", || stat(&bench, &root()).unwrap_err().errno == Errno::ENOTCONN);
    wait_until("nobody starts it again", || bench.dump().contains("its process is gone for good"));
    assert_eq!(dumped(&bench, "isolate.starts"), 2);
    let faults = bench.take_faults();
    assert_eq!(faults[0], "test: its process ended by itself with status 3");
    assert_eq!(faults[1], "test: crashed: signal 11 (SIGSEGV)");
}

#[test]
fn a_panic_in_a_fop_is_a_fault_and_no_crash() {
    let mut apart = apart("bad/crashes");
    let bench = apart.start();
    let before = dumped(&bench, "isolate.pid");
    assert_eq!(access(&bench, 0x7005).unwrap_err().errno, Errno::EIO);
    wait_until("the fault is told", || bench.take_faults() == ["test in access: as asked"]);
    assert_eq!(dumped(&bench, "isolate.pid"), before);
}

#[test]
fn a_descriptor_that_it_keeps_is_not_closed_below_it() {
    let mut apart = apart("bad/crashes");
    let bench = apart.start();
    let inode = Inode::new(Gfid::NULL, FileType::Invalid);
    create(&bench, &Fd::new(inode.clone(), 2, 1));
    let fd = Fd::new(inode.clone(), 0, 1);
    let open = Open { loc: Loc::of(inode), flags: 0, fd: fd.clone(), xdata: Dict::new() };
    bench.call::<kind::open>(open).expect("opened");
    assert_eq!(dumped(&bench, "kept"), 1);
    assert!(fd.object().count() > 1, "it is held for the process");
    bench.call::<kind::flush>(Flush { fd: fd.clone(), xdata: Dict::new() }).expect("flushed");
    wait_until("it is held no longer", || fd.object().count() == 1);
}

#[test]
fn clients_that_go_are_told_of() {
    let mut apart = apart("bad/crashes");
    let bench = apart.start();
    bench.disconnect(&Client::new("me", "host:1", true));
    wait_until("it has heard", || dumped(&bench, "seen") == 1000);
}

#[test]
fn its_end_leaves_no_process_behind() {
    let mut apart = apart("bad/crashes");
    let bench = apart.start();
    let pid = dumped(&bench, "isolate.pid");
    assert!(lives(pid));
    bench.stop();
    drop(bench);
    wait_until("the process is gone", || !lives(pid));
}

#[test]
fn one_that_cannot_be_used_says_why() {
    let folder = plugin_folder(&["bad/other-major", "bad/init-panics"]);
    let loader = Arc::new(Loader::new(vec![folder.path().to_path_buf()]).with_worker(file("mortar")));
    let Ok(Request::Serve(settings)) = host::cmdline::parse(["glusterd".into()]) else {
        panic!("a bare command line serves");
    };
    let _services =
        ManuallyDrop::new(host::services::start(&settings, loader.clone()).expect("one host a process"));
    let said = loader.isolated("bad/other-major").expect_err("refused");
    assert!(said.contains("built for plugin-api 2.0.0, this host speaks 1.0"), "{said}");
    let module = loader.isolated("bad/init-panics").expect("it opens").module;
    let said = Testkit::loaded(module).try_start().expect_err("refused").to_string();
    assert_eq!(said, "test: it panicked: the stars were wrong");
}
