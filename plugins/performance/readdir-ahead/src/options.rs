//! What a volfile may say to `performance/readdir-ahead`.

use plugin_api::prelude::*;

/// How it reads ahead, as the volume's options say.
#[derive(Debug, Default, Clone, Copy)]
pub(crate) struct Settings {
    pub(crate) off: bool,
    /// Bytes that are asked for at once.
    pub(crate) request: usize,
    /// Bytes of one directory below which more is asked for.
    pub(crate) low: u64,
    /// Bytes of one directory from which on no more is asked for.
    pub(crate) high: u64,
    /// Bytes of all directories.
    pub(crate) limit: u64,
}

/// The options that GlusterFS 10 writes, so that its volfiles are read as they are.
pub(crate) fn declare() -> Options {
    Options::new()
        .bool("readdir-ahead", "read ahead at all: off is as `pass-through on`")
        .alias("performance.readdir-ahead")
        .default_value("on")
        .reconfigurable()
        .size("rda-request-size", "bytes that are asked for at once")
        .default_value("131072")
        .range(4096.0, 131_072.0)
        .reconfigurable()
        .size("rda-low-wmark", "bytes of one directory below which more is asked for")
        .default_value("4096")
        .range(0.0, 10_485_760.0)
        .reconfigurable()
        .size("rda-high-wmark", "bytes of one directory from which on no more is asked for")
        .default_value("128KB")
        .range(0.0, 104_857_600.0)
        .reconfigurable()
        .size("rda-cache-limit", "bytes of all directories")
        .default_value("10MB")
        .reconfigurable()
        .bool("parallel-readdir", "each of distribute's children has its own; for whoever writes volfiles")
        .default_value("off")
        .reconfigurable()
        .bool("pass-through", "read nothing ahead")
        .default_value("off")
        .reconfigurable()
}

impl Settings {
    pub(crate) fn read(cx: &InitCx<'_>) -> Result<Self, InitError> {
        Ok(Self {
            off: cx.bool("pass-through")? || !cx.bool("readdir-ahead")?,
            request: usize::try_from(cx.size("rda-request-size")?).unwrap_or(usize::MAX),
            low: cx.size("rda-low-wmark")?,
            high: cx.size("rda-high-wmark")?,
            limit: cx.size("rda-cache-limit")?,
        })
    }
}
