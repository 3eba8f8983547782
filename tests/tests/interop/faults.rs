//! A disk that is full, read-only or broken: clients hear the right errno, and what was acknowledged stays.

use rustix::fs::OFlags;
use rustix::io::Errno;
use std::fs::{self, File, OpenOptions};
use std::io::{Error, Result, Write};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use tests::cluster::Cluster;
use tests::process::Process;
use tests::tool::tool;
use tests::wait::{wait_result, wait_until};

/// A small disk of its own in a sandbox: ext4 on a loop device, which goes with the sandbox.
pub(crate) fn small_disk(cluster: &Cluster, place: &str, mebibytes: u32) {
    let make = format!(
        "mkdir -p {place} && truncate -s {mebibytes}M {place}.img && mkfs.ext4 -q {place}.img && mount -o loop {place}.img {place}"
    );
    cluster.run("sh", ["-c", make.as_str()]).ok();
}

/// From now on the disk takes no change.
pub(crate) fn make_read_only(cluster: &Cluster, place: &str) {
    // The kernel refuses while a file is open to write, as the health check's is for a moment.
    wait_until("the disk to be read-only", || cluster.run("mount", ["-o", "remount,ro", place]).code == 0);
}

/// A mounted volume of one brick on a small disk.
fn on_small_disk() -> Option<(Cluster, PathBuf)> {
    let cluster = Cluster::up()?;
    small_disk(&cluster, "/srv/disk", 48);
    cluster.gluster("volume create v box:/srv/disk/brick force").ok();
    cluster.gluster("volume set v storage.reserve 0").ok();
    cluster.gluster("volume start v").ok();
    cluster.wait_bricks_online("v", 1);
    let mount = cluster.mount("v", "m");
    Some((cluster, mount))
}

fn errno<T>(result: Result<T>) -> Option<Errno> {
    result.err().map(|error| Errno::from_io_error(&error).expect("the kernel's"))
}

/// Makes a file and makes it durable.
fn store(path: &Path, content: &[u8]) -> Result<()> {
    let mut file = File::create(path)?;
    file.write_all(content)?;
    file.sync_all()
}

/// What a writer of the full disk writes into its file of a number.
fn content(writer: usize, number: usize) -> Vec<u8> {
    (0..100_000_usize).map(|at| (at * 7 + writer * 31 + number * 131).to_le_bytes()[0]).collect()
}

#[test]
fn a_disk_that_fills_up_under_load_loses_nothing_that_was_acknowledged() {
    let Some((cluster, mount)) = on_small_disk() else { return };
    let fill = |writer: usize| {
        let outcome =
            |number| (number, store(&mount.join(format!("{writer}-{number}")), &content(writer, number)));
        (0..200).map(outcome).collect::<Vec<_>>()
    };
    let outcomes = std::thread::scope(|scope| {
        let fill = &fill;
        let writers: Vec<_> = (0..4).map(|writer| scope.spawn(move || fill(writer))).collect();
        writers.into_iter().map(|writer| writer.join().expect("it does not panic")).collect::<Vec<_>>()
    });
    let fresh = cluster.mount("v", "fresh");
    let (mut kept, mut refused) = (Vec::new(), 0);
    for (writer, outcomes) in outcomes.into_iter().enumerate() {
        for (number, outcome) in outcomes {
            let name = format!("{writer}-{number}");
            match errno(outcome) {
                None => {
                    let found = fs::read(fresh.join(&name)).unwrap_or_else(|error| panic!("{name}: {error}"));
                    assert!(found == content(writer, number), "{name} is not what was acknowledged");
                    kept.push(name);
                }
                Some(error) => {
                    assert_eq!(error, Errno::NOSPC, "{name}");
                    refused += 1;
                }
            }
        }
    }
    assert!(kept.len() > 200 && refused > 100, "{} kept, {refused} refused", kept.len());
    kept.iter().take(100).for_each(|name| fs::remove_file(mount.join(name)).expect("a full disk lets go"));
    wait_result("room again", || store(&mount.join("after"), &[1; 50_000]));
}

