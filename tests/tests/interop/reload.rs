//! New builds of a translator dropped in place under the incumbent's client, while it writes, reads and holds locks.

use std::fs::{self, File, OpenOptions};
use std::io::{BufRead, BufReader, Write};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use rustix::fs::{Advice, FlockOperation, fadvise, fcntl_lock, getxattr};
use tests::builds::{drop_in, install};
use tests::built::file;
use tests::cluster::Cluster;
use tests::process::{Answer, Process, run};
use tests::sandbox::LIMIT;
use tests::wait::wait_until;

/// What a record of the writer is long.
const RECORD: usize = 1000;

/// What the reader reads again and again.
const BLOCK: usize = 64 << 10;

/// How much more a brick may hold after the rounds than before. Each instance weighs a MiB.
const GROWTH_KIB: u64 = 8 << 10;

/// A started volume `v` of one brick that `bench/marked` stands in, and two mounts of it.
struct Bench {
    cluster: Cluster,
    plugins: PathBuf,
    mount: PathBuf,
    other: PathBuf,
    brick: Process,
}

/// `None` where there is nothing to test; it is said why.
fn bench() -> Option<Bench> {
    let cluster = Cluster::with_plugins(|folder| install(folder, 0))?;
    let plugins = cluster.plugins();
    cluster.gluster("volume set v user.xlator.marked io-threads").ok();
    // What clients read comes from the brick.
    for cache in ["quick-read", "io-cache", "read-ahead"] {
        cluster.gluster(&format!("volume set v performance.{cache} off")).ok();
    }
    cluster.gluster("volume start v").ok();
    let brick = cluster.wait_bricks_online("v", 1).remove(0);
    let (mount, other) = (cluster.mount("v", "m"), cluster.mount("v", "other"));
    Some(Bench { cluster, plugins, mount, other, brick })
}

impl Bench {
    fn reload(&self) -> Answer {
        self.cluster.run(self.cluster.program("mortar"), ["reload", "v"])
    }

    /// Which build answers a client.
    fn mark(&self) -> u32 {
        let mut mark = [0; 16];
        let length = getxattr(&self.mount, "user.mark", &mut mark).expect("it answers by itself");
        str::from_utf8(&mark[..length]).expect("digits").parse().expect("digits")
    }

    /// Puts a build in place and reloads: it says so, and the build serves.
    #[track_caller]
    fn take(&self, mark: u32) {
        let before = self.mark();
        install(&self.plugins, mark);
        let said = self.reload().ok();
        let line = said.lines().find(|line| line.contains("plugin bench/marked, volume v-marked: build "));
        let line = line.unwrap_or_else(|| panic!("the build is not told of: {said}"));
        let (from, to) = line.rsplit_once(" -> ").expect("from one to the other");
        assert!(to.contains(&format!("{mark:08x}")) && to.ends_with(" ms"), "{line}");
        assert!(before == 0 || from.contains(&format!("{before:08x}")), "{line}");
        assert_eq!(self.mark(), mark);
    }

    /// Whether a process of its own is refused the lock.
    fn is_locked(&self, path: &Path) -> bool {
        let answer = run(Command::new(file("lock-waiter")).arg(path).arg("--try"), LIMIT);
        assert!(answer.code <= 1 && answer.err.is_empty(), "{answer:?}");
        answer.code == 1
    }
}

/// A process that waits for a lock.
struct Waiter(Child);

impl Waiter {
    fn start(path: &Path) -> Waiter {
        let mut command = Command::new(file("lock-waiter"));
        let command = command.arg(path).stdin(Stdio::piped()).stdout(Stdio::piped());
        Waiter(command.spawn().expect("it was built"))
    }

    /// Waits until it says that it has the lock; a test that waits too long is ended from outside.
    fn locked(mut self) {
        let mut line = String::new();
        let out = self.0.stdout.take().expect("it was asked for");
        BufReader::new(out).read_line(&mut line).expect("a pipe");
        assert_eq!(line, "locked\n");
        drop(self.0.stdin.take());
        assert!(self.0.wait().expect("our own child").success());
    }

    fn waits(&mut self) -> bool {
        self.0.try_wait().expect("our own child").is_none()
    }
}

fn record(number: u64) -> [u8; RECORD] {
    let mut record = [b'.'; RECORD];
    record[..20].copy_from_slice(format!("{number:019}\n").as_bytes());
    record
}

/// Appends records and waits for each to be on the disk; counts those that were acknowledged.
fn write_on(path: &Path, stop: &AtomicBool, acknowledged: &AtomicU64) {
    let mut file = OpenOptions::new().append(true).create_new(true).open(path).expect("it opens");
    while !stop.load(Ordering::Relaxed) {
        let number = acknowledged.load(Ordering::Relaxed);
        file.write_all(&record(number)).expect("nobody notices");
        file.sync_data().expect("nobody notices");
        acknowledged.fetch_add(1, Ordering::Relaxed);
    }
}

/// Reads a file that is open all the time, and by its name; the kernel is told to keep nothing of it.
fn read_on(path: &Path, stop: &AtomicBool, reads: &AtomicU64) {
    let held = File::open(path).expect("it opens");
    let mut found = vec![0; BLOCK];
    while !stop.load(Ordering::Relaxed) {
        fadvise(&held, 0, None, Advice::DontNeed).expect("a hint");
        held.read_exact_at(&mut found, 0).expect("nobody notices");
        assert!(found.iter().all(|&byte| byte == 7), "what is read was written");
        assert_eq!(fs::metadata(path).expect("nobody notices").len(), BLOCK as u64);
        assert!(fs::read(path).expect("nobody notices") == found);
        reads.fetch_add(1, Ordering::Relaxed);
    }
}

