//! What a volfile may say to `features/leases`.

use plugin_api::prelude::*;

/// The options that GlusterFS 10 writes, so that its volfiles are read as they are.
pub(crate) fn declare() -> Options {
    Options::new()
        .bool("leases", "whether leases are handed out")
        .default_value("off")
        .time("lease-lock-recall-timeout", "how long a client may take to give one back")
        .default_value("60")
}

/// Refuses whatever would need what is not built.
pub(crate) fn check(cx: &InitCx<'_>) -> Result<(), InitError> {
    cx.refuse_when_on("leases", "handing out leases")
}
