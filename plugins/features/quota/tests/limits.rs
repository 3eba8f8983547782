//! The translator over a brick in memory whose marks the test writes itself.
#![allow(clippy::unwrap_used, reason = "helpers of tests")]

use features_quota::Quota;
use plugin_api::prelude::*;
use plugin_testkit::{Bench, Caller, Failed, Fake, Testkit, logged};

const ON: [(&str, &str); 2] = [("server-quota", "on"), ("deem-statfs", "on")];
const LIMIT: &str = "trusted.glusterfs.quota.limit-set";
const LIMIT_OBJECTS: &str = "trusted.glusterfs.quota.limit-objects";
const SIZE: &str = "trusted.glusterfs.quota.size";

fn bench(more: &[(&str, &str)]) -> Bench {
    Testkit::<Quota>::new().options(&ON).options(more).child(Fake::memory()).start()
}

fn cluster(bench: &Bench) -> Caller<'_> {
    Caller::new(bench, 2).identified(Identity { pid: -5, ..Identity::default() })
}

fn set(caller: &Caller<'_>, dir: &Inode, key: &str, numbers: &[i64]) -> Result<Done, Failed> {
    let value: Vec<u8> = numbers.iter().flat_map(|number| number.to_be_bytes()).collect();
    let xattrs = Dict::new().with(key.to_owned(), value);
    caller.ask::<kind::setxattr>(Setxattr { loc: Loc::of(dir.clone()), xattrs, flags: 0, xdata: Dict::new() })
}

fn is_full<T: std::fmt::Debug>(said: Result<T, Failed>) -> bool {
    said.err().and_then(|failed| failed.errno()) == Some(Errno::EDQUOT)
}

fn link(caller: &Caller<'_>, old: Loc, new: Loc) -> Result<Made, Failed> {
    caller.ask::<kind::link>(Link { old, new, xdata: Dict::new() })
}

#[test]
fn a_write_fills_a_directory_up_to_its_limit_and_no_further() {
    let bench = bench(&[]);
    let (caller, cluster) = (Caller::new(&bench, 1), cluster(&bench));
    let root = caller.root();
    let a = caller.mkdir(&root, "a").unwrap();
    let b = caller.mkdir(&a, "b").unwrap();
    let fd = caller.create(&b, "f").unwrap();
    let outside = caller.create(&root, "outside").unwrap();
    set(&cluster, &a, LIMIT, &[16 << 10, -1]).unwrap();
    assert_eq!(caller.write(&fd, 0, &[7; 12 << 10]).unwrap().0, 12 << 10);
    assert_eq!(caller.write(&fd, 12 << 10, &[7; 12 << 10]).unwrap().0, 4 << 10, "what fits is written");
    assert!(is_full(caller.write(&fd, 16 << 10, b"x")));
    assert_eq!(caller.fstat(&fd).unwrap().size, 16 << 10);
    assert!(is_full(caller.create(&b, "g")));
    assert!(is_full(caller.mkdir(&a, "d")));
    assert!(is_full(caller.symlink(&a, "s", "there")));
    let len = 1;
    let args = Fallocate { fd: fd.clone(), mode: 0, offset: 1 << 20, len, xdata: Dict::new() };
    assert!(is_full(caller.ask::<kind::fallocate>(args)));
    // Elsewhere there is room, and what is here may move about.
    caller.write(&outside, 0, &[7; 12 << 10]).unwrap();
    caller.rename(caller.entry(&b, "f"), caller.entry(&b, "f2")).unwrap();
    caller.rename(caller.entry(&b, "f2"), caller.entry(&a, "f")).unwrap();
    // The marker knows of it by now.
    set(&cluster, &a, SIZE, &[16 << 10, 1, 2]).unwrap();
    assert!(is_full(caller.rename(caller.entry(&root, "outside"), caller.entry(&a, "in"))));
    assert!(is_full(link(&caller, caller.entry(&root, "outside"), caller.entry(&b, "in"))));
    // The cluster's own work is not held back.
    assert_eq!(cluster.write(&fd, 16 << 10, b"healed").unwrap().0, 6);
    cluster.mkdir(&a, "healed").unwrap();
}

