//! Who runs services: what operations ask for, whoever does it.

use super::service::Service;
use crate::links::Question;
use gluster_xdr::brickop::BrickOpRsp;
use plugin_api::rt::BoxFuture;
use rustix::process::Signal;
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

/// Why an attribute is not changed or read through a mount.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ChangeFault {
    /// The volume cannot be mounted; a sentence.
    Mount(String),
    /// This is what the volume answers.
    Answer(rustix::io::Errno),
}

/// An attribute that is to be changed through a mount.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// Where, from the volume's root.
    pub path: String,
    /// Its name.
    pub attribute: &'static str,
    /// Its value; `None` takes it away.
    pub value: Option<Vec<u8>>,
}

/// A walk over a brick by a program that runs in a mount of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Walk {
    /// The mount's command line, the mount point as its last word.
    pub mount: Vec<OsString>,
    /// What runs in it.
    pub program: Vec<OsString>,
    /// Names the program's process; when it does not any more, the walk ends.
    pub pidfile: PathBuf,
    /// The brick's folder,
    pub root: PathBuf,
    /// and the mark by which is seen whether the brick knew what the walk is for,
    pub mark: String,
    /// which is there afterwards, or is not.
    pub leaves_mark: bool,
}

/// Runs services. Its futures may be awaited on a thread that may block.
pub trait Runner: Debug + Send + Sync {
    /// Starts the service unless it runs, and waits until it serves.
    fn start(&self, service: Service) -> BoxFuture<Result<(), ServiceFault>>;

    /// Ends the process that holds this pid file if there is one, waits until it is gone, and takes away what it left.
    fn stop(&self, name: &'static str, pidfile: &Path) -> BoxFuture<Result<(), ServiceFault>>;

    /// The process that holds this pid file.
    fn running(&self, pidfile: &Path) -> Option<Running>;

    /// Sends the process that holds this pid file a signal; `false` when there is none.
    fn signal(&self, pidfile: &Path, signal: Signal) -> bool;

    /// Sees to it, behind what is done, that the process that holds this pid file ends, which it was told to: one that
    /// does nothing any more is ended.
    fn see_off(&self, name: &'static str, pidfile: &Path);

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

    /// Mounts a volume for a moment, as there, and changes an attribute in it.
    fn change(&self, argv: Vec<OsString>, change: Change) -> BoxFuture<Result<(), ChangeFault>>;

    /// Mounts a volume for a moment, as there, and reads an attribute of what lies at a path in it.
    fn read(
        &self,
        argv: Vec<OsString>,
        path: String,
        attribute: String,
    ) -> BoxFuture<Result<Vec<u8>, ChangeFault>>;

    /// Mounts a volume, as there, for somebody else, who takes the mount away.
    fn show(&self, argv: Vec<OsString>) -> BoxFuture<Result<(), String>>;

    /// Begins to walk over a brick, behind what is done.
    fn walk(&self, walk: Walk);
}
