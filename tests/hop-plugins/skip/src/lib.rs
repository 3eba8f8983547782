//! A translator without fops: links go past it.
#![forbid(unsafe_code)]

use plugin_api::prelude::*;

/// Watches nothing.
#[derive(Debug, Default)]
struct Skip;

#[xlator("bench/skip", unknown_fops = "pass")]
impl Xlator for Skip {}
