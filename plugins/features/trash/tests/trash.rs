//! The translator over a brick in memory: what is deleted and cut, and where it is afterwards.
#![allow(clippy::unwrap_used, reason = "helpers of tests")]

use features_trash::Trash;
use plugin_api::prelude::*;
use plugin_testkit::{Bench, Caller, Failed, Fake, Testkit};

const FOLDER: Gfid = Gfid([0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 5]);
/// 2026-11-22 18:18:51 UTC, in the name of what is kept.
const TIME: i64 = 1_795_371_531;
const STAMP: &str = "_2026-11-22_181851_+0000";

fn bench(options: &[(&str, &str)]) -> Bench {
    let bench = Testkit::<Trash>::new().option("trash", "on").options(options).child(Fake::memory()).start();
    bench.send_up(&Event::from(EventKind::CHILD_UP));
    bench
}

fn caller(bench: &Bench) -> Caller<'_> {
    Caller::new(bench, 1).identified(Identity { time: TIME, ..Identity::default() })
}

/// The store in memory does not know paths: it is told.
fn at(caller: &Caller<'_>, inode: &Inode, path: &str) {
    let xattrs = Dict::new().with("glusterfs.ancestry.path", path);
    let args = Setxattr { loc: Loc::of(inode.clone()), xattrs, flags: 0, xdata: Dict::new() };
    caller.ask::<kind::setxattr>(args).unwrap();
}

fn folder(caller: &Caller<'_>) -> Inode {
    let (folder, _) = caller.lookup(&caller.root(), ".trashcan").unwrap();
    folder
}

fn file(caller: &Caller<'_>, parent: &Inode, name: &str, content: &[u8]) -> Fd {
    let fd = caller.create(parent, name).unwrap();
    caller.write(&fd, 0, content).unwrap();
    fd
}

fn content(caller: &Caller<'_>, parent: &Inode, name: &str) -> Vec<u8> {
    let (inode, _) = caller.lookup(parent, name).unwrap();
    caller.read(&caller.open(&inode, libc::O_RDONLY).unwrap(), 0, 1 << 20).unwrap()
}

fn errno<T: std::fmt::Debug>(said: Result<T, Failed>) -> Option<Errno> {
    said.err().and_then(|failed| failed.errno())
}

#[test]
fn the_folder_is_there_before_anybody_hears_that_the_brick_serves() {
    let bench = Testkit::<Trash>::new().option("trash", "on").child(Fake::memory()).start();
    let caller = caller(&bench);
    bench.send_up(&Event::from(EventKind::CHILD_UP));
    assert!(!bench.risen(EventKind::CHILD_UP).is_empty());
    assert_eq!(folder(&caller).gfid(), FOLDER);
}

#[test]
fn without_the_feature_nothing_is_made_and_nothing_kept() {
    let bench = Testkit::<Trash>::new().child(Fake::memory()).start();
    bench.send_up(&Event::from(EventKind::CHILD_UP));
    let caller = caller(&bench);
    file(&caller, &caller.root(), "f", b"x");
    caller.unlink(&caller.root(), "f").unwrap();
    assert!(caller.names(&caller.root()).unwrap().is_empty());
}

#[test]
fn a_deleted_file_lies_under_its_path_and_the_time() {
    let bench = bench(&[]);
    let caller = caller(&bench);
    let d = caller.mkdir(&caller.root(), "d").unwrap();
    at(&caller, &d, "/d");
    let gfid = file(&caller, &d, "f", b"precious").inode().gfid();
    caller.unlink(&d, "f").unwrap();
    assert!(caller.names(&d).unwrap().is_empty());
    let (kept, _) = caller.lookup(&folder(&caller), "d").unwrap();
    let name = format!("f{STAMP}");
    assert_eq!(content(&caller, &kept, &name), b"precious");
    assert_eq!(caller.lookup(&kept, &name).unwrap().0.gfid(), gfid, "it was moved");
}

#[test]
fn files_of_one_name_and_one_second_are_all_kept() {
    let bench = bench(&[]);
    let caller = caller(&bench);
    for content in [b"1", b"2"] {
        file(&caller, &caller.root(), "f", content);
        caller.unlink(&caller.root(), "f").unwrap();
    }
    let folder = folder(&caller);
    assert_eq!(content(&caller, &folder, &format!("f{STAMP}")), b"1");
    assert_eq!(content(&caller, &folder, &format!("f{STAMP}_1")), b"2");
}

#[test]
fn what_is_in_the_folder_is_deleted_for_good() {
    let bench = bench(&[]);
    let caller = caller(&bench);
    file(&caller, &caller.root(), "f", b"x");
    caller.unlink(&caller.root(), "f").unwrap();
    at(&caller, &folder(&caller), "/.trashcan");
    caller.unlink(&folder(&caller), &format!("f{STAMP}")).unwrap();
    assert!(caller.names(&folder(&caller)).unwrap().is_empty());
}

#[test]
fn a_file_with_another_name_left_is_not_kept() {
    let bench = bench(&[]);
    let caller = caller(&bench);
    let root = caller.root();
    let fd = file(&caller, &root, "f", b"x");
    let link = Link { old: Loc::of(fd.inode().clone()), new: caller.entry(&root, "g"), xdata: Dict::new() };
    caller.ask::<kind::link>(link).unwrap();
    caller.unlink(&root, "f").unwrap();
    assert!(caller.names(&folder(&caller)).unwrap().is_empty());
    caller.unlink(&root, "g").unwrap();
    assert_eq!(caller.names(&folder(&caller)).unwrap(), [format!("g{STAMP}")]);
}

