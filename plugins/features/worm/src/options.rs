//! What a volfile may say to `features/worm`.

use plugin_api::prelude::*;

/// The options that GlusterFS 10 writes, so that its volfiles are read as they are.
pub(crate) fn declare() -> Options {
    Options::new()
        .bool("worm", "whether files of the volume are written once")
        .default_value("off")
        .bool("worm-file-level", "whether files retain one by one")
        .default_value("off")
        .bool("worm-files-deletable", "whether a retained file may be deleted")
        .default_value("on")
        .time("default-retention-period", "seconds of retention")
        .default_value("120")
        .time("auto-commit-period", "seconds until a file is committed")
        .default_value("120")
        .text("retention-mode", "relax or enterprise")
        .default_value("relax")
}

/// Refuses whatever would need what is not built.
pub(crate) fn check(cx: &InitCx<'_>) -> Result<(), InitError> {
    cx.refuse_when_on("worm", "write-once protection")?;
    cx.refuse_when_on("worm-file-level", "write-once protection of single files")
}
