//! What a volfile may say to `features/marker`.

use std::path::PathBuf;

use plugin_api::prelude::*;

/// What is marked, as the volume's options say.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Settings {
    /// Whether usage is accounted.
    pub(crate) quota: bool,
    /// The generation of the accounting.
    pub(crate) version: i64,
    /// Whether change times are marked.
    pub(crate) xtime: bool,
    /// Whether those of geo-replication's own changes are, too.
    pub(crate) force_xtime: bool,
    /// The file whose time is the volume's mark.
    pub(crate) stamp: PathBuf,
    /// Id of the volume.
    pub(crate) volume: Gfid,
}

/// The options that GlusterFS 10 writes, so that its volfiles are read as they are.
pub(crate) fn declare() -> Options {
    Options::new()
        .bool("quota", "whether usage is accounted")
        .default_value("off")
        .bool("inode-quota", "whether objects are accounted; either accounts both")
        .default_value("off")
        .int("quota-version", "generation of the accounting: marks of another one do not count")
        .default_value("0")
        .bool("xtime", "whether change times are marked")
        .default_value("off")
        .bool("gsync-force-xtime", "whether those of geo-replication's own changes are marked, too")
        .default_value("off")
        .text("timestamp-file", "the file whose time is the volume's mark")
        .text("volume-uuid", "id of the volume")
}

impl Settings {
    pub(crate) fn read(cx: &InitCx<'_>) -> Result<Self, InitError> {
        let xtime = cx.bool("xtime")?;
        let volume = cx.find("volume-uuid").and_then(|text| text.parse().ok());
        if xtime && volume.is_none() {
            return Err(InitError("`xtime` needs `volume-uuid`, the id of the volume".to_owned()));
        }
        Ok(Self {
            quota: cx.bool("quota")? || cx.bool("inode-quota")?,
            version: cx.int("quota-version")?,
            xtime,
            force_xtime: cx.bool("gsync-force-xtime")?,
            stamp: cx.find("timestamp-file").unwrap_or_default().into(),
            volume: volume.unwrap_or_default(),
        })
    }
}
