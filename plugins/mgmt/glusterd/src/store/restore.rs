//! The whole state folder, read back at start.

use super::cluster_options::ClusterOptions;
use super::folder::{StoredVolume, empty_trash};
use super::node::Node;
use super::peer::StoredPeer;
use super::{StoreError, atomic};
use crate::paths::Paths;
use crate::volume::is_valid_name;
use std::collections::BTreeMap;
use std::path::PathBuf;

/// Everything the folder holds.
#[derive(Debug)]
pub struct Restored {
    /// This node.
    pub node: Node,
    /// Cluster-wide options.
    pub options: ClusterOptions,
    /// The volumes by name, which is the order they are listed in.
    pub volumes: BTreeMap<String, StoredVolume>,
    /// The other nodes.
    pub peers: Vec<StoredPeer>,
    /// What was left out, with the reason; each deserves a line in the log.
    pub skipped: Vec<Skipped>,
}

/// A folder under `vols/` that is no volume, or a file under `peers/` that is no peer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Skipped {
    /// The folder or file.
    pub path: PathBuf,
    /// Why it was left out.
    pub reason: SkipReason,
}

/// Why something was left out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SkipReason {
    /// There is no info file in it: whoever created the volume never came that far.
    NoInfo,
    /// No volume can have such a name.
    Name,
    /// What the file says is no peer.
    NoPeer(String),
}

impl std::fmt::Display for SkipReason {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::NoPeer(why) => why,
            Self::NoInfo => "no info file: a volume that was never created to the end; remove the folder",
            Self::Name => "not a name a volume can have",
        })
    }
}

/// Reads the whole folder; makes the node's identity where there is none yet.
///
/// A folder without an info file is left out and told of in [`Restored::skipped`] (the incumbent refuses to start on
/// it). A volume whose files are there but cannot be read stops the start, as in the incumbent: going on without it
/// would hand its name and its bricks to the next `volume create`. A file under `peers/` that is no peer is left out
/// and told of as well: the other peers are not to be lost over it.
///
/// # Errors
/// A file cannot be read or contradicts itself; the error names it.
pub fn restore(paths: &Paths) -> Result<Restored, StoreError> {
    empty_trash(paths)?;
    let node = Node::load_or_create(&paths.work)?;
    let options = ClusterOptions::load(&paths.work)?;
    let mut restored =
        Restored { node, options, volumes: BTreeMap::new(), peers: Vec::new(), skipped: Vec::new() };
    let folder = paths.volumes();
    for entry in std::fs::read_dir(&folder).map_err(StoreError::std_io(&folder, "list"))? {
        let entry = entry.map_err(StoreError::std_io(&folder, "list"))?;
        if !entry.file_type().map_err(StoreError::std_io(&entry.path(), "stat"))?.is_dir() {
            continue;
        }
        let skip = |reason| Skipped { path: entry.path(), reason };
        match entry.file_name().to_str().filter(|name| is_valid_name(name)) {
            None => restored.skipped.push(skip(SkipReason::Name)),
            Some(_) if !entry.path().join("info").exists() => restored.skipped.push(skip(SkipReason::NoInfo)),
            Some(name) => {
                restored.volumes.insert(name.to_owned(), StoredVolume::load(paths, name)?);
            }
        }
    }
    for path in StoredPeer::files(&paths.peers())? {
        match StoredPeer::load(&path) {
            Ok(peer) => restored.peers.push(peer),
            Err(fault) if fault.is_nonsense() => {
                restored.skipped.push(Skipped { path, reason: SkipReason::NoPeer(fault.to_string()) });
            }
            Err(fault) => return Err(fault),
        }
    }
    Ok(restored)
}

/// Makes every folder the daemon needs, mode 0755.
///
/// # Errors
/// A folder cannot be made.
pub fn make_folders(paths: &Paths) -> Result<(), StoreError> {
    for folder in paths.folders() {
        std::fs::create_dir_all(&folder).map_err(StoreError::std_io(&folder, "create folder"))?;
    }
    atomic::sync_folder(&paths.work)
}
