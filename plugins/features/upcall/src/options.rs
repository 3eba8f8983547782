//! What a volfile may say to `features/upcall`.

use plugin_api::prelude::*;

/// The options that GlusterFS 10 writes, so that its volfiles are read as they are.
pub(crate) fn declare() -> Options {
    Options::new()
        .bool("cache-invalidation", "whether clients are told")
        .default_value("off")
        .time("cache-invalidation-timeout", "how long a client is remembered")
        .default_value("60")
}

/// Refuses whatever would need what is not built.
pub(crate) fn check(cx: &InitCx<'_>) -> Result<(), InitError> {
    cx.refuse_when_on("cache-invalidation", "telling clients of changes")
}
