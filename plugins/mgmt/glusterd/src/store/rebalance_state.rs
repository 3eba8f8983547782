//! `vols/<volume>/node_state.info`: how far rebalance or remove-brick got on this node.

use super::fields::Fields;
use super::{Lines, StoreError};
use std::path::Path;
use uuid::Uuid;

/// Numbers of `status`.
pub mod status {
    /// It runs.
    pub const STARTED: u32 = 1;
    /// It was stopped.
    pub const STOPPED: u32 = 2;
    /// It came to its end.
    pub const COMPLETE: u32 = 3;
    /// It did not.
    pub const FAILED: u32 = 4;
    /// Between a number of these and the same one for a task that moves nothing.
    pub const OF_LAYOUT: u32 = 4;

    /// The number, whatever the task moves; `None` for one that is none of these.
    #[must_use]
    pub fn without_kind(status: u32) -> Option<u32> {
        match status {
            0..=FAILED => Some(status),
            5..=8 => Some(status - OF_LAYOUT),
            _ => None,
        }
    }
}

/// Rebalance state of one volume on this node.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct RebalanceState {
    /// The last command: 0 none, 1 start, 2 stop, 3 status, 4 fix-layout, 5 start force. The file's key for it is
    /// `rebalance_status`.
    pub command: u32,
    /// 0 not started, 1 started, 2 stopped, 3 complete, 4 failed, and so on.
    pub status: u32,
    /// The operation it belongs to: 19 rebalance, 9 remove-brick, 0 none.
    pub operation: u32,
    /// The task's id.
    pub id: Uuid,
    /// Files moved.
    pub files: u64,
    /// Bytes moved.
    pub size: u64,
    /// Files looked at.
    pub scanned: u64,
    /// Files that could not be moved.
    pub failures: u64,
    /// Files left where they are.
    pub skipped: u64,
    /// Seconds.
    pub run_time: f64,
    /// The task's own pairs, such as the bricks of a remove-brick.
    pub task: Lines,
}

impl RebalanceState {
    /// Whether the process has not come to its end, as far as anybody knows.
    #[must_use]
    pub fn is_under_way(&self) -> bool {
        self.status == status::STARTED
    }

    /// The file's lines, in the order the incumbent writes them.
    #[must_use]
    pub fn encode(&self) -> Lines {
        let mut lines = Lines::default();
        lines.push("rebalance_status", self.command);
        lines.push("status", self.status);
        lines.push("rebalance_op", self.operation);
        lines.push("rebalance-id", self.id);
        lines.push("rebalanced-files", self.files);
        lines.push("size", self.size);
        lines.push("scanned", self.scanned);
        lines.push("failures", self.failures);
        lines.push("skipped", self.skipped);
        lines.push("run-time", format!("{:.6}", self.run_time));
        lines.extend(&self.task);
        lines
    }

    /// Reads the file.
    ///
    /// # Errors
    /// The file cannot be read or a value is malformed.
    pub fn read(path: &Path) -> Result<Self, StoreError> {
        let mut fields = Fields::read(path)?;
        Ok(Self {
            command: fields.number_or("rebalance_status", 0)?,
            status: fields.number_or("status", 0)?,
            operation: fields.number_or("rebalance_op", 0)?,
            id: fields.uuid_or_nil("rebalance-id")?,
            files: fields.number_or("rebalanced-files", 0)?,
            size: fields.number_or("size", 0)?,
            scanned: fields.number_or("scanned", 0)?,
            failures: fields.number_or("failures", 0)?,
            skipped: fields.number_or("skipped", 0)?,
            run_time: fields.number_or("run-time", 0.0)?,
            task: fields.rest(),
        })
    }
}
