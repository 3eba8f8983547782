//! fsx: one file is written, read, mapped, cut and reopened at random, and each read compared with what must be there.

use std::path::Path;
use std::process::Command;
use std::time::Duration;
use tests::cluster::Cluster;
use tests::process::{Answer, run};
use tests::tool::tool;

/// What the long runs do.
const MANY: u32 = 100_000;

/// The seed of every run, so that a failure comes again.
const SEED: &str = "42";

/// Runs it on a file of its own; `None` where there is no fsx.
fn fsx(mount: &Path, operations: u32) -> Option<Answer> {
    let program = tool("fsx")?;
    let scratch = tempfile::tempdir().expect("the temporary folder takes a folder");
    let mut command = Command::new(program);
    command
        .args(["-N", &operations.to_string(), "-S", SEED, "-P"])
        .arg(scratch.path())
        .arg(mount.join("fsx"));
    Some(run(&mut command, Duration::from_secs(60) + Duration::from_millis(40) * operations))
}

fn passes(kind: &str, bricks: u32, operations: u32) {
    if tool("fsx").is_none() {
        return;
    }
    let Some(cluster) = Cluster::up() else { return };
    let mount = cluster.serve("v", kind, bricks);
    let answer = fsx(&mount, operations).expect("it is there");
    assert_eq!(answer.code, 0, "{}", answer.said());
}

#[test]
fn fsx_passes_on_distribute() {
    passes("", 2, 2_000);
}

#[test]
fn fsx_passes_on_replica_3() {
    passes("replica 3", 3, 1_000);
}

#[test]
fn fsx_passes_on_an_arbiter_volume() {
    passes("replica 3 arbiter 1", 3, 1_000);
}

#[test]
fn fsx_passes_on_disperse() {
    passes("disperse 6 redundancy 2", 6, 300);
}

#[test]
#[ignore = "100,000 operations: make soak"]
fn soak_fsx_passes_on_distribute() {
    passes("", 2, MANY);
}

#[test]
#[ignore = "100,000 operations: make soak"]
fn soak_fsx_passes_on_replica_3() {
    passes("replica 3", 3, MANY);
}

#[test]
#[ignore = "100,000 operations: make soak"]
fn soak_fsx_passes_on_an_arbiter_volume() {
    passes("replica 3 arbiter 1", 3, MANY);
}

#[test]
#[ignore = "100,000 operations: make soak"]
fn soak_fsx_passes_on_disperse() {
    passes("disperse 6 redundancy 2", 6, MANY);
}
