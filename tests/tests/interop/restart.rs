//! What comes back after a crash, and what goes on during one.

use rustix::process::Signal;
use std::fs;
use tests::cluster::Cluster;
use tests::pattern::sorted;
use tests::wait::{wait_result, wait_until};

#[test]
fn bricks_and_client_go_on_without_the_daemon() {
    let Some(cluster) = Cluster::with_volume() else { return };
    let m = cluster.mount("v", "m");
    let bricks = cluster.wait_bricks_online("v", 2);
    cluster.end_all("glusterd", Signal::KILL);
    fs::write(m.join("f"), "while it was away").expect("bricks need no daemon");
    assert_eq!(fs::read_to_string(m.join("f")).expect("bricks need no daemon"), "while it was away");
    cluster.start_daemon();
    assert_eq!(cluster.wait_bricks_online("v", 2), bricks, "running bricks are adopted, not started again");
    assert_eq!(cluster.gluster("volume list").ok(), "v\n");
}

#[test]
fn a_volume_comes_back_after_everything_was_killed() {
    let Some(cluster) = Cluster::with_volume() else { return };
    let m = cluster.mount("v", "m");
    for n in 0..10 {
        let file = fs::File::create(m.join(format!("f{n}"))).expect("create");
        fs::write(m.join(format!("f{n}")), format!("{n}")).expect("write");
        file.sync_all().expect("fsync");
    }
    let before = sorted(&cluster.gluster("volume info v").ok());
    let old = cluster.wait_bricks_online("v", 2);
    cluster.end_all("glusterd", Signal::KILL);
    cluster.end_all("glusterfsd", Signal::KILL);
    cluster.start_daemon();
    let new = cluster.wait_bricks_online("v", 2);
    assert!(new.iter().all(|brick| !old.contains(brick)), "new processes: {new:?}");
    assert_eq!(sorted(&cluster.gluster("volume info v").ok()), before);
    for n in 0..10 {
        let found =
            wait_result("the client's new connection", || fs::read_to_string(m.join(format!("f{n}"))));
        assert_eq!(found, format!("{n}"));
    }
    wait_result("a write to each brick", || {
        (0..10).try_for_each(|n| fs::write(m.join(format!("after{n}")), "the client goes on"))
    });
}

#[test]
fn a_killed_brick_is_shown_offline_and_start_force_brings_it_back() {
    let Some(cluster) = Cluster::with_volume() else { return };
    let bricks = cluster.wait_bricks_online("v", 2);
    bricks[0].signal(Signal::KILL);
    wait_until("the brick shown offline", || {
        cluster.gluster("volume status v --xml").ok().matches("<status>0</status>").count() == 1
    });
    cluster.gluster("volume start v force").ok();
    let now = cluster.wait_bricks_online("v", 2);
    assert!(now.contains(&bricks[1]) && !now.contains(&bricks[0]), "{now:?}");
}

#[test]
fn an_acknowledged_create_survives_a_kill_at_once() {
    let Some(cluster) = Cluster::up() else { return };
    for name in ["a", "b", "c"] {
        cluster.create(name);
        cluster.end_all("glusterd", Signal::KILL);
        cluster.start_daemon();
    }
    assert_eq!(cluster.gluster("volume list").ok(), "a\nb\nc\n");
}

#[test]
fn a_stopped_volume_stays_stopped() {
    let Some(cluster) = Cluster::with_volume() else { return };
    cluster.gluster("volume stop v").ok();
    wait_until("the end of its bricks", || cluster.bricks().is_empty());
    cluster.end_all("glusterd", Signal::KILL);
    cluster.start_daemon();
    assert!(cluster.gluster("volume info v").ok().contains("Status: Stopped\n"));
    assert_eq!(cluster.bricks(), []);
}

#[test]
fn term_ends_the_daemon_and_leaves_the_bricks() {
    let Some(cluster) = Cluster::with_volume() else { return };
    cluster.wait_bricks_online("v", 2);
    cluster.end_all("glusterd", Signal::TERM);
    assert_eq!(cluster.bricks().len(), 2);
}
