//! A translator whose declaration cannot be true.
#![forbid(unsafe_code)]

use plugin_api::prelude::*;

/// Says one thing and means another.
#[derive(Debug, Default)]
struct DeclaresNonsense;

#[xlator("bad/declares-nonsense", unknown_fops = "pass")]
impl Xlator for DeclaresNonsense {
    fn options() -> Options {
        Options::new()
            .int("most", "")
            .range(8.0, 1.0)
            .bool("loud", "whether it says so")
            .default_value("maybe")
            .bool("loud", "the same once more")
    }
}