#[derive(Debug, Default)]
struct Load {
    stop: AtomicBool,
    acknowledged: AtomicU64,
    reads: AtomicU64,
}

/// Stops the load when the rounds end, however they do.
struct End<'a>(&'a Load);

impl Drop for End<'_> {
    fn drop(&mut self) {
        self.0.stop.store(true, Ordering::Relaxed);
    }
}

impl Load {
    /// Waits until each kind went on by a call that began after this.
    fn goes_on(&self) {
        let seen = || (self.acknowledged.load(Ordering::Relaxed), self.reads.load(Ordering::Relaxed));
        let before = seen();
        wait_until("the load going on", || seen().0 > before.0 + 1 && seen().1 > before.1 + 1);
    }
}

/// New builds by turns, `rounds` of them; a lock is held all the time, and through the last quarter somebody waits for it.
fn reload_under_load(rounds: u32) {
    let Some(bench) = bench() else { return };
    let (log, block, lock) = (bench.mount.join("log"), bench.mount.join("block"), bench.mount.join("lock"));
    fs::write(&block, [7; BLOCK]).expect("it serves");
    let held = File::create_new(&lock).expect("it serves");
    fcntl_lock(&held, FlockOperation::NonBlockingLockExclusive).expect("nobody has it");
    assert_eq!(bench.mark(), 0);

    let quiet = rounds / 4 * 3;
    let load = Load::default();
    let mut took = Duration::ZERO;
    let mut round = |bench: &Bench, number: u32| {
        let begun = Instant::now();
        bench.take(1 + number % 2);
        took += begun.elapsed();
        assert!(bench.is_locked(&bench.other.join("lock")), "round {number}");
        load.goes_on();
    };
    let (flat, grown) = std::thread::scope(|scope| {
        scope.spawn(|| write_on(&log, &load.stop, &load.acknowledged));
        scope.spawn(|| read_on(&bench.other.join("block"), &load.stop, &load.reads));
        let end = End(&load);
        // Both builds are open and their pools filled.
        (0..6).for_each(|number| round(&bench, number));
        let flat = bench.brick.resident_kib();
        (6..quiet).for_each(|number| round(&bench, number));
        let grown = bench.brick.resident_kib().saturating_sub(flat);

        let mut waiter = Waiter::start(&bench.other.join("lock"));
        wait_until("the request to wait in the brick", || bench.cluster.waiting_locks("v") == 1);
        (quiet..rounds).for_each(|number| round(&bench, number));
        assert!(
            waiter.waits() && bench.cluster.waiting_locks("v") == 1,
            "it is asked in a build that is long gone"
        );
        fcntl_lock(&held, FlockOperation::Unlock).expect("nobody notices");
        waiter.locked();
        drop(end);
        (flat, grown)
    });

    // What the call that waited kept from being freed goes now.
    bench.take(1 + rounds % 2);
    let after = || bench.brick.resident_kib().saturating_sub(flat);
    println!(
        "{rounds} reloads, {took:?} in all; {} records, {} reads; {grown} KiB more without a waiter, {} KiB in the end",
        load.acknowledged.load(Ordering::Relaxed),
        load.reads.load(Ordering::Relaxed),
        after(),
    );
    assert!(grown < GROWTH_KIB, "{grown} KiB more");
    // The allocator keeps some of what was held meanwhile.
    wait_until("what was taken out to be freed", || after() < 2 * GROWTH_KIB);

    assert_eq!(
        bench.cluster.bricks(),
        std::slice::from_ref(&bench.brick),
        "the brick is the one that it was"
    );
    let written = load.acknowledged.load(Ordering::Relaxed);
    let expected: Vec<u8> = (0..written).flat_map(record).collect();
    for place in [log, bench.other.join("log"), bench.cluster.view(bench.cluster.brick("v", 1)).join("log")] {
        assert!(fs::read(&place).expect("it is there") == expected, "{} differs", place.display());
    }
}

#[test]
fn new_builds_take_over_under_a_writer_a_reader_and_locks_and_nobody_notices() {
    reload_under_load(20);
}

#[test]
#[ignore = "a hundred reloads: a soak test"]
fn a_hundred_new_builds_take_over_under_load() {
    reload_under_load(100);
}

#[test]
fn a_build_that_cannot_be_opened_is_refused_in_words_and_the_old_one_serves_on() {
    let Some(bench) = bench() else { return };
    let load = Load::default();
    std::thread::scope(|scope| {
        scope.spawn(|| write_on(&bench.mount.join("log"), &load.stop, &load.acknowledged));
        fs::write(bench.mount.join("block"), [7; BLOCK]).expect("it serves");
        scope.spawn(|| read_on(&bench.other.join("block"), &load.stop, &load.reads));
        let _end = End(&load);
        load.goes_on();
        drop_in(&bench.plugins, b"I am a text");
        let answer = bench.reload();
        assert_eq!(answer.code, 1, "{answer:?}");
        let said = answer.said();
        assert!(said.contains("xlator/bench/marked.so: not a library that can be opened: "), "{said}");
        assert_eq!(bench.mark(), 0);
        load.goes_on();
        bench.take(1);
        load.goes_on();
    });
    let unchanged = bench.reload().ok();
    assert!(unchanged.contains("nothing changed"), "{unchanged}");
}
