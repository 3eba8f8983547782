//! Files and directories over three bricks in memory.
#![allow(clippy::unwrap_used, reason = "helpers of tests")]

use std::sync::{Arc, Mutex};

use cluster_distribute::Distribute;
use plugin_api::Key;
use plugin_api::prelude::*;
use plugin_testkit::{Bench, Caller, Fake, Testkit};
use volume::watched;

mod volume;

fn bench() -> Bench {
    let kit = Testkit::<Distribute>::new().named("v-dht");
    let bench = kit.child(Fake::memory()).child(Fake::memory()).child(Fake::memory()).start();
    let root = bench.inode(Gfid::ROOT, FileType::Directory);
    bench
        .call::<kind::lookup>(Lookup { loc: Loc::of(root), xdata: Dict::new() })
        .expect("an empty volume has a root");
    bench
}

fn rename(
    caller: &Caller<'_>,
    from: (&Inode, &str),
    to: (&Inode, &str),
) -> Result<(), plugin_testkit::Failed> {
    let (old, new) = (caller.entry(from.0, from.1), caller.entry(to.0, to.1));
    caller.ask::<kind::rename>(Rename { old, new, xdata: Dict::new() }).map(drop)
}

#[test]
fn files_of_many_names_are_found_listed_once_and_removed() {
    let bench = bench();
    let caller = Caller::new(&bench, 1);
    let root = caller.root();
    let dir = caller.mkdir(&root, "d").unwrap();
    let mut names: Vec<_> = (0..60).map(|n| format!("file-{n}")).collect();
    for name in &names {
        let fd = caller.create(&dir, name).unwrap();
        caller.write(&fd, 0, name.as_bytes()).unwrap();
    }
    caller.mkdir(&dir, "sub").unwrap();
    names.push("sub".into());
    names.sort();
    let mut listed = caller.names(&dir).unwrap();
    listed.sort();
    assert_eq!(listed, names);
    for name in names.iter().filter(|name| *name != "sub") {
        let (inode, _) = caller.lookup(&dir, name).unwrap();
        let fd = caller.open(&inode, libc::O_RDWR).unwrap();
        assert_eq!(caller.read(&fd, 0, 100).unwrap(), name.as_bytes());
        caller
            .ask::<kind::unlink>(Unlink { loc: caller.entry(&dir, name), flags: 0, xdata: Dict::new() })
            .unwrap();
    }
    assert_eq!(caller.names(&dir).unwrap(), ["sub"]);
}

#[test]
fn who_reads_a_directory_ahead_is_told_what_its_listing_asks_for() {
    let told = Arc::new(Mutex::new(Vec::new()));
    let [opened, listed] = [told.clone(), told.clone()];
    let child = Fake::memory()
        .with::<kind::opendir>(move |args| {
            opened.lock().unwrap().push(args.xdata);
            Ok(Opened { fd: args.fd, xdata: Dict::new() })
        })
        .with::<kind::readdirp>(move |args| {
            listed.lock().unwrap().push(args.xdata);
            Ok(Entries { at_end: true, ..Entries::default() })
        });
    let bench = Testkit::<Distribute>::new().named("v-dht").child(child).start();
    let caller = Caller::new(&bench, 1);
    caller.names(&caller.root()).unwrap();
    let told = told.lock().unwrap();
    assert!(told.len() == 2 && told[0] == told[1] && !told[0].is_empty(), "{told:?}");
}

#[test]
fn a_renamed_file_is_found_under_its_new_name_alone() {
    let bench = bench();
    let caller = Caller::new(&bench, 2);
    let root = caller.root();
    for n in 0..40 {
        let (old, new) = (format!("old-{n}"), format!("new-{n}"));
        let fd = caller.create(&root, &old).unwrap();
        caller.write(&fd, 0, old.as_bytes()).unwrap();
        if n % 2 == 0 {
            caller.create(&root, &new).unwrap();
        }
        rename(&caller, (&root, &old), (&root, &new)).unwrap();
        assert_eq!(caller.lookup(&root, &old).unwrap_err().errno(), Some(Errno::ENOENT), "{old}");
        let (inode, _) = caller.lookup(&root, &new).unwrap();
        let fd = caller.open(&inode, libc::O_RDWR).unwrap();
        assert_eq!(caller.read(&fd, 0, 100).unwrap(), old.as_bytes());
    }
    assert_eq!(caller.names(&root).unwrap().len(), 40);
}

