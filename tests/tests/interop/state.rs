//! A state folder and a brick, written under one stack and opened under the other.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use tests::cluster::{Cluster, STATE};
use tests::pattern::sorted;
use tests::stack::Stack;

/// The files of the state folder that must come through a change of stack line for line.
fn kept_files(cluster: &Cluster) -> BTreeMap<String, Vec<String>> {
    let folder = cluster.view(STATE);
    let kept = [
        "vols/v/info",
        "vols/v/cksum",
        "glusterd.info",
        "vols/v/bricks/box:-srv-v-1",
        "vols/v/bricks/box:-srv-v-2",
    ];
    let read =
        |name: &str| fs::read_to_string(folder.join(name)).unwrap_or_else(|error| panic!("{name}: {error}"));
    kept.into_iter().map(|name| (name.to_owned(), sorted(&without_ports(&read(name))))).collect()
}

/// A brick gets a new port at each start, so that line may differ.
fn without_ports(text: &str) -> String {
    text.lines().filter(|line| !line.starts_with("listen-port=")).map(|line| format!("{line}\n")).collect()
}

fn volfiles(cluster: &Cluster) -> BTreeMap<String, Vec<String>> {
    let entries = fs::read_dir(cluster.view(STATE).join("vols/v")).expect("the volume's folder").flatten();
    let named = entries.map(|entry| (entry.file_name().to_string_lossy().into_owned(), entry.path()));
    let only = named.filter(|(name, _)| name.ends_with(".vol"));
    only.map(|(name, path)| (name, sorted(&fs::read_to_string(path).expect("a volfile")))).collect()
}

/// Writes a state folder and a brick's content under `first`, and goes on under `second`.
fn handed_over(first: Stack, second: Stack) {
    let Some(mut cluster) = Cluster::new() else { return };
    cluster.hand_over_to(first);
    cluster.start_daemon();
    cluster.create("v");
    cluster.gluster("volume start v").ok();
    cluster.wait_bricks_online("v", 2);
    let (info, files, graphs) =
        (sorted(&cluster.gluster("volume info v").ok()), kept_files(&cluster), volfiles(&cluster));

    cluster.hand_over_to(second);
    cluster.start_daemon();
    cluster.wait_bricks_online("v", 2);
    assert_eq!(sorted(&cluster.gluster("volume info v").ok()), info);
    assert_eq!(kept_files(&cluster), files);
    assert_eq!(volfiles(&cluster), graphs);
    cluster.gluster("volume stop v").ok();
    cluster.gluster("volume start v").ok();
    cluster.wait_bricks_online("v", 2);
    cluster.gluster("volume stop v").ok();
    cluster.gluster("volume delete v").ok();
}

#[test]
fn our_state_folder_is_opened_by_the_incumbent() {
    handed_over(Stack::server(), Stack::system());
}

#[test]
fn the_incumbents_state_folder_is_opened_by_ours() {
    handed_over(Stack::system(), Stack::server());
}

/// Fills a folder with one of everything.
fn fill(m: &Path) {
    fs::create_dir_all(m.join("d/deeper")).expect("folders");
    for n in 0..40 {
        fs::write(m.join(format!("d/f{n}")), format!("content {n}")).expect("write");
    }
    fs::hard_link(m.join("d/f1"), m.join("d/deeper/hard")).expect("link");
    std::os::unix::fs::symlink("d/f2", m.join("soft")).expect("symlink");
    for n in 0..10 {
        fs::rename(m.join(format!("d/f{n}")), m.join(format!("d/renamed{n}"))).expect("rename");
    }
    rustix::fs::setxattr(m.join("d"), "user.k", b"v", rustix::fs::XattrFlags::empty()).expect("setxattr");
}

/// Everything below `folder` that a user can see, by path.
fn tree(folder: &Path) -> BTreeMap<String, String> {
    use std::os::unix::fs::MetadataExt;
    let mut all = BTreeMap::new();
    for entry in fs::read_dir(folder).expect("a folder lists").map(|entry| entry.expect("an entry")) {
        let (name, path) = (entry.file_name().to_string_lossy().into_owned(), entry.path());
        let found = entry.metadata().expect("an entry's attributes");
        let head = format!(
            "{:o} {} {}:{} inode {}",
            found.mode(),
            found.nlink(),
            found.uid(),
            found.gid(),
            found.ino()
        );
        if found.is_dir() {
            all.extend(tree(&path).into_iter().map(|(below, text)| (format!("{name}/{below}"), text)));
            all.insert(name, format!("{:o} inode {}", found.mode(), found.ino()));
        } else if found.is_symlink() {
            all.insert(name, format!("{head} -> {}", fs::read_link(&path).expect("a link").display()));
        } else {
            all.insert(name, format!("{head}: {}", fs::read_to_string(&path).expect("a file")));
        }
    }
    all
}

/// Fills bricks under `first` and reads, changes and empties them under `second`.
fn bricks_handed_over(first: Stack, second: Stack) {
    let Some(mut cluster) = Cluster::new() else { return };
    cluster.hand_over_to(first);
    cluster.start_daemon();
    cluster.create("v");
    cluster.gluster("volume start v").ok();
    let m = cluster.mount("v", "m");
    fill(&m);
    let before = tree(&m);
    cluster.unmount("m");

    cluster.hand_over_to(second);
    cluster.start_daemon();
    cluster.wait_bricks_online("v", 2);
    let m = cluster.mount("v", "m");
    assert_eq!(tree(&m), before);
    let mut value = [0; 8];
    assert_eq!(rustix::fs::getxattr(m.join("d"), "user.k", &mut value), Ok(1));
    for n in 0..10 {
        let name = m.join(format!("d/renamed{n}"));
        fs::write(&name, "changed").expect("write");
        assert_eq!(fs::read_to_string(&name).expect("read"), "changed");
    }
    fs::remove_dir_all(m.join("d")).expect("rm -r");
    fs::remove_file(m.join("soft")).expect("unlink");
    assert_eq!(tree(&m), BTreeMap::new());
}

#[test]
fn bricks_written_under_ours_are_read_under_the_incumbents() {
    bricks_handed_over(Stack::server(), Stack::system());
}

#[test]
fn bricks_written_under_the_incumbents_are_read_under_ours() {
    bricks_handed_over(Stack::system(), Stack::server());
}
