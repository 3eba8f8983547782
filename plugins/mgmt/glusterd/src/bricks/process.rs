//! Processes by their pid files: who holds one, and how such a process is ended.

use plugin_api::rt::{self, Ready, Watched};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fd::OwnedFd;
use rustix::fs::{Mode, OFlags};
use rustix::process::{
    Flock, FlockType, Pid, PidfdFlags, Signal, fcntl_getlk, pidfd_open, pidfd_send_signal,
};
use std::io;
use std::path::Path;
use std::time::Duration;

/// The process that holds the lock on a pid file; a file that nobody locks is a leftover.
#[must_use]
pub fn holder(pidfile: &Path) -> Option<Pid> {
    let flags = OFlags::RDWR | OFlags::CLOEXEC | OFlags::NOFOLLOW;
    let file = rustix::fs::open(pidfile, flags, Mode::empty()).ok()?;
    let held = fcntl_getlk(&file, &Flock::from(FlockType::WriteLock)).ok()??;
    // A process of another pid namespace shows as none.
    held.pid
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

    /// Sends it a signal.
    pub fn signal(&self, signal: Signal) {
        // It may have ended meanwhile, which is as well.
        let _ = pidfd_send_signal(self.fd.get_ref(), signal);
    }
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
}
