//! What can go wrong with the state folder.

use std::path::{Path, PathBuf};

/// A fault of the state folder, with the file it lies in.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The file system said no.
    #[error("{path}: {action}: {source}")]
    Io {
        /// The file or folder.
        path: PathBuf,
        /// What was tried.
        action: &'static str,
        /// The file system's answer.
        source: std::io::Error,
    },
    /// Not a `key=value` line.
    #[error("{path}: line {line}: found {found:?}, expected key=value")]
    Line {
        /// The file.
        path: PathBuf,
        /// From 1.
        line: usize,
        /// The line.
        found: String,
    },
    /// A key that has to be there is not.
    #[error("{path}: no {key}=, which this file has to have")]
    Missing {
        /// The file.
        path: PathBuf,
        /// The key.
        key: String,
    },
    /// A value that does not mean anything here.
    #[error("{path}: {key}={found}: expected {expected}")]
    Value {
        /// The file.
        path: PathBuf,
        /// The key.
        key: String,
        /// The value.
        found: String,
        /// What it may be.
        expected: &'static str,
    },
    /// A key or value with a line break would write lines of its own.
    #[error("{path}: {key:?} has a line break or is empty and cannot be stored")]
    Unstorable {
        /// The file.
        path: PathBuf,
        /// The key.
        key: String,
    },
    /// Somebody else works on the folder.
    #[error("{path}: in use by another daemon; stop it, or give this one a working-directory of its own")]
    Locked {
        /// The state folder.
        path: PathBuf,
    },
}

impl StoreError {
    pub(crate) fn io(path: &Path, action: &'static str) -> impl FnOnce(rustix::io::Errno) -> Self {
        let path = path.to_owned();
        move |errno| Self::Io { path, action, source: errno.into() }
    }

    pub(crate) fn std_io(path: &Path, action: &'static str) -> impl FnOnce(std::io::Error) -> Self {
        let path = path.to_owned();
        move |source| Self::Io { path, action, source }
    }

    /// The file was read, and what it says makes no sense.
    #[must_use]
    pub fn is_nonsense(&self) -> bool {
        matches!(self, Self::Line { .. } | Self::Missing { .. } | Self::Value { .. })
    }

    /// The file or folder is not there.
    #[must_use]
    pub fn is_not_found(&self) -> bool {
        matches!(self, Self::Io { source, .. } if source.kind() == std::io::ErrorKind::NotFound)
    }
}
