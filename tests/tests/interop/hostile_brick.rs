//! A brick that answers nonsense: a client of ours goes on, does not grow, and is right again when the brick is.

use std::fs;
use std::path::Path;

use tests::cluster::Cluster;
use tests::meddler::{MISCHIEVOUS, Meddler, Mischief};
use tests::stack::Stack;
use tests::wait::{wait_for, wait_result};

/// Where the one in between listens.
const PORT: u16 = 45_200;
/// How much a client may grow over it.
const SLACK_KIB: u64 = 96 << 10;
/// Files of the tree.
const FILES: usize = 40;

/// The graph of a client with the translators that make something of what bricks answer.
fn volfile(brick: &Path) -> String {
    let mut text = format!(
        "volume brick\n type protocol/client\n option remote-host 127.0.0.1\n option remote-port {PORT}\n \
         option remote-subvolume {}\n option transport-type tcp\n option transport.address-family inet\n \
         option frame-timeout 10\nend-volume\n",
        brick.display()
    );
    let mut below = "brick";
    for kind in
        ["cluster/distribute", "performance/write-behind", "performance/quick-read", "performance/md-cache"]
    {
        let name = kind.rsplit('/').next().unwrap_or(kind);
        text.push_str(&format!("volume {name}\n type {kind}\n subvolumes {below}\nend-volume\n"));
        below = name;
    }
    text
}

/// Everything that one does with a tree; what fails, fails, and nothing takes for ever.
fn work(cluster: &Cluster) {
    let steps: [&[&str]; 7] = [
        &["ls", "-lR", "/srv/m"],
        &["cp", "-r", "/srv/m/d", "/srv/m/copy"],
        &["tar", "-cf", "/dev/null", "/srv/m/d"],
        &["mv", "/srv/m/d/f1", "/srv/m/d/g1"],
        &["mv", "/srv/m/d/g1", "/srv/m/d/f1"],
        &["setfattr", "-n", "user.k", "-v", "v", "/srv/m/d/f2"],
        &["rm", "-rf", "/srv/m/copy"],
    ];
    for step in steps {
        cluster.run("timeout", [&["-s", "KILL", "2"], step].concat());
    }
}

#[test]
fn a_brick_that_answers_nonsense_neither_ends_nor_fills_a_client() {
    let ours = Stack::server();
    if ours.is_system() {
        eprintln!("SKIPPED: the incumbent's server is under test");
        return;
    }
    let Some(cluster) = Cluster::up() else { return };
    cluster.gluster(&format!("volume create v {} force", cluster.brick_name("v", 1))).ok();
    cluster.gluster("volume start v").ok();
    let brick = cluster.wait_bricks_online("v", 1).remove(0);
    let port = brick.option("--brick-port").expect("bricks are told").parse().expect("a number");
    let meddler = Meddler::start(&cluster, PORT, port);
    fs::write(cluster.view("/srv/client.vol"), volfile(&cluster.brick("v", 1))).expect("scratch");
    let m = cluster.view("/srv/m");
    fs::create_dir(&m).expect("scratch");
    let words = ["-f", "/srv/client.vol", "-l", "/srv/client.log", "/srv/m"];
    cluster.run(ours.program("glusterfs"), words).ok();
    wait_result("the mount", || fs::create_dir(m.join("d")));
    let content = |n: usize| vec![u8::try_from(n).expect("few"); n * 300];
    for n in 0..FILES {
        fs::write(m.join(format!("d/f{n}")), content(n)).expect("a file");
    }
    let mounts =
        |process: &tests::process::Process| process.argv.iter().any(|word| word == "/srv/client.vol");
    let client = wait_for("the client", || cluster.processes().into_iter().find(mounts));
    client.forget_peak();
    let before = client.peak_kib();
    for mischief in MISCHIEVOUS {
        let met = meddler.met();
        meddler.set(mischief);
        work(&cluster);
        assert!(client.is_alive(), "{mischief:?} has ended the client");
        assert!(meddler.met() > met, "{mischief:?} was not met");
    }
    let grown = client.peak_kib().saturating_sub(before);
    assert!(grown < SLACK_KIB, "it grew by {grown} KiB");
    meddler.set(Mischief::None);
    // Nothing that a brick had said in between is kept for long.
    for n in 3..FILES {
        let path = m.join(format!("d/f{n}"));
        wait_result("the files", || match fs::read(&path) {
            Ok(found) if found == content(n) => Ok(()),
            other => Err(format!("{}: {:?}", path.display(), other.map(|found| found.len()))),
        });
    }
}
