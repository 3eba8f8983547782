//! `.meta` below our client's mount: what scripts read there about the process and its graph.

use std::fs;
use std::path::Path;

use rustix::process::Signal;
use tests::cluster::Cluster;
use tests::process::Process;
use tests::stack::Stack;
use tests::wait::{wait_result, wait_until};

fn text(path: &Path) -> String {
    fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// Reads all there is below a folder; how many files that were.
fn read_all(folder: &Path) -> usize {
    let mut files = 0;
    for entry in fs::read_dir(folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display())) {
        let entry = entry.expect("an entry");
        let kind = entry.file_type().expect("a type");
        if kind.is_dir() {
            files += read_all(&entry.path());
        } else if kind.is_file() {
            text(&entry.path());
            files += 1;
        } else if !entry.file_name().to_string_lossy().starts_with("logfile") {
            // It leads somewhere.
            fs::metadata(entry.path()).unwrap_or_else(|error| panic!("{}: {error}", entry.path().display()));
        }
    }
    files
}

#[test]
fn a_mount_shows_its_graph_and_whether_bricks_are_connected() {
    let ours = Stack::server();
    if ours.is_system() {
        eprintln!("SKIPPED: the incumbent's programs are under test");
        return;
    }
    let Some(cluster) = Cluster::up() else { return };
    cluster.create("v");
    cluster.gluster("volume start v").ok();
    cluster.wait_bricks_online("v", 2);
    let mount = cluster.mount_by(&ours, "v", "own");
    wait_result("the volume", || fs::write(mount.join("file"), "x"));
    let meta = mount.join(".meta");
    let active = meta.join("graphs/active");
    let connected = |number| {
        let state = text(&active.join(format!("v-client-{number}/private")));
        let line = state.lines().find(|line| line.contains("connected")).expect("it says whether").to_owned();
        line.split_whitespace().nth(2).expect("a value").to_owned()
    };
    assert_eq!((connected(0), connected(1)), ("1".to_owned(), "1".to_owned()));
    assert_eq!(text(&active.join("v-dht/subvolumes/1/name")), "v-client-1\n");
    assert_eq!(text(&active.join("v-client-0/type")), "protocol/client\n");
    assert!(text(&active.join("volfile")).contains("type cluster/distribute"));
    assert_eq!(text(&meta.join("root/type")), "mount/fuse\n");
    assert!(read_all(&meta) > 50, "each volume has some");
    let names: Vec<_> = fs::read_dir(&mount).expect("a listing").flatten().map(|e| e.file_name()).collect();
    assert_eq!(names, ["file"], "no listing has it");
    fs::write(meta.join("logging/loglevel"), "9\n").expect("it is written");
    assert_eq!(text(&meta.join("logging/loglevel")), "9\n");
    let refused = fs::write(meta.join("logging/loglevel"), "11").expect_err("there is no such level");
    assert_eq!(refused.raw_os_error(), Some(22));
    let refused = fs::create_dir(meta.join("x")).expect_err("nothing is made there");
    assert_eq!(refused.raw_os_error(), Some(1));
    let of_first = |brick: &Process| brick.argv.iter().any(|word| word.ends_with("v-1"));
    cluster.bricks().into_iter().find(of_first).expect("the first brick runs").signal(Signal::KILL);
    wait_until("the loss", || connected(0) == "0");
    assert_eq!(connected(1), "1");
    cluster.unmount("own");
}
