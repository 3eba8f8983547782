//! `debug/io-stats`: counts every file operation that passes, for `volume profile` and `volume top`.
#![forbid(unsafe_code)]

pub mod counters;
mod date;
mod dump;
mod hooks;
pub mod info;
pub mod opens;
pub mod options;
pub mod profile;
pub mod speed;
pub mod top;

use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use plugin_api::prelude::*;

use dump::{Dumper, Source};
use opens::Opens;
use profile::Profile;
use top::Files;

/// The `ipc` fop with this operation carries a management request (`volume profile`, `volume top`) in its xdata; the
/// answer's xdata is [`IoStats::info`]'s. Others pass. The number is that of the event which it stands for.
pub const IPC_INFO: i32 = 13;

/// Counts fops, bytes and files.
#[derive(Debug)]
pub struct IoStats {
    /// How often, how long, how much.
    pub profile: Arc<Profile>,
    /// Which files.
    pub files: Arc<Files>,
    /// How many files are open.
    pub opens: Arc<Opens>,
    /// In a brick, where it is.
    brick: PathBuf,
    /// At work while dumps are asked for.
    dumper: Mutex<Option<Dumper>>,
    hits: AtomicBool,
    latencies: AtomicBool,
}

impl Default for IoStats {
    fn default() -> Self {
        Self {
            profile: Arc::new(Profile::new(Instant::now())),
            files: Arc::default(),
            opens: Arc::default(),
            brick: PathBuf::new(),
            dumper: Mutex::default(),
            hits: AtomicBool::new(false),
            latencies: AtomicBool::new(false),
        }
    }
}

impl IoStats {
    fn take_options(&self, cx: &InitCx<'_>) -> Result<(), InitError> {
        self.hits.store(cx.bool("count-fop-hits")?, Ordering::Relaxed);
        self.latencies.store(cx.bool("latency-measurement")?, Ordering::Relaxed);
        let seconds = u64::try_from(cx.int("ios-dump-interval")?).unwrap_or(0);
        // Only bricks have a name for their dumps, and only this form is written.
        let dumps = seconds > 0 && self.brick.is_absolute() && cx.text("ios-dump-format")? == "json";
        self.dump_every(dumps.then(|| Duration::from_secs(seconds)));
        Ok(())
    }

    fn dump_every(&self, every: Option<Duration>) {
        let mut dumper = self.dumper.lock().unwrap_or_else(PoisonError::into_inner);
        if dumper.as_ref().map(Dumper::every) != every {
            *dumper = every.map(|every| {
                let (profile, opens) = (Arc::clone(&self.profile), Arc::clone(&self.opens));
                Dumper::start(every, Source { profile, opens, brick: self.brick.clone() })
            });
        }
    }

    /// The start of a fop whose latency is measured.
    fn begin(&self) -> Option<Instant> {
        self.latencies.load(Ordering::Relaxed).then(Instant::now)
    }

    fn end(&self, fop: u32, begun: Option<Instant>) {
        if self.hits.load(Ordering::Relaxed) {
            let latency = begun.map(|begun| u64::try_from(begun.elapsed().as_nanos()).unwrap_or(u64::MAX));
            self.profile.counters.fop(fop as usize, latency);
        }
    }

    /// Answers a management request; what it wants measured first is measured where it holds up no fop.
    async fn answer(&self, request: &Dict) -> FopResult<Done> {
        let trial = self.trial(request)?;
        let mut xdata = self.info(request)?;
        if let Some(trial) = trial {
            let brick = self.brick.clone();
            let speed = rt::offload(async move { trial.run(&brick) }).await.ok_or(Errno::EIO)??;
            xdata.push("throughput", speed.throughput);
            xdata.push("time", speed.micros);
        }
        Ok(Done { xdata })
    }

    fn counts_hits(&self) -> bool {
        self.hits.load(Ordering::Relaxed)
    }
}

/// Winds a fop and counts it, with what its kind adds. Without a hook there is nothing to do while nobody counts.
macro_rules! pass {
    ($self:ident, $frame:ident, $args:ident, $code:literal, ipc) => {{
        if $args.op == IPC_INFO {
            return $self.answer(&$args.xdata).await;
        }
        pass!(@ $self, $frame, $args, $code, ipc)
    }};
    ($self:ident, $frame:ident, $args:ident, $code:literal, open) => {
        pass!(@hook $self, $frame, $args, $code, open)
    };
    ($self:ident, $frame:ident, $args:ident, $code:literal, create) => {
        pass!(@hook $self, $frame, $args, $code, create)
    };
    ($self:ident, $frame:ident, $args:ident, $code:literal, opendir) => {
        pass!(@hook $self, $frame, $args, $code, opendir)
    };
    ($self:ident, $frame:ident, $args:ident, $code:literal, readdir) => {
        pass!(@hook $self, $frame, $args, $code, readdir)
    };
    ($self:ident, $frame:ident, $args:ident, $code:literal, readdirp) => {
        pass!(@hook $self, $frame, $args, $code, readdirp)
    };
    ($self:ident, $frame:ident, $args:ident, $code:literal, readv) => {
        pass!(@hook $self, $frame, $args, $code, readv)
    };
    ($self:ident, $frame:ident, $args:ident, $code:literal, writev) => {
        pass!(@hook $self, $frame, $args, $code, writev)
    };
    ($self:ident, $frame:ident, $args:ident, $code:literal, $name:ident) => {
        pass!(@ $self, $frame, $args, $code, $name)
    };
    (@ $self:ident, $frame:ident, $args:ident, $code:literal, $name:ident) => {{
        if !$self.counts_hits() {
            return $frame.child().$name($args).await;
        }
        let begun = $self.begin();
        let reply = $frame.child().$name($args).await;
        $self.end($code, begun);
        reply
    }};
    (@hook $self:ident, $frame:ident, $args:ident, $code:literal, $name:ident) => {{
        let begun = $self.begin();
        let hook = hooks::$name::before(&$args);
        let reply = $frame.child().$name($args).await;
        $self.end($code, begun);
        if let Ok(reply) = &reply {
            hooks::$name::after($self, $frame, hook, reply, begun);
        }
        reply
    }};
}

macro_rules! io_stats {
    ($($(#[$doc:meta])* $code:literal $name:ident $args:ident $reply:ident,)*) => {
        #[xlator(
            "debug/io-stats",
            unknown_fops = "pass",
            doc = "counts every file operation that passes, for volume profile and volume top"
        )]
        impl Xlator for IoStats {
            fn options() -> Options {
                options::declare()
            }

            fn init(&mut self, cx: &InitCx<'_>) -> Result<(), InitError> {
                self.brick = PathBuf::from(cx.text("unique-id")?);
                self.take_options(cx)
            }

            fn reconfigure(&self, cx: &InitCx<'_>) -> Result<(), InitError> {
                self.take_options(cx)
            }

            fn notify(&self, cx: &NotifyCx<'_>, event: &Event) {
                if event.kind == EventKind::UPCALL && self.counts_hits() {
                    self.profile.counters.upcall(hooks::upcall_kind(event));
                }
                cx.pass_on(event);
            }

            fn fini(&self) {
                self.dump_every(None);
            }

            fn dump(&self, out: &mut String) {
                hooks::dump(self, out);
            }

            $(
                async fn $name(&self, frame: &Frame, args: $args) -> FopResult<$reply> {
                    pass!(self, frame, args, $code, $name)
                }
            )*
        }
    };
}

plugin_api::for_each_fop!(io_stats);
