//! What a volfile may say to `performance/read-ahead`.

use plugin_api::prelude::*;

/// How it reads ahead, as the volume's options say.
#[derive(Debug, Default, Clone, Copy)]
pub(crate) struct Settings {
    pub(crate) off: bool,
    /// Pages that one descriptor has ahead at most.
    pub(crate) count: u64,
    /// Bytes of a page.
    pub(crate) page: u64,
    /// Whether bricks are to see reads that are answered from pages.
    pub(crate) atime: bool,
}

/// The options that GlusterFS 10 writes, so that its volfiles are read as they are.
pub(crate) fn declare() -> Options {
    Options::new()
        .bool("read-ahead", "read ahead at all: off is as `pass-through on`")
        .default_value("on")
        .reconfigurable()
        .int("page-count", "pages that one descriptor has ahead at most")
        .default_value("4")
        .range(1.0, 16.0)
        .reconfigurable()
        .size("page-size", "bytes of a page")
        .default_value("128KB")
        .range(4096.0, 67_108_864.0)
        .reconfigurable()
        .bool("force-atime-update", "for each read that is answered from pages, have the brick read one byte")
        .default_value("off")
        .reconfigurable()
        .bool("pass-through", "read nothing ahead")
        .default_value("off")
        .reconfigurable()
}

impl Settings {
    pub(crate) fn read(cx: &InitCx<'_>) -> Result<Self, InitError> {
        Ok(Self {
            off: cx.bool("pass-through")? || !cx.bool("read-ahead")?,
            count: cx.int("page-count")?.unsigned_abs(),
            page: cx.size("page-size")?,
            atime: cx.bool("force-atime-update")?,
        })
    }
}
