//! What becomes of blocks when their file loses its last name.
#![allow(clippy::unwrap_used, reason = "helpers of tests")]

mod volume;

use plugin_api::prelude::*;
use plugin_testkit::{Bench, Caller, Fake};
use volume::*;

/// A file of three blocks.
fn large(bench: &Bench, name: &str) -> Gfid {
    let caller = Caller::new(bench, name.bytes().map(u64::from).sum());
    let fd = caller.create(&caller.root(), name).unwrap();
    write(&caller, &fd, 0, &bytes(9 * MIB));
    fd.inode().gfid()
}

fn is_swept(bench: &Bench) -> bool {
    blocks(bench).is_empty() && removed(bench).is_empty()
}

#[test]
fn the_blocks_of_a_file_go_with_its_last_name() {
    let brick = Fake::memory();
    let bench = client(&brick);
    let caller = Caller::new(&bench, 1);
    let root = caller.root();
    large(&bench, "f");
    let (inode, _) = caller.lookup(&root, "f").unwrap();
    let link = Link { old: Loc::of(inode), new: caller.entry(&root, "g"), xdata: Dict::new() };
    assert_eq!(caller.ask::<kind::link>(link).unwrap().iatt.size, 9 * MIB);
    caller.unlink(&root, "f").unwrap();
    assert_eq!(blocks(&bench).len(), 2, "it has another name");
    caller.unlink(&root, "g").unwrap();
    wait("the sweep", || is_swept(&bench));
    assert_eq!(caller.names(&root).unwrap(), Vec::<String>::new());
    // The root, and the two directories.
    wait("the descriptors", || brick.objects() == 3);
}

#[test]
fn a_file_that_another_one_takes_the_name_of_loses_its_blocks() {
    let bench = client(&Fake::memory());
    let caller = Caller::new(&bench, 1);
    let root = caller.root();
    let (old, new) = (large(&bench, "old"), large(&bench, "new"));
    caller.rename(caller.entry(&root, "new"), caller.entry(&root, "old")).unwrap();
    wait("the sweep", || removed(&bench).is_empty());
    assert_eq!(blocks(&bench), [format!("{new}.1"), format!("{new}.2")], "and not those of {old}");
    let (inode, iatt) = caller.lookup(&root, "old").unwrap();
    assert_eq!((inode.gfid(), iatt.size), (new, 9 * MIB));
}

#[test]
fn an_entry_says_how_long_a_file_was_that_is_open_still() {
    let brick = Fake::memory();
    let bench = client(&brick);
    let caller = Caller::new(&bench, 1);
    let root = caller.root();
    let gfid = large(&bench, "f");
    let (inode, _) = caller.lookup(&root, "f").unwrap();
    let fd = caller.open(&inode, libc::O_RDWR).unwrap();
    caller.unlink(&root, "f").unwrap();
    wait("the sweep's look", || bench.calls().contains(&"readdir"));
    assert_eq!(removed(&bench), [gfid.to_string()]);
    assert!(content(&caller, &fd) == bytes(9 * MIB), "it is whole for who has it open");
    let below = below(&bench);
    let (folder, _) = below.lookup(&root, ".shard").unwrap();
    let (folder, _) = below.lookup(&folder, ".remove_me").unwrap();
    assert_eq!(folder.gfid().to_string(), "77dd5a45-dbf5-4592-b31b-b440382302e9");
    let (marker, iatt) = below.lookup(&folder, &gfid.to_string()).unwrap();
    assert_eq!(iatt.mode & 0o7777, 0);
    let marker = Fd::anonymous(marker, libc::O_RDONLY);
    assert_eq!(on_disk(&bench, &marker), (BLOCK, 9 * MIB, 0));
    drop((fd, inode, marker));
    // The next removal finds it.
    large(&bench, "g");
    caller.unlink(&root, "g").unwrap();
    wait("the sweep", || is_swept(&bench));
}

#[test]
fn what_a_client_left_another_one_removes() {
    let brick = Fake::memory();
    let first = client(&brick);
    let caller = Caller::new(&first, 1);
    large(&first, "f");
    let (inode, _) = caller.lookup(&caller.root(), "f").unwrap();
    let fd = caller.open(&inode, libc::O_RDWR).unwrap();
    caller.unlink(&caller.root(), "f").unwrap();
    wait("the sweep's look", || first.calls().contains(&"readdir"));
    drop((fd, inode));
    drop(first);
    let second = client(&brick);
    assert_eq!(removed(&second).len(), 1);
    large(&second, "g");
    let caller = Caller::new(&second, 2);
    caller.unlink(&caller.root(), "g").unwrap();
    wait("the sweep", || is_swept(&second));
}

#[test]
fn a_name_that_stays_keeps_its_blocks() {
    let bench = client(&Fake::memory());
    let caller = Caller::new(&bench, 1);
    let root = caller.root();
    large(&bench, "f");
    bench.on::<kind::unlink>(|_| Err(Errno::EROFS.into()));
    assert_eq!(caller.unlink(&root, "f").unwrap_err().errno(), Some(Errno::EROFS));
    let (inode, _) = caller.lookup(&root, "f").unwrap();
    let fd = caller.open(&inode, libc::O_RDONLY).unwrap();
    assert!(content(&caller, &fd) == bytes(9 * MIB));
}

#[test]
fn a_small_file_is_removed_without_ado() {
    let bench = client(&Fake::memory());
    let caller = Caller::new(&bench, 1);
    let fd = caller.create(&caller.root(), "f").unwrap();
    write(&caller, &fd, 0, b"small");
    bench.fake().forget();
    caller.unlink(&caller.root(), "f").unwrap();
    assert!(!bench.calls().iter().any(|call| matches!(*call, "inodelk" | "mknod" | "mkdir")));
}

#[test]
fn a_file_that_nobody_can_look_at_keeps_its_name() {
    let bench = client(&Fake::memory());
    let caller = Caller::new(&bench, 1);
    large(&bench, "f");
    // The lookup, and the one under the lock.
    for call in [0, 4] {
        bench.fake().forget();
        bench.fake().fail_call(call, Errno::EIO);
        assert_eq!(caller.unlink(&caller.root(), "f").unwrap_err().errno(), Some(Errno::EIO));
        assert!(!bench.calls().contains(&"unlink"), "{:?}", bench.calls());
    }
    caller.unlink(&caller.root(), "f").unwrap();
    wait("the sweep", || is_swept(&bench));
}
