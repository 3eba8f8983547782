//! The translator in a graph: fops that wait, clients that go, files that are closed.
#![allow(clippy::unwrap_used, reason = "helpers of tests")]

use features_locks::Locks;
use plugin_api::prelude::*;
use plugin_api::upcall;
use plugin_api::{Client, OwnedFrame};
use plugin_testkit::{Bench, Testkit, block_on, poll};

const DOMAIN: &str = "v-replicate-0";

fn client(name: &str) -> Client {
    Client::new(name, "127.0.0.1:49000", true)
}

fn frame(bench: &Bench, client: &Client, owner: &[u8]) -> OwnedFrame {
    let lk_owner = LkOwner::new(IoBuf::from(owner.to_vec()));
    bench.frame(Identity { pid: 10, lk_owner, ..Identity::default() }, Some(client))
}

fn file(n: u8) -> Inode {
    Inode::new(Gfid([n; 16]), FileType::Regular)
}

fn range(cmd: LockCmd, kind: LockKind, start: u64, len: u64) -> Inodelk {
    Inodelk {
        domain: IoBuf::from(DOMAIN.to_owned()),
        loc: Loc::of(file(1)),
        cmd,
        flock: Flock { kind, start, len, ..Flock::default() },
        xdata: Dict::new(),
    }
}

fn record(fd: &Fd, cmd: LockCmd, kind: LockKind, start: u64, len: u64) -> Lk {
    let flock = Flock { kind, start, len, pid: 10, ..Flock::default() };
    Lk { fd: fd.clone(), cmd, flock, xdata: Dict::new() }
}

fn name(cmd: EntrylkCmd, name: &str) -> Entrylk {
    Entrylk {
        domain: IoBuf::from("dht.entry.sync".to_owned()),
        loc: Loc::of(file(1)),
        name: IoBuf::from(name.to_owned()),
        cmd,
        kind: LockKind::Write,
        xdata: Dict::new(),
    }
}

fn errno<T>(reply: FopResult<T>) -> Option<Errno> {
    reply.err().map(|error| error.errno)
}

#[test]
fn a_waiting_range_lock_is_answered_when_its_turn_comes() {
    let bench = Testkit::<Locks>::new().start();
    let (a, b) = (client("a"), client("b"));
    let (one, two) = (frame(&bench, &a, b"1"), frame(&bench, &b, b"1"));
    block_on(one.child().inodelk(range(LockCmd::Set, LockKind::Write, 0, 0))).unwrap();
    let busy = block_on(two.child().inodelk(range(LockCmd::Set, LockKind::Write, 5, 1)));
    assert_eq!(errno(busy), Some(Errno::EAGAIN));
    let mut wait = two.child().inodelk(range(LockCmd::SetWait, LockKind::Write, 5, 1));
    assert!(poll(&mut wait).is_none());
    block_on(one.child().inodelk(range(LockCmd::Set, LockKind::Unlock, 0, 0))).unwrap();
    poll(&mut wait).expect("its turn").unwrap();
    let again = block_on(one.child().inodelk(range(LockCmd::Set, LockKind::Unlock, 0, 0)));
    assert_eq!(errno(again), Some(Errno::EINVAL), "it holds nothing any more");
    assert_eq!(bench.calls(), Vec::<&str>::new(), "locks never reach the disk");
}

#[test]
fn a_waiter_is_woken_from_another_thread() {
    let bench = Testkit::<Locks>::new().start();
    let (a, b) = (client("a"), client("b"));
    let one = frame(&bench, &a, b"1");
    block_on(one.child().entrylk(name(EntrylkCmd::Lock, "x"))).unwrap();
    std::thread::scope(|scope| {
        let waiter = scope.spawn(|| {
            let two = frame(&bench, &b, b"1");
            block_on(two.child().entrylk(name(EntrylkCmd::Lock, "x")))
        });
        // Whether it waits by now or comes later, it is granted in the end.
        block_on(one.child().entrylk(name(EntrylkCmd::Unlock, "x"))).unwrap();
        waiter.join().unwrap().unwrap();
    });
}

