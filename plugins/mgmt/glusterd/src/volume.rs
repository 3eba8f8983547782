//! A volume: its kind, its bricks, its options.

use crate::brick::Brick;
use crate::options::VolumeOptions;
use crate::store::Lines;
use uuid::Uuid;

/// A volume as this node knows it; `vols/<name>/info` and `vols/<name>/bricks/*` hold it on disk.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Volume {
    /// Letters, digits, `-` and `_`; it names the folder under `vols/`, so [`is_valid_name`] holds.
    pub name: String,
    /// Written to every brick's `trusted.glusterfs.volume-id`.
    pub id: Uuid,
    /// How data is spread over the bricks.
    pub kind: VolumeKind,
    /// Whether clients may mount it.
    pub status: VolumeStatus,
    /// In creation order; sets of replicas and fragments are neighbours.
    pub bricks: Vec<Brick>,
    /// The tie-breaking bricks of a thin-arbiter volume, one per replica set.
    pub thin_arbiters: Vec<Brick>,
    /// Counts every stored change; peers compare it.
    pub version: u32,
    /// What clients and bricks speak.
    pub transport: Transport,
    /// What trusted clients and the self-heal daemon sign in with.
    pub credentials: Credentials,
    /// Smallest op-version of a node that can serve the volume.
    pub op_version: u32,
    /// Smallest op-version of a client that can mount it.
    pub client_op_version: u32,
    /// Counts how often quota was switched on; part of the quota xattr names.
    pub quota_version: u32,
    /// Kept for the format: always 0 since tiering was removed.
    pub tier_enabled: u32,
    /// The volume a snapshot volume was taken from, else `N/A`.
    pub parent_volname: String,
    /// The snapshot this volume was restored from, else the null uuid.
    pub restored_from_snap: Uuid,
    /// How many snapshots may exist.
    pub snap_max_hard_limit: u64,
    /// Options set on this volume, last set first.
    pub options: VolumeOptions,
    /// Geo-replication sessions: `secondary<N>` and its value, as stored.
    pub sessions: Lines,
}

/// How a volume spreads data over its bricks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum VolumeKind {
    /// Each file on one brick.
    Distribute,
    /// Each file on every brick of one replica set.
    Replicate {
        /// Bricks in a set, at least 2.
        replica: u32,
        /// How many of them (0 or 1) keep names and attributes only.
        arbiter: u32,
        /// How many tie-breaking bricks (0 or 1) stand beside each set.
        thin_arbiter: u32,
    },
    /// Each file cut into fragments over the bricks of one disperse set.
    Disperse {
        /// Bricks in a set, redundancy included.
        bricks: u32,
        /// How many of them may be lost.
        redundancy: u32,
    },
}

impl VolumeKind {
    /// The number in `type=` of the info file and in dicts.
    #[must_use]
    pub fn number(self) -> u32 {
        match self {
            Self::Distribute => 0,
            Self::Replicate { .. } => 2,
            Self::Disperse { .. } => 4,
        }
    }

    /// Whether each file has copies.
    #[must_use]
    pub fn replicates(self) -> bool {
        matches!(self, Self::Replicate { .. })
    }

    /// Whether each file is in fragments.
    #[must_use]
    pub fn disperses(self) -> bool {
        matches!(self, Self::Disperse { .. })
    }

