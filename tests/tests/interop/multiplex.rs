//! Several bricks in one process: they come, serve and go one by one.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use tests::cluster::{Cluster, STATE};
use tests::sandbox::HOST;
use tests::wait::wait_until;

use crate::small_programs::socket_and_pid_file;

/// The daemon with volumes `a` and `b` of two bricks each, all in one process.
fn shared() -> Option<Cluster> {
    let cluster = Cluster::up()?;
    cluster.gluster("volume set all cluster.brick-multiplex on").ok();
    for volume in ["a", "b"] {
        cluster.create(volume);
        cluster.gluster(&format!("volume start {volume}")).ok();
        cluster.wait_bricks_online(volume, 2);
    }
    Some(cluster)
}

/// What the pid files of a volume's bricks hold, by brick.
fn pids(cluster: &Cluster, volume: &str) -> Vec<String> {
    let file = |n| cluster.view(format!("/run/gluster/vols/{volume}/{HOST}-srv-{volume}-{n}.pid"));
    let read = |n| fs::read_to_string(file(n)).unwrap_or_default().trim().to_owned();
    [1, 2].map(read).into_iter().filter(|pid| !pid.is_empty()).collect()
}

fn fill(folder: &Path, count: usize) {
    for number in 0..count {
        fs::write(folder.join(format!("f{number}")), number.to_string()).expect("a file can be written");
    }
}

fn is_whole(folder: &Path, count: usize) -> bool {
    (0..count).all(|number| {
        fs::read_to_string(folder.join(format!("f{number}"))).is_ok_and(|text| text == number.to_string())
    })
}

#[test]
fn a_volume_is_stopped_and_started_while_another_in_its_process_is_under_load() {
    let Some(cluster) = shared() else { return };
    assert_eq!(cluster.bricks().len(), 1, "one process for four bricks");
    let (a, b) = (pids(&cluster, "a"), pids(&cluster, "b"));
    assert_eq!([a.clone(), b.clone()].concat().into_iter().collect::<BTreeSet<_>>().len(), 1, "{a:?} {b:?}");
    let (ma, mb) = (cluster.mount("a", "ma"), cluster.mount("b", "mb"));
    fill(&ma, 20);
    let (stop, mut written) = (AtomicBool::new(false), 0);
    std::thread::scope(|scope| {
        let load = scope.spawn(|| {
            let mut number = 0;
            while !stop.load(Ordering::SeqCst) {
                fs::write(mb.join(format!("f{number}")), number.to_string()).expect("it serves on");
                number += 1;
            }
            number
        });
        cluster.gluster("volume stop a").ok();
        assert!(pids(&cluster, "a").is_empty(), "their pid files are gone");
        cluster.gluster("volume start a").ok();
        cluster.wait_bricks_online("a", 2);
        stop.store(true, Ordering::SeqCst);
        written = load.join().expect("every write is acknowledged");
    });
    assert!(written > 0 && is_whole(&mb, written), "{written} files of the other volume");
    assert_eq!((pids(&cluster, "a"), cluster.bricks().len()), (a, 1), "the same process takes them again");
    wait_until("the first volume's files", || is_whole(&ma, 20));
}

#[test]
fn one_brick_is_detached_and_the_others_of_its_process_serve() {
    let Some(cluster) = shared() else { return };
    let (ma, mb) = (cluster.mount("a", "ma"), cluster.mount("b", "mb"));
    fill(&ma, 20);
    fill(&mb, 20);
    let process = cluster.bricks().remove(0);
    let (socket, _) = socket_and_pid_file(&process);
    // The brick that the process was started for.
    let answer = cluster.run(cluster.program("gf_attach"), ["-d", &socket, "/srv/a-1"]);
    assert_eq!((answer.code, answer.out.as_str()), (0, "OK\n"), "{answer:?}");
    cluster.wait_bricks_online("a", 1);
    assert!(process.is_alive() && is_whole(&mb, 20));
    assert_eq!(pids(&cluster, "a").len(), 1);
    cluster.gluster("volume start a force").ok();
    cluster.wait_bricks_online("a", 2);
    assert_eq!(cluster.bricks().len(), 1, "it went back to its process");
    wait_until("its files", || is_whole(&ma, 20));
}

#[test]
fn a_brick_that_cannot_start_leaves_the_others_of_its_process_alone() {
    let Some(cluster) = shared() else { return };
    let mb = cluster.mount("b", "mb");
    fill(&mb, 10);
    let process = cluster.bricks().remove(0);
    let (socket, _) = socket_and_pid_file(&process);
    let volfiles = cluster.view(STATE).join("vols/a");
    let name = format!("a.{HOST}.srv-a-1.vol");
    let sound = fs::read_to_string(volfiles.join(&name)).expect("a brick's volfile");
    let attach = |text: &str| {
        fs::write(cluster.view("/srv/other.vol"), text).expect("scratch");
        let answer = cluster.run(cluster.program("gf_attach"), [&socket, "/srv/other.vol"]);
        (answer.code, answer.said())
    };
    fs::create_dir(cluster.view("/srv/strange")).expect("a folder");
    let elsewhere = sound.replace("/srv/a-1", "/srv/strange");
    let refused = attach(&elsewhere);
    assert!(refused.0 == 1 && refused.1.contains("is not part of a volume"), "{refused:?}");
    assert_eq!(attach("").0, 1);
    assert_eq!(attach(&elsewhere.replace("storage/posix", "storage/none")).0, 1);
    assert_eq!(attach(&sound).0, 0, "it is there already");
    assert!(process.is_alive() && is_whole(&mb, 10));
    cluster.wait_bricks_online("a", 2);
}

#[test]
fn volumes_with_other_options_and_bricks_beyond_the_limit_get_processes_of_their_own() {
    let Some(cluster) = shared() else { return };
    cluster.create("c");
    cluster.gluster("volume set c performance.io-thread-count 8").ok();
    cluster.gluster("volume start c").ok();
    cluster.wait_bricks_online("c", 2);
    assert_eq!(cluster.bricks().len(), 2, "one for a and b, one for c");
    cluster.gluster("volume set all cluster.max-bricks-per-process 4").ok();
    cluster.create("d");
    cluster.gluster("volume start d").ok();
    cluster.wait_bricks_online("d", 2);
    assert_eq!(cluster.bricks().len(), 3, "the process of a and b is full");
    let refused = cluster.gluster("volume set all cluster.max-bricks-per-process 1");
    assert!(refused.said().contains("Please set this option to a value other than 1"), "{refused:?}");
}

#[test]
fn a_daemon_that_comes_back_finds_shared_bricks_and_attaches_those_that_are_missing() {
    let Some(cluster) = shared() else { return };
    let before = (pids(&cluster, "a"), pids(&cluster, "b"));
    let process = cluster.bricks().remove(0);
    let (socket, _) = socket_and_pid_file(&process);
    cluster.end_all("glusterd", rustix::process::Signal::TERM);
    assert_eq!(cluster.run(cluster.program("gf_attach"), ["-d", &socket, "/srv/b-2"]).code, 0);
    cluster.start_daemon();
    cluster.wait_bricks_online("a", 2);
    cluster.wait_bricks_online("b", 2);
    assert_eq!((pids(&cluster, "a"), pids(&cluster, "b")), before);
    assert_eq!(cluster.bricks().len(), 1);
    cluster.gluster("volume stop a").ok();
    cluster.gluster("volume stop b").ok();
    wait_until("the process's end with its last brick", || !process.is_alive());
}
