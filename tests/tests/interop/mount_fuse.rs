//! Our own mount of a local graph: files, locks, and what is left when it goes.

use rustix::io::Errno;
use rustix::process::Signal;
use std::fs::{self, File};
use std::os::unix::fs::{FileExt, MetadataExt, symlink};
use std::path::PathBuf;
use tests::process::{Answer, Process};
use tests::sandbox::Sandbox;
use tests::stack::Stack;
use tests::wait::{wait_for, wait_result, wait_until};

/// A sandbox with a folder that a local volfile serves.
struct Local {
    sandbox: Sandbox,
    stack: Stack,
}

const VOLFILE: &str = "volume posix\n type storage/posix\n option directory /srv/brick\nend-volume\n\
                       volume locks\n type features/locks\n subvolumes posix\nend-volume\n";

impl Local {
    fn new() -> Option<Self> {
        let stack = Stack::server();
        if stack.is_system() {
            return None;
        }
        let sandbox = Sandbox::new()?;
        for folder in ["brick", "m"] {
            fs::create_dir_all(sandbox.view("/srv").join(folder)).expect("scratch");
        }
        fs::write(sandbox.view("/srv/local.vol"), VOLFILE).expect("scratch");
        Some(Self { sandbox, stack })
    }

    fn glusterfs(&self, args: &[&str]) -> Answer {
        let given = ["-f", "/srv/local.vol"].iter().chain(args);
        self.sandbox.run(self.stack.program("glusterfs"), given)
    }

    /// Mounts, and answers where that is seen from here: at once, without waiting.
    fn mounted() -> Option<(Self, PathBuf)> {
        let local = Self::new()?;
        local.glusterfs(&["/srv/m"]).ok();
        assert!(local.is_mounted(), "the parent leaves when it is mounted");
        let view = local.sandbox.view("/srv/m");
        Some((local, view))
    }

    fn is_mounted(&self) -> bool {
        let table = fs::read_to_string(self.sandbox.view("/proc/1/mountinfo")).expect("it is there");
        table.lines().any(|line| line.contains(" /srv/m ") && line.contains(" fuse.glusterfs "))
    }

    fn client(&self) -> Option<Process> {
        let is_client = |process: &Process| process.name() == "glusterfs";
        self.sandbox.processes().into_iter().find(is_client)
    }
}

#[test]
fn a_local_graph_is_mounted_and_serves_files() {
    let Some((local, m)) = Local::mounted() else { return };
    let content: Vec<u8> = (0..3_000_000_u32).map(|n| (n % 251) as u8).collect();
    fs::create_dir(m.join("d")).expect("a folder");
    fs::write(m.join("d/f"), &content).expect("a file");
    assert!(fs::read(m.join("d/f")).expect("it reads") == content);
    assert!(fs::read(local.sandbox.view("/srv/brick/d/f")).expect("it is there") == content);
    fs::rename(m.join("d/f"), m.join("g")).expect("it moves");
    fs::hard_link(m.join("g"), m.join("h")).expect("it takes a name");
    symlink("g", m.join("s")).expect("a link");
    assert_eq!(fs::metadata(m.join("s")).expect("it leads there").nlink(), 2);
    let mut names: Vec<_> =
        fs::read_dir(&m).expect("it lists").map(|entry| entry.expect("a name").file_name()).collect();
    names.sort();
    assert_eq!(names, ["d", "g", "h", "s"]);
    fs::remove_file(m.join("h")).expect("a name goes");
    fs::remove_dir(m.join("d")).expect("a folder goes");
    File::options().write(true).open(m.join("g")).and_then(|file| file.set_len(5)).expect("it is cut");
    assert_eq!(fs::metadata(m.join("g")).expect("it is there").len(), 5);
}

#[test]
fn unmounting_ends_the_process_and_ending_it_unmounts() {
    let Some((local, m)) = Local::mounted() else { return };
    local.sandbox.run("umount", ["/srv/m"]).ok();
    wait_until("the client's end", || local.client().is_none());
    local.glusterfs(&["/srv/m"]).ok();
    let open = File::create(m.join("f")).expect("a file");
    local.client().expect("it serves").signal(Signal::TERM);
    wait_until("the client's end", || local.client().is_none());
    assert!(!local.is_mounted());
    open.write_at(b"x", 0).expect_err("nobody is there to take it");
}

#[test]
fn a_mount_point_that_is_missing_or_no_folder_is_refused_in_one_line() {
    let Some((local, _)) = Local::mounted() else { return };
    for (place, code, why) in [
        ("/srv/nowhere", Errno::NOENT, "there is no such folder"),
        ("/srv/local.vol", Errno::NOTDIR, "is no folder"),
    ] {
        let answer = local.glusterfs(&[place]);
        assert_eq!(answer.code, code.raw_os_error(), "{}", answer.said());
        assert!(answer.err.contains(why) && answer.err.lines().count() == 1, "{}", answer.err);
    }
    assert!(local.is_mounted(), "the one that serves was not touched");
}

#[test]
fn a_mount_upon_a_mount_is_the_one_that_is_seen_and_the_other_stays() {
    let Some((local, m)) = Local::mounted() else { return };
    let lower = local.client().expect("it serves");
    local.glusterfs(&["/srv/m"]).ok();
    wait_result("a file", || fs::write(m.join("f"), "both"));
    lower.signal(Signal::TERM);
    wait_until("the lower one's end", || {
        !local.sandbox.processes().iter().any(|other| other.pid == lower.pid)
    });
    assert_eq!(fs::read_to_string(m.join("f")).expect("the upper one serves"), "both");
}

/// Whether a process is in the kernel to take a lock.
fn in_flock(process: &Process) -> bool {
    let call = fs::read_to_string(format!("/proc/{}/syscall", process.pid.as_raw_nonzero()));
    call.is_ok_and(|call| call.split(' ').next() == Some(&nix::libc::SYS_flock.to_string()))
}

#[test]
fn a_wait_for_a_lock_can_be_broken_off() {
    let Some((local, m)) = Local::mounted() else { return };
    let file = File::create(m.join("f")).expect("a file");
    file.lock().expect("nobody has it");
    let waiting = local.sandbox.command("flock").args(["/srv/m/f", "true"]).spawn();
    let mut waiting = waiting.expect("flock(1) is there");
    let waits = || {
        let is_it = |process: &Process| process.name() == "flock" && in_flock(process);
        local.sandbox.processes().into_iter().find(is_it)
    };
    wait_for("the one who waits", waits).signal(Signal::KILL);
    wait_until("its end", || waiting.try_wait().expect("it is ours").is_some());
    file.unlock().expect("it is ours");
    local.sandbox.run("flock", ["--nonblock", "/srv/m/f", "true"]).ok();
}
