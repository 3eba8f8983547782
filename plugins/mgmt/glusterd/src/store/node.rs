//! `glusterd.info` and `glusterd.upgrade`: who this node is, and the op-version it works at.

use super::fields::Fields;
use super::{Lines, StoreError};
use crate::opversion::{MAX_OP_VERSION, MIN_OP_VERSION};
use std::path::Path;
use uuid::Uuid;

/// This node's identity.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Node {
    /// Made when it is first needed, never changed after.
    pub uuid: Uuid,
    /// The cluster's op-version.
    pub op_version: u32,
    /// Keys of newer versions, kept through a rewrite.
    pub unknown: Lines,
}

impl Node {
    /// Reads `glusterd.info`, or makes a new node with the newest op-version where there is none yet; a new node is
    /// written before it is returned.
    ///
    /// # Errors
    /// The file cannot be read or written, the uuid is malformed, or the op-version lies outside what this daemon
    /// works at.
    pub fn load_or_create(work: &Path) -> Result<Self, StoreError> {
        let path = work.join("glusterd.info");
        let mut fields = match Fields::read(&path) {
            Ok(fields) => fields,
            Err(error) if error.is_not_found() => Fields::of(&path, Lines::default()),
            Err(error) => return Err(error),
        };
        let uuid = fields.uuid_or_nil("UUID")?;
        let without_version = if uuid.is_nil() { MAX_OP_VERSION } else { MIN_OP_VERSION };
        let op_version = fields.number_or("operating-version", without_version)?;
        if !(MIN_OP_VERSION..=MAX_OP_VERSION).contains(&op_version) {
            return Err(fields.wrong(
                "operating-version",
                &op_version.to_string(),
                "a version from 1 to 100000; a newer daemon may have written this folder",
            ));
        }
        let mut node = Self { uuid, op_version, unknown: fields.rest() };
        if node.uuid.is_nil() {
            node.uuid = Uuid::new_v4();
            node.save(work)?;
        }
        Ok(node)
    }

    /// Writes `glusterd.info`.
    ///
    /// # Errors
    /// The file cannot be written.
    pub fn save(&self, work: &Path) -> Result<(), StoreError> {
        let mut lines = Lines::default();
        lines.push("UUID", self.uuid);
        lines.push("operating-version", self.op_version);
        lines.extend(&self.unknown);
        lines.write(&work.join("glusterd.info"))
    }
}

/// Whether volfiles have to be generated anew because another version of the daemon worked on the folder last.
///
/// # Errors
/// The file is there and cannot be read.
pub fn upgrade_is_due(work: &Path) -> Result<bool, StoreError> {
    match Lines::read(&work.join("glusterd.upgrade")) {
        Ok(lines) => {
            Ok(lines.get("maximum-operating-version").and_then(|v| v.parse().ok()) != Some(MAX_OP_VERSION))
        }
        Err(error) if error.is_not_found() => Ok(true),
        Err(error) => Err(error),
    }
}

/// Notes that this version worked on the folder.
///
/// # Errors
/// The file cannot be written.
pub fn note_upgrade(work: &Path) -> Result<(), StoreError> {
    let mut lines = Lines::default();
    lines.push("maximum-operating-version", MAX_OP_VERSION);
    lines.write(&work.join("glusterd.upgrade"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_new_node_keeps_its_uuid() {
        let work = tempfile::tempdir().unwrap();
        let first = Node::load_or_create(work.path()).unwrap();
        assert_eq!(first.op_version, MAX_OP_VERSION);
        assert_eq!(Node::load_or_create(work.path()).unwrap(), first);
    }

    #[test]
    fn unknown_keys_survive_and_an_old_folder_without_op_version_is_at_1() {
        let work = tempfile::tempdir().unwrap();
        let uuid = Uuid::new_v4();
        std::fs::write(work.path().join("glusterd.info"), format!("UUID={uuid}\nfuture=1\n")).unwrap();
        let node = Node::load_or_create(work.path()).unwrap();
        assert_eq!((node.uuid, node.op_version), (uuid, 1));
        node.save(work.path()).unwrap();
        let text = std::fs::read_to_string(work.path().join("glusterd.info")).unwrap();
        assert_eq!(text, format!("UUID={uuid}\noperating-version=1\nfuture=1\n"));
    }

    #[test]
    fn a_folder_of_a_newer_daemon_is_refused() {
        let work = tempfile::tempdir().unwrap();
        let text = format!("UUID={}\noperating-version=110000\n", Uuid::new_v4());
        std::fs::write(work.path().join("glusterd.info"), text).unwrap();
        let error = Node::load_or_create(work.path()).unwrap_err();
        assert!(error.to_string().contains("operating-version=110000"), "{error}");
    }

    #[test]
    fn an_upgrade_is_due_once() {
        let work = tempfile::tempdir().unwrap();
        assert!(upgrade_is_due(work.path()).unwrap());
        note_upgrade(work.path()).unwrap();
        assert!(!upgrade_is_due(work.path()).unwrap());
    }
}
