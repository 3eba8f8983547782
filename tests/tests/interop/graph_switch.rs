//! The graph of our own client changes under its mount: bricks join and leave, translators come and go, and what is open
//! and locked stays so.

use std::fs::{self, File, OpenOptions};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};

use rustix::fs::{FlockOperation, fcntl_lock};
use rustix::process::Signal;
use tests::cluster::Cluster;
use tests::process::Process;
use tests::stack::Stack;
use tests::wait::{wait_result, wait_until};

/// A volume `v` of two of our bricks under a mount of our own client, with that client's process; `None` without root, or
/// where nothing of ours is under test.
fn mounted() -> Option<(Cluster, PathBuf, Process)> {
    let ours = Stack::server();
    if ours.is_system() {
        eprintln!("SKIPPED: the incumbent's server is under test");
        return None;
    }
    let cluster = Cluster::up()?;
    cluster.create("v");
    cluster.gluster("volume set v cluster.min-free-disk 1%").ok();
    cluster.gluster("volume start v").ok();
    cluster.wait_bricks_online("v", 2);
    let own = cluster.mount_by(&ours, "v", "own");
    wait_result("both bricks", || File::create(own.join("up")).and_then(|_| fs::remove_file(own.join("up"))));
    let client = |process: &Process| process.argv.last().is_some_and(|last| last == "/srv/own");
    let client = cluster.processes().into_iter().find(client).expect("the client runs");
    Some((cluster, own, client))
}

/// How often the client's log says that its graph changed, or options of it did.
fn changes(cluster: &Cluster) -> usize {
    let log = fs::read_to_string(cluster.view("/var/log/glusterfs/srv-own.log")).unwrap_or_default();
    log.lines()
        .filter(|line| line.contains("the graph changed") || line.contains("the volfile changed"))
        .count()
}

/// Gives a command that changes the client's volfile, and waits until the client goes by it.
fn change(cluster: &Cluster, words: &str) {
    let before = changes(cluster);
    cluster.gluster(words).ok();
    wait_until(words, || changes(cluster) > before);
}

fn files_on(cluster: &Cluster, number: u32, folder: &str) -> usize {
    let names = fs::read_dir(cluster.view(cluster.brick("v", number)).join(folder));
    names.map_or(0, |names| names.count())
}

/// Whether another process gets a lock on the whole file.
fn can_lock(path: &Path) -> bool {
    let script = "import fcntl,sys\nfcntl.lockf(open(sys.argv[1],'r+'),fcntl.LOCK_EX|fcntl.LOCK_NB)";
    let mut python = std::process::Command::new("python3");
    python.arg("-c").arg(script).arg(path).stderr(std::process::Stdio::null());
    python.status().expect("python3 runs").success()
}

/// Appends numbers to a file of the mount until it is told to stop, and answers how many; one that fails is a failure.
fn count_up(path: &Path, stop: &AtomicBool) -> u64 {
    let file =
        OpenOptions::new().create(true).truncate(true).read(true).write(true).open(path).expect("a file");
    let mut n = 0_u64;
    while !stop.load(Ordering::Relaxed) {
        file.write_all_at(&n.to_le_bytes(), n * 8).expect("it takes a number");
        let mut back = [0; 8];
        file.read_exact_at(&mut back, n * 8).expect("it reads back");
        assert_eq!(u64::from_le_bytes(back), n);
        n += 1;
    }
    n
}

/// Runs `work` while two files of the mount are written and read; both are whole after it.
fn while_written(own: &Path, work: impl FnOnce()) {
    let stop = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let writers = ["one", "two"].map(|name| {
            let (path, stop) = (own.join(name), &stop);
            scope.spawn(move || (count_up(&path, stop), path))
        });
        // A writer that goes on for ever is not to be waited for.
        let done = std::panic::catch_unwind(std::panic::AssertUnwindSafe(work));
        stop.store(true, Ordering::Relaxed);
        for writer in writers {
            let (count, path) = writer.join().expect("every call was answered well");
            let content = fs::read(&path).expect("it reads");
            assert!(content.chunks(8).map(<[u8]>::to_vec).eq((0..count).map(|n| n.to_le_bytes().to_vec())));
        }
        done.unwrap_or_else(|panic| std::panic::resume_unwind(panic));
    });
}

