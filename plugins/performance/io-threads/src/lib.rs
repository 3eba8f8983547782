//! `performance/io-threads`: runs what may block on workers, and everything else where it arrives.
//!
//! A wake-up costs more than most fops, so a fop that is known to be short (a lookup, a stat, a small write into the
//! page cache) runs to its end on the thread that brought it. Those that wait for the disk go to the host's blocking
//! threads, so many at once as the options allow, by priority.
#![forbid(unsafe_code)]

mod gate;
mod offload;
pub mod options;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use plugin_api::fop::FopType;
use plugin_api::prelude::*;

use gate::{Gate, Limits, Priority};

/// A write of so many bytes goes to a worker: copying it takes longer than waking one.
const LARGE_WRITE: u64 = 1024 * 1024;
/// Open flags of a write that waits for the disk.
const WAITS: i32 = libc::O_SYNC | libc::O_DSYNC | libc::O_DIRECT;
/// The process id of the cluster's own work that somebody waits for.
const NO_ROOT_SQUASH: i32 = -4;

/// Hands fops that may block to workers.
#[derive(Debug, Default)]
pub struct IoThreads {
    gate: Arc<Gate>,
    least_priority: AtomicBool,
    cleanup: AtomicBool,
    pass_through: AtomicBool,
}

impl IoThreads {
    fn take_options(&self, cx: &InitCx<'_>) -> Result<(), InitError> {
        let threads = |key| cx.int(key).map(|n| usize::try_from(n).unwrap_or(1).max(1));
        self.gate.set_limits(Limits {
            together: threads("thread-count")?,
            each: [
                threads("high-prio-threads")?,
                threads("normal-prio-threads")?,
                threads("low-prio-threads")?,
                threads("least-prio-threads")?,
            ],
        });
        self.least_priority.store(cx.bool("enable-least-priority")?, Ordering::Relaxed);
        self.cleanup.store(cx.bool("cleanup-disconnected-reqs")?, Ordering::Relaxed);
        // Below a client's graph are connections, which make nobody wait for a disk.
        let has_no_disk = cx.setting("mode") == "client" && !cx.setting("volfile-server").is_empty();
        self.pass_through.store(has_no_disk || cx.bool("pass-through")?, Ordering::Relaxed);
        Ok(())
    }

    /// Whether every fop runs where it arrives.
    fn passes(&self) -> bool {
        self.pass_through.load(Ordering::Relaxed)
    }

    /// The priority of a fop, which is lower for the cluster's own work.
    fn priority(&self, frame: &Frame, usual: Priority) -> Priority {
        let pid = frame.identity().pid;
        let own = pid < 0 && pid != NO_ROOT_SQUASH && self.least_priority.load(Ordering::Relaxed);
        if own { Priority::Least } else { usual }
    }

    /// Winds a fop on a worker, once there is room for one.
    async fn on_worker<F: FopType>(
        &self,
        frame: &Frame,
        usual: Priority,
        args: F::Args,
    ) -> FopResult<F::Reply> {
        let client = frame.client().map_or(0, Client::id);
        let pass = self.gate.enter(self.priority(frame, usual), client).await;
        offload::wind::<F>(frame, pass.ok_or(Errno::ENOTCONN)?, args).await
    }
}

/// Writes the `impl`: the fops that go to a worker, with their priority, and for some of them when they do.
macro_rules! io_threads {
    ($($name:ident $args:ident $reply:ident $priority:ident $(if |$a:ident| $blocks:expr)?;)*) => {
        #[xlator(
            "performance/io-threads",
            unknown_fops = "pass",
            doc = "runs what may block on workers, and everything else where it arrives"
        )]
        impl Xlator for IoThreads {
            fn options() -> Options {
                options::declare()
            }

            fn init(&mut self, cx: &InitCx<'_>) -> Result<(), InitError> {
                self.take_options(cx)
            }

            fn reconfigure(&self, cx: &InitCx<'_>) -> Result<(), InitError> {
                self.take_options(cx)
            }

            fn client_disconnect(&self, _me: &Handle, client: &Client) {
                if self.cleanup.load(Ordering::Relaxed) {
                    self.gate.turn_away(client.id());
                }
            }

            fn dump(&self, out: &mut String) {
                out.push_str(&format!("queued={}\n", self.gate.waiting()));
            }

            $(
                async fn $name(&self, frame: &Frame, args: $args) -> FopResult<$reply> {
                    if self.passes() {
                        return frame.child().$name(args).await;
                    }
                    $(
                        let blocks = { let $a = &args; $blocks };
                        if !blocks {
                            return frame.child().$name(args).await;
                        }
                    )?
                    // On the heap: what goes to a worker waits anyway, and the frame stays small for what does not.
                    Box::pin(self.on_worker::<kind::$name>(frame, Priority::$priority, args)).await
                }
            )*
        }
    };
}

io_threads! {
    open Open Opened High if |args| args.flags & libc::O_TRUNC != 0;
    put Put Made Normal if |args| args.data.len() as u64 >= LARGE_WRITE || args.flags & WAITS != 0;
    writev Writev Written Low if |args| {
        args.len() >= LARGE_WRITE || (args.flags | args.fd.flags().unsigned_abs()) & WAITS.unsigned_abs() != 0
    };
    fsync Fsync PrePost Low;
    fsyncdir Fsyncdir Done Low;
    truncate Truncate PrePost Low;
    ftruncate Ftruncate PrePost Low;
    fallocate Fallocate PrePost Low;
    discard Discard PrePost Low;
    zerofill Zerofill PrePost Low;
    rchecksum Rchecksum Checksum Low;
    copy_file_range CopyFileRange Copied Low;
}
