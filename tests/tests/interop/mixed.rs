//! A mixed load: eight processes make, change, move and remove, and all of it is read again through a second mount.

use std::process::{Command, Stdio};
use tests::built::file;
use tests::cluster::Cluster;

const PROCESSES: u32 = 8;

fn survives(kind: &str, bricks: u32, operations: u32) {
    let Some(cluster) = Cluster::up() else { return };
    let mount = cluster.serve("v", kind, bricks);
    let other = cluster.mount("v", "other");
    let start = |number: u32| {
        let name = format!("p{number}");
        let mut command = Command::new(file("mixed-load"));
        command
            .args([mount.join(&name), other.join(&name)])
            .args([number, operations].map(|n| n.to_string()));
        command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().expect("it was built")
    };
    let all: Vec<_> = (0..PROCESSES).map(start).collect();
    for (number, process) in all.into_iter().enumerate() {
        let ended = process.wait_with_output().expect("our own child");
        assert!(ended.status.success(), "process {number}: {}", String::from_utf8_lossy(&ended.stderr));
    }
}

#[test]
fn a_mixed_load_finds_everything_again_on_distribute() {
    survives("", 2, 150);
}

#[test]
fn a_mixed_load_finds_everything_again_on_replica_3() {
    survives("replica 3", 3, 60);
}

#[test]
fn a_mixed_load_finds_everything_again_on_disperse() {
    survives("disperse 6 redundancy 2", 6, 30);
}

#[test]
#[ignore = "8 times 10,000 operations: make soak"]
fn soak_a_mixed_load_finds_everything_again_on_distribute() {
    survives("", 2, 10_000);
}

#[test]
#[ignore = "8 times 3,000 operations: make soak"]
fn soak_a_mixed_load_finds_everything_again_on_replica_3() {
    survives("replica 3", 3, 3_000);
}

#[test]
#[ignore = "8 times 2,000 operations: make soak"]
fn soak_a_mixed_load_finds_everything_again_on_disperse() {
    survives("disperse 6 redundancy 2", 6, 2_000);
}
