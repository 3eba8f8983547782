//! The translator over a brick in memory: what lies below each directory, as it is marked there.
#![allow(clippy::unwrap_used, reason = "helpers of tests")]

use std::time::{Duration, Instant};

use features_marker::Marker;
use plugin_api::fop::kind;
use plugin_api::prelude::*;
use plugin_testkit::{Bench, Caller, Fake, Testkit};

const ON: [(&str, &str); 3] = [("quota", "on"), ("inode-quota", "on"), ("quota-version", "1")];
const SIZE: &str = "trusted.glusterfs.quota.size.1";
const DIRTY: &str = "trusted.glusterfs.quota.dirty";

fn bench() -> Bench {
    Testkit::<Marker>::new().options(&ON).child(Fake::memory()).start()
}

/// All xattrs of an object, as they lie on disk: seen by the brick below.
fn disk(bench: &Bench, inode: &Inode) -> Dict {
    let frame = bench.handle().frame(Identity { pid: -1, ..Identity::default() });
    let args = Getxattr { loc: Loc::of(inode.clone()), name: IoBuf::default(), xdata: Dict::new() };
    plugin_testkit::block_on(frame.child().getxattr(args)).map(|got| got.xattrs).unwrap_or_default()
}

fn set(bench: &Bench, inode: &Inode, key: &str, value: Vec<u8>) {
    let frame = bench.handle().frame(Identity { pid: -1, ..Identity::default() });
    let xattrs = Dict::new().with(key.to_owned(), value);
    let args = Setxattr { loc: Loc::of(inode.clone()), xattrs, flags: 0, xdata: Dict::new() };
    plugin_testkit::block_on(frame.child().setxattr(args)).unwrap();
}

fn numbers(dict: &Dict, key: &str) -> Vec<i64> {
    let bytes = dict.get(key).and_then(Value::as_bytes).unwrap_or_default().to_vec();
    bytes.chunks(8).map(|chunk| i64::from_be_bytes(chunk.try_into().unwrap())).collect()
}

fn contribution(parent: &Inode) -> String {
    format!("trusted.glusterfs.quota.{}.contri.1", parent.gfid())
}

fn until(what: impl Fn() -> bool, say: impl Fn() -> String) {
    let end = Instant::now() + Duration::from_secs(10);
    while !what() {
        assert!(Instant::now() < end, "{}", say());
        std::thread::sleep(Duration::from_millis(1));
    }
}

/// Waits until a directory's marks say this, and are sure of it.
#[track_caller]
fn size(bench: &Bench, dir: &Inode, expected: [i64; 3]) {
    let clean = |dict: &Dict| dict.get(DIRTY).is_none_or(|value| value.as_bytes() == Some(b"0\0"));
    until(
        || {
            let dict = disk(bench, dir);
            numbers(&dict, SIZE) == expected && clean(&dict)
        },
        || format!("{:?} in {:?}, not {expected:?}", numbers(&disk(bench, dir), SIZE), disk(bench, dir)),
    );
}

#[track_caller]
fn contributes(bench: &Bench, object: &Inode, parent: &Inode, expected: &[i64]) {
    let key = contribution(parent);
    until(
        || numbers(&disk(bench, object), &key) == expected,
        || format!("{:?}, not {expected:?}", disk(bench, object)),
    );
}

#[test]
fn what_is_made_and_written_counts_in_all_directories_above() {
    let bench = bench();
    let caller = Caller::new(&bench, 1);
    let root = caller.root();
    let a = caller.mkdir(&root, "a").unwrap();
    size(&bench, &root, [0, 0, 2]);
    let b = caller.mkdir(&a, "b").unwrap();
    let fd = caller.create(&b, "f").unwrap();
    size(&bench, &root, [0, 1, 3]);
    size(&bench, &b, [0, 1, 1]);
    contributes(&bench, fd.inode(), &b, &[0, 1]);
    caller.write(&fd, 0, &[7; 10_000]).unwrap();
    let bytes = i64::try_from(caller.fstat(&fd).unwrap().blocks * 512).unwrap();
    assert!(bytes > 0);
    size(&bench, &b, [bytes, 1, 1]);
    size(&bench, &a, [bytes, 1, 2]);
    size(&bench, &root, [bytes, 1, 3]);
    contributes(&bench, fd.inode(), &b, &[bytes, 1]);
    contributes(&bench, &b, &a, &[bytes, 1, 1]);
    contributes(&bench, &a, &root, &[bytes, 1, 2]);
    assert_eq!(disk(&bench, &a).get(DIRTY).unwrap().as_bytes(), Some(&b"0\0"[..]));
    caller.write(&fd, 1 << 20, b"more").unwrap();
    let more = i64::try_from(caller.fstat(&fd).unwrap().blocks * 512).unwrap();
    assert!(more > bytes);
    size(&bench, &root, [more, 1, 3]);
    caller.ask::<kind::ftruncate>(Ftruncate { fd: fd.clone(), offset: 10, xdata: Dict::new() }).unwrap();
    let less = i64::try_from(caller.fstat(&fd).unwrap().blocks * 512).unwrap();
    assert!(less < more);
    size(&bench, &root, [less, 1, 3]);
    caller.symlink(&a, "s", "there").unwrap();
    size(&bench, &a, [less, 2, 2]);
}

