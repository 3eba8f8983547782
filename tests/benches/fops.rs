//! What fops cost the application of a mount: ours beside the incumbent's, and both beside the floor, turn by turn.
//!
//! `cargo bench -p tests --bench fops`. Needs root, FUSE and Debian's glusterfs-server; `MORTAR_STACK_SERVER` names another
//! stack than `target/stage/sbin`. The floor has two storeys: the local disk, and a bare FUSE passthrough: `mount/fuse` over
//! `storage/posix` in one process, without a network. Beside the rates stands what a whole stack spends on one operation:
//! times a thread of it goes to sleep, each of which is a wake-up; packets on the loopback, two for a round trip; system
//! calls, where Debian's linux-perf is installed. The application's own wake-ups, one for each request that it waits for,
//! are not among them.

#![forbid(unsafe_code)]

use std::fs;
use std::io::Read;
use std::os::fd::OwnedFd;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::Instant;

use rustix::fs::{AtFlags, Mode, OFlags, XattrFlags};
use rustix::fs::{fsync, mkdirat, open, openat, renameat, setxattr, statat, unlinkat};
use rustix::io::{pread, pwrite};
use rustix::process::{Pid, Signal, kill_process};
use tests::cluster::Cluster;
use tests::process::Process;
use tests::sandbox::Sandbox;
use tests::stack::Stack;
use tests::wait::wait_until;

const ROUNDS: usize = 5;
/// Operations in a round.
const OPERATIONS: usize = 300;
/// A small file.
const SMALL: &[u8] = &[b'x'; 1024];
/// The bytes of one operation on a large file.
const LARGE: usize = 1 << 20;

const LOCAL: &str = "volume posix\n type storage/posix\n option directory /srv/brick\nend-volume\n";

/// An operation and what has to be there for it; both take the folder, its path and a number.
struct Workload {
    name: &'static str,
    prepare: fn(&Place, usize),
    step: fn(&Place, usize),
}

const WORKLOADS: &[Workload] = &[
    Workload {
        name: "create, write 1 KiB, close",
        prepare: nothing,
        step: |place, at| drop(create(place, at)),
    },
    Workload {
        name: "the same with fsync",
        prepare: nothing,
        step: |place, at| fsync(create(place, at)).expect("it takes that"),
    },
    Workload { name: "stat", prepare: small, step: stat },
    Workload { name: "list with attributes, entry", prepare: small, step: list },
    Workload { name: "open, read 1 KiB, close", prepare: small, step: read },
    Workload {
        name: "rename",
        prepare: small,
        step: |place, at| renameat(&place.folder, old(at), &place.folder, new(at)).expect("it moves"),
    },
    Workload {
        name: "unlink",
        prepare: small,
        step: |place, at| unlinkat(&place.folder, old(at), AtFlags::empty()).expect("it goes"),
    },
    Workload {
        name: "mkdir",
        prepare: nothing,
        step: |place, at| mkdirat(&place.folder, old(at), 0o755.into()).expect("a folder"),
    },
    Workload {
        name: "setxattr",
        prepare: small,
        step: |place, at| {
            setxattr(place.path.join(old(at)), "user.k", b"v", XattrFlags::empty()).expect("it takes that");
        },
    },
    Workload { name: "write 1 MiB", prepare: large, step: write_large },
    Workload { name: "read 1 MiB", prepare: large_filled, step: read_large },
];

fn old(at: usize) -> String {
    format!("f{at}")
}

fn new(at: usize) -> String {
    format!("g{at}")
}

fn nothing(_: &Place, _: usize) {}

fn create(place: &Place, at: usize) -> OwnedFd {
    let flags = OFlags::CREATE | OFlags::EXCL | OFlags::WRONLY;
    let file = openat(&place.folder, old(at), flags, Mode::from_raw_mode(0o644)).expect("a new file");
    pwrite(&file, SMALL, 0).expect("it takes that");
    file
}

fn small(place: &Place, operations: usize) {
    (0..operations).for_each(|at| drop(create(place, at)));
}

fn stat(place: &Place, at: usize) {
    statat(&place.folder, old(at), AtFlags::empty()).expect("it is there");
}

/// All entries at once, so that one operation stands for one of them.
fn list(place: &Place, at: usize) {
    if at == 0 {
        let entries = fs::read_dir(&place.path).expect("it lists");
        let known = entries.filter(|entry| entry.as_ref().is_ok_and(|entry| entry.metadata().is_ok()));
        assert_eq!(known.count(), OPERATIONS);
    }
}

