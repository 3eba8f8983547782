//! Files replaced as a whole or not at all, also across a power cut.

use super::StoreError;
use rustix::fs::{AtFlags, Mode, OFlags, open, openat, renameat, unlinkat};
use std::path::Path;

/// Replaces `path`: writes `<name>.tmp` (mode 0600) beside it, syncs it, renames it over `path`, syncs the folder.
///
/// After an error `path` holds its old content.
///
/// # Errors
/// Any step fails; the error names the file and the step.
pub fn replace(path: &Path, content: &[u8]) -> Result<(), StoreError> {
    let (parent, name) = split(path);
    let folder = open_folder(parent)?;
    let mut temporary = name.to_os_string();
    temporary.push(".tmp");
    step(path)?;
    let written = write_at(&folder, &temporary, path, content).and_then(|()| {
        step(path)?;
        renameat(&folder, &temporary, &folder, name).map_err(StoreError::io(path, "rename over"))
    });
    if written.is_err() {
        let _ = unlinkat(&folder, &temporary, AtFlags::empty());
        return written;
    }
    rustix::fs::fsync(&folder).map_err(StoreError::io(parent, "sync folder"))
}

/// Replaces `path` unless it holds `content` already; answers whether it was replaced.
///
/// # Errors
/// As [`replace`].
pub fn replace_if_changed(path: &Path, content: &[u8]) -> Result<bool, StoreError> {
    if std::fs::read(path).is_ok_and(|old| old == content) {
        return Ok(false);
    }
    replace(path, content).map(|()| true)
}

/// Syncs a folder, so that what was created, renamed or removed in it stays so.
///
/// # Errors
/// The folder cannot be opened or synced.
pub fn sync_folder(path: &Path) -> Result<(), StoreError> {
    step(path)?;
    rustix::fs::fsync(open_folder(path)?).map_err(StoreError::io(path, "sync folder"))
}

pub(super) fn open_folder(path: &Path) -> Result<rustix::fd::OwnedFd, StoreError> {
    open(path, OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC, Mode::empty())
        .map_err(StoreError::io(path, "open folder"))
}

fn split(path: &Path) -> (&Path, &std::ffi::OsStr) {
    let name = path.file_name().expect("store paths end in a file name");
    match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => (parent, name),
        _ => (Path::new("."), name),
    }
}

fn write_at(
    folder: &rustix::fd::OwnedFd,
    name: &std::ffi::OsStr,
    path: &Path,
    content: &[u8],
) -> Result<(), StoreError> {
    let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::TRUNC | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let file = openat(folder, name, flags, Mode::from_raw_mode(0o600))
        .map_err(StoreError::io(path, "create temporary file"))?;
    let mut rest = content;
    while !rest.is_empty() {
        match rustix::io::write(&file, rest) {
            Ok(written) => rest = &rest[written..],
            Err(rustix::io::Errno::INTR) => {}
            Err(errno) => return Err(StoreError::io(path, "write temporary file")(errno)),
        }
    }
    rustix::fs::fdatasync(&file).map_err(StoreError::io(path, "sync temporary file"))
}

/// A place where a crash may come between two changes of the disk.
#[cfg(not(test))]
#[inline]
pub(crate) fn step(_path: &Path) -> Result<(), StoreError> {
    Ok(())
}

#[cfg(test)]
pub(crate) use crash::step;

/// Crashes for tests: after so many steps nothing reaches the disk any more, on this thread.
#[cfg(test)]
pub(crate) mod crash {
    use super::{Path, StoreError};
    use std::cell::Cell;

    thread_local! {
        static LEFT: Cell<Option<u32>> = const { Cell::new(None) };
    }

    /// Crashes after `steps` more steps; `None` for never.
    pub(crate) fn after(steps: Option<u32>) {
        LEFT.set(steps);
    }

    pub(crate) fn step(path: &Path) -> Result<(), StoreError> {
        match LEFT.get() {
            None => Ok(()),
            Some(0) => Err(StoreError::std_io(path, "crash")(std::io::ErrorKind::Interrupted.into())),
            Some(left) => {
                LEFT.set(Some(left - 1));
                Ok(())
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::{PermissionsExt, symlink};

    #[test]
    fn a_file_is_replaced_and_nothing_is_left_beside_it() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("info");
        replace(&path, b"old").unwrap();
        replace(&path, b"new").unwrap();
        assert_eq!(std::fs::read(&path).unwrap(), b"new");
        assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
    }

    #[test]
    fn the_old_content_stands_when_the_new_cannot_be_written() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("info");
        replace(&path, b"old").unwrap();
        symlink("/dev/full", folder.path().join("info.tmp")).unwrap();
        let error = replace(&path, b"new").unwrap_err();
        assert!(error.to_string().contains("info: create temporary file"), "{error}");
        assert_eq!(std::fs::read(&path).unwrap(), b"old");
        replace(&path, b"new").expect("the stale temporary name is cleared on failure");
    }

    #[test]
    fn equal_content_is_not_written_again() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("v.vol");
        assert!(replace_if_changed(&path, b"x").unwrap());
        assert!(!replace_if_changed(&path, b"x").unwrap());
        assert!(replace_if_changed(&path, b"y").unwrap());
    }
}
