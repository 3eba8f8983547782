//! The key file: 32 bytes that nobody else may read.

use std::fs::{self, File};
use std::io::{self, Read};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use zeroize::Zeroizing;

/// Why a key file is not used.
#[derive(Debug, thiserror::Error)]
pub(crate) enum KeyError {
    #[error(
        "{path}: {source}: make one with `head -c 32 /dev/urandom`, as the user that runs the brick, mode 0600"
    )]
    Unreadable { path: PathBuf, source: io::Error },
    #[error("{path}: a regular file was expected")]
    NoFile { path: PathBuf },
    #[error("{path}: its mode is {mode:04o}, so that others reach it: chmod 0600")]
    Mode { path: PathBuf, mode: u32 },
    #[error("{path}: it belongs to user {owner}, who could change it; {me} was expected")]
    Owner { path: PathBuf, owner: u32, me: u32 },
    #[error("{path}: it holds {found} bytes, expected 32")]
    Length { path: PathBuf, found: u64 },
}

/// Reads the key in `path`.
pub(crate) fn read(path: &Path) -> Result<Zeroizing<[u8; 32]>, KeyError> {
    let path_buf = || path.to_owned();
    let unreadable = |source| KeyError::Unreadable { path: path_buf(), source };
    // What is checked is what is read: one open, no link followed; a pipe does not hold up the start.
    let mut file = File::options()
        .read(true)
        .custom_flags(libc::O_NOFOLLOW | libc::O_NONBLOCK)
        .open(path)
        .map_err(unreadable)?;
    let found = file.metadata().map_err(unreadable)?;
    let (mode, owner, me) = (found.mode() & 0o7777, found.uid(), user().map_err(unreadable)?);
    if !found.is_file() {
        return Err(KeyError::NoFile { path: path_buf() });
    }
    if mode & 0o077 != 0 {
        return Err(KeyError::Mode { path: path_buf(), mode });
    }
    if owner != me && owner != 0 {
        return Err(KeyError::Owner { path: path_buf(), owner, me });
    }
    if found.len() != 32 {
        return Err(KeyError::Length { path: path_buf(), found: found.len() });
    }
    let mut key = Zeroizing::new([0; 32]);
    file.read_exact(&mut *key).map_err(unreadable)?;
    Ok(key)
}

/// The user that this process is, without an unsafe call.
fn user() -> io::Result<u32> {
    fs::metadata("/proc/self").map(|own| own.uid())
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::{PermissionsExt, symlink};

    use super::*;

    fn file(folder: &tempfile::TempDir, bytes: &[u8], mode: u32) -> PathBuf {
        let path = folder.path().join("key");
        fs::write(&path, bytes).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
        path
    }

    #[test]
    fn a_key_is_32_bytes_that_only_its_owner_reaches() {
        let folder = tempfile::tempdir().unwrap();
        assert_eq!(*read(&file(&folder, &[9; 32], 0o600)).unwrap(), [9; 32]);
        assert!(matches!(read(&file(&folder, &[9; 32], 0o640)), Err(KeyError::Mode { mode: 0o640, .. })));
        assert!(matches!(read(&file(&folder, &[9; 33], 0o400)), Err(KeyError::Length { found: 33, .. })));
        assert!(matches!(read(folder.path()), Err(KeyError::NoFile { .. })));
        let link = folder.path().join("link");
        symlink(file(&folder, &[9; 32], 0o600), &link).unwrap();
        assert!(matches!(read(&link), Err(KeyError::Unreadable { .. })), "a link could be turned");
    }

    #[test]
    fn a_key_of_somebody_else_is_not_trusted() {
        let folder = tempfile::tempdir().unwrap();
        let path = file(&folder, &[9; 32], 0o600);
        // Only root can give files away; others cannot make the case.
        if std::os::unix::fs::chown(&path, Some(12345), None).is_ok() && user().unwrap() != 12345 {
            assert!(matches!(read(&path), Err(KeyError::Owner { owner: 12345, .. })));
        }
    }
}