#[test]
fn what_is_removed_makes_room() {
    let bench = bench(&[]);
    let (caller, cluster) = (Caller::new(&bench, 1), cluster(&bench));
    let root = caller.root();
    let a = caller.mkdir(&root, "a").unwrap();
    set(&cluster, &a, LIMIT, &[4096, -1]).unwrap();
    set(&cluster, &a, SIZE, &[4096, 1, 1]).unwrap();
    assert!(is_full(caller.create(&a, "f")));
    cluster.create(&a, "old").unwrap();
    // The marker writes so when it is gone.
    set(&cluster, &a, SIZE, &[0, 0, 1]).unwrap();
    caller.unlink(&a, "old").unwrap();
    caller.create(&a, "f").unwrap();
    // A limit that is taken away or made larger holds no longer, at once.
    set(&cluster, &a, SIZE, &[4096, 1, 1]).unwrap();
    assert!(is_full(caller.create(&a, "g")));
    set(&cluster, &a, LIMIT, &[8192, -1]).unwrap();
    caller.create(&a, "g").unwrap();
}

#[test]
fn objects_have_a_limit_of_their_own() {
    let bench = bench(&[]);
    let (caller, cluster) = (Caller::new(&bench, 1), cluster(&bench));
    let root = caller.root();
    let a = caller.mkdir(&root, "a").unwrap();
    set(&cluster, &a, SIZE, &[0, 0, 1]).unwrap();
    set(&cluster, &a, LIMIT_OBJECTS, &[4, -1]).unwrap();
    let fd = caller.create(&a, "1").unwrap();
    let b = caller.mkdir(&a, "2").unwrap();
    link(&caller, caller.entry(&a, "1"), caller.entry(&root, "l")).unwrap();
    caller.create(&b, "3").unwrap();
    assert!(is_full(caller.create(&b, "4")), "the directory itself is one of them");
    assert!(is_full(link(&caller, caller.entry(&root, "l"), caller.entry(&a, "4"))));
    caller.write(&fd, 0, &[7; 100_000]).unwrap();
}

#[test]
fn a_usage_is_read_again_when_it_is_old() {
    let bench = bench(&[("soft-timeout", "0"), ("hard-timeout", "0")]);
    let (caller, cluster) = (Caller::new(&bench, 1), cluster(&bench));
    let root = caller.root();
    let a = caller.mkdir(&root, "a").unwrap();
    set(&cluster, &a, LIMIT, &[1 << 20, -1]).unwrap();
    caller.create(&a, "f").unwrap();
    // As the marker does, in the brick and past this translator.
    let frame = bench.handle().frame(Identity { pid: -1, ..Identity::default() });
    let full: Vec<u8> = [1_i64 << 20, 1, 1].iter().flat_map(|n| n.to_be_bytes()).collect();
    let xattrs = Dict::new().with(SIZE, full);
    let args = Setxattr { loc: Loc::of(a.clone()), xattrs, flags: 0, xdata: Dict::new() };
    plugin_testkit::block_on(frame.child().setxattr(args)).unwrap();
    assert!(is_full(caller.create(&a, "g")));
}

#[test]
fn a_file_system_is_as_large_as_the_nearest_limit() {
    let bench = bench(&[]);
    let (caller, cluster) = (Caller::new(&bench, 1), cluster(&bench));
    let root = caller.root();
    let a = caller.mkdir(&root, "a").unwrap();
    let b = caller.mkdir(&a, "b").unwrap();
    set(&cluster, &a, LIMIT, &[1 << 20, -1]).unwrap();
    set(&cluster, &a, SIZE, &[8192, 2, 2]).unwrap();
    let statfs = |inode: &Inode, xdata| {
        let reply = caller.ask::<kind::statfs>(Statfs { loc: Loc::of(inode.clone()), xdata }).unwrap();
        (reply.space.blocks, reply.space.bavail, reply.xdata.int("quota-deem-statfs"))
    };
    assert_eq!(statfs(&b, Dict::new()), (256, 254, Some(1)));
    assert_eq!(statfs(&root, Dict::new()).2, None);
    assert_eq!(statfs(&b, Dict::new().with("ignore-deem-statfs", 1)).2, None);
}

