//! `options`: what `volume set all` sets, the same on every node of the cluster.

use super::{Lines, StoreError};
use std::path::Path;

/// Cluster-wide options and the count of their changes.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ClusterOptions {
    /// Counts every change, a reset too; peers take over the higher one.
    pub version: u64,
    /// The options, the last set first.
    pub values: Lines,
}

const VERSION: &str = "global-option-version";

impl ClusterOptions {
    /// Reads the file; there are none where there is no file.
    ///
    /// # Errors
    /// The file is there and cannot be read.
    pub fn load(work: &Path) -> Result<Self, StoreError> {
        let path = work.join("options");
        let mut values = match Lines::read(&path) {
            Ok(lines) => lines,
            Err(error) if error.is_not_found() => return Ok(Self::default()),
            Err(error) => return Err(error),
        };
        let version = values.take(VERSION).unwrap_or_else(|| "0".to_owned());
        let version = version.parse().map_err(|_| StoreError::Value {
            path,
            key: VERSION.to_owned(),
            found: version,
            expected: "a number",
        })?;
        Ok(Self { version, values })
    }

    /// Sets or, with `None`, removes an option and counts the change.
    pub fn set(&mut self, name: &str, value: Option<&str>) {
        self.values.take(name);
        if let Some(value) = value {
            let older = std::mem::take(&mut self.values);
            self.values.push(name, value);
            self.values.extend(&older);
        }
        self.version += 1;
    }

    /// Writes the file.
    ///
    /// # Errors
    /// The file cannot be written.
    pub fn save(&self, work: &Path) -> Result<(), StoreError> {
        let mut lines = self.values.clone();
        lines.push(VERSION, self.version);
        lines.write(&work.join("options"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_change_counts_also_a_reset() {
        let work = tempfile::tempdir().unwrap();
        let mut options = ClusterOptions::load(work.path()).unwrap();
        options.set("cluster.server-quorum-ratio", Some("51"));
        options.set("cluster.server-quorum-ratio", None);
        options.set("cluster.max-bricks-per-process", Some("10"));
        options.save(work.path()).unwrap();
        let read = ClusterOptions::load(work.path()).unwrap();
        assert_eq!(read, options);
        assert_eq!((read.version, read.values.len()), (3, 1));
    }
}
