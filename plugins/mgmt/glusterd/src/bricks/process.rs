//! Processes by their pid files: who holds one, and how such a process is ended.

use plugin_api::rt::{self, Ready, Watched};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fd::OwnedFd;
use rustix::fs::{Mode, OFlags};
use rustix::process::{
    Flock, FlockType, Pid, PidfdFlags, Signal, fcntl_getlk, pidfd_open, pidfd_send_signal,
};
use std::ffi::OsString;
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::process::{Command, ExitStatus, Stdio};
use std::time::Duration;

/// A process that is between two holds of its pid file is looked at again after this long.
const BETWEEN: Duration = Duration::from_millis(10);

/// The process that holds the lock on a pid file; a file that nobody locks is a leftover.
#[must_use]
pub fn holder(pidfile: &Path) -> Option<Pid> {
    let flags = OFlags::RDWR | OFlags::CLOEXEC | OFlags::NOFOLLOW;
    let file = rustix::fs::open(pidfile, flags, Mode::empty()).ok()?;
    let held = fcntl_getlk(&file, &Flock::from(FlockType::WriteLock)).ok()??;
    // A process of another pid namespace shows as none.
    held.pid
}

/// A process of this pid namespace that has the file on its command line.
fn told_of(pidfile: &Path) -> Option<Pid> {
    let own = std::fs::read_link("/proc/self/ns/pid").ok()?;
    let is_told = |pid: &Pid| {
        let folder = format!("/proc/{}", pid.as_raw_nonzero());
        let line = std::fs::read(format!("{folder}/cmdline")).unwrap_or_default();
        line.split(|byte| *byte == 0).any(|word| word == pidfile.as_os_str().as_bytes())
            && std::fs::read_link(format!("{folder}/ns/pid")).is_ok_and(|space| space == own)
    };
    let folders = std::fs::read_dir("/proc").ok()?.flatten();
    folders.filter_map(|entry| Pid::from_raw(entry.file_name().to_str()?.parse().ok()?)).find(is_told)
}

/// A process that cannot be taken for another one, whatever becomes of its number.
#[derive(Debug)]
pub struct Process {
    pid: Pid,
    fd: Watched<OwnedFd>,
}

impl Process {
    /// The process of this number.
    ///
    /// # Errors
    /// There is none.
    pub fn open(pid: Pid) -> io::Result<Self> {
        Ok(Self { pid, fd: Watched::new(pidfd_open(pid, PidfdFlags::empty())?)? })
    }

    /// The holder of a pid file.
    #[must_use]
    pub fn holding(pidfile: &Path) -> Option<Self> {
        let process = Self::open(holder(pidfile)?).ok()?;
        // Asked again: the number may have gone to somebody else before it was opened.
        (holder(pidfile)? == process.pid).then_some(process)
    }

    /// The holder of a pid file; while nobody holds it, waits for a process of ours that has it on its command line to take
    /// it again or to end. The incumbent's heal daemon lets go of its file when it takes a new volfile, and for that moment
    /// looks like one that has ended: a second one would take its socket away.
    pub async fn settled(pidfile: &Path, limit: Duration) -> Option<Self> {
        let waited = async {
            loop {
                if let Some(process) = Self::holding(pidfile) {
                    return Some(process);
                }
                let between = Self::open(told_of(pidfile)?).ok()?;
                between.ended_within(BETWEEN).await;
            }
        };
        rt::timeout(limit, waited).await.flatten()
    }

    /// Its number.
    #[must_use]
    pub fn pid(&self) -> i32 {
        self.pid.as_raw_nonzero().get()
    }

    /// Waits for its end; `false` when it takes longer than `limit`.
    pub async fn ended_within(&self, limit: Duration) -> bool {
        let ended = self.fd.io(Ready::Read, |fd| {
            let mut fds = [PollFd::new(fd, PollFlags::IN)];
            match poll(&mut fds, Some(&Timespec { tv_sec: 0, tv_nsec: 0 })) {
                Ok(0) => Err(io::ErrorKind::WouldBlock.into()),
                Ok(_) => Ok(()),
                Err(errno) => Err(errno.into()),
            }
        });
        matches!(rt::timeout(limit, ended).await, Some(Ok(())))
    }

