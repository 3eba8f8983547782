//! A translator that panics when an option changes to what it did not expect.
#![forbid(unsafe_code)]

use plugin_api::prelude::*;

/// Expects little.
#[derive(Debug, Default)]
struct OptionPanics;

#[xlator("bad/option-panics", unknown_fops = "pass")]
impl Xlator for OptionPanics {
    fn options() -> Options {
        Options::new().int("most", "how many at once").range(0.0, 8.0).default_value("4").reconfigurable()
    }

    fn reconfigure(&self, cx: &InitCx<'_>) -> Result<(), InitError> {
        let most = cx.int("most")?;
        assert!(100 / most > 0, "nobody wants that many");
        Ok(())
    }
}
