//! Files in blocks change hands between our client and the incumbent's, on our bricks and on the incumbent's.

use std::fs::{self, File, OpenOptions};
use std::os::unix::fs::{FileExt, MetadataExt};
use std::path::{Path, PathBuf};

use tests::cluster::Cluster;
use tests::stack::Stack;
use tests::wait::{wait_result, wait_until};

const MIB: usize = 1 << 20;

/// A volume by `server` whose files are cut every 4 MiB, mounted by our client and by the incumbent's; `None` without
/// root, or where nothing of ours is under test.
fn both(server: Stack) -> Option<(Cluster, PathBuf, PathBuf)> {
    let ours = Stack::server();
    if ours.is_system() {
        eprintln!("SKIPPED: the incumbent's server is under test");
        return None;
    }
    let cluster = Cluster::of(server, Stack::system())?;
    cluster.start_daemon();
    cluster.create("v");
    cluster.gluster("volume set v features.shard on").ok();
    cluster.gluster("volume set v features.shard-block-size 4MB").ok();
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

/// The blocks that lie on all bricks but for first ones.
fn blocks(cluster: &Cluster) -> usize {
    let on = |number| {
        let folder = cluster.view(cluster.brick("v", number)).join(".shard");
        let names = fs::read_dir(folder).map(|names| names.flatten().collect::<Vec<_>>()).unwrap_or_default();
        let pieces = names.iter().filter(|name| name.file_name() != ".remove_me");
        // A pointer of distribute's is no block.
        pieces.filter(|piece| piece.metadata().is_ok_and(|meta| meta.mode() & 0o7777 != 0o1000)).count()
    };
    on(1) + on(2)
}

/// What is left of removed files.
fn markers(cluster: &Cluster) -> usize {
    let on = |number| {
        let folder = cluster.view(cluster.brick("v", number)).join(".shard/.remove_me");
        fs::read_dir(folder).map_or(0, Iterator::count)
    };
    on(1) + on(2)
}

/// Whether a brick has the file open, which lies in the root.
fn is_open(cluster: &Cluster, name: &str) -> bool {
    let place = |found: fs::Metadata| (found.dev(), found.ino());
    let file = |number| fs::metadata(cluster.view(cluster.brick("v", number)).join(name)).map(place).ok();
    let files = [file(1), file(2)];
    cluster.bricks().iter().any(|brick| {
        let fds = fs::read_dir(format!("/proc/{}/fd", brick.pid)).expect("a brick runs").flatten();
        fds.filter_map(|fd| fs::metadata(fd.path()).map(place).ok()).any(|fd| files.contains(&Some(fd)))
    })
}

fn content(seed: usize) -> Vec<u8> {
    (seed..seed + 251).cycle().map(|n| u8::try_from(n % 256).expect("a byte")).take(10 * MIB).collect()
}

/// One makes a file of three blocks, and the other reads, changes and removes it.
fn hand_over(cluster: &Cluster, from: &Path, to: &Path, seed: usize) {
    let name = format!("f{seed}");
    let mut model = content(seed);
    fs::write(from.join(&name), &model).expect("it is written");
    // Neither client's close waits for what it has written.
    let length = (10 * MIB as u64, 20 * MIB as u64 / 1024);
    wait_until("the whole file", || {
        fs::metadata(to.join(&name)).is_ok_and(|meta| (meta.len(), meta.blocks()) == length)
    });
    assert_eq!(blocks(cluster), 2, "the first block is the file itself");
    wait_until("its bytes", || fs::read(to.join(&name)).is_ok_and(|found| found == model));
    let file = OpenOptions::new().read(true).write(true).open(to.join(&name)).expect("it opens");
    file.write_all_at(b"changed", 4 * MIB as u64 - 3).expect("it takes bytes across blocks");
    file.set_len(7 * MIB as u64).expect("it is cut");
    file.sync_all().expect("it is on disk");
    model[4 * MIB - 3..4 * MIB + 4].copy_from_slice(b"changed");
    model.truncate(7 * MIB);
    assert_eq!(blocks(cluster), 1);
    wait_until("what the other one has changed", || {
        fs::read(from.join(&name)).is_ok_and(|found| found == model)
    });
    drop(file);
    // The incumbent's client leaves the blocks of a file that somebody has open to the next removal.
    wait_until("its last close", || !is_open(cluster, &name));
    fs::remove_file(to.join(&name)).expect("it goes");
    wait_until("its blocks", || blocks(cluster) == 0 && markers(cluster) == 0);
    for mount in [from, to] {
        assert_eq!(fs::read_dir(mount).expect("a listing").count(), 0);
        assert!(fs::metadata(mount.join(".shard")).is_err(), "nobody sees where blocks lie");
    }
}

/// Our client writes to a later block, of which the file itself knows nothing, and the incumbent's sees when.
fn a_time_is_seen(own: &Path, theirs: &Path) {
    let time = |mount: &Path| fs::metadata(mount.join("t")).and_then(|meta| meta.modified()).expect("a time");
    fs::write(own.join("t"), content(3)).expect("it is written");
    let before = time(theirs);
    let file = OpenOptions::new().write(true).open(own.join("t")).expect("it opens");
    file.write_all_at(b"later", 9 * MIB as u64).expect("it takes bytes");
    drop(file);
    wait_until("the new time", || time(theirs) > before && time(theirs) == time(own));
    fs::remove_file(own.join("t")).expect("it goes");
}

fn files_change_hands(server: Stack) {
    let Some((cluster, own, theirs)) = both(server) else { return };
    a_time_is_seen(&own, &theirs);
    wait_until("its blocks", || blocks(&cluster) == 0 && markers(&cluster) == 0);
    hand_over(&cluster, &own, &theirs, 1);
    hand_over(&cluster, &theirs, &own, 2);
    cluster.unmount("own");
}

#[test]
fn files_in_blocks_change_hands_between_our_client_and_the_incumbents_on_our_bricks() {
    files_change_hands(Stack::server());
}

#[test]
fn files_in_blocks_change_hands_between_our_client_and_the_incumbents_on_the_incumbents_bricks() {
    files_change_hands(Stack::system());
}
