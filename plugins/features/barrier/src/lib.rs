//! `features/barrier`: holds back the answers of fops that a caller takes as a promise, while a snapshot is taken.
//!
//! What was acknowledged before the barrier is in the snapshot; what is done behind it may or may not be, and nobody
//! has been told yet that it was done.
#![forbid(unsafe_code)]

mod options;

use std::sync::{PoisonError, RwLock};
use std::time::{Duration, Instant};

use plugin_api::prelude::*;
use tokio::sync::watch;

/// Open flags and write flags of who waits until the disk has it.
const SYNC: i32 = libc::O_SYNC | libc::O_DSYNC;
/// The key of the event that says which way.
const KEY: &str = "barrier";

/// Holds answers back while it is up; it goes down by itself in the end.
#[derive(Debug)]
pub struct Barrier {
    /// Until when it is up; nothing while it is down.
    up: watch::Sender<Option<Instant>>,
    timeout: RwLock<Duration>,
}

impl Default for Barrier {
    fn default() -> Self {
        Self { up: watch::Sender::new(None), timeout: RwLock::default() }
    }
}

impl Barrier {
    fn take_options(&self, cx: &InitCx<'_>) -> Result<(), InitError> {
        *self.timeout.write().unwrap_or_else(PoisonError::into_inner) = cx.time("barrier-timeout")?;
        self.raise(cx.bool("barrier")?);
        Ok(())
    }

    fn raise(&self, raised: bool) {
        let timeout = *self.timeout.read().unwrap_or_else(PoisonError::into_inner);
        // One that is up already is not put off: whoever forgets to lower it would hold the volume for ever.
        self.up.send_if_modified(|up| {
            let stands = up.is_some_and(|until| until > Instant::now());
            *up = raised.then(|| up.filter(|_| stands).unwrap_or_else(|| Instant::now() + timeout));
            stands != raised
        });
    }

    /// Waits until the barrier is down.
    async fn pass(&self, frame: &Frame) {
        if self.up.borrow().is_none() {
            return;
        }
        let mut heard = self.up.subscribe();
        loop {
            let left = heard.borrow_and_update().map(|until| until.saturating_duration_since(Instant::now()));
            let Some(left) = left else { return };
            if rt::timeout(left, heard.changed()).await.is_none() {
                log!(Warn, xl: frame.name(), "barrier not lowered in time, answers go out");
                self.raise(false);
            }
        }
    }
}

/// Whether a write promises nothing: it may be lost when the machine stops.
fn may_be_lost(args: &Writev) -> bool {
    (args.fd.flags() | i32::from_ne_bytes(args.flags.to_ne_bytes())) & SYNC == 0
}

/// Writes the `impl`: the fops whose answers are held back, and which of them.
macro_rules! barrier {
    ({ $($written:tt)* } $($name:ident $args:ident $reply:ident $(unless $passes:path)?;)*) => {
        #[xlator(
            "features/barrier",
            positions = "brick",
            unknown_fops = "pass",
            doc = "holds answers back while a snapshot is taken"
        )]
        impl Xlator for Barrier {
            $($written)*

            $(
                async fn $name(&self, frame: &Frame, args: $args) -> FopResult<$reply> {
                    $(
                        if $passes(&args) {
                            return frame.child().$name(args).await;
                        }
                    )?
                    let reply = frame.child().$name(args).await;
                    self.pass(frame).await;
                    reply
                }
            )*
        }
    };
}

barrier! {
    {
        fn options() -> Options {
            options::declare()
        }

        fn init(&mut self, cx: &InitCx<'_>) -> Result<(), InitError> {
            self.take_options(cx)
        }

        fn reconfigure(&self, cx: &InitCx<'_>) -> Result<(), InitError> {
            self.take_options(cx)
        }

        fn notify(&self, cx: &NotifyCx<'_>, event: &Event) {
            if event.kind == EventKind::VOLUME_BARRIER_OP {
                match event.data.str(KEY) {
                    Some("enable") => self.raise(true),
                    Some("disable") => self.raise(false),
                    other => log!(Warn, xl: cx.me().name(), "not a way to move a barrier", found = format!("{other:?}")),
                }
            }
            cx.pass_on(event);
        }

        fn dump(&self, out: &mut String) {
            let up = self.up.borrow().is_some_and(|until| until > Instant::now());
            out.push_str(&format!("barrier={}\nheld={}\n", u8::from(up), self.up.receiver_count()));
        }

        fn fini(&self) {
            self.raise(false);
        }
    }
    rmdir Rmdir Removed;
    unlink Unlink Removed;
    rename Rename Renamed;
    truncate Truncate PrePost;
    ftruncate Ftruncate PrePost;
    fsync Fsync PrePost;
    removexattr Removexattr Done;
    fremovexattr Fremovexattr Done;
    writev Writev Written unless may_be_lost;
}
