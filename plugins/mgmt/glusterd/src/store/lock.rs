//! One daemon to a state folder.

use super::{StoreError, atomic};
use rustix::fs::{FlockOperation, flock};
use std::path::Path;

/// Held for as long as the daemon works on the folder; given back when dropped or when the process ends, however
/// it ends. It is a lock on the folder itself, so there is no lock file to go stale.
#[derive(Debug)]
pub struct StateLock {
    _folder: rustix::fd::OwnedFd,
}

impl StateLock {
    /// Takes the lock, or refuses at once.
    ///
    /// # Errors
    /// [`StoreError::Locked`] when another daemon holds it; the folder cannot be opened.
    pub fn take(work: &Path) -> Result<Self, StoreError> {
        let folder = atomic::open_folder(work)?;
        match flock(&folder, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => Ok(Self { _folder: folder }),
            Err(rustix::io::Errno::WOULDBLOCK) => Err(StoreError::Locked { path: work.to_owned() }),
            Err(errno) => Err(StoreError::io(work, "lock")(errno)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_daemon_on_the_same_folder_is_refused() {
        let work = tempfile::tempdir().unwrap();
        let first = StateLock::take(work.path()).unwrap();
        assert!(matches!(StateLock::take(work.path()), Err(StoreError::Locked { .. })));
        drop(first);
        StateLock::take(work.path()).expect("the first daemon is gone");
    }
}
