//! How the daemon starts, and how it says that it did not.

use rustix::process::Signal;
use std::fs;
use tests::cluster::{Cluster, STATE};
use tests::wait::wait_until;

#[test]
fn the_call_returns_when_the_daemon_listens() {
    let Some(cluster) = Cluster::new() else { return };
    cluster.glusterd(&["-p", "/run/own.pid"]).ok();
    assert!(cluster.tcp(24007).is_ok(), "port 24007");
    assert!(cluster.unix("/run/glusterd.socket").is_ok(), "the CLI's socket");
    let pid = fs::read_to_string(cluster.view("/run/own.pid")).expect("a pidfile");
    assert_eq!(pid, format!("{}\n", cluster.daemon().inner));
}

#[test]
fn a_second_daemon_on_the_same_folder_is_refused() {
    let Some(cluster) = Cluster::up() else { return };
    let first = cluster.daemon();
    assert_ne!(cluster.glusterd(&[]).code, 0);
    assert_eq!(cluster.daemon(), first, "the first one goes on, alone");
    assert_eq!(cluster.gluster("peer status").ok(), "Number of Peers: 0\n");
}

#[test]
fn a_new_node_gets_a_uuid_once() {
    let Some(cluster) = Cluster::up() else { return };
    let uuid = || fs::read_to_string(cluster.view(STATE).join("glusterd.info")).expect("its own file");
    let answer = cluster.gluster("system:: uuid get").ok();
    let own = answer.trim().strip_prefix("UUID: ").expect("the answer names it").to_owned();
    assert_eq!(uuid(), format!("UUID={own}\noperating-version=100000\n"));
    cluster.end_all("glusterd", Signal::TERM);
    cluster.start_daemon();
    assert_eq!(cluster.gluster("system:: uuid get").ok(), answer);
}

#[test]
fn an_unknown_option_is_refused_and_named() {
    let Some(cluster) = Cluster::new() else { return };
    let answer = cluster.glusterd(&["--no-such-option"]);
    assert_eq!(answer.code, 64);
    assert!(answer.err.contains("--no-such-option"), "{answer:?}");
    no_daemon(&cluster);
}

/// A child that gives up may need a moment longer than its parent.
fn no_daemon(cluster: &Cluster) {
    wait_until("the end of the one that gave up", || {
        cluster.processes().iter().all(|p| p.name() != "glusterd")
    });
}

/// Starts the daemon on a volfile with this text: it must refuse, and leave nothing behind.
fn refused(cluster: &Cluster, text: &str) {
    fs::write(cluster.view("/srv/bad.vol"), text).expect("scratch");
    let answer = cluster.glusterd(&["-f", "/srv/bad.vol", "-p", "/run/bad.pid"]);
    assert_ne!(answer.code, 0, "{text}");
    no_daemon(cluster);
    assert!(cluster.tcp(24007).is_err(), "{text}");
}

#[test]
fn a_volfile_that_is_not_one_is_refused() {
    let Some(cluster) = Cluster::new() else { return };
    let good =
        "volume m\n    type mgmt/glusterd\n    option working-directory /var/lib/glusterd\nend-volume\n";
    let cases = [
        String::new(),
        "volume m\n".to_owned(),
        good.replace("end-volume\n", ""),
        good.replace("    type mgmt/glusterd\n", ""),
        good.replace("mgmt/glusterd", "mgmt/no-such"),
        good.replace("working-directory /var/lib/glusterd", "working-directory"),
        good.replace("end-volume", "    subvolumes nobody\nend-volume"),
        good.replace("end-volume", "    subvolumes m\nend-volume"),
        format!("{good}{good}"),
        "\u{0}\u{1}\u{2}".to_owned(),
        "volume ".repeat(10_000),
    ];
    for text in &cases {
        refused(&cluster, text);
    }
}

#[test]
fn a_volfile_that_is_not_there_is_refused() {
    let Some(cluster) = Cluster::new() else { return };
    assert_ne!(cluster.glusterd(&["-f", "/srv/none.vol"]).code, 0);
    no_daemon(&cluster);
}

#[test]
fn the_cli_says_that_no_daemon_runs() {
    let Some(cluster) = Cluster::new() else { return };
    let answer = cluster.gluster("peer status");
    assert_eq!(answer.code, 1);
    assert!(answer.said().contains("Connection failed"), "{answer:?}");
}