#[test]
fn what_goes_counts_no_more() {
    let bench = bench();
    let caller = Caller::new(&bench, 1);
    let root = caller.root();
    let a = caller.mkdir(&root, "a").unwrap();
    let b = caller.mkdir(&a, "b").unwrap();
    for n in 0..20 {
        let fd = caller.create(&b, &format!("f{n}")).unwrap();
        caller.write(&fd, 0, &[7; 100]).unwrap();
    }
    until(|| numbers(&disk(&bench, &root), SIZE).get(1) == Some(&20), || "20 files".to_owned());
    for n in 0..20 {
        caller.unlink(&b, &format!("f{n}")).unwrap();
    }
    size(&bench, &root, [0, 0, 3]);
    caller.rmdir(&a, "b").unwrap();
    size(&bench, &a, [0, 0, 1]);
    size(&bench, &root, [0, 0, 2]);
    contributes(&bench, &a, &root, &[0, 0, 1]);
}

#[test]
fn what_moves_counts_where_it_is() {
    let bench = bench();
    let caller = Caller::new(&bench, 1);
    let root = caller.root();
    let [a, b] = ["a", "b"].map(|name| caller.mkdir(&root, name).unwrap());
    let d = caller.mkdir(&a, "d").unwrap();
    let fd = caller.create(&d, "f").unwrap();
    caller.write(&fd, 0, &[7; 100]).unwrap();
    let bytes = i64::try_from(caller.fstat(&fd).unwrap().blocks * 512).unwrap();
    size(&bench, &a, [bytes, 1, 2]);
    size(&bench, &root, [bytes, 1, 4]);
    caller.rename(caller.entry(&a, "d"), caller.entry(&b, "e")).unwrap();
    size(&bench, &a, [0, 0, 1]);
    size(&bench, &b, [bytes, 1, 2]);
    size(&bench, &root, [bytes, 1, 4]);
    contributes(&bench, &d, &a, &[]);
    contributes(&bench, &d, &b, &[bytes, 1, 1]);
    // A file over another.
    caller.create(&b, "g").unwrap();
    size(&bench, &b, [bytes, 2, 2]);
    caller.rename(caller.entry(&d, "f"), caller.entry(&b, "g")).unwrap();
    size(&bench, &d, [0, 0, 1]);
    size(&bench, &b, [bytes, 1, 2]);
    size(&bench, &root, [bytes, 1, 4]);
    contributes(&bench, fd.inode(), &d, &[]);
    caller.rename(caller.entry(&b, "g"), caller.entry(&b, "h")).unwrap();
    caller.write(&fd, 0, &[7; 10_000]).unwrap();
    let bytes = i64::try_from(caller.fstat(&fd).unwrap().blocks * 512).unwrap();
    size(&bench, &root, [bytes, 1, 4]);
}

#[test]
fn a_file_of_two_names_counts_in_both_directories() {
    let bench = bench();
    let caller = Caller::new(&bench, 1);
    let root = caller.root();
    let [a, b] = ["a", "b"].map(|name| caller.mkdir(&root, name).unwrap());
    let fd = caller.create(&a, "f").unwrap();
    let new = caller.entry(&b, "g");
    caller.ask::<kind::link>(Link { old: caller.entry(&a, "f"), new, xdata: Dict::new() }).unwrap();
    caller.write(&fd, 0, &[7; 100]).unwrap();
    let bytes = i64::try_from(caller.fstat(&fd).unwrap().blocks * 512).unwrap();
    size(&bench, &a, [bytes, 1, 1]);
    size(&bench, &b, [bytes, 1, 1]);
    size(&bench, &root, [2 * bytes, 2, 3]);
    caller.unlink(&a, "f").unwrap();
    size(&bench, &a, [0, 0, 1]);
    size(&bench, &root, [bytes, 1, 3]);
    contributes(&bench, fd.inode(), &a, &[]);
    contributes(&bench, fd.inode(), &b, &[bytes, 1]);
    caller.unlink(&b, "g").unwrap();
    size(&bench, &root, [0, 0, 3]);
}