#[test]
fn a_client_that_goes_frees_its_locks_ends_its_waits_and_gets_nothing_more() {
    let bench = Testkit::<Locks>::new().start();
    let (a, b) = (client("a"), client("b"));
    let (one, own, two) = (frame(&bench, &a, b"1"), frame(&bench, &a, b"2"), frame(&bench, &b, b"1"));
    block_on(one.child().inodelk(range(LockCmd::Set, LockKind::Write, 0, 0))).unwrap();
    let mut lost = own.child().inodelk(range(LockCmd::SetWait, LockKind::Write, 0, 0));
    let mut next = two.child().inodelk(range(LockCmd::SetWait, LockKind::Write, 0, 0));
    assert!(poll(&mut lost).is_none() && poll(&mut next).is_none());
    bench.disconnect(&a);
    assert_eq!(errno(poll(&mut lost).expect("withdrawn")), Some(Errno::EAGAIN));
    poll(&mut next).expect("granted").unwrap();
    let late = block_on(one.child().entrylk(name(EntrylkCmd::Lock, "x")));
    assert_eq!(errno(late), Some(Errno::ENOTCONN));
}

#[test]
fn a_null_owner_is_refused() {
    let bench = Testkit::<Locks>::new().start();
    let a = client("a");
    let nobody = frame(&bench, &a, &[0; 8]);
    let reply = block_on(nobody.child().inodelk(range(LockCmd::Set, LockKind::Write, 0, 0)));
    assert_eq!(errno(reply), Some(Errno::EINVAL));
}

#[test]
fn the_holder_is_told_of_contention_through_the_graph() {
    let bench = Testkit::<Locks>::new().start();
    let (a, b) = (client("holder"), client("b"));
    let (one, two) = (frame(&bench, &a, b"1"), frame(&bench, &b, b"1"));
    block_on(one.child().inodelk(range(LockCmd::Set, LockKind::Write, 8, 2))).unwrap();
    let mut wait = two.child().inodelk(range(LockCmd::SetWait, LockKind::Write, 0, 0));
    assert!(poll(&mut wait).is_none());
    let events = bench.risen(EventKind::UPCALL);
    let [event] = events.as_slice() else { panic!("one notice: {events:?}") };
    let data = &event.data;
    assert_eq!((data.str(upcall::CLIENT), data.int(upcall::KIND)), (Some("holder"), Some(3)));
    assert_eq!((data.int(upcall::START), data.int(upcall::LEN)), (Some(8), Some(2)));
    assert_eq!(data.str(upcall::DOMAIN), Some(DOMAIN));
    bench.disconnect(&b);
    assert!(poll(&mut wait).is_some());
}

#[test]
fn record_locks_are_set_shown_and_given_back() {
    let bench = Testkit::<Locks>::new().start();
    let (a, b) = (client("a"), client("b"));
    let (one, two) = (frame(&bench, &a, b"1"), frame(&bench, &b, b"2"));
    let fds = [Fd::new(file(1), libc::O_RDWR, 10), Fd::new(file(1), libc::O_RDWR, 11)];
    let set = block_on(one.child().lk(record(&fds[0], LockCmd::Set, LockKind::Write, 10, 10))).unwrap();
    assert_eq!(set.flock.kind, LockKind::Write);
    let other = block_on(two.child().lk(record(&fds[1], LockCmd::Get, LockKind::Read, 0, 0))).unwrap();
    assert_eq!((other.flock.kind, other.flock.start, other.flock.len), (LockKind::Write, 10, 10));
    assert_eq!(other.flock.owner.as_bytes(), b"1");
    let free = block_on(two.child().lk(record(&fds[1], LockCmd::Get, LockKind::Read, 0, 10))).unwrap();
    assert_eq!(free.flock.kind, LockKind::Unlock);
    let mut wait = two.child().lk(record(&fds[1], LockCmd::SetWait, LockKind::Write, 0, 0));
    assert!(poll(&mut wait).is_none());
    let part = block_on(one.child().lk(record(&fds[0], LockCmd::Set, LockKind::Unlock, 10, 5))).unwrap();
    assert_eq!(part.flock.kind, LockKind::Read, "the file has locks left");
    assert!(poll(&mut wait).is_none());
    let rest = block_on(one.child().lk(record(&fds[0], LockCmd::Set, LockKind::Unlock, 0, 0))).unwrap();
    assert_eq!(rest.flock.kind, LockKind::Unlock);
    assert_eq!(poll(&mut wait).expect("its turn").unwrap().flock.kind, LockKind::Write);
}

