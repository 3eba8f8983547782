//! `peers/<uuid>`: one file for each other node.

use super::fields::Fields;
use super::{Lines, StoreError, atomic};
use std::path::{Path, PathBuf};
use uuid::Uuid;

/// Another node as stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredPeer {
    /// Null until the node has told it.
    pub uuid: Uuid,
    /// State of the friend machine, 3 = peer in cluster.
    pub state: u32,
    /// Its names, the primary first; at least one.
    pub hostnames: Vec<String>,
    /// Keys of newer versions, kept through a rewrite.
    pub unknown: Lines,
}

impl StoredPeer {
    /// The file: named by the uuid, or by the host name while the uuid is unknown.
    #[must_use]
    pub fn path(&self, peers: &Path) -> PathBuf {
        match (self.uuid.is_nil(), self.hostnames.first()) {
            (true, Some(host)) => peers.join(host),
            _ => peers.join(self.uuid.to_string()),
        }
    }

    /// Writes the peer's file.
    ///
    /// # Errors
    /// The file cannot be written.
    pub fn save(&self, peers: &Path) -> Result<(), StoreError> {
        let mut lines = Lines::default();
        lines.push("uuid", self.uuid);
        lines.push("state", self.state);
        for (n, host) in self.hostnames.iter().enumerate() {
            lines.push(format!("hostname{}", n + 1), host);
        }
        lines.extend(&self.unknown);
        lines.write(&self.path(peers))
    }

    /// Removes the peer's file.
    ///
    /// # Errors
    /// The file cannot be removed.
    pub fn remove(&self, peers: &Path) -> Result<(), StoreError> {
        let path = self.path(peers);
        std::fs::remove_file(&path).map_err(StoreError::std_io(&path, "remove"))?;
        atomic::sync_folder(peers)
    }

    /// Reads one peer's file. Before peers had several names the one name was called `hostname`.
    ///
    /// # Errors
    /// The file cannot be read or names no host.
    pub fn load(path: &Path) -> Result<Self, StoreError> {
        let mut fields = Fields::read(path)?;
        let (uuid, state) = (fields.uuid("uuid")?, fields.number("state")?);
        let first = fields.text("hostname1").or_else(|fault| fields.text("hostname").map_err(|_| fault))?;
        let mut hostnames = vec![first];
        let more = fields.take_where(|key| key.strip_prefix("hostname").is_some_and(is_number));
        hostnames.extend(more.iter().map(|(_, host)| host.to_owned()));
        Ok(Self { uuid, state, hostnames, unknown: fields.rest() })
    }

    /// The peers' files, in the order of their names.
    ///
    /// # Errors
    /// The folder cannot be read.
    pub fn files(peers: &Path) -> Result<Vec<PathBuf>, StoreError> {
        let mut paths = Vec::new();
        for entry in std::fs::read_dir(peers).map_err(StoreError::std_io(peers, "list"))? {
            let path = entry.map_err(StoreError::std_io(peers, "list"))?.path();
            if path.extension().is_none_or(|extension| extension != "tmp") && path.is_file() {
                paths.push(path);
            }
        }
        paths.sort();
        Ok(paths)
    }
}

fn is_number(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_peer_with_two_names_comes_back_as_it_was() {
        let peers = tempfile::tempdir().unwrap();
        let peer = StoredPeer {
            uuid: Uuid::new_v4(),
            state: 3,
            hostnames: vec!["a".to_owned(), "10.0.0.1".to_owned()],
            unknown: [("future", "1")].into_iter().collect(),
        };
        peer.save(peers.path()).unwrap();
        let files = StoredPeer::files(peers.path()).unwrap();
        assert_eq!(files, [peer.path(peers.path())]);
        assert_eq!(StoredPeer::load(&files[0]).unwrap(), peer);
        peer.remove(peers.path()).unwrap();
        assert!(StoredPeer::files(peers.path()).unwrap().is_empty());
    }

    #[test]
    fn a_peer_of_before_there_were_several_names_is_read() {
        let peers = tempfile::tempdir().unwrap();
        let file = peers.path().join("x");
        let uuid = Uuid::new_v4();
        std::fs::write(&file, format!("state=1\nuuid={uuid}\nhostname=127.0.0.9\n")).unwrap();
        let peer = StoredPeer::load(&file).unwrap();
        assert_eq!((peer.uuid, peer.state, peer.hostnames), (uuid, 1, vec!["127.0.0.9".to_owned()]));
    }
}
