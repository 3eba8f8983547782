//! `debug/trace`: tells of every fop that passes, going down and coming up.
#![forbid(unsafe_code)]

mod history;
pub mod options;
mod select;

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use plugin_api::log::{self, Level};
use plugin_api::prelude::*;

use fop_dice::FopSet;
use history::History;

/// Where the records go: the log's target of the data path.
const TARGET: &str = "fop";

/// Tells of the fops that its options select, to the log, to its history or to both.
#[derive(Debug, Default)]
pub struct Trace {
    /// The bits of the set.
    selection: AtomicU64,
    history: History,
    to_log: AtomicBool,
    to_history: AtomicBool,
}

impl Trace {
    fn take_options(&self, cx: &InitCx<'_>) -> Result<(), InitError> {
        let selection = select::told(cx.find("include-ops"), cx.find("exclude-ops"))?;
        self.selection.store(selection.bits(), Ordering::Relaxed);
        self.to_log.store(cx.bool("log-file")?, Ordering::Relaxed);
        self.to_history.store(cx.bool("log-history")?, Ordering::Relaxed);
        Ok(())
    }

    /// Whether somebody wants to hear of this fop.
    fn wants(&self, code: u32) -> bool {
        let listened = self.to_log.load(Ordering::Relaxed)
            || self.to_history.load(Ordering::Relaxed)
            || log::enabled(Level::Trace, TARGET);
        listened && FopSet::from_bits(self.selection.load(Ordering::Relaxed)).has(code)
    }

    fn tell(&self, xlator: &str, line: String) {
        if self.to_log.load(Ordering::Relaxed) {
            // The option asks for these lines whatever the log's level is.
            log::record(Level::Info, TARGET, xlator, &line);
        } else if log::enabled(Level::Trace, TARGET) {
            log::record(Level::Trace, TARGET, xlator, &line);
        }
        if self.to_history.load(Ordering::Relaxed) {
            self.history.add(line);
        }
    }
}

macro_rules! trace {
    ($($(#[$doc:meta])* $code:literal $name:ident $args:ident $reply:ident,)*) => {
        #[xlator("debug/trace", unknown_fops = "pass", doc = "tells of every fop that passes")]
        impl Xlator for Trace {
            fn options() -> Options {
                options::declare()
            }

            fn init(&mut self, cx: &InitCx<'_>) -> Result<(), InitError> {
                let lines = usize::try_from(cx.size("history-size")?).unwrap_or(usize::MAX);
                self.history = History::new(lines);
                self.take_options(cx)
            }

            fn reconfigure(&self, cx: &InitCx<'_>) -> Result<(), InitError> {
                self.take_options(cx)
            }

            fn dump(&self, out: &mut String) {
                self.history.dump(out);
            }

            $(
                async fn $name(&self, frame: &Frame, args: $args) -> FopResult<$reply> {
                    if !self.wants($code) {
                        return frame.child().$name(args).await;
                    }
                    let unique = frame.unique();
                    self.tell(frame.name(), format!("{unique}: {} > {args:?}", stringify!($name)));
                    let reply = frame.child().$name(args).await;
                    let answer = match &reply {
                        Ok(reply) => format!("{unique}: {} < {reply:?}", stringify!($name)),
                        Err(error) => format!("{unique}: {} < {:?}", stringify!($name), error.errno),
                    };
                    self.tell(frame.name(), answer);
                    reply
                }
            )*
        }
    };
}

plugin_api::for_each_fop!(trace);