#[test]
fn closing_a_descriptor_ends_its_owners_locks_and_the_last_close_the_files() {
    let bench = Testkit::<Locks>::new().start();
    bench.on::<kind::flush>(|_| Ok(Done::default()));
    let (a, b) = (client("a"), client("b"));
    let (one, two) = (frame(&bench, &a, b"1"), frame(&bench, &b, b"2"));
    let taken = |fd: &Fd, frame: &OwnedFrame| {
        errno(block_on(frame.child().lk(record(fd, LockCmd::Set, LockKind::Write, 0, 0))))
    };
    let (mine, theirs) = (Fd::new(file(1), 0, 1), Fd::new(file(1), 0, 2));
    assert_eq!(taken(&mine, &one), None);
    assert_eq!(taken(&theirs, &two), Some(Errno::EAGAIN));
    block_on(one.child().flush(Flush { fd: mine.clone(), xdata: Dict::new() })).unwrap();
    assert_eq!(taken(&theirs, &two), None);
    drop(theirs);
    assert_eq!(taken(&mine, &one), None, "the descriptor took its locks along");
    assert_eq!(bench.calls(), ["flush"]);
}

#[test]
fn an_application_ends_its_own_wait() {
    let bench = Testkit::<Locks>::new().start();
    let (a, b) = (client("a"), client("b"));
    let (one, two) = (frame(&bench, &a, b"1"), frame(&bench, &b, b"2"));
    let (mine, theirs) = (Fd::new(file(1), 0, 1), Fd::new(file(1), 0, 2));
    block_on(one.child().lk(record(&mine, LockCmd::Set, LockKind::Write, 0, 0))).unwrap();
    let mut wait = two.child().lk(record(&theirs, LockCmd::SetWait, LockKind::Write, 0, 0));
    assert!(poll(&mut wait).is_none());
    let order = |frame: &OwnedFrame| {
        let key = "glusterfs.intrlk.tposix.kblocked.0,0-0";
        let args = Fgetxattr { fd: theirs.clone(), name: IoBuf::from(key.to_owned()), xdata: Dict::new() };
        block_on(frame.child().fgetxattr(args)).unwrap().xattrs.str(key).map(str::to_owned)
    };
    assert_eq!(order(&one).as_deref(), Some("No locks cleared."));
    assert_eq!(order(&two).as_deref(), Some("test: posix blocked locks=1 granted locks=0"));
    assert_eq!(errno(poll(&mut wait).expect("interrupted")), Some(Errno::EINTR));
}

#[test]
fn counts_ride_on_the_answers_of_other_fops() {
    let bench = Testkit::<Locks>::new().start();
    bench.on::<kind::lookup>(|_| {
        let iatt = Iatt { gfid: Gfid([1; 16]), mode: 0o100_644, ..Iatt::default() };
        Ok(Looked { iatt, ..Looked::default() })
    });
    bench.on::<kind::fxattrop>(|_| Ok(Xattrs::default()));
    let a = client("a");
    let one = frame(&bench, &a, b"1");
    block_on(one.child().inodelk(range(LockCmd::Set, LockKind::Write, 0, 0))).unwrap();
    block_on(one.child().entrylk(name(EntrylkCmd::Lock, "x"))).unwrap();
    let xdata = Dict::new()
        .with("glusterfs.inodelk-count", 1)
        .with("glusterfs.entrylk-count", 1)
        .with("glusterfs.posixlk-count", 1)
        .with("glusterfs.parent-entrylk", 1);
    let loc = Loc::entry(file(1), IoBuf::from("x".to_owned()));
    let found = block_on(one.child().lookup(Lookup { loc, xdata })).unwrap().xdata;
    assert_eq!(found.int("glusterfs.inodelk-count"), Some(1));
    assert_eq!(found.int("glusterfs.entrylk-count"), Some(1));
    assert_eq!(found.int("glusterfs.posixlk-count"), Some(0));
    assert_eq!(found.int("glusterfs.parent-entrylk"), Some(1));
    let xdata = Dict::new().with("glusterfs.inodelk-dom-count", DOMAIN);
    let args = Fxattrop { fd: Fd::new(file(1), 0, 1), op: 0, xattrs: Dict::new(), xdata };
    let changed = block_on(one.child().fxattrop(args)).unwrap().xdata;
    assert_eq!(changed.int("glusterfs.inodelk-count"), Some(1));
}

#[test]
fn a_file_that_moves_to_a_new_connection_takes_its_locks_along() {
    let bench = Testkit::<Locks>::new().start();
    let (old, new) = (client("graph 0"), client("graph 1"));
    let (before, after) = (frame(&bench, &old, b"1"), frame(&bench, &new, b"1"));
    let (fd, moved) = (Fd::new(file(1), 0, 1), Fd::new(file(1), 0, 1));
    block_on(before.child().lk(record(&fd, LockCmd::Set, LockKind::Write, 0, 0))).unwrap();
    let name = IoBuf::from("trusted.glusterfs.lockinfo".to_owned());
    let info = block_on(before.child().fgetxattr(Fgetxattr { fd: fd.clone(), name, xdata: Dict::new() }))
        .unwrap()
        .xattrs;
    assert_eq!(info.len(), 1);
    let args = Fsetxattr { fd: moved.clone(), xattrs: info, flags: 0, xdata: Dict::new() };
    block_on(after.child().fsetxattr(args)).unwrap();
    bench.disconnect(&old);
    let third = client("other");
    let other = frame(&bench, &third, b"9");
    let asked = block_on(other.child().lk(record(&moved, LockCmd::Get, LockKind::Read, 0, 0))).unwrap();
    assert_eq!(asked.flock.kind, LockKind::Write, "it outlived the old connection");
}

