//! What a volfile may say to `features/quota`.

use std::time::Duration;

use plugin_api::prelude::*;

/// How limits are held, as the volume's options say.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Settings {
    /// Whether they are.
    pub(crate) on: bool,
    /// Whether `df` shows them.
    pub(crate) deem_statfs: bool,
    /// The share of a limit above which warnings are written, of limits that say nothing else.
    pub(crate) soft_percent: f64,
    /// How long a usage is trusted below that.
    pub(crate) soft_timeout: Duration,
    /// How long it is trusted above.
    pub(crate) hard_timeout: Duration,
    /// How often a warning is written.
    pub(crate) alert_time: Duration,
}

/// The options that GlusterFS 10 writes, so that its volfiles are read as they are.
pub(crate) fn declare() -> Options {
    Options::new()
        .bool("server-quota", "whether limits are held")
        .default_value("off")
        .bool("deem-statfs", "whether df shows the limit")
        .default_value("off")
        .percent("default-soft-limit", "share of the limit that is the soft one")
        .default_value("80%")
        .text("volume-uuid", "id of the volume")
        .time("soft-timeout", "how long a usage is trusted below the soft limit")
        .default_value("60")
        .time("hard-timeout", "how long a usage is trusted above it")
        .default_value("5")
        .time("alert-time", "how often a warning is written")
        .default_value("604800")
}

impl Settings {
    pub(crate) fn read(cx: &InitCx<'_>) -> Result<Self, InitError> {
        Ok(Self {
            on: cx.bool("server-quota")?,
            deem_statfs: cx.bool("deem-statfs")?,
            soft_percent: cx.percent("default-soft-limit")?,
            soft_timeout: cx.time("soft-timeout")?,
            hard_timeout: cx.time("hard-timeout")?,
            alert_time: cx.time("alert-time")?,
        })
    }
}