    /// The cluster translator of one set, as people and the names of translators say it.
    #[must_use]
    pub fn set_word(self) -> &'static str {
        match self {
            Self::Distribute => "distribute",
            Self::Replicate { .. } => "replicate",
            Self::Disperse { .. } => "disperse",
        }
    }

    /// Bricks in one subvolume of distribute: 1, or the replica or disperse count (`dist_count` in dicts).
    #[must_use]
    pub fn set_size(self) -> u32 {
        match self {
            Self::Distribute => 1,
            Self::Replicate { replica, .. } => replica,
            Self::Disperse { bricks, .. } => bricks,
        }
    }

    /// `sub_count` of the info file: [`set_size`](Self::set_size), but 0 for distribute.
    #[must_use]
    pub fn sub_count(self) -> u32 {
        match self {
            Self::Distribute => 0,
            other => other.set_size(),
        }
    }

    /// Replica count, 1 where there are no replicas.
    #[must_use]
    pub fn replica_count(self) -> u32 {
        match self {
            Self::Replicate { replica, .. } => replica,
            _ => 1,
        }
    }

    /// Arbiters in a replica set.
    #[must_use]
    pub fn arbiter_count(self) -> u32 {
        match self {
            Self::Replicate { arbiter, .. } => arbiter,
            _ => 0,
        }
    }

    /// Thin arbiters beside a replica set.
    #[must_use]
    pub fn thin_arbiter_count(self) -> u32 {
        match self {
            Self::Replicate { thin_arbiter, .. } => thin_arbiter,
            _ => 0,
        }
    }

    /// Bricks in a disperse set, 0 for the other kinds.
    #[must_use]
    pub fn disperse_count(self) -> u32 {
        match self {
            Self::Disperse { bricks, .. } => bricks,
            _ => 0,
        }
    }

    /// Bricks of a disperse set that may be lost, 0 for the other kinds.
    #[must_use]
    pub fn redundancy_count(self) -> u32 {
        match self {
            Self::Disperse { redundancy, .. } => redundancy,
            _ => 0,
        }
    }
}

/// Where a volume stands in its life.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum VolumeStatus {
    /// Never started.
    Created,
    /// Bricks are to run.
    Started,
    /// Was started once.
    Stopped,
}

impl VolumeStatus {
    /// The number in `status=` of the info file and in dicts.
    #[must_use]
    pub fn number(self) -> u32 {
        match self {
            Self::Created => 0,
            Self::Started => 1,
            Self::Stopped => 2,
        }
    }

    /// The status of that number.
    #[must_use]
    pub fn from_number(number: u32) -> Option<Self> {
        [Self::Created, Self::Started, Self::Stopped].into_iter().find(|status| status.number() == number)
    }
}

/// What clients and bricks of a volume speak.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Transport {
    /// TCP.
    Tcp,
    /// RDMA: stored and shown, no longer served.
    Rdma,
    /// Both.
    TcpRdma,
}

impl Transport {
    /// The number in `transport-type=` of the info file and in dicts.
    #[must_use]
    pub fn number(self) -> u32 {
        match self {
            Self::Tcp => 0,
            Self::Rdma => 1,
            Self::TcpRdma => 2,
        }
    }

    /// The transport of that number.
    #[must_use]
    pub fn from_number(number: u32) -> Option<Self> {
        [Self::Tcp, Self::Rdma, Self::TcpRdma].into_iter().find(|transport| transport.number() == number)
    }

    /// The word in volfiles and on the command line.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Tcp => "tcp",
            Self::Rdma => "rdma",
            Self::TcpRdma => "tcp,rdma",
        }
    }

    /// The transport of that word, in either order of the pair.
    #[must_use]
    pub fn from_word(word: &str) -> Option<Self> {
        match word {
            "tcp" => Some(Self::Tcp),
            "rdma" => Some(Self::Rdma),
            "tcp,rdma" | "rdma,tcp" => Some(Self::TcpRdma),
            _ => None,
        }
    }
}

/// What trusted clients sign in with: two uuids in text form, made when the volume is.
#[derive(Clone, PartialEq, Eq)]
pub struct Credentials {
    /// Sign-in name.
    pub username: String,
    /// Sign-in secret.
    pub password: String,
}

impl Credentials {
    /// Fresh ones.
    #[must_use]
    pub fn generate() -> Self {
        Self { username: Uuid::new_v4().to_string(), password: Uuid::new_v4().to_string() }
    }
}

impl std::fmt::Debug for Credentials {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Credentials(masked)")
    }
}

