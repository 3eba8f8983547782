//! What lies below a folder: found without a way out of it, and its attributes.

use rustix::fd::{AsRawFd, OwnedFd};
use rustix::fs::{Mode, OFlags, ResolveFlags, XattrFlags, getxattr, open, openat2, removexattr, setxattr};
use rustix::io::Errno;
use std::path::{Path, PathBuf};

/// A file or folder, whatever becomes of its name.
#[derive(Debug)]
pub struct Below(OwnedFd);

impl Below {
    /// What lies at `path`, absolute as seen from `root`. Symbolic links on the way are not followed.
    ///
    /// # Errors
    /// There is nothing, or a link, or the way leads out of the root.
    pub fn open(root: &Path, path: &str) -> Result<Self, Errno> {
        let root = open(root, OFlags::PATH | OFlags::CLOEXEC | OFlags::DIRECTORY, Mode::empty())?;
        let inside = path.trim_start_matches('/');
        let inside = if inside.is_empty() { "." } else { inside };
        let resolve = ResolveFlags::BENEATH | ResolveFlags::NO_SYMLINKS | ResolveFlags::NO_MAGICLINKS;
        Ok(Self(openat2(root, inside, OFlags::PATH | OFlags::CLOEXEC, Mode::empty(), resolve)?))
    }

    /// By this name attributes are reached, which a descriptor of a place alone does not give.
    fn name(&self) -> PathBuf {
        PathBuf::from(format!("/proc/self/fd/{}", self.0.as_raw_fd()))
    }

    /// An attribute of at most `N` bytes.
    ///
    /// # Errors
    /// There is none, or a longer one.
    pub fn attribute<const N: usize>(&self, name: &str) -> Result<Vec<u8>, Errno> {
        let mut value = vec![0; N];
        let length = getxattr(self.name(), name, value.as_mut_slice())?;
        value.truncate(length);
        Ok(value)
    }

    /// Sets an attribute, or removes it.
    ///
    /// # Errors
    /// What the file system answers.
    pub fn change(&self, name: &str, value: Option<&[u8]>) -> Result<(), Errno> {
        match value {
            Some(value) => setxattr(self.name(), name, value, XattrFlags::empty()),
            None => removexattr(self.name(), name),
        }
    }
}

/// The system's words for an error, without its number.
#[must_use]
pub fn words(errno: Errno) -> String {
    let text = std::io::Error::from(errno).to_string();
    text.split(" (os error").next().unwrap_or_default().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_outside_the_root_is_found() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path().join("root");
        std::fs::create_dir_all(root.join("a/b")).unwrap();
        std::os::unix::fs::symlink("/etc", root.join("link")).unwrap();
        for good in ["/", "", "/a", "/a/b/", "a//b"] {
            assert!(Below::open(&root, good).is_ok(), "{good:?}");
        }
        for bad in ["/..", "/a/../../root", "/link", "/link/passwd", "/none"] {
            assert!(Below::open(&root, bad).is_err(), "{bad:?}");
        }
        assert_eq!(words(Below::open(&root, "/none").unwrap_err()), "No such file or directory");
    }
}
