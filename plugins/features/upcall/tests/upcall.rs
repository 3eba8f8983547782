//! The translator in a graph: clients that look, and one that changes.
#![allow(clippy::unwrap_used, reason = "helpers of tests")]

use features_upcall::Upcall;
use plugin_api::prelude::*;
use plugin_api::upcall::{self, flag};
use plugin_api::{Client, Event, EventKind};
use plugin_testkit::{Bench, Caller, Fake, Testkit};

fn bench() -> Bench {
    Testkit::<Upcall>::new().option("cache-invalidation", "on").child(Fake::memory()).start()
}

fn client(uid: &str) -> Client {
    Client::new(uid, "127.0.0.1:49000", true)
}

fn caller<'b>(bench: &'b Bench, client: &Client) -> Caller<'b> {
    Caller::new(bench, 1).from_client(client)
}

/// Who was told, and which bits, about one object.
fn told(bench: &Bench, gfid: Gfid) -> Vec<(String, u64)> {
    let about = |event: &Event| event.data.gfid(upcall::GFID) == Some(gfid);
    let events = bench.risen(EventKind::UPCALL);
    let told = events.iter().filter(|event| about(event));
    told.map(|event| {
        (event.data.str(upcall::CLIENT).unwrap().to_owned(), event.data.uint(upcall::FLAGS).unwrap())
    })
    .collect()
}

fn bits(flags: u32) -> u64 {
    flags.into()
}

#[test]
fn a_write_is_told_to_who_has_looked_and_not_to_who_writes() {
    let bench = bench();
    let (a, b) = (client("a"), client("b"));
    let (one, two) = (caller(&bench, &a), caller(&bench, &b));
    let root = one.root();
    let fd = one.create(&root, "f").unwrap();
    one.write(&fd, 0, b"old").unwrap();
    let gfid = fd.inode().gfid();
    assert!(told(&bench, gfid).is_empty());
    two.lookup(&root, "f").unwrap();
    one.write(&fd, 0, b"newer").unwrap();
    assert_eq!(told(&bench, gfid), [("b".to_owned(), bits(flag::SIZE | flag::TIMES))]);
    let event = bench.risen(EventKind::UPCALL).pop().unwrap();
    assert!(matches!(event.data.get(upcall::STAT), Some(Value::Iatt(iatt)) if iatt.size == 5));
    assert_eq!(event.data.uint(upcall::EXPIRE), Some(60));
}

#[test]
fn who_knows_a_directory_hears_of_its_names() {
    let bench = bench();
    let (a, b) = (client("a"), client("b"));
    let (one, two) = (caller(&bench, &a), caller(&bench, &b));
    let root = one.root();
    let none = two.lookup(&root, "f").unwrap_err().errno();
    assert_eq!(none, Some(Errno::ENOENT), "it knows now that there is none");
    let gfid = one.create(&root, "f").unwrap().inode().gfid();
    assert_eq!(told(&bench, Gfid::ROOT), [("b".to_owned(), bits(flag::TIMES))]);
    two.lookup(&root, "f").unwrap();
    one.unlink(&root, "f").unwrap();
    assert_eq!(told(&bench, gfid), [("b".to_owned(), bits(flag::NLINK | flag::TIMES | flag::PARENT_TIMES))]);
}

#[test]
fn a_file_that_is_renamed_and_the_one_that_it_replaces_are_told_of() {
    let bench = bench();
    let (a, b) = (client("a"), client("b"));
    let (one, two) = (caller(&bench, &a), caller(&bench, &b));
    let root = one.root();
    let (old, new) = (one.create(&root, "old").unwrap(), one.create(&root, "new").unwrap());
    two.lookup(&root, "old").unwrap();
    two.lookup(&root, "new").unwrap();
    let place = |name: &str| Loc::entry(root.clone(), IoBuf::from(name.to_owned()));
    one.rename(place("old"), place("new")).unwrap();
    assert_eq!(told(&bench, old.inode().gfid()), [("b".to_owned(), bits(flag::RENAME | flag::PARENT_TIMES))]);
    let replaced = bits(flag::NLINK | flag::TIMES | flag::PARENT_TIMES);
    assert_eq!(told(&bench, new.inode().gfid()), [("b".to_owned(), replaced)]);
}

#[test]
fn xattrs_are_told_to_those_who_named_them() {
    let bench = bench();
    let (a, b) = (client("a"), client("b"));
    let (one, two) = (caller(&bench, &a), caller(&bench, &b));
    let root = one.root();
    let fd = one.create(&root, "f").unwrap();
    let gfid = fd.inode().gfid();
    two.lookup(&root, "f").unwrap();
    let set = |name: &str| {
        let xattrs = Dict::new().with(name.to_owned(), vec![1_u8]);
        one.ask::<kind::fsetxattr>(Fsetxattr { fd: fd.clone(), xattrs, flags: 0, xdata: Dict::new() })
            .unwrap();
    };
    set("user.a");
    assert!(told(&bench, gfid).is_empty(), "nobody keeps it");
    two.ask::<kind::ipc>(Ipc { op: 2, xdata: Dict::new().with("user.a", 0) }).unwrap();
    set("user.a");
    set("user.b");
    assert_eq!(told(&bench, gfid), [("b".to_owned(), bits(flag::XATTR))]);
    let event = bench.risen(EventKind::UPCALL).pop().unwrap();
    assert!(event.data.contains("xattr.user.a"));
}

#[test]
fn switched_off_nobody_is_told_and_nothing_kept() {
    let bench = bench();
    let (a, b) = (client("a"), client("b"));
    let (one, two) = (caller(&bench, &a), caller(&bench, &b));
    let root = one.root();
    let fd = one.create(&root, "f").unwrap();
    two.lookup(&root, "f").unwrap();
    assert!(bench.dump().contains("watched-objects=2"));
    bench.reconfigure(&[("cache-invalidation", "off")]);
    one.write(&fd, 0, b"x").unwrap();
    assert!(bench.risen(EventKind::UPCALL).is_empty());
    assert!(bench.dump().contains("watched-objects=0"));
}

#[test]
fn a_client_that_is_gone_is_told_nothing() {
    let bench = bench();
    let (a, b) = (client("a"), client("b"));
    let one = caller(&bench, &a);
    let fd = one.create(&one.root(), "f").unwrap();
    caller(&bench, &b).lookup(&one.root(), "f").unwrap();
    bench.disconnect(&b);
    drop(b);
    one.write(&fd, 0, b"x").unwrap();
    assert!(bench.risen(EventKind::UPCALL).is_empty());
}
