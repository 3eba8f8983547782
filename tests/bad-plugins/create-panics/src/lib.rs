//! A translator that panics when it is made.
#![forbid(unsafe_code)]

use plugin_api::prelude::*;

/// Cannot be made.
#[derive(Debug)]
struct CreatePanics;

impl Default for CreatePanics {
    fn default() -> Self {
        panic!("there is no such thing")
    }
}

#[xlator("bad/create-panics", unknown_fops = "pass")]
impl Xlator for CreatePanics {}
