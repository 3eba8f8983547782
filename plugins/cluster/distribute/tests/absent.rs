//! Directories and names while children are away, and once they are back.
#![allow(clippy::unwrap_used, reason = "helpers of tests")]

mod volume;

use plugin_api::prelude::*;
use plugin_testkit::{Bench, Caller, Fake, Fault};
use volume::watched;

const LEADER: &str = "trusted.glusterfs.dht.mds";

fn set(bench: &Bench, dir: &Inode, key: &'static str) -> Result<(), Errno> {
    let (loc, xattrs) = (Loc::of(dir.clone()), Dict::new().with(key, "x"));
    let args = Setxattr { loc, xattrs, flags: 0, xdata: Dict::new() };
    bench.call::<kind::setxattr>(args).map(drop).map_err(|e| e.errno)
}

fn remove(bench: &Bench, dir: &Inode, key: &'static str) {
    let args = Removexattr { loc: Loc::of(dir.clone()), name: key.to_owned().into(), xdata: Dict::new() };
    bench.call::<kind::removexattr>(args).unwrap();
}

/// Children by whether they lead `dir`: the one that does, and one that does not.
fn leader_and_other(fakes: &[Fake], dir: &str) -> (Fake, Fake) {
    let leads = |fake: &&Fake| {
        let made = fake.args::<kind::mkdir>();
        made.iter().any(|made| &made.loc.name[..] == dir.as_bytes() && made.xdata.contains(LEADER))
    };
    (fakes.iter().find(leads).unwrap().clone(), fakes.iter().find(|fake| !leads(fake)).unwrap().clone())
}

/// What was set on a child to bring it up to the others, and what was taken off it.
fn brought(fake: &Fake) -> (Vec<String>, Vec<String>) {
    let synced = |xdata: &Dict| xdata.contains("sync_backend_xattrs");
    let set = fake.args::<kind::setxattr>().into_iter().filter(|args| synced(&args.xdata));
    let keys = |xattrs: &Dict| {
        xattrs.iter().map(|(key, _)| String::from_utf8_lossy(key.as_bytes()).into_owned()).collect::<Vec<_>>()
    };
    let removed = fake.args::<kind::removexattr>().into_iter().filter(|args| synced(&args.xdata));
    (
        set.flat_map(|args| keys(&args.xattrs)).collect(),
        removed.map(|args| String::from_utf8_lossy(&args.name).into_owned()).collect(),
    )
}

#[test]
fn what_a_child_missed_while_it_was_away_is_brought_once_it_is_back() {
    let (bench, fakes) = watched();
    fakes.iter().for_each(Fake::keep_args);
    let caller = Caller::new(&bench, 21);
    let root = caller.root();
    let dir = caller.mkdir(&root, "d").unwrap();
    let (leader, other) = leader_and_other(&fakes, "d");
    set(&bench, &dir, "user.old").unwrap();
    set(&bench, &dir, "user.same").unwrap();
    other.always(Some(Fault::Fail(Errno::ENOTCONN)));
    set(&bench, &dir, "user.new").unwrap();
    remove(&bench, &dir, "user.old");
    caller.lookup(&root, "d").unwrap();
    assert_eq!(brought(&other), (vec![], vec![]), "nothing is healed while it is away");
    other.always(None);
    caller.lookup(&root, "d").unwrap();
    assert_eq!(brought(&other), (vec!["user.new".into()], vec!["user.old".into()]));
    assert_eq!(brought(&leader), (vec![], vec![]));
    let calls = other.calls().len();
    caller.lookup(&root, "d").unwrap();
    assert_eq!(other.calls().split_off(calls), ["lookup"], "that was all");
}

#[test]
fn a_directory_that_is_made_later_gets_the_xattrs_of_the_others() {
    let (bench, fakes) = watched();
    fakes.iter().for_each(Fake::keep_args);
    let caller = Caller::new(&bench, 22);
    let root = caller.root();
    caller.mkdir(&root, "first").unwrap();
    let (_, other) = leader_and_other(&fakes, "first");
    caller.rmdir(&root, "first").unwrap();
    other.always(Some(Fault::Fail(Errno::ENOTCONN)));
    let dir = caller.mkdir(&root, "first").unwrap();
    set(&bench, &dir, "user.kept").unwrap();
    other.always(None);
    caller.lookup(&root, "first").unwrap();
    let (set, removed) = brought(&other);
    assert_eq!((set, removed), (vec!["user.kept".to_owned()], vec![]));
}

#[test]
fn nothing_is_changed_without_the_child_whose_xattrs_count() {
    let (bench, fakes) = watched();
    fakes.iter().for_each(Fake::keep_args);
    let caller = Caller::new(&bench, 23);
    let dir = caller.mkdir(&caller.root(), "d").unwrap();
    let (leader, other) = leader_and_other(&fakes, "d");
    leader.always(Some(Fault::Fail(Errno::ENOTCONN)));
    assert_eq!(set(&bench, &dir, "user.x"), Err(Errno::ENOTCONN));
    assert!(other.args::<kind::setxattr>().iter().all(|args| args.xattrs.get("user.x").is_none()));
}

#[test]
fn a_name_that_is_nobodys_can_be_used_while_another_child_is_down() {
    let (bench, fakes) = watched();
    let caller = Caller::new(&bench, 24);
    let root = caller.root();
    fakes[0].always(Some(Fault::Fail(Errno::ENOTCONN)));
    let said: Vec<_> = (0..30).map(|n| caller.lookup(&root, &format!("f{n}")).unwrap_err().errno()).collect();
    let free = said.iter().filter(|said| **said == Some(Errno::ENOENT)).count();
    assert!((10..30).contains(&free), "{free}");
    for (n, said) in said.iter().enumerate() {
        let made = caller.create(&root, &format!("f{n}"));
        assert_eq!(made.is_ok(), *said == Some(Errno::ENOENT), "f{n}");
    }
}
