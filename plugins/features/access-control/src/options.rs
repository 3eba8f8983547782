//! The options of `features/access-control`.

use plugin_api::options::Options;

/// What the translator declares.
pub fn declare() -> Options {
    Options::new().int("super-uid", "the user to whom nothing is refused").default_value("0")
}
