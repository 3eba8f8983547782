//! What a volfile may say to `features/quota`.

use plugin_api::prelude::*;

/// The options that GlusterFS 10 writes, so that its volfiles are read as they are.
pub(crate) fn declare() -> Options {
    Options::new()
        .bool("server-quota", "whether limits are enforced")
        .default_value("off")
        .bool("deem-statfs", "whether df shows the limit")
        .default_value("off")
        .percent("default-soft-limit", "share of the limit that is the soft one")
        .default_value("80%")
        .text("volume-uuid", "id of the volume")
        .time("soft-timeout", "how long a size is trusted below the soft limit")
        .default_value("60")
        .time("hard-timeout", "how long a size is trusted above it")
        .default_value("5")
        .time("alert-time", "how often a warning is written")
        .default_value("604800")
}

/// Refuses whatever would need what is not built.
pub(crate) fn check(cx: &InitCx<'_>) -> Result<(), InitError> {
    cx.refuse_when_on("server-quota", "enforcing quotas")
}