#[test]
fn a_walk_accounts_what_was_there_before() {
    let bench = Testkit::<Marker>::new().child(Fake::memory()).start();
    let caller = Caller::new(&bench, 1);
    let root = caller.root();
    let a = caller.mkdir(&root, "a").unwrap();
    let fd = caller.create(&a, "f").unwrap();
    caller.write(&fd, 0, &[7; 100]).unwrap();
    let bytes = i64::try_from(caller.fstat(&fd).unwrap().blocks * 512).unwrap();
    bench.reconfigure(&ON);
    assert!(!disk(&bench, &a).contains(SIZE));
    caller.lookup(&root, "a").unwrap();
    caller.lookup(&a, "f").unwrap();
    size(&bench, &a, [bytes, 1, 1]);
    size(&bench, &root, [bytes, 1, 2]);
    // The next generation counts on its own, and a listing is a walk, too.
    bench.reconfigure(&[ON[0], ON[1], ("quota-version", "2")]);
    caller.names(&root).unwrap();
    caller.names(&a).unwrap();
    until(
        || numbers(&disk(&bench, &root), "trusted.glusterfs.quota.size.2") == [bytes, 1, 2],
        || format!("{:?}", disk(&bench, &root)),
    );
}

#[test]
fn the_root_of_an_empty_volume_has_a_size_once_it_was_looked_at() {
    let bench = bench();
    let caller = Caller::new(&bench, 1);
    let root = caller.root();
    let looked = caller.ask::<kind::lookup>(Lookup { loc: Loc::of(root.clone()), xdata: Dict::new() });
    assert!(looked.unwrap().iatt.is_dir());
    size(&bench, &root, [0, 0, 1]);
}

#[test]
fn a_directory_that_was_left_dirty_is_counted_anew() {
    let bench = bench();
    let caller = Caller::new(&bench, 1);
    let root = caller.root();
    let a = caller.mkdir(&root, "a").unwrap();
    for name in ["f", "g"] {
        caller.create(&a, name).unwrap();
    }
    size(&bench, &root, [0, 2, 2]);
    // As a brick leaves it that ends between the removal of three files and the end of its transaction.
    set(&bench, &a, SIZE, [0_i64, 5, 1].iter().flat_map(|n| n.to_be_bytes()).collect());
    set(&bench, &a, DIRTY, b"1\0".to_vec());
    caller.lookup(&root, "a").unwrap();
    size(&bench, &a, [0, 2, 1]);
    size(&bench, &root, [0, 2, 2]);
}

#[test]
fn a_change_in_a_dirty_directory_does_not_make_it_clean() {
    let (dirty, options) = (b"1\0".to_vec(), &ON);
    let bench = Testkit::<Marker>::new().child(Fake::memory()).start();
    let caller = Caller::new(&bench, 1);
    let root = caller.root();
    let a = caller.mkdir(&root, "a").unwrap();
    set(&bench, &a, SIZE, [0_i64, 5, 1].iter().flat_map(|n| n.to_be_bytes()).collect());
    set(&bench, &a, DIRTY, dirty);
    bench.reconfigure(options);
    caller.create(&a, "f").unwrap();
    size(&bench, &a, [0, 1, 1]);
}

#[test]
fn nothing_is_refused_because_it_cannot_be_marked() {
    let bench = bench();
    let caller = Caller::new(&bench, 1);
    let root = caller.root();
    let a = caller.mkdir(&root, "a").unwrap();
    caller.create(&a, "f").unwrap();
    size(&bench, &root, [0, 1, 2]);
    bench.on::<kind::setxattr>(|_| Err(Errno::ENOSPC.into()));
    caller.unlink(&a, "f").unwrap();
    caller.create(&a, "g").unwrap();
}

