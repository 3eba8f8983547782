//! The health check: a brick whose disk fails goes down by itself, and takes nobody with it.

use crate::faults::{make_read_only, small_disk};
use std::fs;
use std::path::{Path, PathBuf};
use tests::cluster::Cluster;
use tests::sandbox::HOST;
use tests::wait::{wait_result, wait_until};

/// How many bricks of a volume `volume status` shows online.
fn online(cluster: &Cluster, volume: &str) -> usize {
    let status = cluster.gluster(&format!("volume status {volume} --xml")).out;
    let bricks = status.split("<node>").filter(|node| node.contains("<path>/"));
    bricks.filter(|node| node.contains("<status>1</status>")).count()
}

/// A mounted volume of three copies, the third on a small disk; the disks are asked every second.
fn create(cluster: &Cluster, volume: &str) -> PathBuf {
    let disk = format!("/srv/disk-{volume}");
    small_disk(cluster, &disk, 48);
    let bricks = [1, 2].map(|number| cluster.brick_name(volume, number)).join(" ");
    cluster.gluster(&format!("volume create {volume} replica 3 {bricks} {HOST}:{disk}/brick force")).ok();
    cluster.gluster(&format!("volume set {volume} storage.health-check-interval 1")).ok();
    cluster.gluster(&format!("volume start {volume}")).ok();
    cluster.wait_bricks_online(volume, 3);
    let mount = cluster.mount(volume, &format!("m-{volume}"));
    fs::write(mount.join("before"), "before").expect("it serves");
    mount
}

fn serves(mount: &Path) {
    assert_eq!(fs::read(mount.join("before")).expect("two copies are left"), b"before");
    wait_result("a change of two copies", || fs::write(mount.join("after"), "after"));
}

#[test]
fn a_brick_whose_disk_fails_goes_down_and_the_others_serve() {
    let Some(cluster) = Cluster::up() else { return };
    let mount = create(&cluster, "v");
    assert_eq!(cluster.bricks().len(), 3);
    make_read_only(&cluster, "/srv/disk-v");
    wait_until("the brick's end", || cluster.bricks().len() == 2);
    wait_until("it is shown offline", || online(&cluster, "v") == 2);
    serves(&mount);
}

#[test]
fn a_brick_whose_disk_fails_leaves_the_others_of_its_process_alone() {
    let Some(cluster) = Cluster::up() else { return };
    cluster.gluster("volume set all cluster.brick-multiplex on").ok();
    let mounts = ["a", "b"].map(|volume| create(&cluster, volume));
    let process = cluster.bricks();
    assert_eq!(process.len(), 1, "one process for six bricks");
    make_read_only(&cluster, "/srv/disk-a");
    wait_until("it is shown offline", || online(&cluster, "a") == 2);
    assert_eq!(cluster.bricks(), process, "the process lives on");
    assert_eq!(online(&cluster, "b"), 3);
    mounts.iter().for_each(|mount| serves(mount));
}
