//! What a volfile may say to `features/changelog`.

use std::path::PathBuf;
use std::time::Duration;

use plugin_api::prelude::*;

use crate::record::Encoding;

/// What is journalled and how, as the volume's options say.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Settings {
    pub(crate) on: bool,
    /// The brick's path, where consumers are told, of whatever it is.
    pub(crate) told: Option<String>,
    /// The folder of the journals; none where the volfile names neither it nor the brick.
    pub(crate) dir: Option<PathBuf>,
    pub(crate) encoding: Encoding,
    /// How long a journal covers.
    pub(crate) rollover: Duration,
    /// How often a journal is brought to the disk; zero for with each record.
    pub(crate) fsync: Duration,
    /// How long a barrier holds at most.
    pub(crate) barrier: Duration,
    /// Whether the paths of deleted files are written down.
    pub(crate) paths: bool,
}

/// The options that GlusterFS 10 writes, so that its volfiles are read as they are.
pub(crate) fn declare() -> Options {
    Options::new()
        .bool("changelog", "whether changes are journalled")
        .default_value("off")
        .reconfigurable()
        .path("changelog-brick", "path of the brick")
        .path("changelog-dir", "folder of the journals")
        .reconfigurable()
        .bool("changelog-notification", "whether consumers are told")
        .default_value("off")
        .reconfigurable()
        .time("changelog-barrier-timeout", "how long a barrier may hold")
        .default_value("120")
        .reconfigurable()
        .time("rollover-time", "seconds a journal covers")
        .default_value("15")
        .reconfigurable()
        .int("fsync-interval", "seconds between syncs; 0 syncs each record")
        .default_value("5")
        .reconfigurable()
        .text("op-mode", "what runs")
        .default_value("RT")
        .text("encoding", "how records are written: ascii or binary")
        .default_value("ascii")
        .reconfigurable()
        .bool("capture-del-path", "whether paths of deleted files are kept")
        .default_value("off")
        .reconfigurable()
}

impl Settings {
    pub(crate) fn read(cx: &InitCx<'_>) -> Result<Self, InitError> {
        let name = cx.name();
        let wrong = |key: &str, found: &str, expected: &str| {
            InitError(format!("option `{key}` of {name} is `{found}`, expected {expected}"))
        };
        let brick =
            || cx.find("changelog-brick").map(|brick| PathBuf::from(brick).join(".glusterfs/changelogs"));
        let encoding = cx.text("encoding")?;
        let fsync = cx.int("fsync-interval")?;
        let tells = cx.bool("changelog-notification")?;
        let settings = Self {
            on: cx.bool("changelog")?,
            told: cx.find("changelog-brick").filter(|_| tells).map(str::to_owned),
            dir: cx.find("changelog-dir").map(PathBuf::from).or_else(brick),
            encoding: Encoding::named(encoding)
                .ok_or_else(|| wrong("encoding", encoding, "ascii or binary"))?,
            rollover: cx.time("rollover-time")?.max(Duration::from_secs(1)),
            fsync: u64::try_from(fsync)
                .map(Duration::from_secs)
                .map_err(|_| wrong("fsync-interval", &fsync.to_string(), "seconds"))?,
            barrier: cx.time("changelog-barrier-timeout")?,
            paths: cx.bool("capture-del-path")?,
        };
        match settings.on && settings.dir.is_none() {
            true => Err(InitError(format!(
                "{name} has no option `changelog-dir`: add `option changelog-dir FOLDER` to the volfile"
            ))),
            false => Ok(settings),
        }
    }
}
