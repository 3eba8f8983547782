//! What a volfile may say to `features/barrier`.

use plugin_api::prelude::*;

/// The options that GlusterFS 10 writes, so that its volfiles are read as they are.
pub(crate) fn declare() -> Options {
    Options::new()
        .bool("barrier", "whether answers are held back")
        .default_value("disable")
        .reconfigurable()
        .time("barrier-timeout", "for how long at most, from when they begin to be")
        .default_value("120")
        .reconfigurable()
}
