//! The process itself: leaving the terminal, the pid file, limits, signals.
//!
//! The one place of the host, beside the loader, where unsafe code may stand.
pub mod bound;
pub mod confined;
mod daemonize;
mod localtime;
mod pidfile;
mod rlimit;
mod signals;

pub use daemonize::{DaemonError, Parent, daemonize};
pub use localtime::local_offset;
pub use pidfile::{PidFile, PidFileError};
pub use rlimit::{LimitError, raise_limits, set_oom_score};
pub use signals::{SignalError, Signals, exit_code, unblock as unblock_signals};