#[test]
fn a_write_waits_for_a_mandatory_lock_unless_it_would_not() {
    let bench = Testkit::<Locks>::new().option("mandatory-locking", "forced").start();
    bench.on::<kind::writev>(|args| Ok(Written { count: args.len(), ..Written::default() }));
    let (a, b) = (client("a"), client("b"));
    let (one, two) = (frame(&bench, &a, b"1"), frame(&bench, &b, b"2"));
    let mine = Fd::new(file(1), libc::O_RDWR, 1);
    block_on(one.child().lk(record(&mine, LockCmd::Set, LockKind::Write, 0, 4))).unwrap();
    let write = |fd: &Fd, offset| Writev {
        fd: fd.clone(),
        data: IoBuf::from("data".to_owned()).into(),
        offset,
        flags: 0,
        xdata: Dict::new(),
    };
    let hasty = Fd::new(file(1), libc::O_RDWR | libc::O_NONBLOCK, 2);
    assert_eq!(errno(block_on(two.child().writev(write(&hasty, 3)))), Some(Errno::EAGAIN));
    assert_eq!(block_on(two.child().writev(write(&hasty, 4))).unwrap().count, 4);
    let patient = Fd::new(file(1), libc::O_RDWR, 2);
    let mut wait = two.child().writev(write(&patient, 0));
    assert!(poll(&mut wait).is_none());
    block_on(one.child().lk(record(&mine, LockCmd::Set, LockKind::Unlock, 0, 0))).unwrap();
    assert_eq!(poll(&mut wait).expect("free now").unwrap().count, 4);
}

#[test]
fn stopping_ends_every_wait() {
    let bench = Testkit::<Locks>::new().start();
    let (a, b) = (client("a"), client("b"));
    let (one, two) = (frame(&bench, &a, b"1"), frame(&bench, &b, b"1"));
    block_on(one.child().entrylk(name(EntrylkCmd::Lock, "x"))).unwrap();
    let mut wait = two.child().entrylk(name(EntrylkCmd::Lock, "x"));
    assert!(poll(&mut wait).is_none());
    bench.stop();
    assert_eq!(errno(poll(&mut wait).expect("withdrawn")), Some(Errno::EAGAIN));
}

#[test]
fn the_statedump_shows_who_holds_and_who_waits() {
    let bench = Testkit::<Locks>::new().start();
    let (a, b) = (client("uid-a"), client("uid-b"));
    let (one, two) = (frame(&bench, &a, b"\x01"), frame(&bench, &b, b"\x02"));
    block_on(one.child().inodelk(range(LockCmd::Set, LockKind::Write, 0, 10))).unwrap();
    let mut wait = two.child().inodelk(range(LockCmd::SetWait, LockKind::Read, 0, 10));
    assert!(poll(&mut wait).is_none());
    let dump = bench.dump();
    let has = |text: &str| assert!(dump.contains(text), "{text} is missing in\n{dump}");
    has("[xlator.features.locks.test.inode]");
    has("inodelk-count=2");
    has("lock-dump.domain.domain=v-replicate-0");
    has("inodelk.inodelk[0](ACTIVE)=type=WRITE, whence=0, start=0, len=10, pid = 10, owner=01, client=");
    has("inodelk.inodelk[1](BLOCKED)=type=READ");
    has("connection-id=uid-b, blocked at ");
    bench.disconnect(&b);
    assert!(poll(&mut wait).is_some());
    bench.disconnect(&a);
    assert_eq!(bench.dump(), "");
}

const FENCE: &str = "trusted.glusterfs.enforce-mandatory-lock";

fn fencing() -> Bench {
    let options = [("mandatory-locking", "forced"), ("enforce-mandatory-lock", "on")];
    Testkit::<Locks>::new().options(&options).child(plugin_testkit::Fake::memory()).start()
}

