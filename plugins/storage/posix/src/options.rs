//! The options of `storage/posix`, as a struct: past `init` nobody sees strings.

use std::path::PathBuf;
use std::time::Duration;

use plugin_api::options::{parse_percent, parse_size};
use plugin_api::{Gfid, InitCx, InitError};

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

/// Every option that the incumbent's `storage/posix` declares.
pub(crate) fn declared() -> plugin_api::options::Options {
    plugin_api::options::Options::new()
        .path("directory", "folder that the brick exports")
        .required()
        .text(
            "volume-id",
            "uuid of the volume; the brick is refused when its root carries another one, or none",
        )
        .text("glusterd-uuid", "uuid of the node, answered to trusted.glusterfs.node-uuid")
        .reconfigurable()
        .text("hostname", "name of the node, shown in trusted.glusterfs.pathinfo")
        .bool("node-uuid-pathinfo", "pathinfo shows the node's uuid in place of its name")
        .default_value("off")
        .reconfigurable()
        .bool("o-direct", "open every file with O_DIRECT")
        .default_value("off")
        .reconfigurable()
        .bool("export-statfs-size", "statfs tells sizes; off: all of them are 0")
        .default_value("on")
        .reconfigurable()
        .bool("mandate-attribute", "refuse a file system without extended attributes")
        .default_value("on")
        .bool("background-unlink", "accepted; files are always unlinked at once")
        .default_value("off")
        .time("janitor-sleep-duration", "how long a tree that was thrown away lies before it is deleted")
        .default_value("10")
        .range(1.0, f64::MAX)
        .reconfigurable()
        .time("health-check-interval", "seconds between two checks of the disk; 0 switches them off")
        .default_value("30")
        .range(0.0, f64::MAX)
        .reconfigurable()
        .time("health-check-timeout", "how long a check may take before the brick counts as failed")
        .default_value("20")
        .range(0.0, f64::MAX)
        .reconfigurable()
        .bool("linux-aio", "accepted; reads and writes are ordinary system calls")
        .default_value("off")
        .reconfigurable()
        .bool("linux-io_uring", "accepted; reads and writes are ordinary system calls")
        .default_value("off")
        .reconfigurable()
        .int("brick-uid", "owner of the brick's root; -1 leaves it")
        .default_value("-1")
        .range(-1.0, f64::from(u32::MAX))
        .reconfigurable()
        .int("brick-gid", "group of the brick's root; -1 leaves it")
        .default_value("-1")
        .range(-1.0, f64::from(u32::MAX))
        .reconfigurable()
        .choice(
            "batch-fsync-mode",
            &["none", "syncfs", "syncfs-single-fsync", "syncfs-reverse-fsync", "reverse-fsync"],
            "accepted; every fsync goes to the disk on its own",
        )
        .default_value("reverse-fsync")
        .reconfigurable()
        .int("batch-fsync-delay-usec", "accepted; no fsync waits for others")
        .default_value("0")
        .reconfigurable()
        .bool("update-link-count-parent", "count the links of a file in each parent (trusted.pgfid.*)")
        .default_value("off")
        .reconfigurable()
        .bool("gfid2path", "record the names of a file on it (trusted.gfid2path.*)")
        .default_value("on")
        .reconfigurable()
        .text("gfid2path-separator", "stands between two paths in glusterfs.gfidtopath")
        .default_value(":")
        .reconfigurable()
        .percent_or_size(
            "reserve",
            "space that users may not fill: below 100 a percentage, else bytes; 0 for none",
        )
        .default_value("1")
        .range(0.0, f64::MAX)
        .reconfigurable()
        .int("force-create-mode", "permission bits that every new file has")
        .default_value("0000")
        .range(0.0, 511.0)
        .reconfigurable()
        .int("force-directory-mode", "permission bits that every new directory has")
        .default_value("0000")
        .range(0.0, 511.0)
        .reconfigurable()
        .int("create-mask", "permission bits that a new file may have")
        .default_value("0777")
        .range(0.0, 511.0)
        .reconfigurable()
        .int("create-directory-mask", "permission bits that a new directory may have")
        .default_value("0777")
        .range(0.0, 511.0)
        .reconfigurable()
        .int("max-hardlinks", "names that a file may have; 0 for no limit")
        .default_value("100")
        .range(0.0, f64::from(u32::MAX))
        .reconfigurable()
        .bool("disable-landfill-purge", "keep what is thrown away")
        .default_value("off")
        .reconfigurable()
        .bool("fips-mode-rchecksum", "strong checksums are SHA-256 in place of MD5")
        .default_value("off")
        .reconfigurable()
        .bool("ctime", "times of files come from the clients' clocks (trusted.glusterfs.mdata)")
        .default_value("on")
        .reconfigurable()
        .int("shared-brick-count", "bricks of the volume on this file system; statfs tells a share of it")
        .default_value("1")
        .range(0.0, f64::from(u32::MAX))
        .reconfigurable()
}

