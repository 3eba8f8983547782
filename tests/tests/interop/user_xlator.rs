//! A translator from an empty folder to serving a volume under the incumbent's CLI and client: set, reached, raised, reset.

use std::fs::OpenOptions;
use std::io::{ErrorKind, Write};
use std::path::Path;
use tests::cluster::Cluster;
use tests::newcomer::Newcomer;
use tests::wait::wait_until;

/// A started volume `v` of one brick, and a folder of plugins that is empty yet.
fn cluster() -> Option<Cluster> {
    let cluster = Cluster::with_plugins(|_| {})?;
    cluster.gluster("volume start v").ok();
    Some(cluster)
}

/// Appends a quarter of a megabyte and waits until it is on the brick.
fn append(file: &Path) -> std::io::Result<()> {
    let mut file = OpenOptions::new().create(true).append(true).open(file)?;
    file.write_all(&[7; 256 << 10])?;
    file.sync_all()
}

fn is_refused(file: &Path) -> bool {
    append(file).is_err_and(|error| error.kind() == ErrorKind::QuotaExceeded)
}

#[track_caller]
fn refused(cluster: &Cluster, words: &str) -> String {
    let answer = cluster.gluster(words);
    assert_ne!(answer.code, 0, "{answer:?}");
    answer.said()
}

/// From the built library to the volume that it serves, and back.
fn serve(cluster: &Cluster, newcomer: &mut Newcomer, profile: &str) {
    let mount = newcomer.step("mount -t glusterfs box:v /mnt", || cluster.mount("v", "m"));
    let file = mount.join("f");
    append(&file).expect("nobody counts yet");
    let missing = refused(cluster, "volume set v user.xlator.write-cap io-threads");
    assert!(missing.contains("no translator called write-cap is installed on this node"), "{missing}");
    newcomer.install(profile, &cluster.plugins());

    let nowhere = refused(cluster, "volume set v user.xlator.write-cap server");
    assert!(nowhere.contains("`server` is no place: features/write-cap may stand over posix, "), "{nowhere}");
    let place = "volume set v user.xlator.write-cap io-threads";
    let said = newcomer.step(&format!("gluster {place}"), || cluster.gluster(place)).ok();
    assert!(
        said.contains("user.xlator.write-cap translator has been added to the server volume file"),
        "{said}"
    );
    let wrong = refused(cluster, "volume set v user.xlator.write-cap.limit plenty");
    assert!(wrong.contains("`plenty` was given, expected a size such as 128KB or 1GB"), "{wrong}");
    let limit = "volume set v user.xlator.write-cap.limit 1MB";
    newcomer.step(&format!("gluster {limit}"), || cluster.gluster(limit)).ok();
    let info = cluster.gluster("volume info v").ok();
    assert!(info.contains("\nuser.xlator.write-cap: io-threads\n"), "{info}");
    assert!(info.contains("\nuser.xlator.write-cap.limit: 1MB\n"), "{info}");
    let help = cluster.gluster("volume set help").ok();
    assert!(help.contains("Option: user.xlator.write-cap.limit\nDefault Value: 1GB\n"), "{help}");

    newcomer.step("the limit is reached under the mount that was there before", || {
        wait_until("the limit", || is_refused(&file));
    });
    let raise = "volume set v user.xlator.write-cap.limit 1GB";
    newcomer.step(&format!("gluster {raise}, and it goes on"), || {
        cluster.gluster(raise).ok();
        wait_until("the raised limit", || append(&file).is_ok());
    });
    cluster.gluster(limit).ok();
    wait_until("the limit again", || is_refused(&file));

    let reset = "volume reset v user.xlator.write-cap";
    newcomer.step(&format!("gluster {reset}, and nobody counts"), || {
        cluster.gluster(reset).ok();
        wait_until("the end of the limit", || append(&file).is_ok());
    });
    let info = cluster.gluster("volume info v").ok();
    assert!(!info.contains("user.xlator"), "{info}");
}

#[test]
fn a_new_translator_serves_a_volume_and_leaves_it_again() {
    let Some(cluster) = cluster() else { return };
    let mut newcomer = Newcomer::begin();
    newcomer.cargo(&["build"]).ok();
    serve(&cluster, &mut newcomer, "debug");
}

/// The newcomer's log: `cargo nextest run -p tests --run-ignored only --no-capture -E 'test(newcomers_log)'`.
#[test]
#[ignore = "builds everything that a translator depends on, twice: a soak test"]
fn the_newcomers_log_from_an_empty_folder() {
    let Some(cluster) = cluster() else { return };
    let mut newcomer = Newcomer::begin_cold();
    newcomer.cargo(&["test"]).ok();
    newcomer.cargo(&["build", "--release"]).ok();
    serve(&cluster, &mut newcomer, "release");
    println!("{}", newcomer.log());
}
