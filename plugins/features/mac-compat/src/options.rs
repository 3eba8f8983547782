//! The options of `features/mac-compat`.

use plugin_api::options::Options;

/// What the translator declares: nothing.
pub fn declare() -> Options {
    Options::new()
}
