//! `key=value` lines: the format of nearly every file in the state folder.

use super::{StoreError, atomic};
use std::path::Path;

/// Ordered `key=value` pairs. The first `=` splits; there is no quoting and there are no comments.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Lines(Vec<(String, String)>);

impl Lines {
    /// Reads and parses a file.
    ///
    /// # Errors
    /// The file cannot be read, or a line has no `=`, an empty key, or is not UTF-8.
    pub fn read(path: &Path) -> Result<Self, StoreError> {
        let bytes = std::fs::read(path).map_err(StoreError::std_io(path, "read"))?;
        Self::parse(&bytes, path)
    }

    /// Parses a file's content; `path` is for the error.
    ///
    /// # Errors
    /// A line has no `=`, an empty key, or is not UTF-8.
    pub fn parse(bytes: &[u8], path: &Path) -> Result<Self, StoreError> {
        let mut pairs = Vec::new();
        for (at, line) in bytes.split(|b| *b == b'\n').enumerate().filter(|(_, line)| !line.is_empty()) {
            let pair = std::str::from_utf8(line).ok().and_then(|line| line.split_once('='));
            match pair {
                Some((key, value)) if !key.is_empty() => pairs.push((key.to_owned(), value.to_owned())),
                _ => {
                    let found = String::from_utf8_lossy(line).into_owned();
                    return Err(StoreError::Line { path: path.to_owned(), line: at + 1, found });
                }
            }
        }
        Ok(Self(pairs))
    }

    /// Adds a pair at the end.
    pub fn push(&mut self, key: impl Into<String>, value: impl std::fmt::Display) {
        self.0.push((key.into(), value.to_string()));
    }

    /// Adds a pair at the end unless the value is empty.
    pub fn push_unless_empty(&mut self, key: &str, value: &str) {
        if !value.is_empty() {
            self.push(key, value);
        }
    }

    /// Adds all pairs of another file's rest at the end.
    pub fn extend(&mut self, other: &Lines) {
        self.0.extend_from_slice(&other.0);
    }

    /// The last value of a key.
    #[must_use]
    pub fn get(&self, key: &str) -> Option<&str> {
        self.0.iter().rev().find(|(k, _)| k == key).map(|(_, value)| value.as_str())
    }

    /// Takes a key out and returns its last value.
    pub fn take(&mut self, key: &str) -> Option<String> {
        let found = self.get(key).map(str::to_owned);
        self.0.retain(|(k, _)| k != key);
        found
    }

    /// Takes out, in order, the pairs whose key `wanted` answers true for.
    pub fn take_where(&mut self, wanted: impl Fn(&str) -> bool) -> Lines {
        let (taken, kept) = std::mem::take(&mut self.0).into_iter().partition(|(key, _)| wanted(key));
        self.0 = kept;
        Lines(taken)
    }

    /// The pairs in order.
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = (&str, &str)> {
        self.0.iter().map(|(key, value)| (key.as_str(), value.as_str()))
    }

    /// How many pairs there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// There are no pairs.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The file's text; `path` is for the error.
    ///
    /// # Errors
    /// A key is empty or holds `=` or a line break, or a value holds a line break.
    pub fn to_text(&self, path: &Path) -> Result<String, StoreError> {
        let mut text = String::new();
        for (key, value) in &self.0 {
            if key.is_empty() || key.contains(['=', '\n']) || value.contains('\n') {
                return Err(StoreError::Unstorable { path: path.to_owned(), key: key.clone() });
            }
            text.push_str(key);
            text.push('=');
            text.push_str(value);
            text.push('\n');
        }
        Ok(text)
    }

    /// Replaces the file as a whole.
    ///
    /// # Errors
    /// As [`to_text`](Self::to_text) and [`atomic::replace`].
    pub fn write(&self, path: &Path) -> Result<(), StoreError> {
        atomic::replace(path, self.to_text(path)?.as_bytes())
    }
}

impl<K: Into<String>, V: Into<String>> FromIterator<(K, V)> for Lines {
    fn from_iter<I: IntoIterator<Item = (K, V)>>(pairs: I) -> Self {
        Self(pairs.into_iter().map(|(key, value)| (key.into(), value.into())).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_equals_sign_splits_and_the_last_of_two_keys_counts() {
        let lines = Lines::parse(b"a=b=c\n\nk=\na=2\n", Path::new("f")).unwrap();
        assert_eq!(lines.get("a"), Some("2"));
        assert_eq!(lines.get("k"), Some(""));
        assert_eq!(lines.iter().next(), Some(("a", "b=c")));
    }

    #[test]
    fn a_line_without_an_equals_sign_is_named_by_number() {
        let error = Lines::parse(b"a=b\nnonsense\n", Path::new("f")).unwrap_err();
        assert_eq!(error.to_string(), "f: line 2: found \"nonsense\", expected key=value");
        assert!(Lines::parse(b"=b\n", Path::new("f")).is_err());
        assert!(Lines::parse(b"a=\xff\n", Path::new("f")).is_err());
    }

    #[test]
    fn a_value_cannot_smuggle_in_a_line() {
        for (key, value) in [("user.x", "1\nstatus=1"), ("a\nb", "1"), ("a=b", "1"), ("", "1")] {
            let lines: Lines = [(key, value)].into_iter().collect();
            assert!(lines.to_text(Path::new("f")).is_err(), "{key:?}={value:?}");
        }
    }
}
