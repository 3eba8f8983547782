//! Feature levels: of the cluster, and of each volume for its nodes and its clients.

use crate::options::{self, Flags, parse_bool};
use crate::volume::{Volume, VolumeKind};

/// The oldest cluster level this daemon works at.
pub const MIN_OP_VERSION: u32 = 1;
/// The newest cluster level this daemon works at: GlusterFS 10.
pub const MAX_OP_VERSION: u32 = 100_000;

/// From here on peers use transaction-wide locks per volume.
pub const PER_VOLUME_LOCKS: u32 = 30_600;
/// What a client must speak to mount a disperse volume.
const DISPERSE: u32 = 30_600;
/// What nodes and clients must speak for arbiters.
const ARBITER: u32 = 30_700;
/// What nodes and clients must speak for thin arbiters.
pub const THIN_ARBITER: u32 = 70_000;

/// The one switch that the incumbent counts also when it is off; nodes that count differently reject each other.
const COUNTED_WHEN_OFF: &str = "features.cloudsync";

/// The smallest op-versions that can work with a volume as it is set.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct VolumeOpVersions {
    /// Of nodes.
    pub node: u32,
    /// Of clients.
    pub client: u32,
}

impl VolumeOpVersions {
    /// Computed from the volume's kind and its options.
    #[must_use]
    pub fn of(volume: &Volume) -> Self {
        let mut needed = Self { node: 1, client: 1 };
        if volume.options.get("performance.open-behind").and_then(parse_bool) != Some(false) {
            needed.raise(2, true);
        }
        match volume.kind {
            VolumeKind::Disperse { .. } => needed.raise(DISPERSE, true),
            VolumeKind::Replicate { thin_arbiter: 1.., .. } => needed.raise(THIN_ARBITER, true),
            VolumeKind::Replicate { arbiter: 1.., .. } => needed.raise(ARBITER, true),
            VolumeKind::Replicate { .. } | VolumeKind::Distribute => {}
        }
        for (name, value) in volume.options.iter() {
            let Some(option) = options::find(name) else { continue };
            if !option.kind.is_off(value) || name == COUNTED_WHEN_OFF {
                needed.raise(option.op_version, option.flags.has(Flags::CLIENT));
            }
        }
        needed
    }

    fn raise(&mut self, to: u32, for_clients: bool) {
        self.node = self.node.max(to);
        if for_clients {
            self.client = self.client.max(to);
        }
    }
}
