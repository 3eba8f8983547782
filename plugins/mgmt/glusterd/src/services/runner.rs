//! Who runs services: what operations ask for, whoever does it.

use super::service::Service;
use crate::links::Question;
use gluster_xdr::brickop::BrickOpRsp;
use plugin_api::rt::BoxFuture;
use std::ffi::OsString;
use std::fmt::Debug;
use std::path::{Path, PathBuf};

/// A process that holds a service's pid file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Running {
    /// Its number.
    pub pid: i32,
    /// Where it takes questions, as its command line says.
    pub socket: Option<PathBuf>,
}

/// Why a service does not run, stop or answer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[allow(missing_docs)] // the messages say it
pub enum ServiceFault {
    #[error("{name} did not start: {reason}; its log is {log}")]
    Start { name: String, reason: String, log: String },
    #[error("process {pid} of {name} does not end")]
    Stays { name: String, pid: i32 },
    #[error("{name} does not answer: {reason}")]
    Silent { name: String, reason: String },
    #[error("{name} refuses: {reason}")]
    Refused { name: String, reason: String },
}

/// Runs services. Its futures may be awaited on a thread that may block.
pub trait Runner: Debug + Send + Sync {
    /// Starts the service unless it runs, and waits until it serves.
    fn start(&self, service: Service) -> BoxFuture<Result<(), ServiceFault>>;

    /// Ends the process that holds this pid file if there is one, waits until it is gone, and takes away what it left.
    fn stop(&self, name: &'static str, pidfile: &Path) -> BoxFuture<Result<(), ServiceFault>>;

    /// The process that holds this pid file.
    fn running(&self, pidfile: &Path) -> Option<Running>;

    /// Waits until nobody holds this pid file.
    fn ended(&self, pidfile: &Path) -> BoxFuture<()>;

    /// Asks the process behind a socket something.
    fn ask(
        &self,
        name: &'static str,
        socket: &Path,
        question: Question,
    ) -> BoxFuture<Result<BrickOpRsp, ServiceFault>>;

    /// Mounts a volume for a moment by this command line, the mount point as its last word, and writes an attribute on
    /// its root.
    fn mark(
        &self,
        argv: Vec<OsString>,
        attribute: &'static str,
        value: String,
    ) -> BoxFuture<Result<(), String>>;
}
