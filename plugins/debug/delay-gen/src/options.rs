//! What a volfile may say to `debug/delay-gen`.

use fop_dice::FopSet;
use plugin_api::prelude::*;

/// Who waits, how often and for how long.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Settings {
    pub(crate) percent: f64,
    pub(crate) micros: u64,
    pub(crate) fops: FopSet,
}

/// The options that GlusterFS 10 writes, so that its volfiles are read as they are.
pub(crate) fn declare() -> Options {
    Options::new()
        .percent("delay-percentage", "of a hundred fops, how many wait")
        .default_value("10%")
        .reconfigurable()
        .int("delay-duration", "how long one waits, in microseconds")
        .range(0.0, f64::from(i32::MAX))
        .default_value("100000")
        .reconfigurable()
        .text("enable", "the fops that wait, separated by commas; all when empty")
        .default_value("")
        .reconfigurable()
}

impl Settings {
    pub(crate) fn read(cx: &InitCx<'_>) -> Result<Self, InitError> {
        let list = cx.find("enable").filter(|list| !list.is_empty());
        Ok(Self {
            percent: cx.percent("delay-percentage")?,
            micros: u64::try_from(cx.int("delay-duration")?).unwrap_or_default(),
            fops: list.map_or(Ok(FopSet::ALL), FopSet::parse)?,
        })
    }
}