#[test]
fn users_see_no_marks_and_the_cluster_sees_no_generations() {
    let bench = bench();
    let caller = Caller::new(&bench, 1);
    let root = caller.root();
    let a = caller.mkdir(&root, "a").unwrap();
    size(&bench, &root, [0, 0, 2]);
    let own = Caller::new(&bench, 2).identified(Identity { pid: -5, ..Identity::default() });
    let limit = Dict::new().with("trusted.glusterfs.quota.limit-set", vec![1_u8; 16]);
    let args = Setxattr { loc: Loc::of(a.clone()), xattrs: limit, flags: 0, xdata: Dict::new() };
    own.ask::<kind::setxattr>(args).unwrap();
    assert!(disk(&bench, &a).contains("trusted.glusterfs.quota.limit-set.1"));
    let get = |caller: &Caller<'_>, name: &str| {
        let name = IoBuf::from(name.to_owned());
        let args = Getxattr { loc: Loc::of(a.clone()), name, xdata: Dict::new() };
        let got = caller.ask::<kind::getxattr>(args).map_err(|failed| failed.errno())?;
        let mut names: Vec<_> = got.xattrs.iter().map(|(key, _)| key.as_str().to_owned()).collect();
        names.sort();
        Ok::<_, Option<Errno>>(names)
    };
    let limit = "trusted.glusterfs.quota.limit-set".to_owned();
    assert_eq!(get(&own, &limit), Ok(vec![limit.clone()]));
    assert_eq!(get(&own, ""), Ok(vec![limit.clone(), "trusted.glusterfs.quota.size".to_owned()]));
    assert_eq!(get(&caller, &limit), Err(Some(Errno::ENODATA)));
    assert_eq!(get(&caller, ""), Ok(vec![]));
    let xdata = Dict::new().with("trusted.glusterfs.quota.size", 0);
    let found = own.ask::<kind::lookup>(Lookup { loc: own.entry(&root, "a"), xdata }).unwrap();
    assert_eq!(numbers(&found.xdata, "trusted.glusterfs.quota.size"), [0, 0, 1]);
    assert_eq!(found.xdata.len(), 1, "nobody asked for more: {:?}", found.xdata);
    let xdata = Dict::new().with("glusterfs.marker.parents", 0);
    let found = own.ask::<kind::lookup>(Lookup { loc: Loc::of(a.clone()), xdata }).unwrap();
    let parents = found.xdata.get("glusterfs.marker.parents").and_then(Value::as_bytes);
    assert_eq!(parents, Some(&Gfid::ROOT.0[..]));
    let clean = Dict::new().with("glusterfs.quota-xattr-cleanup", "1");
    bench.reconfigure(&[]);
    let args = Setxattr { loc: Loc::of(a.clone()), xattrs: clean, flags: 0, xdata: Dict::new() };
    own.ask::<kind::setxattr>(args).unwrap();
    assert_eq!(disk(&bench, &a).len(), 0);
}

#[test]
fn a_change_marks_its_time_on_the_object_and_on_all_above() {
    let volume = "4f8fddbe-e812-4ebf-9eac-02579ca8fedb";
    let key = format!("trusted.glusterfs.{volume}.xtime");
    let bench = Testkit::<Marker>::new()
        .options(&[("xtime", "on"), ("volume-uuid", volume)])
        .child(Fake::memory())
        .start();
    let caller = Caller::new(&bench, 1);
    let root = caller.root();
    let a = caller.mkdir(&root, "a").unwrap();
    let b = caller.mkdir(&a, "b").unwrap();
    let time = |inode: &Inode| disk(&bench, inode).get(&key).and_then(Value::as_bytes).map(<[u8]>::to_vec);
    let marked = |inode: &Inode, above: &Inode| {
        until(|| time(inode).is_some() && time(inode) <= time(above), || format!("{:?}", time(inode)));
    };
    marked(&b, &root);
    let before = time(&root);
    let fd = caller.create(&b, "f").unwrap();
    caller.write(&fd, 0, b"x").unwrap();
    until(|| time(fd.inode()).is_some(), || "no mark".to_owned());
    until(|| time(&root) != before, || "the root has the old mark".to_owned());
    marked(fd.inode(), &root);
    marked(&a, &root);
    let idle = || bench.dump() == "directories=0\nbacklog=0\n";
    until(idle, || bench.dump());
    let before = time(&root);
    let own = Caller::new(&bench, 2).identified(Identity { pid: -1, ..Identity::default() });
    own.write(&fd, 0, b"y").unwrap();
    assert!(idle());
    assert_eq!(time(&root), before, "geo-replication's own changes are none");
}

#[test]
fn nothing_of_it_stays() {
    let bench = bench();
    let caller = Caller::new(&bench, 1);
    let a = caller.mkdir(&caller.root(), "a").unwrap();
    let fd = caller.create(&a, "f").unwrap();
    caller.write(&fd, 0, b"x").unwrap();
    drop((a, fd));
    bench.close();
}
