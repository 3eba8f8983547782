//! Daemonize: leaves the terminal, while the parent waits and exits with the true code.
#![allow(unsafe_code, reason = "fork")]
use std::fs::File;
use std::io::{self, Read, Write};
use std::os::fd::OwnedFd;
use std::sync::Mutex;

use nix::errno::Errno;
use nix::sys::wait::{WaitStatus, waitpid};
use nix::unistd::{
    ForkResult, Pid, chdir, dup2_stderr, dup2_stdin, dup2_stdout, fork, getpid, pipe2, setsid,
};

use super::pidfile::{PidFile, PidFileError};
use crate::report;
use crate::settings::{Mode, Settings};

/// The process could not leave the terminal.
#[derive(Debug, thiserror::Error)]
pub enum DaemonError {
    /// A system call failed.
    #[error("leaving the terminal: {call}: {source}")]
    System {
        /// The call.
        call: &'static str,
        /// Why.
        source: io::Error,
    },
    /// The pid file cannot be had.
    #[error(transparent)]
    PidFile(#[from] PidFileError),
}

impl DaemonError {
    /// The exit code: the number of the system's error, as the incumbent has it.
    pub fn exit_code(&self) -> u8 {
        let source = match self {
            DaemonError::System { source, .. } | DaemonError::PidFile(PidFileError::Io { source, .. }) => {
                source
            }
            DaemonError::PidFile(PidFileError::Held { .. }) => &io::Error::from(Errno::EAGAIN),
        };
        source.raw_os_error().and_then(|number| u8::try_from(number).ok()).unwrap_or(1)
    }
}

/// The waiting parent, as the daemon sees it; in the foreground there is none and reports go nowhere.
#[derive(Debug)]
pub struct Parent {
    pipe: Mutex<Option<File>>,
    pid_file: Option<PidFile>,
}

/// How a start ended, as the parent hears it.
#[derive(Debug, PartialEq, Eq)]
enum Outcome {
    Ready,
    Failed { code: i32, text: String },
    Silent,
}

/// Takes the pid file and leaves the terminal, if the settings say so. Returns in the daemon only: the parent waits for
/// its report and exits.
///
/// No other thread may run yet. The pid file is locked by the daemon. It holds the daemon's number as soon as it is
/// locked; under `glusterd` the parent writes it, once the daemon is ready.
/// # Errors
/// The pid file is held by another process or cannot be written, or a system call failed.
pub fn daemonize(settings: &Settings) -> Result<Parent, DaemonError> {
    let pid_file = settings.pid_file.as_deref().map(PidFile::open).transpose()?;
    if !settings.daemonize {
        let parent = Parent { pipe: Mutex::new(None), pid_file };
        parent.take_pid_file(true)?;
        return Ok(parent);
    }
    let (read, write) = pipe2(nix::fcntl::OFlag::O_CLOEXEC).map_err(system("pipe"))?;
    // SAFETY: this process has no other thread yet (threads start at step 7), so the child may go on as usual.
    match unsafe { fork() }.map_err(system("fork"))? {
        ForkResult::Parent { child } => {
            drop(write);
            let parent_writes = pid_file.filter(|_| settings.mode == Mode::Management);
            std::process::exit(wait(&settings.program, read, child, parent_writes.as_ref()))
        }
        ForkResult::Child => {
            drop(read);
            let parent = Parent { pipe: Mutex::new(Some(File::from(write))), pid_file };
            let left =
                leave_terminal().and_then(|()| parent.take_pid_file(settings.mode != Mode::Management));
            if let Err(error) = left {
                parent.report_failure(error.exit_code(), &error.to_string());
                return Err(error);
            }
            Ok(parent)
        }
    }
}

impl Parent {
    /// Tells the parent that the daemon serves; it exits with 0. Only the first report counts.
    pub fn report_ready(&self) {
        self.report(0, "");
    }

    /// Tells the parent that the start failed: it prints `text` and exits with `code`. Only the first report counts.
    pub fn report_failure(&self, code: u8, text: &str) {
        self.report(i32::from(code), text);
    }

    /// After a failed start: leaves no pid file behind.
    pub fn discard_pid_file(&self) {
        if let Some(pid_file) = &self.pid_file {
            pid_file.discard();
        }
    }

