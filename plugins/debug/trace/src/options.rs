//! The options of `debug/trace`.

use plugin_api::options::Options;

/// What the translator declares.
pub fn declare() -> Options {
    Options::new()
        .text("include-ops", "fops to log, separated by commas; all others are left out")
        .alias("include")
        .reconfigurable()
        .text("exclude-ops", "fops not to log, separated by commas")
        .alias("exclude")
        .reconfigurable()
        .size("history-size", "lines kept for the statedump")
        .default_value("1024")
        .bool("log-file", "write each fop to the log")
        .default_value("no")
        .reconfigurable()
        .bool("log-history", "keep each fop for the statedump")
        .default_value("no")
        .reconfigurable()
}