#[test]
fn large_files_and_eliminated_paths_are_not_kept() {
    let bench = bench(&[("trash-max-filesize", "4"), ("trash-eliminate-path", "/tmp,a/b")]);
    let caller = caller(&bench);
    let root = caller.root();
    file(&caller, &root, "large", b"12345");
    file(&caller, &root, "small", b"1234");
    for name in ["large", "small"] {
        caller.unlink(&root, name).unwrap();
    }
    for (name, path) in [("tmp", "/tmp"), ("tmpx", "/tmpx")] {
        let directory = caller.mkdir(&root, name).unwrap();
        at(&caller, &directory, path);
        file(&caller, &directory, "f", b"x");
        caller.unlink(&directory, "f").unwrap();
    }
    assert_eq!(caller.names(&folder(&caller)).unwrap(), [format!("small{STAMP}"), "tmpx".to_owned()]);
}

#[test]
fn what_is_cut_off_is_copied_first() {
    let bench = bench(&[]);
    let caller = caller(&bench);
    let fd = file(&caller, &caller.root(), "f", b"0123456789");
    at(&caller, fd.inode(), "/f:/other name");
    let cut = |offset| {
        let args = Ftruncate { fd: fd.clone(), offset, xdata: Dict::new() };
        caller.ask::<kind::ftruncate>(args).unwrap();
    };
    cut(20);
    assert!(caller.names(&folder(&caller)).unwrap().is_empty(), "nothing is lost by growing");
    cut(3);
    assert_eq!(content(&caller, &folder(&caller), &format!("f{STAMP}")), b"0123456789\0\0\0\0\0\0\0\0\0\0");
    assert_eq!(caller.read(&fd, 0, 10).unwrap(), b"012");
}

#[test]
fn the_cluster_s_own_deletions_are_kept_apart_and_only_when_asked_for() {
    let bench = bench(&[]);
    let user = caller(&bench);
    let own = Caller::new(&bench, 2).identified(Identity { pid: -3, time: TIME, ..Identity::default() });
    file(&user, &user.root(), "f", b"x");
    own.unlink(&user.root(), "f").unwrap();
    assert!(user.names(&folder(&user)).unwrap().is_empty());
    at(&user, &folder(&user), "/.trashcan");
    bench.reconfigure(&[("trash", "on"), ("trash-internal-op", "on")]);
    let made = || user.lookup(&folder(&user), "internal_op");
    let end = std::time::Instant::now() + plugin_testkit::SOON;
    while made().is_err() && std::time::Instant::now() < end {
        std::thread::yield_now();
    }
    file(&user, &user.root(), "g", b"x");
    own.unlink(&user.root(), "g").unwrap();
    let (internal, _) = made().unwrap();
    assert_eq!(user.names(&internal).unwrap(), [format!("g{STAMP}")]);
}

#[test]
fn the_folder_itself_stays_while_the_feature_is_on() {
    let bench = bench(&[]);
    let caller = caller(&bench);
    let root = caller.root();
    assert_eq!(errno(caller.rmdir(&root, ".trashcan")), Some(Errno::EPERM));
    let (old, new) = (caller.entry(&root, ".trashcan"), caller.entry(&root, "other"));
    assert_eq!(errno(caller.rename(old, new)), Some(Errno::EPERM));
    bench.reconfigure(&[("trash", "off")]);
    caller.rmdir(&root, ".trashcan").unwrap();
}

#[test]
fn the_folder_takes_the_name_that_the_option_says() {
    let bench = bench(&[]);
    let caller = caller(&bench);
    file(&caller, &caller.root(), "f", b"x");
    caller.unlink(&caller.root(), "f").unwrap();
    at(&caller, &folder(&caller), "/.trashcan");
    bench.reconfigure(&[("trash", "on"), ("trash-dir", ".bin")]);
    let end = std::time::Instant::now() + plugin_testkit::SOON;
    while caller.lookup(&caller.root(), ".bin").is_err() && std::time::Instant::now() < end {
        std::thread::yield_now();
    }
    let (bin, _) = caller.lookup(&caller.root(), ".bin").unwrap();
    assert_eq!(bin.gfid(), FOLDER);
    assert_eq!(caller.names(&bin).unwrap(), [format!("f{STAMP}")]);
    assert!(bench.try_reconfigure(&[("trash", "on"), ("trash-dir", "a/b")]).is_err());
}

#[test]
fn a_file_that_cannot_be_kept_is_deleted_all_the_same() {
    let bench = bench(&[]);
    let caller = caller(&bench);
    file(&caller, &caller.root(), "f", b"x");
    bench.on::<kind::rename>(|_| Err(Errno::ENOSPC.into()));
    caller.unlink(&caller.root(), "f").unwrap();
    assert_eq!(caller.names(&caller.root()).unwrap(), [".trashcan"]);
}

#[test]
fn two_bricks_give_a_kept_directory_the_same_id() {
    let ids = [(); 2].map(|()| {
        let bench = bench(&[]);
        let caller = caller(&bench);
        let d = caller.mkdir(&caller.root(), "d").unwrap();
        at(&caller, &d, "/d");
        file(&caller, &d, "f", b"x");
        caller.unlink(&d, "f").unwrap();
        caller.lookup(&folder(&caller), "d").unwrap().0.gfid()
    });
    assert_eq!(ids[0], ids[1]);
}