    /// Ends it: by a word, or else by force. `false` when it stays; each of both gets `limit`.
    pub async fn end(&self, limit: Duration) -> bool {
        for signal in [Signal::TERM, Signal::KILL] {
            self.signal(signal);
            if self.ended_within(limit).await {
                return true;
            }
        }
        false
    }

    /// Bytes that it has read and written, files and sockets together; `None` where the kernel does not tell.
    #[must_use]
    pub fn traffic(&self) -> Option<u64> {
        let told = std::fs::read_to_string(format!("/proc/{}/io", self.pid())).ok()?;
        let count = |name| told.lines().find_map(|line| line.strip_prefix(name)?.trim().parse::<u64>().ok());
        count("rchar:")?.checked_add(count("wchar:")?)
    }

    /// Sends it a signal.
    pub fn signal(&self, signal: Signal) {
        // It may have ended meanwhile, which is as well.
        let _ = pidfd_send_signal(self.fd.get_ref(), signal);
    }
}

/// Why a program did not come to its parent's end.
#[derive(Debug, thiserror::Error)]
#[allow(missing_docs)] // the messages say it
pub enum LaunchError {
    #[error("{program}: {reason}")]
    Spawn { program: String, reason: String },
    #[error("it was not ready after {0:?}")]
    Late(Duration),
}

/// Runs a program that leaves the terminal: its parent ends once it serves, or tells why it does not. No shell sees the
/// words.
///
/// # Errors
/// It cannot be run, or is not ready within `limit`.
pub async fn launch(
    argv: &[OsString],
    plugin_dirs: &str,
    limit: Duration,
) -> Result<ExitStatus, LaunchError> {
    let (program, words) = argv.split_first().expect("a command line names its program");
    let spawn = |reason: io::Error| LaunchError::Spawn {
        program: Path::new(program).display().to_string(),
        reason: reason.to_string(),
    };
    let mut command = Command::new(program);
    command.args(words).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    if !plugin_dirs.is_empty() {
        // What this daemon has checked is what its processes are to find.
        command.env("MORTAR_PLUGIN_DIR", plugin_dirs);
    }
    let mut child = command.spawn().map_err(spawn)?;
    let pid = i32::try_from(child.id()).ok().and_then(Pid::from_raw).expect("a process has a number");
    let in_time = match Process::open(pid) {
        Ok(process) => process.ended_within(limit).await,
        Err(_) => true,
    };
    if !in_time {
        let _ = child.kill();
    }
    let status = child.wait().map_err(spawn)?;
    if in_time { Ok(status) } else { Err(LaunchError::Late(limit)) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pid_file_that_nobody_locks_names_nobody() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("brick.pid");
        assert_eq!(holder(&file), None);
        std::fs::write(&file, "1\n").unwrap();
        assert_eq!(holder(&file), None);
    }

    #[test]
    fn a_process_with_the_file_on_its_command_line_is_found_until_it_ends() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("service.pid");
        assert_eq!(told_of(&file), None);
        let mut words = Command::new("tail");
        let mut process = words.arg("-F").arg(&file).stderr(Stdio::null()).spawn().unwrap();
        // The command line is there a moment after the process.
        let end = std::time::Instant::now() + Duration::from_secs(20);
        let mut found = told_of(&file);
        while found.is_none() && std::time::Instant::now() < end {
            std::thread::yield_now();
            found = told_of(&file);
        }
        let pid = Pid::from_raw(process.id().cast_signed());
        process.kill().unwrap();
        process.wait().unwrap();
        assert_eq!(found, pid);
        assert_eq!(told_of(&file), None);
    }
}
