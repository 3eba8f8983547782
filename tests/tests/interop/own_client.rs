//! Our own client on a volume of two bricks, from a volfile server: beside the incumbent's on ours, and on the incumbent's.

use std::collections::BTreeSet;
use std::fs::{self, File, OpenOptions};
use std::io::Write;
use std::path::{Path, PathBuf};

use rustix::fs::{XattrFlags, getxattr, setxattr};
use rustix::process::Signal;
use tests::cluster::Cluster;
use tests::stack::Stack;
use tests::wait::{wait_result, wait_until};

const FILES: usize = 60;

/// A volume by `server`, mounted by our client and by the incumbent's; `None` without root, or where nothing of ours is
/// under test.
fn both(server: Stack) -> Option<(Cluster, PathBuf, PathBuf)> {
    let ours = Stack::server();
    if ours.is_system() {
        eprintln!("SKIPPED: the incumbent's server is under test");
        return None;
    }
    let cluster = Cluster::of(server, Stack::system())?;
    cluster.start_daemon();
    cluster.create("v");
    cluster.gluster("volume start v").ok();
    cluster.wait_bricks_online("v", 2);
    let theirs = cluster.mount("v", "theirs");
    let own = cluster.mount_by(&ours, "v", "own");
    for mount in [&own, &theirs] {
        wait_result("both bricks", || {
            File::create(mount.join("up")).and_then(|_| fs::remove_file(mount.join("up")))
        });
    }
    Some((cluster, own, theirs))
}

fn names(folder: &Path) -> BTreeSet<String> {
    let entries = fs::read_dir(folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    entries.map(|entry| entry.expect("a name").file_name().into_string().expect("text")).collect()
}

fn content(n: usize) -> Vec<u8> {
    (0..251).cycle().take(n * 997).collect()
}

/// A tree that `by` makes, with renames across bricks.
fn make_tree(by: &Path, name: &str) {
    let top = by.join(name);
    fs::create_dir_all(top.join("a/b")).expect("folders");
    for n in 0..FILES {
        fs::write(top.join(format!("a/f{n}")), content(n)).expect("a file");
    }
    for n in (0..FILES).step_by(3) {
        fs::rename(top.join(format!("a/f{n}")), top.join(format!("a/b/moved{n}"))).expect("it moves");
    }
    fs::hard_link(top.join("a/f1"), top.join("again")).expect("a second name");
    std::os::unix::fs::symlink("a/f2", top.join("link")).expect("a link");
    setxattr(top.join("a/f1"), "user.colour", b"green", XattrFlags::CREATE).expect("an attribute");
}

/// The same tree, as another client sees it.
fn check_tree(seen_by: &Path, name: &str) {
    let top = seen_by.join(name);
    assert_eq!(names(&top), ["a", "again", "link"].map(str::to_owned).into());
    let stayed = (0..FILES).filter(|n| n % 3 != 0).map(|n| format!("f{n}"));
    assert_eq!(names(&top.join("a")), stayed.chain(["b".to_owned()]).collect());
    assert_eq!(names(&top.join("a/b")).len(), FILES.div_ceil(3));
    for n in 0..FILES {
        let path = if n % 3 == 0 { format!("a/b/moved{n}") } else { format!("a/f{n}") };
        assert!(fs::read(top.join(&path)).is_ok_and(|found| found == content(n)), "{path}");
    }
    assert!(fs::read(top.join("link")).is_ok_and(|found| found == content(2)));
    let mut value = [0; 16];
    let length = getxattr(top.join("again"), "user.colour", &mut value[..]).expect("the attribute");
    assert_eq!(&value[..length], b"green");
}

/// What one client makes the other reads and removes, both ways.
fn trees_change_hands(server: Stack) {
    let Some((cluster, own, theirs)) = both(server) else { return };
    make_tree(&own, "ours");
    check_tree(&theirs, "ours");
    make_tree(&theirs, "theirs");
    check_tree(&own, "theirs");
    let spread = |number| names(&cluster.view(cluster.brick("v", number)).join("ours/a")).len();
    assert!(spread(1) > 5 && spread(2) > 5, "files lie on both bricks");
    fs::remove_dir_all(own.join("theirs")).expect("all of it goes");
    fs::remove_dir_all(theirs.join("ours")).expect("all of it goes");
    for mount in [&own, &theirs] {
        assert_eq!(names(mount), BTreeSet::new());
    }
    cluster.unmount("own");
}

#[test]
fn trees_change_hands_between_our_client_and_the_incumbents_on_our_bricks() {
    trees_change_hands(Stack::server());
}

#[test]
fn trees_change_hands_between_our_client_and_the_incumbents_on_the_incumbents_bricks() {
    trees_change_hands(Stack::system());
}

#[test]
fn an_open_file_outlives_its_brick_and_what_lies_on_the_other_goes_on() {
    let Some((cluster, own, _)) = both(Stack::server()) else { return };
    let on_first = |n: &usize| cluster.view(cluster.brick("v", 1)).join(format!("f{n}")).exists();
    for n in 0..20 {
        File::create(own.join(format!("f{n}"))).expect("a file");
    }
    let (first, second): (Vec<_>, Vec<_>) = (0..20).partition(on_first);
    let open = |n: usize| OpenOptions::new().append(true).open(own.join(format!("f{n}"))).expect("it opens");
    let (mut lost, mut kept) = (open(first[0]), open(second[0]));
    lost.write_all(b"before ").and_then(|()| lost.sync_all()).expect("it takes bytes");
    let brick = cluster.brick("v", 1);
    let process = cluster.bricks().into_iter().find(|brick_process| {
        brick_process.option("--brick-name").is_some_and(|name| Path::new(name) == brick)
    });
    process.expect("the brick runs").signal(Signal::KILL);
    let path = own.join(format!("f{}", first[0]));
    wait_until("the loss", || fs::metadata(&path).is_err());
    kept.write_all(b"goes on").expect("the other brick serves");
    cluster.gluster("volume start v force").ok();
    wait_result("the descriptor", || lost.write_all(b"after"));
    // It may have been taken while the brick was on its way back.
    let text = wait_result("the brick's return", || fs::read_to_string(&path));
    assert_eq!(text, "before after");
}
