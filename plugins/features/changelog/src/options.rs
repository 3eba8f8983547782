//! What a volfile may say to `features/changelog`.

use plugin_api::prelude::*;

/// The options that GlusterFS 10 writes, so that its volfiles are read as they are.
pub(crate) fn declare() -> Options {
    Options::new()
        .bool("changelog", "whether changes are journalled")
        .default_value("off")
        .path("changelog-brick", "path of the brick")
        .path("changelog-dir", "folder of the journals")
        .bool("changelog-notification", "whether consumers are told")
        .default_value("off")
        .time("changelog-barrier-timeout", "how long a barrier may hold")
        .default_value("120")
        .time("rollover-time", "seconds a journal covers")
        .default_value("15")
        .int("fsync-interval", "seconds between syncs")
        .default_value("5")
        .text("op-mode", "what runs")
        .default_value("RT")
        .text("encoding", "how records are written")
        .default_value("ascii")
        .bool("capture-del-path", "whether paths of deleted files are kept")
        .default_value("off")
}

/// Refuses whatever would need what is not built.
pub(crate) fn check(cx: &InitCx<'_>) -> Result<(), InitError> {
    cx.refuse_when_on("changelog", "the journal")
}
