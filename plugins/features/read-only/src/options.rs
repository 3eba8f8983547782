//! The options of `features/read-only`.

use plugin_api::options::Options;

/// What the translator declares.
pub fn declare() -> Options {
    Options::new()
        .bool("read-only", "refuse every change that an application asks for, with EROFS")
        .default_value("off")
        .reconfigurable()
}