/// Below 100, with a `%` or without, a percentage; otherwise bytes.
fn reserve(text: &str) -> Result<f64, InitError> {
    if let Some(percent) = parse_percent(text) {
        return Ok(percent);
    }
    #[allow(clippy::cast_precision_loss)] // a reserve of petabytes, to the byte, is nobody's wish
    let bytes = parse_size(text).map(|bytes| bytes as f64);
    bytes.ok_or_else(|| InitError(format!("option `reserve` is `{text}`, expected a percentage or a size")))
}

/// The name of this machine.
fn own_name() -> String {
    rustix::system::uname().nodename().to_string_lossy().into_owned()
}

impl Options {
    /// Reads the options of a volfile.
    pub(crate) fn read(cx: &InitCx<'_>) -> Result<Self, InitError> {
        let gfid = |key: &str| -> Result<Option<Gfid>, InitError> {
            let Some(text) = cx.find(key) else { return Ok(None) };
            Ok(Some(text.parse()?))
        };
        let id = |key: &str| cx.int(key).map(|id| u32::try_from(id).ok());
        let mode = |key: &str| cx.int(key).map(|mode| u32::try_from(mode).unwrap_or_default() & 0o777);
        Ok(Self {
            volume_id: gfid("volume-id")?,
            glusterd_uuid: gfid("glusterd-uuid")?.map(|uuid| uuid.to_string()),
            hostname: cx.find("hostname").map_or_else(own_name, str::to_owned),
            node_uuid_pathinfo: cx.bool("node-uuid-pathinfo")?,
            export_statfs_size: cx.bool("export-statfs-size")?,
            mandate_attribute: cx.bool("mandate-attribute")?,
            shared_brick_count: u64::try_from(cx.int("shared-brick-count")?).unwrap_or(1),
            fips_checksum: cx.bool("fips-mode-rchecksum")?,
            ctime: cx.bool("ctime")?,
            gfid2path: cx.bool("gfid2path")?,
            gfid2path_separator: cx.text("gfid2path-separator")?.to_owned(),
            parent_link_counts: cx.bool("update-link-count-parent")?,
            reserve: reserve(cx.text("reserve")?)?,
            health_check_interval: cx.time("health-check-interval")?,
            health_check_timeout: cx.time("health-check-timeout")?,
            janitor_sleep: cx.time("janitor-sleep-duration")?,
            keep_landfill: cx.bool("disable-landfill-purge")?,
            max_hardlinks: u32::try_from(cx.int("max-hardlinks")?).unwrap_or_default(),
            o_direct: cx.bool("o-direct")?,
            brick_uid: id("brick-uid")?,
            brick_gid: id("brick-gid")?,
            create_mask: mode("create-mask")?,
            create_directory_mask: mode("create-directory-mask")?,
            force_create_mode: mode("force-create-mode")?,
            force_directory_mode: mode("force-directory-mode")?,
            ..Self::new(PathBuf::from(cx.text("directory")?))
        })
    }

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
            brick_uid: None,
            brick_gid: None,
            create_mask: 0o777,
            create_directory_mask: 0o777,
            force_create_mode: 0,
            force_directory_mode: 0,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_option_is_in_the_readme() {
        let readme = include_str!("../README.md");
        for option in &declared().0 {
            assert!(readme.contains(&format!("`{}`", option.keys[0])), "{}", option.keys[0]);
        }
    }

    #[test]
    fn defaults_are_values_that_the_options_take() {
        for option in &declared().0 {
            if let Some(default) = option.default.as_ref().into_option() {
                assert_eq!(option.check(default), Ok(()), "{}", option.keys[0]);
            }
        }
    }

    #[test]
    fn a_reserve_is_a_percentage_or_bytes() {
        assert_eq!(reserve("1"), Ok(1.0));
        assert_eq!(reserve("2.5%"), Ok(2.5));
        assert_eq!(reserve("1GB"), Ok(1_073_741_824.0));
        assert!(reserve("a lot").is_err());
    }
}
