//! What a volfile may say to `features/bitrot-stub`.

use plugin_api::prelude::*;

/// The options that GlusterFS 10 writes, so that its volfiles are read as they are.
pub(crate) fn declare() -> Options {
    Options::new()
        .bool("bitrot", "whether objects are versioned")
        .default_value("disable")
        .path("export", "path of the brick")
        .time("expiry-time", "seconds until a signature is due")
        .default_value("120")
        .int("signer-threads", "threads that sign")
        .default_value("4")
}

/// Refuses whatever would need what is not built.
pub(crate) fn check(cx: &InitCx<'_>) -> Result<(), InitError> {
    cx.refuse_when_on("bitrot", "bit-rot detection")
}
