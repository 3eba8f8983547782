//! The options of `storage/posix`, as a struct: past `init` nobody sees strings.

use std::path::PathBuf;
use std::time::Duration;

use plugin_api::Gfid;

/// Everything that a volfile can say about a brick.
#[derive(Debug, Clone)]
pub(crate) struct Options {
    /// `directory`.
    pub(crate) directory: PathBuf,
    /// `volume-id`.
    pub(crate) volume_id: Option<Gfid>,
    /// `glusterd-uuid`, as text.
    pub(crate) glusterd_uuid: Option<String>,
    /// `hostname`: what pathinfo shows.
    pub(crate) hostname: String,
    /// `node-uuid-pathinfo`: pathinfo shows the uuid of the node instead.
    pub(crate) node_uuid_pathinfo: bool,
    /// `export-statfs-size`.
    pub(crate) export_statfs_size: bool,
    /// `mandate-attribute`: refuse a file system without xattrs.
    pub(crate) mandate_attribute: bool,
    /// `shared-brick-count`.
    pub(crate) shared_brick_count: u64,
    /// `fips-mode-rchecksum`.
    pub(crate) fips_checksum: bool,
    /// `ctime`.
    pub(crate) ctime: bool,
    /// `gfid2path`.
    pub(crate) gfid2path: bool,
    /// `gfid2path-separator`.
    pub(crate) gfid2path_separator: String,
    /// `update-link-count-parent`.
    pub(crate) parent_link_counts: bool,
    /// `reserve`: below 100 percent, otherwise bytes.
    pub(crate) reserve: f64,
    /// `health-check-interval`; zero switches the check off.
    pub(crate) health_check_interval: Duration,
    /// `health-check-timeout`.
    pub(crate) health_check_timeout: Duration,
    /// `janitor-sleep-duration`.
    pub(crate) janitor_sleep: Duration,
    /// `disable-landfill-purge`.
    pub(crate) keep_landfill: bool,
    /// `max-hardlinks`; 0 is without limit.
    pub(crate) max_hardlinks: u32,
    /// `o-direct`.
    pub(crate) o_direct: bool,
    /// `batch-fsync-mode`.
    pub(crate) batch_fsync: BatchFsync,
    /// `batch-fsync-delay-usec`.
    pub(crate) batch_fsync_delay: Duration,
    /// `brick-uid`.
    pub(crate) brick_uid: Option<u32>,
    /// `brick-gid`.
    pub(crate) brick_gid: Option<u32>,
    /// `create-mask`.
    pub(crate) create_mask: u32,
    /// `create-directory-mask`.
    pub(crate) create_directory_mask: u32,
    /// `force-create-mode`.
    pub(crate) force_create_mode: u32,
    /// `force-directory-mode`.
    pub(crate) force_directory_mode: u32,
}

/// How a `batch-fsync` request reaches the disk.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum BatchFsync {
    /// One fsync each.
    None,
    /// One `syncfs` for all.
    Syncfs,
    /// `syncfs`, then one fsync.
    SyncfsSingleFsync,
    /// `syncfs`, then each fsync, last first.
    SyncfsReverseFsync,
    /// Each fsync, last first.
    #[default]
    ReverseFsync,
}

impl Options {
    /// The defaults, for the brick in `directory`.
    pub(crate) fn new(directory: PathBuf) -> Self {
        Self {
            directory,
            volume_id: None,
            glusterd_uuid: None,
            hostname: String::new(),
            node_uuid_pathinfo: false,
            export_statfs_size: true,
            mandate_attribute: true,
            shared_brick_count: 1,
            fips_checksum: false,
            ctime: true,
            gfid2path: true,
            gfid2path_separator: ":".into(),
            parent_link_counts: false,
            reserve: 1.0,
            health_check_interval: Duration::from_secs(30),
            health_check_timeout: Duration::from_secs(20),
            janitor_sleep: Duration::from_secs(10),
            keep_landfill: false,
            max_hardlinks: 100,
            o_direct: false,
            batch_fsync: BatchFsync::default(),
            batch_fsync_delay: Duration::ZERO,
            brick_uid: None,
            brick_gid: None,
            create_mask: 0o777,
            create_directory_mask: 0o777,
            force_create_mode: 0,
            force_directory_mode: 0,
        }
    }
}
