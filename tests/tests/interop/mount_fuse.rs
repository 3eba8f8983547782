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
#[test]
fn the_kernel_is_told_to_forget_files_beyond_the_limit() {
    let Some(local) = Local::new() else { return };
    local.glusterfs(&["--lru-limit=100", "/srv/m"]).ok();
    let m = local.sandbox.view("/srv/m");
    let nodes = || {
        let state = fs::read_to_string(m.join(".meta/root/private")).expect("the mount tells");
        let told = state.lines().find_map(|line| line.split_once("nodes = "));
        told.expect("how many nodes").1.trim().parse::<usize>().expect("a number")
    };
    let kept = File::create(m.join("kept")).expect("a file");
    for n in 0..500 {
        fs::write(m.join(format!("f{n}")), "x").expect("a file");
    }
    wait_until("the kernel to forget", || nodes() <= 100);
    kept.write_at(b"still open", 0).expect("it is open");
    for n in 0..500 {
        assert_eq!(fs::read(m.join(format!("f{n}"))).expect("it is found again"), b"x");
    }
    wait_until("the kernel to forget again", || nodes() <= 100);
    assert_eq!(fs::read(m.join("kept")).expect("it reads"), b"still open");
}

#[test]
fn the_traffic_with_the_kernel_is_recorded() {
    let Some(local) = Local::new() else { return };
    local.glusterfs(&["--dump-fuse=/srv/traffic", "/srv/m"]).ok();
    fs::write(local.sandbox.view("/srv/m/named"), "x").expect("a file");
    let record = fs::read(local.sandbox.view("/srv/traffic")).expect("a record");
    let has = |wanted: &[u8]| record.windows(wanted.len()).any(|bytes| bytes == wanted);
    assert!(record[0] == b'R' && has(b"GLUSTER\xf5") && has(b"named\0"));
    let answer = local.glusterfs(&["--dump-fuse=/none/traffic", "/srv/m"]);
    assert_ne!(answer.code, 0, "a record that cannot be made is no record");
}

#[test]
fn files_and_folders_are_reached_by_their_ids() {
    let Some(local) = Local::new() else { return };
    local.glusterfs(&["--aux-gfid-mount", "/srv/m"]).ok();
    let m = local.sandbox.view("/srv/m");
    fs::create_dir(m.join("d")).expect("a folder");
    fs::write(m.join("f"), "content").expect("a file");
    let by_id = |name: &str| {
        let mut id = [0; 16];
        let place = local.sandbox.view("/srv/brick").join(name);
        assert_eq!(rustix::fs::lgetxattr(place, "trusted.gfid", &mut id).expect("the brick notes it"), 16);
        let hex: String = id.iter().map(|byte| format!("{byte:02x}")).collect();
        let [a, b, c, d, e] = [&hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..]];
        m.join(format!(".gfid/{a}-{b}-{c}-{d}-{e}"))
    };
    assert_eq!(fs::read(by_id("f")).expect("it reads"), b"content");
    let ino = |path: PathBuf| fs::symlink_metadata(path).expect("it is there").ino();
    assert_eq!(ino(by_id("f")), ino(m.join("f")));
    let folder = by_id("d");
    fs::write(folder.join("inner"), "made by id").expect("a file");
    assert_eq!(fs::read(m.join("d/inner")).expect("it reads"), b"made by id");
    assert_eq!(fs::read_dir(&folder).expect("it lists").count(), 1);
    fs::rename(folder.join("inner"), m.join("outer")).expect("it moves");
    assert_eq!(fs::read_dir(m.join("d")).expect("it lists").count(), 0);
    let refused = |answer: std::io::Result<()>| answer.expect_err("nothing is made there").raw_os_error();
    assert_eq!(refused(fs::create_dir(m.join(".gfid/x"))), Some(Errno::PERM.raw_os_error()));
    assert_eq!(refused(fs::rename(m.join("f"), m.join(".gfid/f"))), Some(Errno::PERM.raw_os_error()));
    assert!(fs::symlink_metadata(m.join(".gfid/00000000-0000-4000-8000-000000000000")).is_err());
    let names = fs::read_dir(&m).expect("it lists").map(|entry| entry.expect("an entry").file_name());
    assert!(names.into_iter().all(|name| name != ".gfid"));
}

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
