//! A program run to its end or its time limit, and what runs inside a sandbox.

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::process::{Pid, PidfdFlags, Signal, kill_process, pidfd_open};
use std::fs::{File, read_dir, read_to_string};
use std::io::{Read, Seek, SeekFrom};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

/// What a program said, and how it ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// The exit code; 128 and the signal's number when a signal ended it, as a shell says it.
    pub code: i32,
    /// All of its standard output.
    pub out: String,
    /// All of its standard error.
    pub err: String,
}

impl Answer {
    /// What it said, whichever way it said it.
    pub fn said(&self) -> String {
        format!("{}{}", self.out, self.err)
    }

    /// The standard output of a program that must succeed.
    ///
    /// # Panics
    /// When it did not.
    #[track_caller]
    pub fn ok(self) -> String {
        assert_eq!(self.code, 0, "{self:?}");
        self.out
    }
}

/// Runs `command` to its end and collects what it prints.
///
/// Output goes to files, not pipes: a daemon that keeps them open does not keep the test waiting.
///
/// # Panics
/// When it does not start, or is not done within `limit`; it is killed then.
#[track_caller]
pub fn run(command: &mut Command, limit: Duration) -> Answer {
    let (out, err) = (unnamed_file(), unnamed_file());
    let mut child = command
        .stdin(Stdio::null())
        .stdout(out.try_clone().expect("a descriptor is free"))
        .stderr(err.try_clone().expect("a descriptor is free"))
        .spawn()
        .unwrap_or_else(|error| panic!("{command:?}: {error}"));
    let ended = wait_child(&mut child, limit);
    let (out, err) = (whole(out), whole(err));
    let code = ended.unwrap_or_else(|| panic!("{command:?}: not done after {limit:?}\n{out}{err}"));
    Answer { code, out, err }
}

/// Waits for the child's exit code; kills it and answers `None` when `limit` passes first.
fn wait_child(child: &mut Child, limit: Duration) -> Option<i32> {
    use std::os::unix::process::ExitStatusExt;
    let pidfd = pidfd_open(Pid::from_child(child), PidfdFlags::empty()).expect("our own child is there");
    let limit = Timespec::try_from(limit).expect("a limit of less than a century");
    let ready = poll(&mut [PollFd::new(&pidfd, PollFlags::IN)], Some(&limit)).expect("poll takes a pidfd");
    if ready == 0 {
        child.kill().expect("our own child can be killed");
    }
    let status = child.wait().expect("our own child can be waited for");
    let code = status.code().or(status.signal().map(|signal| 128 + signal));
    code.filter(|_| ready > 0)
}

fn unnamed_file() -> File {
    tempfile::tempfile().expect("the temporary folder takes a file")
}

fn whole(mut file: File) -> String {
    let mut bytes = Vec::new();
    file.seek(SeekFrom::Start(0)).expect("a file can be rewound");
    file.read_to_end(&mut bytes).expect("our own file can be read");
    String::from_utf8_lossy(&bytes).into_owned()
}

/// A process inside a sandbox, seen from outside.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Process {
    /// Its pid outside.
    pub pid: Pid,
    /// Its pid inside, the one that its pidfile holds.
    pub inner: i32,
    /// Its command line.
    pub argv: Vec<String>,
}

impl Process {
    /// The name it was started by, without the folder.
    pub fn name(&self) -> &str {
        let program = self.argv.first().map_or("", String::as_str);
        program.rsplit('/').next().unwrap_or(program)
    }

    /// True when it is a brick.
    pub fn is_brick(&self) -> bool {
        self.argv.iter().any(|word| word == "--brick-name")
    }

    /// The word after an option on its command line.
    pub fn option(&self, name: &str) -> Option<&str> {
        let at = self.argv.iter().position(|word| word == name)?;
        self.argv.get(at + 1).map(String::as_str)
    }

    /// Sends it a signal; one that is gone already is no error.
    pub fn signal(&self, signal: Signal) {
        let _gone = kill_process(self.pid, signal);
    }

