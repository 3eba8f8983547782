//! What a volfile may say to `performance/quick-read`.

use plugin_api::prelude::*;

use gluster_cache::nanos;

/// How it keeps, as the volume's options say.
#[derive(Debug, Default, Clone, Copy)]
pub(crate) struct Settings {
    pub(crate) pass_through: bool,
    /// Bytes of content in all.
    pub(crate) room: u64,
    /// For how long content is trusted, in the unit of moments.
    pub(crate) timeout: u64,
    /// Files with more bytes than that are left alone.
    pub(crate) largest: u64,
    /// Whether the change time says that content is another one, rather than the modification time.
    pub(crate) by_ctime: bool,
}

/// The options that GlusterFS 10 writes, so that its volfiles are read as they are.
pub(crate) fn declare() -> Options {
    Options::new()
        .size("cache-size", "bytes of content that are kept at most")
        .alias("quick-read-cache-size")
        .default_value("128MB")
        .reconfigurable()
        .time("cache-timeout", "for how long content is trusted")
        .alias("quick-read-cache-timeout")
        .default_value("1")
        .range(0.0, 600.0)
        .reconfigurable()
        .size("max-file-size", "the largest file that is kept, bytes")
        .default_value("64KB")
        .range(0.0, 1_048_576.0)
        .reconfigurable()
        .bool(
            "quick-read-cache-invalidation",
            "drop content when bricks tell that others have changed it; done in any case",
        )
        .alias("cache-invalidation")
        .default_value("off")
        .reconfigurable()
        .bool(
            "ctime-invalidation",
            "the change time says that content is another one, rather than the modification time",
        )
        .default_value("off")
        .reconfigurable()
        .bool("pass-through", "keep nothing")
        .default_value("off")
        .reconfigurable()
}

impl Settings {
    pub(crate) fn read(cx: &InitCx<'_>) -> Result<Self, InitError> {
        Ok(Self {
            pass_through: cx.bool("pass-through")?,
            room: cx.size("cache-size")?,
            timeout: nanos(cx.time("cache-timeout")?),
            largest: cx.size("max-file-size")?,
            by_ctime: cx.bool("ctime-invalidation")?,
        })
    }
}
