//! What a volfile may say to `performance/nl-cache`.

use gluster_cache::nanos;
use plugin_api::prelude::*;

/// What it keeps, as the volume's options say.
#[derive(Debug, Default, Clone, Copy)]
pub(crate) struct Settings {
    pub(crate) pass_through: bool,
    /// For how long a name is known to be missing, in the unit of moments.
    pub(crate) timeout: u64,
    /// Bytes in all.
    pub(crate) limit: u64,
    /// Whether all names of directories that are made here are kept.
    pub(crate) whole: bool,
}

/// The options that GlusterFS 10 writes, so that its volfiles are read as they are.
pub(crate) fn declare() -> Options {
    Options::new()
        .time("nl-cache-timeout", "for how long a name is known to be missing")
        .default_value("60")
        .reconfigurable()
        .size("nl-cache-limit", "bytes that are kept at most")
        .default_value("128KB")
        .reconfigurable()
        .bool(
            "nl-cache-positive-entry",
            "of a directory that is made here keep every name, so that all others are missing",
        )
        .default_value("off")
        .reconfigurable()
        .bool("pass-through", "keep nothing")
        .default_value("off")
        .reconfigurable()
}

impl Settings {
    pub(crate) fn read(cx: &InitCx<'_>) -> Result<Self, InitError> {
        Ok(Self {
            pass_through: cx.bool("pass-through")?,
            timeout: nanos(cx.time("nl-cache-timeout")?),
            limit: cx.size("nl-cache-limit")?,
            whole: cx.bool("nl-cache-positive-entry")?,
        })
    }
}
