//! Typed reading of `key=value` lines: each key is taken out, so that what is left is unknown.

use super::{Lines, StoreError};
use std::path::{Path, PathBuf};
use std::str::FromStr;
use uuid::Uuid;

/// Lines of a file, and the file's name for errors.
#[derive(Debug)]
pub struct Fields {
    path: PathBuf,
    lines: Lines,
}

impl Fields {
    /// Reads a file.
    ///
    /// # Errors
    /// As [`Lines::read`].
    pub fn read(path: &Path) -> Result<Self, StoreError> {
        Ok(Self { path: path.to_owned(), lines: Lines::read(path)? })
    }

    /// Over lines that are in memory.
    #[must_use]
    pub fn of(path: &Path, lines: Lines) -> Self {
        Self { path: path.to_owned(), lines }
    }

    /// A text, taken out.
    ///
    /// # Errors
    /// There is no such key.
    pub fn text(&mut self, key: &str) -> Result<String, StoreError> {
        self.lines
            .take(key)
            .ok_or_else(|| StoreError::Missing { path: self.path.clone(), key: key.to_owned() })
    }

    /// A text, taken out; empty when there is no such key.
    pub fn text_or_empty(&mut self, key: &str) -> String {
        self.lines.take(key).unwrap_or_default()
    }

    /// A number, taken out.
    ///
    /// # Errors
    /// There is no such key, or it is not a number of that size.
    pub fn number<T: FromStr>(&mut self, key: &str) -> Result<T, StoreError> {
        let found = self.text(key)?;
        found.parse().map_err(|_| self.wrong(key, &found, "a number in range"))
    }

    /// A number, taken out; `default` when there is no such key.
    ///
    /// # Errors
    /// It is not a number of that size.
    pub fn number_or<T: FromStr>(&mut self, key: &str, default: T) -> Result<T, StoreError> {
        if self.lines.get(key).is_some() { self.number(key) } else { Ok(default) }
    }

    /// A uuid, taken out.
    ///
    /// # Errors
    /// There is no such key, or it is not a uuid.
    pub fn uuid(&mut self, key: &str) -> Result<Uuid, StoreError> {
        let found = self.text(key)?;
        Uuid::try_parse(&found).map_err(|_| self.wrong(key, &found, "a uuid"))
    }

    /// A uuid, taken out; the null uuid when there is no such key.
    ///
    /// # Errors
    /// It is not a uuid.
    pub fn uuid_or_nil(&mut self, key: &str) -> Result<Uuid, StoreError> {
        if self.lines.get(key).is_some() { self.uuid(key) } else { Ok(Uuid::nil()) }
    }

    /// The error for a value that was taken and means nothing.
    #[must_use]
    pub fn wrong(&self, key: &str, found: &str, expected: &'static str) -> StoreError {
        StoreError::Value { path: self.path.clone(), key: key.to_owned(), found: found.to_owned(), expected }
    }

    /// As [`Lines::take_where`].
    pub fn take_where(&mut self, wanted: impl Fn(&str) -> bool) -> Lines {
        self.lines.take_where(wanted)
    }

    /// What nobody took.
    #[must_use]
    pub fn rest(self) -> Lines {
        self.lines
    }
}
