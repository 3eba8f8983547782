//! What a volfile may say to `performance/open-behind`.

use plugin_api::prelude::*;

/// Which opens wait, as the volume's options say.
#[derive(Debug, Default, Clone, Copy)]
pub(crate) struct Settings {
    /// Whether any do.
    pub(crate) lazy: bool,
    /// Whether reads and stats do with what nobody opened.
    pub(crate) anonymous: bool,
}

/// The options that GlusterFS 10 writes, so that its volfiles are read as they are.
pub(crate) fn declare() -> Options {
    Options::new()
        .bool("lazy-open", "answer an open at once, and send it when something needs it")
        .default_value("on")
        .reconfigurable()
        .bool("read-after-open", "a read needs the open")
        .default_value("on")
        .reconfigurable()
        .bool("use-anonymous-fd", "with read-after-open off, reads and stats go by the inode alone")
        .default_value("off")
        .reconfigurable()
        .bool("pass-through", "let every open wait for its brick")
        .default_value("off")
        .reconfigurable()
}

impl Settings {
    pub(crate) fn read(cx: &InitCx<'_>) -> Result<Self, InitError> {
        Ok(Self {
            lazy: cx.bool("lazy-open")? && !cx.bool("pass-through")?,
            anonymous: cx.bool("use-anonymous-fd")? && !cx.bool("read-after-open")?,
        })
    }
}
