//! `debug/error-gen`: fails a part of the fops.
#![forbid(unsafe_code)]

mod errors;
mod options;

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{PoisonError, RwLock};

use fop_dice::Dice;
use plugin_api::prelude::*;

use options::{Fault, Pace, Settings};

/// Fails the fops that its options select, each by chance, before anything is done.
#[derive(Debug, Default)]
pub struct ErrorGen {
    settings: RwLock<Settings>,
    dice: Dice,
    /// How many fops go through before the next one fails, where that is drawn.
    until: AtomicU64,
    failed: AtomicU64,
    /// For the statedump.
    name: String,
}

/// What becomes of a fop.
enum Fate {
    Goes,
    Fails(Errno),
    /// A write of which only a part is done.
    IsShort,
}

impl ErrorGen {
    fn take(&self, cx: &InitCx<'_>) -> Result<(), InitError> {
        let settings = Settings::read(cx)?;
        self.until.store(self.gap(), Ordering::Relaxed);
        *self.settings.write().unwrap_or_else(PoisonError::into_inner) = settings;
        Ok(())
    }

    fn settings(&self) -> Settings {
        *self.settings.read().unwrap_or_else(PoisonError::into_inner)
    }

    /// Fops until the next one fails: nobody knows when, but it does not take for ever.
    fn gap(&self) -> u64 {
        3 + self.dice.below(42)
    }

    fn is_due(&self, pace: Pace) -> bool {
        match pace {
            Pace::Percent(percent) => self.dice.happens(percent),
            Pace::Drawn => {
                let left = self.until.fetch_sub(1, Ordering::Relaxed);
                if left <= 1 {
                    self.until.store(self.gap(), Ordering::Relaxed);
                }
                left <= 1
            }
        }
    }

    fn fate(&self, code: u32) -> Fate {
        let settings = self.settings();
        if !settings.fops.has(code) || !self.is_due(settings.pace) {
            return Fate::Goes;
        }
        self.failed.fetch_add(1, Ordering::Relaxed);
        match settings.fault {
            Fault::Errno(errno) => Fate::Fails(errno),
            Fault::ShortWrite if code == kind::writev::CODE => Fate::IsShort,
            Fault::ShortWrite | Fault::Any => {
                Fate::Fails(*self.dice.pick(errors::of(code)).unwrap_or(&Errno::EIO))
            }
        }
    }
}

fn tell(frame: &Frame, fop: &str, errno: Errno) -> FopError {
    log!(Debug, xl: frame.name(), "failed on purpose", fop = fop, errno = errno);
    errno.into()
}

/// The first half of what there is to write, so that the caller has to write on.
fn shortened(mut args: Writev) -> Writev {
    let first = args.data.buffers().next().cloned().unwrap_or_default();
    args.data = Payload::from(first.slice(..first.len().div_ceil(2)));
    args
}

/// The arguments of a fop that does a part of its work: of a write, none other is ever asked to.
macro_rules! part_of {
    (writev, $args:ident) => {
        shortened($args)
    };
    ($other:ident, $args:ident) => {
        $args
    };
}

/// Writes the `impl`: all fops alike.
macro_rules! fail {
    ($($(#[$doc:meta])* $code:literal $name:ident $args:ident $reply:ident,)*) => {
        #[xlator("debug/error-gen", unknown_fops = "pass", doc = "fails a part of the fops")]
        impl Xlator for ErrorGen {
            fn options() -> Options {
                options::declare()
            }

            fn init(&mut self, cx: &InitCx<'_>) -> Result<(), InitError> {
                cx.name().clone_into(&mut self.name);
                self.take(cx)
            }

            fn reconfigure(&self, cx: &InitCx<'_>) -> Result<(), InitError> {
                self.take(cx)
            }

            fn dump(&self, out: &mut String) {
                let failed = self.failed.load(Ordering::Relaxed);
                // The incumbent's section of its own, by which scripts find the translator.
                out.push_str(&format!("[xlator.debug.error-gen.{}.priv]\nfailed={failed}\n", self.name));
            }

            $(
                async fn $name(&self, frame: &Frame, args: $args) -> FopResult<$reply> {
                    let args = match self.fate($code) {
                        Fate::Goes => args,
                        Fate::Fails(errno) => return Err(tell(frame, stringify!($name), errno)),
                        Fate::IsShort => part_of!($name, args),
                    };
                    frame.child().$name(args).await
                }
            )*
        }
    };
}

plugin_api::for_each_fop!(fail);