#[test]
fn a_disk_that_became_read_only_answers_so() {
    let Some((cluster, mount)) = on_small_disk() else { return };
    store(&mount.join("before"), b"before").expect("it serves");
    make_read_only(&cluster, "/srv/disk");
    assert_eq!(errno(fs::create_dir(mount.join("d"))), Some(Errno::ROFS));
    assert_eq!(errno(File::create(mount.join("f"))), Some(Errno::ROFS));
    assert_eq!(
        errno(fs::set_permissions(mount.join("before"), fs::Permissions::from_mode(0o600))),
        Some(Errno::ROFS)
    );
    assert_eq!(errno(fs::remove_file(mount.join("before"))), Some(Errno::ROFS));
    assert_eq!(fs::read(mount.join("before")).expect("it reads"), b"before");
}

/// strace, which answers some calls of a process in the kernel's stead, until it is dropped.
struct Injection(Child);

impl Injection {
    fn new(strace: &Path, process: &Process, calls: &str, error: &str) -> Self {
        let mut command = Command::new(strace);
        command.args(["-f", "-qq", "-o", "/dev/null", "-e", &format!("trace={calls}")]);
        command.args([
            "-e",
            &format!("inject={calls}:error={error}"),
            "-p",
            &process.pid.as_raw_nonzero().to_string(),
        ]);
        let child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("strace starts");
        let tasks = format!("/proc/{}/task", process.pid.as_raw_nonzero());
        let is_traced = |status: String| !status.contains("TracerPid:\t0\n");
        wait_until("strace to hold every thread", || {
            let mut threads = fs::read_dir(&tasks).expect("the brick runs").flatten();
            threads.all(|thread| fs::read_to_string(thread.path().join("status")).is_ok_and(is_traced))
        });
        Self(child)
    }
}

impl Drop for Injection {
    fn drop(&mut self) {
        // It lets the traced go when it is asked to end.
        rustix::process::kill_process(
            rustix::process::Pid::from_child(&self.0),
            rustix::process::Signal::TERM,
        )
        .expect("our own child");
        let _ended = self.0.wait();
    }
}

/// A write that nothing keeps from going to the brick, made durable.
fn write_through(path: &Path) -> Result<()> {
    let mut options = OpenOptions::new();
    let mut file = options.write(true).custom_flags(OFlags::SYNC.bits().cast_signed()).open(path)?;
    file.write_all(b"changed")?;
    file.sync_all()
}

const WRITES: &str = "pwrite64,pwritev,pwritev2";
const SYNCS: &str = "fsync,fdatasync";
const READS: &str = "pread64,preadv,preadv2";

#[test]
fn what_the_disk_answers_reaches_the_client() {
    let Some(strace) = tool("strace") else { return };
    let Some(cluster) = Cluster::up() else { return };
    let mount = cluster.serve("v", "", 1);
    // Switched off: it would meet the errors, too.
    cluster.gluster("volume set v storage.health-check-interval 0").ok();
    let brick = &cluster.bricks()[0];
    let path = mount.join("f");
    store(&path, &[5; 300_000]).expect("it serves");
    let errors = [
        (WRITES, "EIO", Errno::IO),
        (SYNCS, "EIO", Errno::IO),
        (WRITES, "ENOSPC", Errno::NOSPC),
        (WRITES, "EDQUOT", Errno::DQUOT),
        (WRITES, "EROFS", Errno::ROFS),
    ];
    for (calls, name, wanted) in errors {
        let injection = Injection::new(&strace, brick, calls, name);
        assert_eq!(errno(write_through(&path)), Some(wanted), "{calls} answered {name}");
        drop(injection);
        write_through(&path).unwrap_or_else(|error: Error| panic!("after {name}: {error}"));
    }
    let other = cluster.mount("v", "other").join("f");
    let injection = Injection::new(&strace, brick, READS, "EIO");
    assert_eq!(errno(fs::read(&other)), Some(Errno::IO));
    drop(injection);
    let found = fs::read(&other).expect("it serves again");
    assert!(found.len() == 300_000 && found[..7] == *b"changed" && found[7..].iter().all(|byte| *byte == 5));
    assert!(brick.is_alive());
}