    /// True while any of its threads runs: what it has open, and the locks on that, go with the last of them. Until then
    /// its first thread may be a zombie already.
    pub fn is_alive(&self) -> bool {
        read_to_string(format!("/proc/{}/status", self.pid.as_raw_nonzero()))
            .is_ok_and(|status| runs(&status))
    }

    /// The most memory it ever held resident since [`Self::forget_peak`], in KiB.
    ///
    /// # Panics
    /// When it is gone.
    pub fn peak_kib(&self) -> u64 {
        self.kib("VmHWM")
    }

    /// The memory that it holds resident, in KiB.
    ///
    /// # Panics
    /// When it is gone.
    pub fn resident_kib(&self) -> u64 {
        self.kib("VmRSS")
    }

    fn kib(&self, field: &str) -> u64 {
        let held = self.field(field).unwrap_or_else(|| panic!("{} is gone", self.name()));
        held.trim_end_matches(" kB").trim().parse().expect("the kernel writes a number")
    }

    /// How often its threads went to sleep so far.
    ///
    /// # Panics
    /// When it is gone.
    pub fn sleeps(&self) -> u64 {
        let threads = read_dir(format!("/proc/{}/task", self.pid.as_raw_nonzero())).expect("it is there");
        let statuses =
            threads.flatten().filter_map(|thread| read_to_string(thread.path().join("status")).ok());
        let count = |status: String| status_field(&status, "voluntary_ctxt_switches")?.parse::<u64>().ok();
        statuses.filter_map(count).sum()
    }

    /// Starts the peak anew from what it holds now.
    ///
    /// # Panics
    /// When it is gone.
    pub fn forget_peak(&self) {
        let path = format!("/proc/{}/clear_refs", self.pid.as_raw_nonzero());
        std::fs::write(path, "5").unwrap_or_else(|error| panic!("{}: {error}", self.name()));
    }

    fn field(&self, name: &str) -> Option<String> {
        let status = read_to_string(format!("/proc/{}/status", self.pid.as_raw_nonzero())).ok()?;
        status_field(&status, name).map(str::to_owned)
    }
}

fn runs(status: &str) -> bool {
    let ended = status_field(status, "State").is_none_or(|state| state.starts_with(['Z', 'X']));
    !ended || status_field(status, "Threads").is_some_and(|threads| threads != "1")
}

fn status_field<'a>(status: &'a str, name: &str) -> Option<&'a str> {
    status.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':')).map(str::trim)
}

/// All that runs in the pid namespace whose first process is `init`, but for `init` itself. One that was killed is among
/// them until its last thread is gone, with its name for a command line: it has given that back already.
pub fn processes(init: Pid) -> Vec<Process> {
    let namespace = |pid: &str| std::fs::read_link(format!("/proc/{pid}/ns/pid")).ok();
    let ours = namespace(&init.to_string());
    let entries = read_dir("/proc").expect("/proc is mounted").flatten();
    let pids = entries.filter_map(|entry| entry.file_name().into_string().ok());
    pids.filter(|pid| pid.starts_with(|c: char| c.is_ascii_digit()) && namespace(pid) == ours)
        .filter_map(|pid| read_process(&pid))
        .filter(|process| process.inner != 1)
        .collect()
}

fn read_process(pid: &str) -> Option<Process> {
    let status = read_to_string(format!("/proc/{pid}/status")).ok()?;
    if !runs(&status) {
        return None;
    }
    let inner = status_field(&status, "NSpid")?.split_whitespace().last()?.parse().ok()?;
    let line = std::fs::read(format!("/proc/{pid}/cmdline")).ok()?;
    let words = line.split(|&byte| byte == 0).map(|word| String::from_utf8_lossy(word).into_owned());
    let mut argv: Vec<String> = words.collect();
    argv.pop();
    if argv.is_empty() {
        argv.push(status_field(&status, "Name")?.to_owned());
    }
    Some(Process { pid: Pid::from_raw(pid.parse().ok()?)?, inner, argv })
}
