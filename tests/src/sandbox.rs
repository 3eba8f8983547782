//! Namespaces of their own for a daemon, its bricks and its clients.
//!
//! Mounts, network, processes, IPC and host name are private; so are the state folder, `/run`, `/srv`, `/tmp` and the log
//! folder, and the rest of the root file system is read-only.
//! The machine's own gluster neither sees a sandbox nor is seen by it. When the sandbox is dropped, its first process
//! ends, and the kernel ends all the others and takes their mounts away.

use crate::process::{Answer, Process, processes, run};
use rustix::process::{Pid, geteuid};
use rustix::thread::{LinkNameSpaceType, move_into_link_name_space};
use std::ffi::OsStr;
use std::fs::File;
use std::io::{BufRead, BufReader};
use std::net::{TcpStream, UdpSocket};
use std::os::fd::AsFd;
use std::os::unix::net::UnixStream;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;
use tempfile::TempDir;

/// The host name inside, which also stands in its `/etc/hosts`.
pub const HOST: &str = "box";

/// How long a program may take that answers within a second on a quiet machine.
pub const LIMIT: Duration = Duration::from_secs(120);

/// The folder inside where every process logs.
const LOGS: &str = "/var/log/glusterfs";

/// How many lines of each log a test that fails shows.
const TOLD: usize = 60;

/// What stands in the way of a sandbox, if anything.
pub fn obstacle() -> Option<&'static str> {
    (!geteuid().is_root()).then_some("a sandbox needs root (namespaces, bricks, FUSE)")
}

/// Namespaces with a first process that reaps, and a folder that is gone when they are.
#[derive(Debug)]
pub struct Sandbox {
    holder: Child,
    init: Pid,
    /// Private places lie in it; gone after the processes are.
    _root: TempDir,
}

impl Sandbox {
    /// Makes one, or says on standard error why it cannot and answers `None`.
    ///
    /// # Panics
    /// When root cannot make one either.
    pub fn new() -> Option<Self> {
        if let Some(reason) = obstacle() {
            eprintln!("SKIPPED: {reason}");
            return None;
        }
        let root = tempfile::Builder::new().prefix("mortar-").tempdir_in(scratch()).expect("scratch folder");
        let mut holder = Command::new("unshare")
            .args(["--mount", "--net", "--pid", "--ipc", "--uts", "--fork", "--kill-child"])
            .arg(helper("sandbox-init"))
            .args([root.path(), Path::new(HOST)])
            .process_group(0) // a Ctrl-C is for who made it, who then ends it
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("unshare(1) is on every Linux");
        let mut line = String::new();
        let out = holder.stdout.take().expect("it was asked for");
        BufReader::new(out).read_line(&mut line).expect("the pipe can be read");
        let init = line.trim().parse().ok().and_then(Pid::from_raw);
        Some(Self {
            holder,
            init: init.expect("sandbox-init says its pid, or why it could not start"),
            _root: root,
        })
    }

    /// The pid of its first process.
    pub fn pid(&self) -> i32 {
        self.init.as_raw_nonzero().get()
    }

    /// A file of the inside, mounts included, as a path for the outside.
    pub fn view(&self, inside: impl AsRef<Path>) -> PathBuf {
        let path = inside.as_ref();
        let relative = path.strip_prefix("/").unwrap_or(path);
        Path::new(&format!("/proc/{}/root", self.pid())).join(relative)
    }

    /// A command that will run inside.
    pub fn command(&self, program: impl AsRef<OsStr>) -> Command {
        let mut command = Command::new("nsenter");
        command.args(["--target", &self.pid().to_string()]);
        command.args(["--mount", "--net", "--pid", "--ipc", "--uts", "--"]).arg(program);
        command
    }

    /// Runs a program inside, to its end.
    ///
    /// # Panics
    /// When it takes longer than [`LIMIT`].
    #[track_caller]
    pub fn run<A: AsRef<OsStr>>(
        &self,
        program: impl AsRef<OsStr>,
        args: impl IntoIterator<Item = A>,
    ) -> Answer {
        run(self.command(program).args(args), LIMIT)
    }

    /// All processes inside.
    pub fn processes(&self) -> Vec<Process> {
        processes(self.init)
    }

    /// Connects to a TCP port of the inside.
    ///
    /// # Errors
    /// What `connect` answers.
    pub fn tcp(&self, port: u16) -> std::io::Result<TcpStream> {
        self.within_network(move || TcpStream::connect(("127.0.0.1", port)))
    }

    /// Listens for datagrams at a port of the inside.
    ///
    /// # Errors
    /// What `bind` answers.
    pub fn udp(&self, port: u16) -> std::io::Result<UdpSocket> {
        self.within_network(move || UdpSocket::bind(("0.0.0.0", port)))
    }

    /// Connects to a unix socket of the inside.
    ///
    /// # Errors
    /// What `connect` answers.
    pub fn unix(&self, path: impl AsRef<Path>) -> std::io::Result<UnixStream> {
        UnixStream::connect(self.view(path))
    }

    /// Calls `work` on a thread that lives in the sandbox's network: what it opens there stays there.
    pub(crate) fn within_network<T: Send>(&self, work: impl FnOnce() -> T + Send) -> T {
        let enter = self.network();
        let inside = || {
            enter();
            work()
        };
        std::thread::scope(|scope| scope.spawn(inside).join().expect("the thread does not panic"))
    }

    /// What takes the thread that calls it into the sandbox's network for good.
    pub(crate) fn network(&self) -> impl FnOnce() + Send + use<> {
        let path = format!("/proc/{}/ns/net", self.pid());
        let network = File::open(path).expect("the first process is there as long as its sandbox");
        move || {
            move_into_link_name_space(network.as_fd(), Some(LinkNameSpaceType::Network))
                .expect("root may enter");
        }
    }
}

impl Sandbox {
    /// Writes the ends of all logs to standard error: they go with the sandbox, and a test that fails once in a hundred
    /// runs can be asked only once.
    fn tell_logs(&self) {
        let Ok(logs) = walk(&self.view(LOGS)) else { return };
        for log in logs {
            let text = std::fs::read(&log).unwrap_or_default();
            let text = String::from_utf8_lossy(&text);
            let lines: Vec<&str> = text.lines().collect();
            let from = lines.len().saturating_sub(TOLD);
            let name = log.file_name().unwrap_or_default().display();
            eprintln!("--- {name}, the last {} of {} lines", lines.len() - from, lines.len());
            lines[from..].iter().for_each(|line| eprintln!("{line}"));
        }
    }
}

/// The files below a folder.
fn walk(folder: &Path) -> std::io::Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder)? {
        let entry = entry?;
        if entry.file_type()?.is_dir() {
            found.extend(walk(&entry.path())?);
        } else {
            found.push(entry.path());
        }
    }
    Ok(found)
}

impl Drop for Sandbox {
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.tell_logs();
        }
        drop(self.holder.stdin.take());
        let _ended = self.holder.wait();
    }
}

/// Where bricks may lie: a file system that takes `trusted.` and `user.` attributes.
fn scratch() -> PathBuf {
    std::env::var_os("MORTAR_TEST_DIR").map_or_else(|| PathBuf::from("/var/tmp"), PathBuf::from)
}

/// A program of this crate: cargo puts it beside the test's own folder.
fn helper(name: &str) -> PathBuf {
    let own = std::env::current_exe().expect("/proc is mounted");
    let found = own.ancestors().skip(1).take(2).map(|folder| folder.join(name)).find(|path| path.exists());
    found.unwrap_or_else(|| panic!("no {name} near {}: build the crate `tests` whole", own.display()))
}
