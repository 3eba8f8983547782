//! Who runs bricks: what operations ask for, whoever does it.

use super::sharing::Sharing;
use crate::brick::Brick;
use gluster_xdr::brickop::BrickProc;
use plugin_api::Dict;
use plugin_api::rt::BoxFuture;
use rustix::process::Signal;
use std::fmt::Debug;

/// A brick of this node that is to run.
#[derive(Debug, Clone)]
pub struct Order {
    /// The volume's name.
    pub volume: String,
    /// The brick.
    pub brick: Brick,
    /// Cluster option `cluster.localtime-logging`.
    pub localtime_logging: bool,
    /// Volume option `config.global-threading`.
    pub global_threading: bool,
    /// Volume option `config.memory-accounting`.
    pub memory_accounting: bool,
    /// How it may share a process, where bricks do.
    pub sharing: Option<Sharing>,
}

/// How a brick of this node stands.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Standing {
    /// Its process, when it runs and serves.
    pub pid: Option<i32>,
}

impl Standing {
    /// It runs and serves.
    #[must_use]
    pub fn is_online(self) -> bool {
        self.pid.is_some()
    }
}

/// Why a brick does not run, stop or answer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[allow(missing_docs)] // the messages say it
pub enum BrickFault {
    #[error("{program}: {reason}")]
    Spawn { program: String, reason: String },
    #[error("the brick {brick} did not start: {reason}; its log is {log}")]
    Start { brick: String, reason: String, log: String },
    #[error("no port is free for the brick {brick}: {reason}")]
    NoPort { brick: String, reason: String },
    #[error("process {pid} of the brick {brick} does not end")]
    Stays { brick: String, pid: i32 },
    #[error("the brick {brick} does not answer: {reason}")]
    Silent { brick: String, reason: String },
}

/// Runs bricks. Its futures may be awaited on a thread that may block.
pub trait Runner: Debug + Send + Sync {
    /// Starts the brick unless it runs, in a process of its own or one that it shares, and waits until it serves; answers the port it listens on.
    fn start(&self, order: Order) -> BoxFuture<Result<u16, BrickFault>>;

    /// Ends the brick if it runs, and waits until it is gone: its process, or its part of one that others share.
    fn stop(&self, volume: &str, brick: &Brick) -> BoxFuture<Result<(), BrickFault>>;

    /// How the brick stands now.
    fn standing(&self, volume: &str, brick: &Brick) -> Standing;

    /// Sends the brick's process a signal; `false` when there is none.
    fn signal(&self, volume: &str, brick: &Brick, signal: Signal) -> bool;

    /// Asks the brick's process something; the answer is its dict.
    fn ask(
        &self,
        volume: &str,
        brick: &Brick,
        procedure: BrickProc,
        request: Dict,
    ) -> BoxFuture<Result<Dict, BrickFault>>;
}
