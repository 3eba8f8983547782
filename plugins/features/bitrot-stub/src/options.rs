//! What a volfile may say to `features/bitrot-stub`.

use std::path::PathBuf;

use plugin_api::prelude::*;

/// What the options say.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Settings {
    pub(crate) on: bool,
    /// The brick.
    pub(crate) export: PathBuf,
}

/// The options that GlusterFS 10 writes, so that its volfiles are read as they are.
pub(crate) fn declare() -> Options {
    Options::new()
        .bool("bitrot", "whether objects are versioned")
        .default_value("disable")
        .reconfigurable()
        .path("export", "path of the brick")
        .time("expiry-time", "seconds until a signature is due")
        .default_value("120")
        .int("signer-threads", "threads that sign")
        .default_value("4")
}

impl Settings {
    pub(crate) fn read(cx: &InitCx<'_>) -> Result<Self, InitError> {
        let settings = Self { on: cx.bool("bitrot")?, export: cx.find("export").unwrap_or_default().into() };
        match settings.on && settings.export.as_os_str().is_empty() {
            true => Err(InitError(format!(
                "{} has no option `export`: add `option export BRICK` to the volfile",
                cx.name()
            ))),
            false => Ok(settings),
        }
    }
}
