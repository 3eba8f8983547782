//! The translator in a graph: clients with leases, and others in their way.
#![allow(clippy::unwrap_used, reason = "helpers of tests")]

use std::time::{Duration, Instant};

use features_leases::Leases;
use plugin_api::fop::INTERNAL_FOP;
use plugin_api::prelude::*;
use plugin_api::{Client, EventKind, upcall};
use plugin_testkit::{Bench, Caller, Fake, Testkit, poll};

const READ: u32 = 1;
const READ_WRITE: u32 = 2;
const A: [u8; 16] = [1; 16];
const B: [u8; 16] = [2; 16];

fn bench(timeout: &str) -> Bench {
    let options = [("leases", "on"), ("lease-lock-recall-timeout", timeout)];
    Testkit::<Leases>::new().options(&options).child(Fake::memory()).start()
}

fn client(uid: &str) -> Client {
    Client::new(uid, "127.0.0.1:49000", true)
}

fn caller<'b>(bench: &'b Bench, client: &Client) -> Caller<'b> {
    Caller::new(bench, 1).from_client(client)
}

/// Does something with the lease of a file.
fn lease(caller: &Caller<'_>, fd: &Fd, cmd: u32, kind: u32, id: [u8; 16]) -> Result<u32, Errno> {
    let args =
        LeaseFop { loc: Loc::of(fd.inode().clone()), lease: Lease { cmd, kind, id }, xdata: Dict::new() };
    let answer = caller.ask::<kind::lease>(args);
    answer.map(|answer| answer.lease.kind).map_err(|failed| failed.errno().expect("it answers"))
}

fn under(id: [u8; 16]) -> Dict {
    Dict::new().with("lease-id", id.to_vec())
}

fn open(bench: &Bench, caller: &Caller<'_>, file: &Inode, flags: i32, id: [u8; 16]) -> Fd {
    let args =
        Open { loc: Loc::of(file.clone()), flags, fd: bench.fd(file.clone(), flags), xdata: under(id) };
    caller.ask::<kind::open>(args).unwrap().fd
}

fn writev(bench: &Bench, fd: &Fd, xdata: Dict) -> Writev {
    Writev { fd: fd.clone(), data: Payload::from(bench.buffer(b"x")), offset: 0, flags: 0, xdata }
}

fn asked(bench: &Bench) -> Vec<String> {
    let events = bench.risen(EventKind::UPCALL);
    events.iter().map(|event| event.data.str(upcall::CLIENT).unwrap().to_owned()).collect()
}

/// A file that nobody has open.
fn file(caller: &Caller<'_>) -> Inode {
    caller.create(&caller.root(), "f").unwrap().inode().clone()
}

#[test]
fn a_lease_is_taken_told_of_and_given_back() {
    let (bench, a) = (bench("60"), client("a"));
    let one = caller(&bench, &a);
    let fd = open(&bench, &one, &file(&one), libc::O_RDWR, A);
    for kind in [READ, READ_WRITE] {
        lease(&one, &fd, 2, kind, A).unwrap();
    }
    assert_eq!(lease(&one, &fd, 1, u32::MAX, A), Ok(3));
    lease(&one, &fd, 3, READ_WRITE, A).unwrap();
    assert_eq!(lease(&one, &fd, 1, 0, A), Ok(READ));
    lease(&one, &fd, 3, READ, A).unwrap();
    assert_eq!(lease(&one, &fd, 3, READ, A), Ok(READ), "it may have been taken away meanwhile");
    assert_eq!(lease(&one, &fd, 1, 0, A), Ok(0));
    assert_eq!(lease(&one, &fd, 2, READ, [0; 16]), Err(Errno::EINVAL));
    assert_eq!(lease(&one, &fd, 2, 7, A), Err(Errno::EINVAL));
}

#[test]
fn a_lease_that_is_in_the_way_of_another_is_asked_for() {
    let (bench, a, b) = (bench("60"), client("a"), client("b"));
    let (one, two) = (caller(&bench, &a), caller(&bench, &b));
    let file = file(&one);
    let fd = open(&bench, &one, &file, libc::O_RDWR, A);
    lease(&one, &fd, 2, READ_WRITE, A).unwrap();
    assert_eq!(lease(&two, &fd, 2, READ, B), Err(Errno::EAGAIN));
    assert_eq!(asked(&bench), ["a"]);
    let event = bench.risen(EventKind::UPCALL).pop().unwrap();
    assert_eq!(
        (event.data.int(upcall::KIND), event.data.gfid(upcall::GFID)),
        (Some(2), Some(fd.inode().gfid()))
    );
    lease(&one, &fd, 3, READ_WRITE, A).unwrap();
    assert_eq!(lease(&two, &fd, 2, READ, B), Err(Errno::EAGAIN), "who leased has it open for writing");
    drop(fd);
    let fd = open(&bench, &two, &file, libc::O_RDONLY, B);
    lease(&two, &fd, 2, READ, B).unwrap();
}

