//! What a volfile may say to `features/barrier`.

use plugin_api::prelude::*;

/// The options that GlusterFS 10 writes, so that its volfiles are read as they are.
pub(crate) fn declare() -> Options {
    Options::new()
        .bool("barrier", "whether answers are held back")
        .default_value("disable")
        .time("barrier-timeout", "how long at most")
        .default_value("120")
}

/// Refuses whatever would need what is not built.
pub(crate) fn check(cx: &InitCx<'_>) -> Result<(), InitError> {
    cx.refuse_when_on("barrier", "the barrier")
}
