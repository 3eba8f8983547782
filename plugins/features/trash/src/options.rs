//! What a volfile may say to `features/trash`.

use plugin_api::prelude::*;

/// The options that GlusterFS 10 writes, so that its volfiles are read as they are.
pub(crate) fn declare() -> Options {
    Options::new()
        .bool("trash", "whether deleted files are kept")
        .default_value("off")
        .text("trash-dir", "name of the folder, below the brick")
        .default_value(".trashcan")
        .text("trash-eliminate-path", "paths that are not kept")
        .size("trash-max-filesize", "larger files are not kept")
        .default_value("5MB")
        .bool("trash-internal-op", "whether internal operations count")
        .default_value("off")
        .text("brick-path", "path of the brick")
}

/// Refuses whatever would need what is not built.
pub(crate) fn check(cx: &InitCx<'_>) -> Result<(), InitError> {
    cx.refuse_when_on("trash", "the trash can")
}
