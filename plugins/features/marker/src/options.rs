//! What a volfile may say to `features/marker`.

use plugin_api::prelude::*;

/// The options that GlusterFS 10 writes, so that its volfiles are read as they are.
pub(crate) fn declare() -> Options {
    Options::new()
        .bool("quota", "whether sizes are accounted")
        .default_value("off")
        .bool("inode-quota", "whether objects are accounted")
        .default_value("off")
        .int("quota-version", "generation of the accounting")
        .default_value("0")
        .bool("xtime", "whether change times are marked")
        .default_value("off")
        .bool("gsync-force-xtime", "whether they are marked for clients of geo-replication too")
        .default_value("off")
        .text("timestamp-file", "where the volume mark lies")
        .text("volume-uuid", "id of the volume")
}

/// Refuses whatever would need what is not built.
pub(crate) fn check(cx: &InitCx<'_>) -> Result<(), InitError> {
    cx.refuse_when_on("quota", "quota accounting")?;
    cx.refuse_when_on("inode-quota", "object accounting")?;
    cx.refuse_when_on("xtime", "marking change times")?;
    cx.refuse_when_on("gsync-force-xtime", "marking change times")
}
