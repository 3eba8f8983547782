//! What a volfile may say to `features/worm`.

use std::time::Duration;

use plugin_api::prelude::*;

use crate::retention::Mode;

/// How files are kept, as the volume's options say.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Settings {
    /// No file of the volume is written twice.
    pub(crate) volume: bool,
    /// Each file is kept for a time of its own.
    pub(crate) files: bool,
    /// Whether a file may be deleted once its time is over.
    pub(crate) deletable: bool,
    /// For how long a file is kept that says nothing else.
    pub(crate) period: Duration,
    /// How long after its making a file is committed by the next try to change it.
    pub(crate) auto_commit: Duration,
    /// Whether that time may be shortened.
    pub(crate) mode: Mode,
}

/// The options that GlusterFS 10 writes, so that its volfiles are read as they are.
pub(crate) fn declare() -> Options {
    Options::new()
        .bool("worm", "no file of the volume is written twice")
        .default_value("off")
        .reconfigurable()
        .bool("worm-file-level", "each file is kept for a time of its own, from when it is committed")
        .default_value("off")
        .reconfigurable()
        .bool("worm-files-deletable", "whether a file may be deleted once its time is over")
        .default_value("on")
        .reconfigurable()
        .time("default-retention-period", "for how long a committed file is kept")
        .default_value("120")
        .reconfigurable()
        .time("auto-commit-period", "how long after its making the next try to change a file commits it")
        .default_value("180")
        .reconfigurable()
        .choice(
            "retention-mode",
            &["relax", "enterprise"],
            "whether the time that a file is kept for may be shortened",
        )
        .default_value("relax")
        .reconfigurable()
}

impl Settings {
    pub(crate) fn read(cx: &InitCx<'_>) -> Result<Self, InitError> {
        Ok(Self {
            volume: cx.bool("worm")?,
            files: cx.bool("worm-file-level")?,
            deletable: cx.bool("worm-files-deletable")?,
            period: cx.time("default-retention-period")?,
            auto_commit: cx.time("auto-commit-period")?,
            mode: if cx.text("retention-mode")? == "enterprise" { Mode::Enterprise } else { Mode::Relax },
        })
    }
}