#[test]
fn users_set_no_limits() {
    let bench = bench(&[]);
    let (caller, cluster) = (Caller::new(&bench, 1), cluster(&bench));
    let a = caller.mkdir(&caller.root(), "a").unwrap();
    assert_eq!(set(&caller, &a, LIMIT, &[1, 1]).unwrap_err().errno(), Some(Errno::EPERM));
    set(&cluster, &a, LIMIT, &[1 << 20, -1]).unwrap();
    let name = IoBuf::from(LIMIT.to_owned());
    let args = Removexattr { loc: Loc::of(a.clone()), name, xdata: Dict::new() };
    assert_eq!(caller.ask::<kind::removexattr>(args).unwrap_err().errno(), Some(Errno::EPERM));
    bench.reconfigure(&[]);
    set(&caller, &a, LIMIT, &[1, 1]).unwrap();
    caller.create(&a, "f").unwrap();
}

#[test]
fn an_operator_is_told_when_a_soft_limit_is_crossed() {
    let kit = Testkit::<Quota>::new().named("told").options(&ON);
    let bench = kit.child(Fake::memory()).start();
    let (caller, cluster) = (Caller::new(&bench, 1), cluster(&bench));
    let a = caller.mkdir(&caller.root(), "a").unwrap();
    set(&cluster, &a, LIMIT, &[100 << 10, 50]).unwrap();
    let fd = caller.create(&a, "f").unwrap();
    let told = || {
        let lines = logged("told");
        lines.iter().filter(|line| line.contains("Usage crossed soft limit: 64.0KB used by")).count()
    };
    caller.write(&fd, 0, &[7; 32 << 10]).unwrap();
    assert_eq!(told(), 0);
    caller.write(&fd, 32 << 10, &[7; 32 << 10]).unwrap();
    assert_eq!(told(), 1);
    caller.write(&fd, 64 << 10, &[7; 4 << 10]).unwrap();
    assert_eq!(told(), 1);
}

#[test]
fn where_a_file_is_the_marker_says() {
    let bench = Testkit::<Quota>::new().options(&ON).child(Fake::memory()).start();
    let (caller, cluster) = (Caller::new(&bench, 1), cluster(&bench));
    let a = caller.mkdir(&caller.root(), "a").unwrap();
    let fd = caller.create(&a, "f").unwrap();
    set(&cluster, &a, LIMIT, &[4096, -1]).unwrap();
    // Forgets where everything is.
    bench.reconfigure(&ON);
    let (dir, full) = (a.gfid(), [4096_i64, 1, 1].iter().flat_map(|n| n.to_be_bytes()).collect::<Vec<_>>());
    let limit = [4096_i64, -1].iter().flat_map(|n| n.to_be_bytes()).collect::<Vec<_>>();
    bench.on::<kind::lookup>(move |args| {
        let (here, mut xdata) = (args.loc.target(), Dict::new());
        if args.xdata.contains("glusterfs.marker.parents") {
            let parents = if here == dir { Gfid::ROOT.0.to_vec() } else { dir.0.to_vec() };
            xdata.set("glusterfs.marker.parents", parents);
        } else if here == dir {
            xdata = Dict::new().with(LIMIT, limit.clone()).with(SIZE, full.clone());
        }
        Ok(Looked { iatt: Iatt { gfid: here, ..Iatt::default() }, post_parent: Iatt::default(), xdata })
    });
    assert!(is_full(caller.write(&fd, 0, b"x")));
}
