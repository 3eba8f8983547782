//! What a volfile may say to `features/leases`.

use std::time::Duration;

use plugin_api::prelude::*;

/// How leases are handed out, as the volume's options say.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Settings {
    /// Whether there are any.
    pub(crate) on: bool,
    /// How long a client may take to give one back.
    pub(crate) recall: Duration,
}

/// The options that GlusterFS 10 writes, so that its volfiles are read as they are.
pub(crate) fn declare() -> Options {
    Options::new()
        .bool("leases", "whether leases are handed out")
        .default_value("off")
        .reconfigurable()
        .time("lease-lock-recall-timeout", "how long a client may take to give one back")
        .default_value("60")
        .reconfigurable()
}

impl Settings {
    pub(crate) fn read(cx: &InitCx<'_>) -> Result<Self, InitError> {
        Ok(Self { on: cx.bool("leases")?, recall: cx.time("lease-lock-recall-timeout")? })
    }
}