    fn report(&self, code: i32, text: &str) {
        let Some(mut pipe) = self.pipe.lock().expect("no panic under it").take() else { return };
        // A parent that was killed hears nothing, and that is no fault of the daemon's.
        let _ = pipe.write_all(&code.to_ne_bytes()).and_then(|()| pipe.write_all(text.as_bytes()));
    }

    fn take_pid_file(&self, write: bool) -> Result<(), DaemonError> {
        if let Some(pid_file) = &self.pid_file {
            pid_file.claim()?;
            if write {
                pid_file.write(getpid().as_raw())?;
            }
        }
        Ok(())
    }
}

/// A session of its own, the root as its folder, nothing on the three standard streams.
fn leave_terminal() -> Result<(), DaemonError> {
    setsid().map_err(system("setsid"))?;
    chdir("/").map_err(system("chdir"))?;
    let null = File::options()
        .read(true)
        .write(true)
        .open("/dev/null")
        .map_err(|source| DaemonError::System { call: "open /dev/null", source })?;
    dup2_stdin(&null)
        .and_then(|()| dup2_stdout(&null))
        .and_then(|()| dup2_stderr(&null))
        .map_err(system("dup2"))
}

/// The parent's part: waits for the report, prints what went wrong, gives the exit code.
fn wait(program: &str, read: OwnedFd, child: Pid, pid_file: Option<&PidFile>) -> i32 {
    match outcome(File::from(read)) {
        Outcome::Ready => match pid_file.map_or(Ok(()), |pid_file| pid_file.write(child.as_raw())) {
            Ok(()) => 0,
            Err(error) => {
                eprintln!("{program}: {error}");
                1
            }
        },
        Outcome::Failed { code, text } => {
            report::say(program, &text);
            code
        }
        Outcome::Silent => {
            let how = match waitpid(child, None) {
                Ok(WaitStatus::Exited(_, code)) => format!("with exit code {code}"),
                Ok(WaitStatus::Signaled(_, signal, _)) => format!("by signal {signal}"),
                _ => "for no known reason".to_owned(),
            };
            eprintln!("{program}: the daemon ended {how} before it was ready; its log may say more");
            1
        }
    }
}

/// Reads the daemon's report: a number in this machine's byte order, then text to the end.
fn outcome(mut pipe: impl Read) -> Outcome {
    let mut code = [0; 4];
    if pipe.read_exact(&mut code).is_err() {
        return Outcome::Silent;
    }
    match i32::from_ne_bytes(code) {
        0 => Outcome::Ready,
        code => {
            let mut text = Vec::new();
            // Half a text is still worth printing.
            let _ = pipe.read_to_end(&mut text);
            let code = i32::try_from(code.unsigned_abs() & 255).unwrap_or(1).max(1);
            Outcome::Failed { code, text: String::from_utf8_lossy(&text).into_owned() }
        }
    }
}

fn system(call: &'static str) -> impl FnOnce(Errno) -> DaemonError {
    move |errno| DaemonError::System { call, source: errno.into() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parent() -> (OwnedFd, Parent) {
        let (read, write) = nix::unistd::pipe().unwrap();
        (read, Parent { pipe: Mutex::new(Some(File::from(write))), pid_file: None })
    }

    #[test]
    fn the_first_report_is_the_one_that_counts() {
        let (read, parent) = parent();
        parent.report_ready();
        parent.report_failure(7, "too late");
        assert_eq!(outcome(File::from(read)), Outcome::Ready);
    }

    #[test]
    fn a_failure_travels_with_its_words() {
        let (read, parent) = parent();
        parent.report_failure(98, "port 24007 is taken");
        let expected = Outcome::Failed { code: 98, text: "port 24007 is taken".to_owned() };
        assert_eq!(outcome(File::from(read)), expected);
    }

    #[test]
    fn a_daemon_that_dies_without_a_word_is_noticed() {
        let (read, parent) = parent();
        drop(parent);
        assert_eq!(outcome(File::from(read)), Outcome::Silent);
    }

    #[test]
    fn an_exit_code_of_a_failure_is_never_zero() {
        let report = [&(-98i32).to_ne_bytes()[..], b"x"].concat();
        assert_eq!(outcome(&report[..]), Outcome::Failed { code: 98, text: "x".to_owned() });
        let report = 256i32.to_ne_bytes();
        assert_eq!(outcome(&report[..]), Outcome::Failed { code: 1, text: String::new() });
    }
}
