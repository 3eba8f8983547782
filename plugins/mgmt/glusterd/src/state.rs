//! What the daemon knows: this node, the cluster's options, volumes and peers, as on disk.

use crate::brick::Brick;
use crate::store::cluster_options::ClusterOptions;
use crate::store::folder::StoredVolume;
use crate::store::node::Node;
use crate::store::peer::StoredPeer;
use crate::store::restore::Restored;
use std::collections::BTreeMap;

/// The state in memory. It changes only after the disk has.
#[derive(Debug)]
pub struct State {
    /// This node.
    pub node: Node,
    /// Cluster-wide options.
    pub options: ClusterOptions,
    /// Volumes by name, which is the order they are listed in.
    pub volumes: BTreeMap<String, StoredVolume>,
    /// The other nodes.
    pub peers: Vec<StoredPeer>,
}

impl From<Restored> for State {
    fn from(from: Restored) -> Self {
        Self { node: from.node, options: from.options, volumes: from.volumes, peers: from.peers }
    }
}

impl State {
    /// Every brick there is.
    pub fn bricks(&self) -> impl Iterator<Item = &Brick> {
        self.volumes
            .values()
            .flat_map(|stored| stored.volume.bricks.iter().chain(&stored.volume.thin_arbiters))
    }

    /// A switch among the cluster's options.
    #[must_use]
    pub fn is_on(&self, option: &str) -> bool {
        self.options.values.get(option).and_then(crate::options::parse_bool).unwrap_or(false)
    }
}
