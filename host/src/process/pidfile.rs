//! The pid file: one process number, and a lock that other daemons and the incumbent's tools test.
use std::fs::{File, OpenOptions};
use std::io::{self, ErrorKind, Write};
use std::path::{Path, PathBuf};

use rustix::fs::{FlockOperation, fcntl_lock};
use rustix::io::Errno;
use rustix::process::{Flock, FlockType, fcntl_getlk};

/// The pid file cannot be had.
#[derive(Debug, thiserror::Error)]
pub enum PidFileError {
    /// Opening, locking or writing failed.
    #[error("pid file {}: {source}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// Another process holds the lock.
    #[error("pid file {}: locked by {}, which is running", path.display(), holder_text(*holder))]
    Held {
        /// The file.
        path: PathBuf,
        /// The process, if the kernel names it.
        holder: Option<i32>,
    },
}

/// An open pid file.
///
/// The lock is the kind `lockf` takes: it belongs to the process, is not inherited over a fork, and is lost when *any*
/// descriptor of the file is closed in this process. So nothing else here may open the file.
#[derive(Debug)]
pub struct PidFile {
    path: PathBuf,
    file: File,
    created: bool,
}

impl PidFile {
    /// Opens the file, and makes it when it is not there; what it holds is left alone.
    /// # Errors
    /// The file cannot be opened.
    pub fn open(path: &Path) -> Result<PidFile, PidFileError> {
        let mut options = OpenOptions::new();
        options.append(true);
        let opened = match options.clone().create_new(true).open(path) {
            Err(error) if error.kind() == ErrorKind::AlreadyExists => {
                options.open(path).map(|file| (file, false))
            }
            other => other.map(|file| (file, true)),
        };
        let (file, created) = opened.map_err(|source| PidFileError::Io { path: path.to_owned(), source })?;
        Ok(PidFile { path: path.to_owned(), file, created })
    }

    /// Where it lies.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Takes the lock for this process, for as long as the file stays open.
    /// # Errors
    /// Another process holds it: [`PidFileError::Held`].
    pub fn claim(&self) -> Result<(), PidFileError> {
        match fcntl_lock(&self.file, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => Ok(()),
            Err(Errno::AGAIN | Errno::ACCESS) => {
                Err(PidFileError::Held { path: self.path.clone(), holder: self.holder() })
            }
            Err(error) => Err(self.io(error.into())),
        }
    }

    /// Makes `pid` and a newline the file's whole content.
    /// # Errors
    /// The file cannot be written.
    pub fn write(&self, pid: i32) -> Result<(), PidFileError> {
        let replace = || {
            self.file.set_len(0)?;
            (&self.file).write_all(format!("{pid}\n").as_bytes())
        };
        replace().map_err(|source| self.io(source))
    }

    /// After a failed start: removes the file if this start made it. Call it only while holding the lock.
    pub fn discard(&self) {
        if self.created {
            // A file that cannot be removed is the same empty file the incumbent leaves.
            let _ = std::fs::remove_file(&self.path);
        }
    }

    fn holder(&self) -> Option<i32> {
        let other = fcntl_getlk(&self.file, &Flock::from(FlockType::WriteLock)).ok()??;
        other.pid.map(rustix::process::Pid::as_raw_pid)
    }

    fn io(&self, source: io::Error) -> PidFileError {
        PidFileError::Io { path: self.path.clone(), source }
    }
}

fn holder_text(holder: Option<i32>) -> String {
    holder.map_or("another process".to_owned(), |pid| format!("process {pid}"))
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn the_file_holds_the_number_and_nothing_else() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x.pid");
        fs::write(&path, "123456789\n").unwrap();
        let pid_file = PidFile::open(&path).unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), "123456789\n");
        pid_file.write(42).unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), "42\n");
    }

    #[test]
    fn a_failed_start_removes_only_a_file_it_made() {
        let folder = tempfile::tempdir().unwrap();
        let (old, new) = (folder.path().join("old"), folder.path().join("new"));
        fs::write(&old, "1\n").unwrap();
        PidFile::open(&old).unwrap().discard();
        PidFile::open(&new).unwrap().discard();
        assert!(old.exists() && !new.exists());
    }

    #[test]
    fn a_folder_that_is_not_there_is_named() {
        let error = PidFile::open(Path::new("/nowhere/x.pid")).unwrap_err();
        assert_eq!(error.to_string(), "pid file /nowhere/x.pid: No such file or directory (os error 2)");
    }
}
