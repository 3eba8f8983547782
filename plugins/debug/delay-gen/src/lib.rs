//! `debug/delay-gen`: lets a part of the fops wait before they go on.
#![forbid(unsafe_code)]

mod options;

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use fop_dice::{Dice, FopSet};
use plugin_api::prelude::*;
use tokio::sync::watch;

use options::Settings;

/// Lets the fops that its options select wait, each by chance. Nobody else waits for them.
#[derive(Debug, Default)]
pub struct DelayGen {
    /// The bits of the percentage, of a floating-point number.
    percent: AtomicU64,
    micros: AtomicU64,
    /// The bits of the set of fops.
    fops: AtomicU64,
    dice: Dice,
    delayed: AtomicU64,
    /// Ends every wait that is under way.
    enough: watch::Sender<()>,
}

impl DelayGen {
    fn take(&self, cx: &InitCx<'_>) -> Result<(), InitError> {
        let settings = Settings::read(cx)?;
        self.percent.store(settings.percent.to_bits(), Ordering::Relaxed);
        self.micros.store(settings.micros, Ordering::Relaxed);
        self.fops.store(settings.fops.bits(), Ordering::Relaxed);
        // Who asks for less does not want to wait for what was asked for before.
        self.enough.send_replace(());
        Ok(())
    }

    /// How long this fop waits, and what ends that before its time.
    fn delay(&self, code: u32) -> Option<(Duration, watch::Receiver<()>)> {
        if !FopSet::from_bits(self.fops.load(Ordering::Relaxed)).has(code) {
            return None;
        }
        // Before the settings are read, so that no change of them is missed.
        let enough = self.enough.subscribe();
        let percent = f64::from_bits(self.percent.load(Ordering::Relaxed));
        let micros = self.micros.load(Ordering::Relaxed);
        self.dice.happens(percent).then(|| (Duration::from_micros(micros), enough))
    }
}

macro_rules! delay {
    ($($(#[$doc:meta])* $code:literal $name:ident $args:ident $reply:ident,)*) => {
        #[xlator("debug/delay-gen", unknown_fops = "pass", doc = "lets a part of the fops wait")]
        impl Xlator for DelayGen {
            fn options() -> Options {
                options::declare()
            }

            fn init(&mut self, cx: &InitCx<'_>) -> Result<(), InitError> {
                self.take(cx)
            }

            fn reconfigure(&self, cx: &InitCx<'_>) -> Result<(), InitError> {
                self.take(cx)
            }

            fn fini(&self) {
                self.percent.store(0, Ordering::Relaxed);
                self.enough.send_replace(());
            }

            fn dump(&self, out: &mut String) {
                out.push_str(&format!("delayed={}\n", self.delayed.load(Ordering::Relaxed)));
            }

            $(
                async fn $name(&self, frame: &Frame, args: $args) -> FopResult<$reply> {
                    if let Some((delay, mut enough)) = self.delay($code) {
                        self.delayed.fetch_add(1, Ordering::Relaxed);
                        // The time is over, or somebody said that it is.
                        let _ = rt::timeout(delay, enough.changed()).await;
                    }
                    frame.child().$name(args).await
                }
            )*
        }
    };
}

plugin_api::for_each_fop!(delay);