/// A file that asks to be fenced, through a client that has no lock yet.
fn fenced_file(bench: &Bench, one: &OwnedFrame) -> Fd {
    let fd = plugin_testkit::Caller::new(bench, 1)
        .create(&bench.inode(Gfid::ROOT, FileType::Directory), "f")
        .unwrap();
    let xattrs = Dict::new().with(FENCE, vec![b'1']);
    let args = Fsetxattr { fd: fd.clone(), xattrs, flags: 0, xdata: Dict::new() };
    block_on(one.child().fsetxattr(args)).unwrap();
    fd
}

fn write(bench: &Bench, fd: &Fd) -> Writev {
    let data = Payload::from(bench.buffer(b"0123456789"));
    Writev { fd: fd.clone(), data, offset: 0, flags: 0, xdata: Dict::new() }
}

#[test]
fn a_fenced_file_is_written_only_under_a_lock_that_covers_it() {
    let bench = fencing();
    let a = client("a");
    let one = frame(&bench, &a, b"1");
    let fd = fenced_file(&bench, &one);
    assert_eq!(errno(block_on(one.child().writev(write(&bench, &fd)))), Some(Errno::EAGAIN));
    block_on(one.child().lk(record(&fd, LockCmd::Set, LockKind::Write, 0, 5))).unwrap();
    assert_eq!(errno(block_on(one.child().writev(write(&bench, &fd)))), Some(Errno::EAGAIN), "a part");
    block_on(one.child().lk(record(&fd, LockCmd::Set, LockKind::Write, 5, 5))).unwrap();
    block_on(one.child().writev(write(&bench, &fd))).unwrap();
    let args = Fremovexattr { fd: fd.clone(), name: IoBuf::from(FENCE.to_owned()), xdata: Dict::new() };
    block_on(one.child().fremovexattr(args)).unwrap();
    block_on(frame(&bench, &a, b"1").child().lk(record(&fd, LockCmd::Set, LockKind::Unlock, 0, 0))).unwrap();
    block_on(one.child().writev(write(&bench, &fd))).unwrap();
}

#[test]
fn a_lock_on_a_fenced_file_drives_the_others_out() {
    let bench = fencing();
    let (a, b) = (client("a"), client("b"));
    let (one, two) = (frame(&bench, &a, b"1"), frame(&bench, &b, b"2"));
    let fd = fenced_file(&bench, &one);
    block_on(one.child().lk(record(&fd, LockCmd::Set, LockKind::Write, 0, 0))).unwrap();
    block_on(one.child().writev(write(&bench, &fd))).unwrap();
    block_on(two.child().lk(record(&fd, LockCmd::Set, LockKind::Write, 0, 0))).unwrap();
    assert_eq!(errno(block_on(one.child().writev(write(&bench, &fd)))), Some(Errno::EAGAIN), "fenced off");
    block_on(two.child().writev(write(&bench, &fd))).unwrap();
}

#[test]
fn a_fence_is_found_on_the_disk_and_refused_where_the_volume_has_none() {
    let bench = fencing();
    let a = client("a");
    let one = frame(&bench, &a, b"1");
    let fd = fenced_file(&bench, &one);
    let xattrs = Dict::new().with(FENCE, vec![b'1']);
    let args = Fsetxattr { fd: fd.clone(), xattrs, flags: 0, xdata: Dict::new() };
    bench.reconfigure(&[("mandatory-locking", "forced"), ("enforce-mandatory-lock", "off")]);
    assert_eq!(errno(block_on(one.child().fsetxattr(args))), Some(Errno::EINVAL));
    block_on(one.child().writev(write(&bench, &fd))).unwrap();
    bench.reconfigure(&[("mandatory-locking", "forced"), ("enforce-mandatory-lock", "on")]);
    // As after a start: nothing is known of the inode.
    let fresh = bench.fd(Inode::new(fd.inode().gfid(), FileType::Regular), libc::O_RDWR);
    let again = Writev { fd: fresh, ..write(&bench, &fd) };
    assert_eq!(errno(block_on(one.child().writev(again))), Some(Errno::EAGAIN));
}

#[test]
fn a_monkey_leaves_some_locks_stuck() {
    let bench = Testkit::<Locks>::new().option("monkey-unlocking", "on").start();
    let a = client("a");
    let one = frame(&bench, &a, b"1");
    for _ in 0..10_000 {
        block_on(one.child().inodelk(range(LockCmd::Set, LockKind::Write, 0, 0))).unwrap();
        block_on(one.child().inodelk(range(LockCmd::Set, LockKind::Unlock, 0, 0))).unwrap();
    }
    let stuck = bench.dump().matches("inodelk[").count();
    assert!((20..500).contains(&stuck), "{stuck} of 10000");
}