impl Volume {
    /// A volume as `volume create` makes it: version 1, never started, with no bricks and no options yet.
    #[must_use]
    pub fn new(name: &str, id: Uuid, kind: VolumeKind, credentials: Credentials) -> Self {
        Self {
            name: name.to_owned(),
            id,
            kind,
            status: VolumeStatus::Created,
            bricks: Vec::new(),
            thin_arbiters: Vec::new(),
            version: 1,
            transport: Transport::Tcp,
            credentials,
            op_version: 1,
            client_op_version: 1,
            quota_version: 0,
            tier_enabled: 0,
            parent_volname: "N/A".to_owned(),
            restored_from_snap: Uuid::nil(),
            snap_max_hard_limit: 256,
            options: VolumeOptions::default(),
            sessions: Lines::default(),
        }
    }

    /// How many subvolumes distribute has: bricks divided by [`VolumeKind::set_size`].
    #[must_use]
    pub fn subvolume_count(&self) -> usize {
        self.bricks.len() / (self.kind.set_size().max(1) as usize)
    }

    /// Clients and bricks may talk to it now.
    #[must_use]
    pub fn is_started(&self) -> bool {
        self.status == VolumeStatus::Started
    }

    /// The id for a brick that joins next: `<volume>-client-<n>`, `n` one above the highest in use, so that a
    /// number is not given twice while bricks stand that were numbered before it.
    #[must_use]
    pub fn next_brick_id(&self) -> String {
        let next = self.bricks.iter().filter_map(|b| b.id_number()).max().map_or(0, |n| n + 1);
        format!("{}-client-{next}", self.name)
    }
}

/// Names that would be read as words of the command line or of a volfile.
const RESERVED_NAMES: [&str; 14] = [
    "volume",
    "type",
    "help",
    "subvolumes",
    "option",
    "end-volume",
    "all",
    "volume_not_in_ring",
    "description",
    "force",
    "snap-max-hard-limit",
    "snap-max-soft-limit",
    "auto-delete",
    "activate-on-create",
];

/// Whether `name` may name a volume: 1 to 256 letters, digits, `-` and `_`, no leading `-`, no reserved word.
///
/// The CLI checks this first; a name from the wire or from a folder is checked again before it becomes a path.
#[must_use]
pub fn is_valid_name(name: &str) -> bool {
    (1..=256).contains(&name.len())
        && !name.starts_with('-')
        && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_')
        && !RESERVED_NAMES.contains(&name)
}

#[cfg(test)]
impl Volume {
    /// A volume of so many bricks of one host, for tests.
    pub(crate) fn with_bricks(kind: VolumeKind, bricks: u32) -> Self {
        let mut volume = Self::new("v", Uuid::nil(), kind, Credentials::generate());
        for n in 0..bricks {
            volume.bricks.push(Brick::new(Uuid::nil(), "h", &format!("/b/{n}"), &format!("v-client-{n}")));
        }
        volume
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_would_leave_the_folder_or_confuse_the_command_line_are_refused() {
        for bad in ["", "..", "a/b", "a.b", "-a", "all", "volume", "a b", "a\0", &"x".repeat(257)] {
            assert!(!is_valid_name(bad), "{bad:?}");
        }
        for good in ["v", "v-1_a", "1", &"x".repeat(256)] {
            assert!(is_valid_name(good), "{good:?}");
        }
    }

    #[test]
    fn a_brick_id_is_not_reused_while_later_bricks_stand() {
        let mut volume = Volume::new("v", Uuid::nil(), VolumeKind::Distribute, Credentials::generate());
        assert_eq!(volume.next_brick_id(), "v-client-0");
        for n in [0, 2] {
            volume.bricks.push(Brick::new(Uuid::nil(), "h", "/b", &format!("v-client-{n}")));
        }
        assert_eq!(volume.next_brick_id(), "v-client-3");
    }

    #[test]
    fn credentials_do_not_reach_logs() {
        let credentials = Credentials::generate();
        assert!(!format!("{credentials:?}").contains(&credentials.password));
    }
}