fn read(place: &Place, at: usize) {
    let file = openat(&place.folder, old(at), OFlags::RDONLY, Mode::empty()).expect("it opens");
    let mut into = [0; 4096];
    assert_eq!(rustix::io::read(&file, &mut into).expect("it reads"), SMALL.len());
}

fn large(place: &Place, _: usize) {
    let flags = OFlags::CREATE | OFlags::RDWR;
    let file = openat(&place.folder, "large", flags, Mode::from_raw_mode(0o644)).expect("a new file");
    place.large.replace(Some(file));
}

fn large_filled(place: &Place, operations: usize) {
    large(place, operations);
    (0..operations).for_each(|at| write_large(place, at));
    let file = place.large.borrow();
    fsync(file.as_ref().expect("it is open")).expect("it takes that");
}

fn write_large(place: &Place, at: usize) {
    let file = place.large.borrow();
    let bytes = vec![7; LARGE];
    let wrote = pwrite(file.as_ref().expect("it is open"), &bytes, (at * LARGE) as u64);
    assert_eq!(wrote.expect("it takes that"), LARGE);
}

fn read_large(place: &Place, at: usize) {
    let file = place.large.borrow();
    let mut bytes = vec![0; LARGE];
    let read = pread(file.as_ref().expect("it is open"), &mut bytes, (at * LARGE) as u64);
    assert_eq!(read.expect("it reads"), LARGE);
}

/// A folder that operations are done in.
struct Place {
    folder: OwnedFd,
    path: PathBuf,
    large: std::cell::RefCell<Option<OwnedFd>>,
}

impl Place {
    fn at(path: PathBuf) -> Self {
        fs::create_dir(&path).expect("a folder");
        let folder = open(&path, OFlags::DIRECTORY | OFlags::RDONLY, Mode::empty()).expect("it opens");
        Self { folder, path, large: None.into() }
    }

    /// Done with: nothing of it is open, and it is gone.
    fn remove(self) {
        let path = self.path.clone();
        drop(self);
        fs::remove_dir_all(path).expect("it goes");
    }
}

/// Where the workloads are done.
struct Setting {
    name: &'static str,
    /// The folder, seen from here.
    root: PathBuf,
    /// Whose processes are counted.
    held: Held,
}

enum Held {
    Local(Sandbox),
    Stack(Cluster),
}

impl Setting {
    fn disk() -> Option<Self> {
        let sandbox = Sandbox::new()?;
        Some(Self { name: "disk", root: sandbox.view("/srv"), held: Held::Local(sandbox) })
    }

    fn bare(stack: &Stack) -> Option<Self> {
        let sandbox = Sandbox::new()?;
        let root = sandbox.view("/srv/m");
        [root.clone(), sandbox.view("/srv/brick")]
            .iter()
            .for_each(|path| fs::create_dir(path).expect("scratch"));
        fs::write(sandbox.view("/srv/local.vol"), LOCAL).expect("scratch");
        sandbox.run(stack.program("glusterfs"), ["-f", "/srv/local.vol", "/srv/m"]).ok();
        Some(Self { name: "fuse", root, held: Held::Local(sandbox) })
    }

    fn stack(name: &'static str, stack: Stack) -> Option<Self> {
        let cluster = Cluster::of(stack.clone(), Stack::system())?;
        cluster.start_daemon();
        cluster.create("v");
        cluster.gluster("volume start v").ok();
        cluster.wait_bricks_online("v", 2);
        let root = cluster.mount_by(&stack, "v", "m");
        wait_until("both bricks", || fs::write(root.join("probe"), "x").is_ok());
        Some(Self { name, root, held: Held::Stack(cluster) })
    }

    fn processes(&self) -> Vec<Process> {
        match &self.held {
            Held::Local(sandbox) => sandbox.processes(),
            Held::Stack(cluster) => cluster.processes(),
        }
    }

    fn pid(&self) -> i32 {
        match &self.held {
            Held::Local(sandbox) => sandbox.pid(),
            Held::Stack(cluster) => cluster.pid(),
        }
    }

    /// Prepares a workload, has every name and attribute forgotten, and hands `work` its operations.
    fn with<R>(&self, workload: &Workload, work: impl FnOnce(&dyn Fn()) -> R) -> R {
        let place = Place::at(self.root.join("w"));
        (workload.prepare)(&place, OPERATIONS);
        fs::write("/proc/sys/vm/drop_caches", "2").expect("root may");
        let done = work(&|| (0..OPERATIONS).for_each(|at| (workload.step)(&place, at)));
        place.remove();
        done
    }