#[test]
fn a_fop_in_the_way_waits_until_the_lease_is_given_back() {
    let (bench, a, b) = (bench("60"), client("a"), client("b"));
    let (one, two) = (caller(&bench, &a), caller(&bench, &b));
    let file = file(&one);
    let (mine, other) = (open(&bench, &one, &file, libc::O_RDWR, A), bench.fd(file.clone(), libc::O_RDWR));
    lease(&one, &mine, 2, READ_WRITE, A).unwrap();
    one.ask::<kind::writev>(writev(&bench, &mine, under(A))).unwrap();
    one.ask::<kind::writev>(writev(&bench, &mine, Dict::new())).expect("it is opened under the lease");
    let frame = bench.frame(Identity::default(), Some(&b));
    let mut waiting = Box::pin(frame.child().writev(writev(&bench, &other, Dict::new())));
    assert!(poll(&mut waiting).is_none());
    assert_eq!(asked(&bench), ["a"]);
    assert_eq!(lease(&two, &mine, 2, READ, B), Err(Errno::EAGAIN), "who waits goes first");
    lease(&one, &mine, 3, READ_WRITE, A).unwrap();
    plugin_testkit::block_on(waiting).unwrap();
}

#[test]
fn one_that_does_not_wait_is_refused_and_the_cluster_passes() {
    let (bench, a, b) = (bench("60"), client("a"), client("b"));
    let (one, two) = (caller(&bench, &a), caller(&bench, &b));
    let file = file(&one);
    let mine = open(&bench, &one, &file, libc::O_RDWR, A);
    lease(&one, &mine, 2, READ_WRITE, A).unwrap();
    let now = bench.fd(file.clone(), libc::O_RDWR | libc::O_NONBLOCK);
    let refused = two.ask::<kind::writev>(writev(&bench, &now, Dict::new())).unwrap_err();
    assert_eq!(refused.errno(), Some(Errno::EAGAIN));
    let internal = Dict::new().with(INTERNAL_FOP, Value::str("yes"));
    two.ask::<kind::writev>(writev(&bench, &now, internal)).unwrap();
    let healer = caller(&bench, &b).identified(Identity { pid: -6, ..Identity::default() });
    healer.ask::<kind::writev>(writev(&bench, &now, Dict::new())).unwrap();
}

#[test]
fn a_recall_that_nobody_answers_ends_the_lease() {
    let (bench, a, b) = (bench("1"), client("a"), client("b"));
    let (one, two) = (caller(&bench, &a), caller(&bench, &b));
    let mine = open(&bench, &one, &file(&one), libc::O_RDWR, A);
    lease(&one, &mine, 2, READ_WRITE, A).unwrap();
    let start = Instant::now();
    two.unlink(&two.root(), "f").unwrap();
    assert!(start.elapsed() >= Duration::from_secs(1));
    assert_eq!(lease(&one, &mine, 1, 0, A), Ok(0));
}

#[test]
fn leases_end_with_their_file_and_with_their_client() {
    let (bench, a, b) = (bench("60"), client("a"), client("b"));
    let (one, two) = (caller(&bench, &a), caller(&bench, &b));
    let file = file(&one);
    let mine = open(&bench, &one, &file, libc::O_RDONLY, A);
    lease(&one, &mine, 2, READ, A).unwrap();
    let other = open(&bench, &two, &file, libc::O_RDONLY, B);
    lease(&two, &other, 2, READ, B).unwrap();
    assert!(bench.dump().contains("holders=2"));
    one.ask::<kind::flush>(Flush { fd: mine.clone(), xdata: Dict::new() }).unwrap();
    assert!(bench.dump().contains("holders=1"), "closed, though somebody keeps the descriptor");
    bench.disconnect(&b);
    assert!(bench.dump().contains("holders=0"));
}

#[test]
fn switched_off_nothing_is_kept_and_nobody_waits() {
    let (bench, a, b) = (bench("60"), client("a"), client("b"));
    let (one, two) = (caller(&bench, &a), caller(&bench, &b));
    let mine = open(&bench, &one, &file(&one), libc::O_RDWR, A);
    lease(&one, &mine, 2, READ_WRITE, A).unwrap();
    bench.reconfigure(&[("leases", "off")]);
    two.ask::<kind::writev>(writev(&bench, &mine, Dict::new())).unwrap();
    lease(&one, &mine, 2, READ, A).expect_err("the child knows none");
    drop(mine);
    assert_eq!(bench.dump(), "objects=0\nholders=0\n");
}
