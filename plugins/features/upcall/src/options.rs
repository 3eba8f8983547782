//! What a volfile may say to `features/upcall`.

use std::time::Duration;

use plugin_api::prelude::*;

/// How it tells, as the volume's options say.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Settings {
    /// Whether clients are told at all.
    pub(crate) on: bool,
    /// How long a client is told of an object after it has last looked at it.
    pub(crate) timeout: Duration,
}

/// The options that GlusterFS 10 writes, so that its volfiles are read as they are.
pub(crate) fn declare() -> Options {
    Options::new()
        .bool("cache-invalidation", "whether clients are told")
        .default_value("off")
        .reconfigurable()
        .time(
            "cache-invalidation-timeout",
            "how long a client is told of an object after it has last looked at it",
        )
        .default_value("60")
        .reconfigurable()
}

impl Settings {
    pub(crate) fn read(cx: &InitCx<'_>) -> Result<Self, InitError> {
        Ok(Self { on: cx.bool("cache-invalidation")?, timeout: cx.time("cache-invalidation-timeout")? })
    }
}
