//! `debug/tracer`: tells of fops: who asked, what about, how long it took, how it ended.

mod histogram;
#[cfg(test)]
mod tests;

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::{Duration, Instant, UNIX_EPOCH};

use plugin_api::log::{self, Level};
use plugin_api::prelude::*;

use histogram::Histograms;

/// Counts every fop by its time, and tells of some of them.
#[derive(Debug, Default)]
struct Tracer {
    every: AtomicU64,
    slower_than: AtomicU64,
    lines_a_second: AtomicU64,
    seen: AtomicU64,
    told: Budget,
    times: Histograms,
}

impl Tracer {
    /// What the fop is about, when it is its turn to be told of.
    fn subject(&self, args: &impl About) -> Option<String> {
        let every = self.every.load(Relaxed);
        let turn = every > 0 && self.seen.fetch_add(1, Relaxed).is_multiple_of(every);
        turn.then(|| args.subject().to_string())
    }

    /// Counts a fop that has ended, and tells of it when it had a turn, was slow enough and there is room in this second.
    fn ended<R>(
        &self,
        frame: &Frame,
        fop: usize,
        subject: Option<String>,
        took: Duration,
        reply: &FopResult<R>,
    ) {
        self.times.add(fop, took);
        let Some(subject) = subject else { return };
        if took < Duration::from_millis(self.slower_than.load(Relaxed))
            || !self.told.take(now(), self.lines_a_second.load(Relaxed))
        {
            return;
        }
        let Identity { uid, pid, .. } = frame.identity();
        let name = u32::try_from(fop).ok().and_then(plugin_api::fop::name).unwrap_or_default();
        let result = reply.as_ref().map_or_else(|error| format!("{:?}", error.errno), |_| "ok".to_owned());
        let line = format!("{name} {subject} uid={uid} pid={pid} took={took:?} {result}");
        log::record(Level::Info, "fop", frame.name(), &line);
    }
}

/// How many lines were written in this second: the second in the high half, the count in the low.
#[derive(Debug, Default)]
struct Budget(AtomicU64);

impl Budget {
    /// Whether one more may be written in second `now`.
    fn take(&self, now: u64, most: u64) -> bool {
        let now = now << 32;
        let used = self.0.update(Relaxed, Relaxed, |used| used.max(now) + 1);
        used.saturating_sub(now) < most
    }
}

fn now() -> u64 {
    UNIX_EPOCH.elapsed().map_or(0, |time| time.as_secs())
}

macro_rules! tracer {
    ($($(#[$doc:meta])* $code:literal $name:ident $args:ident $reply:ident,)*) => {
        #[xlator("debug/tracer", unknown_fops = "pass", doc = "tells of fops and counts them by their time")]
        impl Xlator for Tracer {
            fn options() -> Options {
                Options::new()
                    .int("sample", "tell of each Nth fop; 0 of none").range(0.0, 1e9).default_value("1").reconfigurable()
                    .int("slower-than", "tell only of fops that took so many milliseconds").range(0.0, 1e9)
                    .default_value("0").reconfigurable()
                    .int("lines-per-second", "tell of no more than this").range(0.0, 1e6).default_value("100")
                    .reconfigurable()
            }

            fn init(&mut self, cx: &InitCx<'_>) -> Result<(), InitError> {
                self.reconfigure(cx)
            }

            fn reconfigure(&self, cx: &InitCx<'_>) -> Result<(), InitError> {
                self.every.store(cx.int("sample")?.unsigned_abs(), Relaxed);
                self.slower_than.store(cx.int("slower-than")?.unsigned_abs(), Relaxed);
                self.lines_a_second.store(cx.int("lines-per-second")?.unsigned_abs(), Relaxed);
                Ok(())
            }

            fn dump(&self, out: &mut String) {
                self.times.dump(out);
            }

            $(
                async fn $name(&self, frame: &Frame, args: $args) -> FopResult<$reply> {
                    let (subject, begun) = (self.subject(&args), Instant::now());
                    let reply = frame.child().$name(args).await;
                    self.ended(frame, $code, subject, begun.elapsed(), &reply);
                    reply
                }
            )*
        }
    };
}

plugin_api::for_each_fop!(tracer);
