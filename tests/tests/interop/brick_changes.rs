//! Bricks that join a volume, leave it, and give their place to others.

use std::fs;
use tests::cluster::Cluster;

#[track_caller]
fn says(cluster: &Cluster, words: &str, code: i32, text: &str) {
    let answer = cluster.gluster(words);
    assert_eq!((answer.code, answer.said().trim_end()), (code, text), "{words}");
}

/// The bricks that `volume info` names, without the folder they all lie in.
fn bricks(cluster: &Cluster, volume: &str) -> Vec<String> {
    let info = cluster.gluster(&format!("volume info {volume}")).ok();
    let lines = info.lines().filter(|line| line.starts_with("Brick") && !line.starts_with("Bricks"));
    lines.filter_map(|line| line.split_once(": box:/srv/").map(|(_, name)| name.to_owned())).collect()
}

#[test]
fn bricks_join_and_leave_a_mounted_volume() {
    let Some(cluster) = Cluster::with_volume() else { return };
    let m = cluster.mount("v", "m");
    says(&cluster, "volume add-brick v box:/srv/v-3 force", 0, "volume add-brick: success");
    assert_eq!(bricks(&cluster, "v"), ["v-1", "v-2", "v-3"]);
    cluster.wait_bricks_online("v", 3);
    // The client has the new graph when a new folder is on the new brick.
    tests::wait::wait_until("a folder on the new brick", || {
        let _ = fs::create_dir(m.join("d"));
        let _ = fs::remove_dir(m.join("d"));
        fs::create_dir(m.join("d")).is_ok() && cluster.view("/srv/v-3/d").is_dir()
    });
    says(
        &cluster,
        "volume remove-brick v box:/srv/v-3 force",
        0,
        "volume remove-brick commit force: success",
    );
    assert_eq!(bricks(&cluster, "v"), ["v-1", "v-2"]);
    cluster.wait_bricks_online("v", 2);
    fs::write(m.join("f"), "x").expect("write");
    let xml = cluster.gluster("volume add-brick v box:/srv/v-4 force --xml").ok();
    assert!(xml.contains("<cliOp>volAddBrick</cliOp>") && xml.contains("<opRet>0</opRet>"), "{xml}");
}

#[test]
fn what_cannot_be_done_to_bricks_is_refused_in_the_incumbents_words() {
    let Some(cluster) = Cluster::with_volume() else { return };
    let (add, remove) = ("volume add-brick: failed: ", "volume remove-brick commit force: failed: ");
    let taken = "box:/srv/v-1 not available. Brick may be containing or be contained by an existing brick.";
    says(
        &cluster,
        "volume add-brick none box:/srv/x force",
        1,
        &format!("{add}Unable to get volinfo for volume name none"),
    );
    says(&cluster, "volume add-brick v box:/srv/v-1 force", 1, &format!("{add}Brick: {taken}"));
    says(
        &cluster,
        "volume add-brick v replica 2 box:/srv/x force",
        1,
        &format!("{add}Incorrect number of bricks (1) supplied for replica count (2)."),
    );
    says(
        &cluster,
        "volume remove-brick v box:/srv/x force",
        1,
        &format!("{remove}Incorrect brick box:/srv/x for volume v"),
    );
    says(
        &cluster,
        "volume remove-brick v box:/srv/v-1 box:/srv/v-2 force",
        1,
        &format!("{remove}Deleting all the bricks of the volume is not allowed"),
    );
    says(
        &cluster,
        "volume remove-brick v replica 2 box:/srv/v-1 force",
        1,
        &format!("{remove}replica count (2) option given for non replicate volume v"),
    );
    says(
        &cluster,
        "volume remove-brick v box:/srv/v-1 commit",
        1,
        "volume remove-brick commit: failed: Brick box:/srv/v-1 is not decommissioned. Use start or force option",
    );
    says(
        &cluster,
        "volume replace-brick v box:/srv/v-1 box:/srv/x commit force",
        1,
        "volume replace-brick: failed: replace-brick is not permitted on distribute only volumes. Please use add-brick \
         and remove-brick operations instead.",
    );
    says(
        &cluster,
        "volume reset-brick none box:/srv/v-1 start",
        1,
        "volume reset-brick: failed: Volume none does not exist",
    );
    says(
        &cluster,
        "volume reset-brick v box:/srv/v-1 box:/srv/v-1 commit force",
        1,
        "volume reset-brick: failed: Source brick must be stopped. Please use gluster volume reset-brick <volname> \
         <dst-brick> start.",
    );
}

#[test]
fn a_brick_is_reset_and_one_of_a_disperse_set_is_replaced() {
    let Some(cluster) = Cluster::with_volume() else { return };
    let done = |what: &str| format!("volume {what} operation successful");
    says(
        &cluster,
        "volume reset-brick v box:/srv/v-1 start",
        0,
        &done("reset-brick: success: reset-brick start"),
    );
    assert_eq!(cluster.bricks().len(), 1);
    says(
        &cluster,
        "volume reset-brick v box:/srv/v-1 box:/srv/v-1 commit force",
        0,
        &done("reset-brick: success: reset-brick commit force"),
    );
    cluster.wait_bricks_online("v", 2);
    let names: Vec<String> = (1..=3).map(|n| cluster.brick_name("e", n)).collect();
    cluster.gluster(&format!("volume create e disperse 3 redundancy 1 {} force", names.join(" "))).ok();
    cluster.gluster("volume start e").ok();
    says(
        &cluster,
        "volume replace-brick e box:/srv/e-1 box:/srv/e-9 commit force",
        0,
        &done("replace-brick: success: replace-brick commit force"),
    );
    assert_eq!(bricks(&cluster, "e"), ["e-9", "e-2", "e-3"]);
    cluster.wait_bricks_online("e", 3);
    says(
        &cluster,
        "volume add-brick e box:/srv/e-4 box:/srv/e-5 box:/srv/e-6 force",
        0,
        "volume add-brick: success",
    );
    cluster.wait_bricks_online("e", 6);
    says(
        &cluster,
        "volume remove-brick e box:/srv/e-4 box:/srv/e-5 box:/srv/e-6 force",
        0,
        "volume remove-brick commit force: success",
    );
    cluster.wait_bricks_online("e", 3);
}