/// Runs `work` while a file of the mount is locked; it is held until the end, and can be given back.
fn while_locked(own: &Path, work: impl FnOnce()) {
    let locked = File::create(own.join("locked")).expect("a file");
    fcntl_lock(&locked, FlockOperation::NonBlockingLockExclusive).expect("nobody has it");
    work();
    assert!(!can_lock(&own.join("locked")), "the lock is held still");
    fcntl_lock(&locked, FlockOperation::NonBlockingUnlock).expect("it is given back");
    assert!(can_lock(&own.join("locked")));
}

#[test]
fn bricks_join_and_leave_under_files_that_are_written() {
    let Some((cluster, own, _)) = mounted() else { return };
    fs::create_dir(own.join("before")).expect("a folder");
    (0..40).for_each(|n| fs::write(own.join(format!("before/f{n}")), n.to_string()).expect("a file"));
    let join = || {
        change(&cluster, "volume add-brick v box:/srv/v-3 force");
        fs::create_dir(own.join("after")).expect("a folder");
        (0..40).for_each(|n| fs::write(own.join(format!("after/f{n}")), n.to_string()).expect("a file"));
        assert!(files_on(&cluster, 3, "after") > 2, "a new folder is spread over the new brick too");
        assert_eq!(files_on(&cluster, 3, "before"), 0, "an old one is not, until it is rebalanced");
        cluster.gluster("volume rebalance v start").ok();
        wait_until("the files' move", || {
            cluster
                .gluster("volume rebalance v status --xml")
                .out
                .contains("<statusStr>completed</statusStr>")
        });
        assert!(files_on(&cluster, 3, "before") > 2);
    };
    while_locked(&own, || while_written(&own, join));
    let whole = || {
        ["before", "after"].iter().all(|folder| {
            let found = |n: u32| fs::read_to_string(own.join(format!("{folder}/f{n}")));
            (0..40).all(|n| found(n).is_ok_and(|text| text == n.to_string()))
        })
    };
    assert!(whole());
    while_written(&own, || {
        let leave = |what: &str| cluster.gluster(&format!("volume remove-brick v box:/srv/v-1 {what}"));
        leave("start").ok();
        wait_until("the brick to be empty", || {
            leave("status --xml").out.contains("<statusStr>completed</statusStr>")
        });
        change(&cluster, "volume remove-brick v box:/srv/v-1 commit");
        fs::write(own.join("last"), "of two bricks").expect("a file");
    });
    assert!(whole());
    assert_eq!(fs::read_to_string(own.join("last")).expect("it reads"), "of two bricks");
}

#[test]
fn translators_come_and_go_under_files_that_are_written() {
    let Some((cluster, own, _)) = mounted() else { return };
    let come_and_go = || {
        for value in ["off", "on"].repeat(3) {
            change(&cluster, &format!("volume set v performance.client-io-threads {value}"));
            change(&cluster, &format!("volume set v performance.stat-prefetch {value}"));
            change(&cluster, &format!("volume set v performance.write-behind {value}"));
        }
        for value in ["on", "off"].repeat(2) {
            for name in ["read-ahead", "readdir-ahead", "io-cache"] {
                change(&cluster, &format!("volume set v performance.{name} {value}"));
            }
        }
    };
    while_locked(&own, || while_written(&own, come_and_go));
}

#[test]
fn a_client_goes_on_without_the_daemon_and_hears_of_changes_when_it_is_back() {
    let Some((cluster, own, _)) = mounted() else { return };
    let away = || {
        cluster.end_all("glusterd", Signal::KILL);
        fs::write(own.join("without"), "the daemon").expect("bricks serve without it");
        cluster.start_daemon();
        cluster.gluster("volume set v performance.client-io-threads off").ok();
        wait_until("the change", || changes(&cluster) > 0);
    };
    while_locked(&own, || while_written(&own, away));
}

#[test]
#[ignore = "six hundred changes take a minute: part of `make soak`"]
fn soak_six_hundred_changes_on_an_idle_mount_cost_less_than_five_mebibytes() {
    let Some((cluster, own, client)) = mounted() else { return };
    let turn = |n: u32| change(&cluster, &format!("volume set v network.frame-timeout {}", 600 + n));
    (0..20).for_each(turn);
    let before = client.resident_kib();
    (20..620).for_each(turn);
    let after = client.resident_kib();
    println!("resident: {before} KiB before 600 changes, {after} KiB after");
    assert!(after < before + 5 * 1024, "{before} KiB before, {after} KiB after");
    assert!(fs::read_dir(&own).is_ok());
}
