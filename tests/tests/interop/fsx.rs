//! fsx: one file is written, read, mapped, cut and reopened at random, and each read compared with what must be there.

use std::path::Path;
use std::process::Command;
use std::time::Duration;
use tests::cluster::Cluster;
use tests::process::{Answer, run};
use tests::stack::Stack;
use tests::tool::tool;

/// What the long runs do.
const MANY: u32 = 100_000;

/// The seed of every run, so that a failure comes again.
const SEED: &str = "42";

/// A file of several blocks of 4 MiB, and all that may be done to a range of it.
const BLOCKS: &str = "flen = 13631488
[opsize]
max = 300000
[weights]
close_open = 1
invalidate = 1
fsync = 1
fdatasync = 1
posix_fallocate = 1
punch_hole = 1
copy_file_range = 1
";

/// Runs it as `settings` say on a file of its own; `None` where there is no fsx.
fn fsx(mount: &Path, operations: u32, settings: &str) -> Option<Answer> {
    let program = tool("fsx")?;
    let scratch = tempfile::tempdir().expect("the temporary folder takes a folder");
    let config = scratch.path().join("fsx.toml");
    std::fs::write(&config, settings).expect("the folder takes a file");
    let mut command = Command::new(program);
    command
        .arg("-f")
        .arg(config)
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
    let answer = fsx(&mount, operations, "").expect("it is there");
    assert_eq!(answer.code, 0, "{}", answer.said());
}

/// The same on a mount of our own client, with each of these options.
fn passes_on_our_client(options: &[&str], operations: u32, settings: &str) {
    let ours = Stack::server();
    if tool("fsx").is_none() || ours.is_system() {
        return;
    }
    let Some(cluster) = Cluster::with_volume() else { return };
    for option in options {
        cluster.gluster(&format!("volume set v {option}")).ok();
    }
    cluster.wait_bricks_online("v", 2);
    let mount = cluster.mount_by(&ours, "v", "m");
    let answer = fsx(&mount, operations, settings).expect("it is there");
    assert_eq!(answer.code, 0, "{}", answer.said());
}

/// The translators of a client that are on by default.
const PERFORMANCE: [&str; 5] = [
    "performance.write-behind off",
    "performance.open-behind off",
    "performance.quick-read off",
    "performance.stat-prefetch off",
    "performance.client-io-threads off",
];

#[test]
fn fsx_passes_on_our_own_client() {
    passes_on_our_client(&[], 5_000, "");
}

/// Those that are off by default.
const AHEAD: [&str; 3] =
    ["performance.read-ahead on", "performance.readdir-ahead on", "performance.io-cache on"];

#[test]
fn fsx_passes_on_our_own_client_with_every_cache() {
    passes_on_our_client(&AHEAD, 5_000, "");
}

#[test]
fn fsx_passes_on_our_own_client_without_caches() {
    passes_on_our_client(&PERFORMANCE, 2_000, "");
}

#[test]
fn fsx_passes_on_our_own_client_when_files_lie_in_blocks() {
    passes_on_our_client(&["features.shard on", "features.shard-block-size 4MB"], 2_000, BLOCKS);
}

#[test]
#[ignore = "200,000 operations: make soak"]
fn soak_fsx_passes_on_our_own_client() {
    passes_on_our_client(&[], 2 * MANY, "");
}

#[test]
#[ignore = "200,000 operations: make soak"]
fn soak_fsx_passes_on_our_own_client_with_every_cache() {
    passes_on_our_client(&AHEAD, 2 * MANY, "");
}

#[test]
#[ignore = "200,000 operations: make soak"]
fn soak_fsx_passes_on_our_own_client_without_caches() {
    passes_on_our_client(&PERFORMANCE, 2 * MANY, "");
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