#[test]
fn a_rename_that_fails_at_any_step_loses_no_file() {
    let mut met = 0;
    for child in 0..3 {
        for call in 0..40 {
            let kit = Testkit::<Distribute>::new().named("v-dht");
            let fakes: Vec<_> = (0..3).map(|_| Fake::memory()).collect();
            let bench = fakes.iter().fold(kit, |kit, fake| kit.child(fake.clone())).start();
            let caller = Caller::new(&bench, 3);
            let root = bench.inode(Gfid::ROOT, FileType::Directory);
            bench.call::<kind::lookup>(Lookup { loc: Loc::of(root.clone()), xdata: Dict::new() }).unwrap();
            let fd = caller.create(&root, "source-7").unwrap();
            caller.write(&fd, 0, b"kept").unwrap();
            fakes[child].fail_call(call, Errno::EIO);
            let renamed = rename(&caller, (&root, "source-7"), (&root, "target-3"));
            met += u32::from(!fakes[child].is_failing());
            fakes[child].clear_faults();
            let names = ["target-3", "source-7"];
            let found = names.iter().find_map(|name| caller.lookup(&root, name).ok());
            let (inode, _) = found.unwrap_or_else(|| panic!("lost at call {call} of {child}: {renamed:?}"));
            let fd = caller.open(&inode, libc::O_RDWR).unwrap();
            assert_eq!(caller.read(&fd, 0, 100).unwrap(), b"kept");
        }
    }
    assert!(met > 10, "{met} faults were met");
}

#[test]
fn a_directory_with_a_file_anywhere_stays_and_an_empty_one_goes_everywhere() {
    let bench = bench();
    let caller = Caller::new(&bench, 4);
    let root = caller.root();
    let dir = caller.mkdir(&root, "d").unwrap();
    caller.create(&dir, "in").unwrap();
    let rmdir =
        || caller.ask::<kind::rmdir>(Rmdir { loc: caller.entry(&root, "d"), flags: 0, xdata: Dict::new() });
    assert_eq!(rmdir().unwrap_err().errno(), Some(Errno::ENOTEMPTY));
    assert!(caller.lookup(&dir, "in").is_ok());
    caller
        .ask::<kind::unlink>(Unlink { loc: caller.entry(&dir, "in"), flags: 0, xdata: Dict::new() })
        .unwrap();
    rmdir().unwrap();
    assert_eq!(caller.lookup(&root, "d").unwrap_err().errno(), Some(Errno::ENOENT));
}

#[test]
fn own_xattrs_are_not_for_callers() {
    let bench = bench();
    let root = Caller::new(&bench, 5).root();
    let set = |key: &'static str| {
        let xattrs = Dict::new().with(key, vec![0; 16]);
        bench.call::<kind::setxattr>(Setxattr {
            loc: Loc::of(root.clone()),
            xattrs,
            flags: 0,
            xdata: Dict::new(),
        })
    };
    assert_eq!(set("trusted.glusterfs.dht").unwrap_err().errno, Errno::EPERM);
    assert_eq!(set("decommission-brick").unwrap_err().errno, Errno::EOPNOTSUPP);
    set("user.mine").unwrap();
}

/// What the children were asked meanwhile, all together.
fn asked(fakes: &[Fake], step: impl FnOnce()) -> Vec<&'static str> {
    let before: Vec<_> = fakes.iter().map(|fake| fake.calls().len()).collect();
    step();
    fakes.iter().zip(before).flat_map(|(fake, before)| fake.calls().split_off(before)).collect()
}

fn count(calls: &[&str], fop: &str) -> usize {
    calls.iter().filter(|call| **call == fop).count()
}

#[test]
fn a_small_directory_is_listed_by_asking_each_child_once() {
    let (bench, fakes) = watched();
    let caller = Caller::new(&bench, 6);
    let dir = caller.mkdir(&caller.root(), "d").unwrap();
    let names: Vec<_> = (0..30).map(|n| format!("f{n}")).collect();
    names.iter().for_each(|name| drop(caller.create(&dir, name).unwrap()));
    let fd = caller.opendir(&dir).unwrap();
    let list = |size, offset| {
        let args = Readdirp { fd: fd.clone(), size, offset, xdata: Dict::new() };
        caller.ask::<kind::readdirp>(args).unwrap()
    };
    let calls = asked(&fakes, || {
        let all = list(128 * 1024, 0);
        assert!(all.at_end);
        let files =
            all.entries.iter().filter(|entry| names.iter().any(|name| name.as_bytes() == &entry.name[..]));
        assert_eq!(files.count(), names.len());
    });
    assert_eq!(count(&calls, "readdirp"), 3);
    // In small pieces, each from where the one before ended, it is the same.
    let (mut offset, mut found) = (0, Vec::new());
    loop {
        let piece = list(400, offset);
        found.extend(piece.entries.iter().map(|entry| String::from_utf8(entry.name.to_vec()).unwrap()));
        match piece.entries.last() {
            Some(last) if !piece.at_end => offset = last.offset,
            _ => break,
        }
    }
    found.retain(|name| name.starts_with('f'));
    found.sort();
    let mut names = names;
    names.sort();
    assert_eq!(found, names);
}