    /// Operations a second.
    fn rate(&self, workload: &Workload) -> f64 {
        self.with(workload, |operations| {
            let start = Instant::now();
            operations();
            OPERATIONS as f64 / start.elapsed().as_secs_f64()
        })
    }

    /// What one operation takes.
    fn cost(&self, workload: &Workload) -> Cost {
        self.with(workload, |operations| {
            let processes = self.processes();
            let sleeps = || processes.iter().map(Process::sleeps).sum::<u64>();
            let calls = Calls::count(&processes);
            let before = (sleeps(), self.packets());
            operations();
            let after = (sleeps(), self.packets());
            let each = |count: u64| count as f64 / OPERATIONS as f64;
            Cost {
                sleeps: each(after.0 - before.0),
                packets: each(after.1 - before.1),
                calls: calls.and_then(Calls::end).map(each),
            }
        })
    }

    /// How many the loopback has carried so far.
    fn packets(&self) -> u64 {
        let table = fs::read_to_string(format!("/proc/{}/net/dev", self.pid())).expect("it has a network");
        let loopback = table.lines().find_map(|line| line.trim().strip_prefix("lo:")).expect("a loopback");
        loopback.split_whitespace().nth(1).and_then(|count| count.parse().ok()).expect("a number")
    }
}

/// What one operation takes of a stack.
struct Cost {
    sleeps: f64,
    packets: f64,
    calls: Option<f64>,
}

impl Cost {
    fn shown(&self) -> String {
        let calls = self.calls.map_or("-".to_owned(), |calls| format!("{calls:.1}"));
        format!("{:>8.1}{:>8.1}{calls:>8}", self.sleeps, self.packets)
    }
}

/// Counts the system calls of processes.
struct Calls(Child);

impl Calls {
    fn count(processes: &[Process]) -> Option<Self> {
        let pids: Vec<String> = processes.iter().map(|process| process.pid.to_string()).collect();
        let mut counter = Command::new("perf");
        counter.args(["stat", "-x,", "-e", "raw_syscalls:sys_enter", "-p", &pids.join(",")]);
        let child = counter.stdin(Stdio::null()).stderr(Stdio::piped()).spawn().ok()?;
        // It says nothing when it has begun; it has when it waits for its end.
        let stat = format!("/proc/{}/wchan", child.id());
        wait_until("the counter", || {
            fs::read_to_string(&stat).is_ok_and(|at| at.contains("poll") || at.contains("nanosleep"))
        });
        Some(Self(child))
    }

    fn end(mut self) -> Option<u64> {
        kill_process(Pid::from_child(&self.0), Signal::INT).ok()?;
        let mut told = String::new();
        self.0.stderr.take()?.read_to_string(&mut told).ok()?;
        self.0.wait().ok()?;
        told.lines().find(|line| line.contains("sys_enter"))?.split(',').next()?.parse().ok()
    }
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

fn main() {
    let ours = Stack::server();
    let settings = || {
        Some([
            Setting::disk()?,
            Setting::bare(&ours)?,
            Setting::stack("ours", ours.clone())?,
            Setting::stack("theirs", Stack::system())?,
        ])
    };
    let Some(settings) = settings() else {
        println!("not root: no sandbox can be made, nothing was measured");
        return;
    };
    let names = settings.iter().map(|setting| format!("{:>9}", setting.name)).collect::<String>();
    println!("{:<28}{names}{:>8}   ours: wake-ups, packets, calls    theirs", "operations a second", "ratio");
    for workload in WORKLOADS {
        let mut rates = settings.each_ref().map(|_| Vec::new());
        for round in 0..=ROUNDS {
            for (setting, rates) in settings.iter().zip(&mut rates) {
                let rate = setting.rate(workload);
                // The first warms up.
                if round > 0 {
                    rates.push(rate);
                }
            }
        }
        let ratios = rates[2].iter().zip(&rates[3]).map(|(ours, theirs)| ours / theirs).collect();
        let costs = settings[2..].iter().map(|setting| setting.cost(workload).shown()).collect::<Vec<_>>();
        let rates = rates.map(median).map(|rate| format!("{rate:>9.0}")).concat();
        println!("{:<28}{rates}{:>8.2}   {}", workload.name, median(ratios), costs.join("   "));
    }
}
