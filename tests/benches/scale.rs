//! The daemon with many volumes, ours beside the incumbent's in one run: `cargo bench -p tests --bench scale [-- VOLUMES...]`,
//! 1, 100 and 1,000 without numbers. Needs root and Debian's glusterfs-server; `MORTAR_STACK_SERVER` names another stack than
//! `target/stage/sbin`.
//!
//! Ours defines the volumes, of three bricks each and stopped; the incumbent's daemon then takes over a copy of the state
//! folder, as an operator who goes back would have it do. One more volume is started on each. Both are asked by the
//! incumbent's CLI, whose own start is part of every figure but the volfiles a second.

use std::path::Path;
use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::Signal;
use tests::cluster::{Cluster, STATE};
use tests::rpc::{HANDSHAKE, Reply, Xdr, call, receive, record, send};
use tests::stack::Stack;
use tests::wait::wait_until;

const SIZES: [usize; 3] = [1, 100, 1000];
const STARTS: usize = 3;
const COMMANDS: usize = 9;
/// Clients that ask for volfiles at once, and how long they do.
const CLIENTS: usize = 64;
const ASKING: Duration = Duration::from_secs(3);
/// GETSPEC.
const GETSPEC: u32 = 2;
/// The volume that is started; its name comes last, so that nobody finds it first.
const STARTED: &str = "zz";

/// A figure: what it is, its unit, and whether more of it is better.
const FIGURES: [(&str, bool); 7] = [
    ("start to the first answer, ms", false),
    ("volume info all, ms", false),
    ("volume list, ms", false),
    ("volume set, ms", false),
    ("volume status of one, ms", false),
    ("memory of the daemon, KiB", false),
    ("volfiles a second", true),
];

fn main() {
    let asked: Vec<usize> = std::env::args().skip(1).filter_map(|word| word.parse().ok()).collect();
    let sizes = if asked.is_empty() { SIZES.to_vec() } else { asked };
    println!("{:<8}{:<34}{:>12}{:>12}{:>8}", "volumes", "", "theirs", "ours", "ratio");
    for size in sizes {
        let Some((theirs, ours)) = both(size) else {
            println!("not root: no sandbox can be made, nothing was measured");
            return;
        };
        for ((figure, more_is_better), (theirs, ours)) in FIGURES.iter().zip(theirs.iter().zip(ours)) {
            let ratio = if *more_is_better { ours / theirs } else { theirs / ours };
            println!("{size:<8}{figure:<34}{theirs:>12.0}{ours:>12.0}{ratio:>8.1}");
        }
    }
}

/// The figures of both stacks with so many volumes.
fn both(size: usize) -> Option<([f64; 7], [f64; 7])> {
    let ours = Cluster::of(Stack::server(), Stack::system())?;
    ours.start_daemon();
    for number in 0..size {
        define(&ours, &format!("v{number:04}"));
    }
    define(&ours, STARTED);
    ours.end_all("glusterd", Signal::TERM);
    let theirs = Cluster::of(Stack::system(), Stack::system())?;
    copy(&ours.view(STATE), &theirs.view(STATE));
    copy(&ours.view("/srv"), &theirs.view("/srv"));
    Some((figures(&theirs), figures(&ours)))
}

/// Defines a volume of three bricks.
fn define(cluster: &Cluster, name: &str) {
    let bricks = [1, 2, 3].map(|number| cluster.brick_name(name, number)).join(" ");
    cluster.gluster(&format!("volume create {name} {bricks} force")).ok();
}

/// Copies all below a folder, extended attributes too.
fn copy(from: &Path, to: &Path) {
    let copied = Command::new("cp").arg("-a").arg(from.join(".")).arg(to).status();
    assert!(copied.expect("cp(1) is on every Linux").success());
}

fn figures(cluster: &Cluster) -> [f64; 7] {
    start(cluster);
    cluster.gluster(&format!("volume start {STARTED}")).ok();
    cluster.wait_bricks_online(STARTED, 3);
    let starts = median((0..STARTS).map(|_| {
        cluster.end_all("glusterd", Signal::TERM);
        start(cluster)
    }));
    let each = |command: &str| median((0..COMMANDS).map(|_| timed(|| drop(cluster.gluster(command).ok()))));
    let (info, list) = (each("volume info all"), each("volume list"));
    let set = median((0..COMMANDS).map(|at| {
        let value = if at % 2 == 0 { "off" } else { "on" };
        timed(|| drop(cluster.gluster(&format!("volume set {STARTED} performance.io-cache {value}")).ok()))
    }));
    let status = each(&format!("volume status {STARTED}"));
    let memory = cluster.daemon().resident_kib() as f64;
    [starts, info, list, set, status, memory, volfiles(cluster)]
}

/// Starts the daemon; milliseconds from exec until it has answered. Several minutes are not too long here.
fn start(cluster: &Cluster) -> f64 {
    timed(|| {
        cluster.glusterd(&["-p", "/run/glusterd.pid"]).ok();
        let end = Instant::now() + Duration::from_secs(900);
        wait_until("the daemon's answer", || {
            while Instant::now() < end {
                if cluster.gluster("volume list").code == 0 {
                    return true;
                }
            }
            false
        });
    })
}

/// How many volfiles a second so many clients get.
fn volfiles(cluster: &Cluster) -> f64 {
    let request = Xdr::default().word(0).opaque(&[STARTED.as_bytes(), &[0]].concat()).opaque(&[]).0;
    let counts: Vec<_> = thread::scope(|scope| {
        let ask = || {
            let mut stream = cluster.tcp(24007).expect("the daemon listens");
            let end = Instant::now() + ASKING;
            let mut count = 0_u32;
            while Instant::now() < end {
                send(&mut stream, &record(&call(count, HANDSHAKE, GETSPEC, &request)));
                let reply = receive(&mut stream, ASKING);
                assert!(
                    matches!(&reply, Reply::Message(spec) if spec.len() > 1000),
                    "a volfile was expected"
                );
                count += 1;
            }
            count
        };
        let clients: Vec<_> = (0..CLIENTS).map(|_| scope.spawn(ask)).collect();
        clients.into_iter().map(|client| client.join().expect("it does not panic")).collect()
    });
    f64::from(counts.iter().sum::<u32>()) / ASKING.as_secs_f64()
}

fn timed(work: impl FnOnce()) -> f64 {
    let start = Instant::now();
    work();
    start.elapsed().as_secs_f64() * 1e3
}

fn median(values: impl Iterator<Item = f64>) -> f64 {
    let mut sorted: Vec<f64> = values.collect();
    sorted.sort_by(f64::total_cmp);
    sorted[sorted.len() / 2]
}