#[test]
fn a_file_that_the_caller_knows_is_looked_at_once_for_a_rename() {
    let (bench, fakes) = watched();
    let caller = Caller::new(&bench, 7);
    let root = caller.root();
    caller.create(&root, "old").unwrap();
    let (inode, _) = caller.lookup(&root, "old").unwrap();
    let known = Loc { gfid: inode.gfid(), inode: Some(inode).into(), ..caller.entry(&root, "old") };
    let (nothing, place) = (caller.entry(&root, "new"), caller.entry(&root, "old"));
    let rename = |old: &Loc, new: &Loc| {
        let new = Loc { inode: None.into(), ..new.clone() };
        asked(&fakes, || caller.rename(old.clone(), new).unwrap())
    };
    let knowing = rename(&known, &nothing);
    let unknown = Loc { inode: None.into(), ..nothing };
    let asking = rename(&unknown, &place);
    assert!(count(&knowing, "lookup") < count(&asking, "lookup"), "{knowing:?} {asking:?}");
    assert!(caller.lookup(&root, "old").is_ok());
}

#[test]
fn a_file_that_changed_since_it_was_known_is_renamed_as_it_is() {
    let (bench, _fakes) = watched();
    let caller = Caller::new(&bench, 8);
    let root = caller.root();
    caller.create(&root, "old").unwrap();
    let (inode, _) = caller.lookup(&root, "old").unwrap();
    let old = Loc { gfid: inode.gfid(), inode: Some(inode).into(), ..caller.entry(&root, "old") };
    // Somebody else has put another file in its place, and one in the way.
    caller.unlink(&root, "old").unwrap();
    let fd = caller.create(&root, "old").unwrap();
    caller.write(&fd, 0, b"another").unwrap();
    caller.create(&root, "new").unwrap();
    let new = caller.entry(&root, "new");
    caller.rename(old, Loc { inode: None.into(), ..new }).unwrap();
    let (inode, _) = caller.lookup(&root, "new").unwrap();
    let fd = caller.open(&inode, libc::O_RDWR).unwrap();
    assert_eq!(caller.read(&fd, 0, 100).unwrap(), b"another");
    assert_eq!(caller.lookup(&root, "old").unwrap_err().errno(), Some(Errno::ENOENT));
}

#[test]
fn a_new_directory_gets_its_layout_without_being_looked_at_again() {
    let (bench, fakes) = watched();
    let caller = Caller::new(&bench, 9);
    let root = caller.root();
    caller.mkdir(&root, "first").unwrap();
    let calls = asked(&fakes, || drop(caller.mkdir(&root, "d").unwrap()));
    assert_eq!((count(&calls, "mkdir"), count(&calls, "setxattr"), count(&calls, "lookup")), (3, 3, 0));
}

fn told(bench: &Bench, inode: &Inode, name: &str) -> Result<String, Errno> {
    let args = Getxattr { loc: Loc::of(inode.clone()), name: name.to_owned().into(), xdata: Dict::new() };
    let told = bench.call::<kind::getxattr>(args).map_err(|e| e.errno)?;
    Ok(told.xattrs.str(name).expect("a text").to_owned())
}

#[test]
fn virtual_names_tell_where_things_lie() {
    let (bench, fakes) = watched();
    for (at, fake) in fakes.iter().enumerate() {
        fake.on::<kind::getxattr>(move |args| {
            let key = Key::new(args.name.clone());
            Ok(Xattrs {
                xattrs: Dict::new().with(key, Value::str(format!("<brick{at}>"))),
                xdata: Dict::new(),
            })
        });
    }
    let caller = Caller::new(&bench, 10);
    let dir = caller.mkdir(&caller.root(), "d").unwrap();
    let holder = told(&bench, &dir, "dht.file.hashed-subvol.f").unwrap();
    let fd = caller.create(&dir, "f").unwrap();
    let path = told(&bench, fd.inode(), "trusted.glusterfs.pathinfo").unwrap();
    let at = holder.rsplit('-').next().unwrap().parse::<usize>().unwrap();
    assert_eq!(path, format!("(<DISTRIBUTE:v-dht> <brick{at}>)"));
    let whole = told(&bench, &dir, "glusterfs.pathinfo").unwrap();
    assert!(whole.starts_with("((<DISTRIBUTE:v-dht> <brick0> <brick1> <brick2>) (v-dht-layout ("), "{whole}");
    assert!(whole.contains(" 0 1431655764)") && whole.ends_with(" 4294967295)))"), "{whole}");
    assert_eq!(
        told(&bench, &dir, "trusted.glusterfs.list-node-uuids").unwrap(),
        "<brick0> <brick1> <brick2>"
    );
    assert_eq!(told(&bench, &dir, "dht.subvol.status").unwrap(), "1");
    assert_eq!(told(&bench, &dir, "trusted.glusterfs.dht"), Err(Errno::EOPNOTSUPP));
}
