//! The engine: lock, stage, brick operations, commit, post-validate, unlock.
//!
//! An operation runs as one task, on a thread that may block. Nothing of it is visible before the commit has put it on
//! disk, and the store writes each change so that a crash leaves the state before it or the state after it.

use super::{IN_PROGRESS, Refusal, Request};
use crate::daemon::Daemon;
use crate::hooks::{Hook, Side};
use crate::locks::{Lock, Target};
use gluster_xdr::cli::CliRsp;
use gluster_xdr::mgmt::Op;
use plugin_api::{Dict, log};
use std::future::Future;
use std::time::Duration;
use uuid::Uuid;

/// How the incumbent would run an operation; replies carry its bookkeeping.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Framework {
    /// Locks of version 3 around stage and commit of version 2.
    Synctask,
    /// Every phase of version 3.
    Phases,
}

/// One operation on its way through the engine.
pub trait Operation: Send {
    /// Its number between daemons.
    const OP: Op;

    /// Whose bookkeeping its replies carry.
    const FRAMEWORK: Framework;

    /// What it locks.
    fn target(&self) -> Target;

    /// Checks whether it can be done, here and now, and changes nothing that outlives it. `reply` begins as the
    /// request.
    fn stage(
        &mut self,
        daemon: &Daemon,
        reply: &mut Dict,
    ) -> impl Future<Output = Result<(), Refusal>> + Send;

    /// Asks bricks; what they answer goes into `reply`. A note goes to the CLI beside the success.
    fn brick_operations(
        &mut self,
        _daemon: &Daemon,
        _reply: &mut Dict,
    ) -> impl Future<Output = Result<String, Refusal>> + Send {
        async { Ok(String::new()) }
    }

    /// Does it. After an error the state is as it was.
    fn commit(
        &mut self,
        daemon: &Daemon,
        reply: &mut Dict,
    ) -> impl Future<Output = Result<String, Refusal>> + Send;

    /// The scripts to run before or after the commit.
    fn hook(&self, _daemon: &Daemon, _side: Side) -> Option<Hook> {
        None
    }
}

/// Runs an operation to its end and puts the CLI's answer together.
pub async fn run<O: Operation>(daemon: &Daemon, mut operation: O, request: Dict) -> CliRsp {
    let mut reply = request;
    match phases(daemon, &mut operation, &mut reply).await {
        Ok(note) => CliRsp { op_ret: 0, op_errno: 0, op_errstr: note, dict: reply },
        Err(refusal) => refused(refusal, reply),
    }
}

/// The answer to what is not done.
#[must_use]
pub fn refused(refusal: Refusal, dict: Dict) -> CliRsp {
    CliRsp { op_ret: -1, op_errno: refusal.errno, op_errstr: refusal.text, dict }
}

async fn phases<O: Operation>(
    daemon: &Daemon,
    operation: &mut O,
    reply: &mut Dict,
) -> Result<String, Refusal> {
    let target = operation.target();
    let _lock = lock(daemon, &target, reply).await?;
    keep_books::<O>(daemon, reply);
    operation.stage(daemon, reply).await?;
    let note = operation.brick_operations(daemon, reply).await?;
    if let Some(hook) = operation.hook(daemon, Side::Pre) {
        daemon.run_hook(hook, Side::Pre);
    }
    let committed = operation.commit(daemon, reply).await;
    if let Err(refusal) = &committed {
        log!(Error, "commit failed", operation = O::OP.name(), why = refusal);
    }
    let said = committed?;
    if let Some(hook) = operation.hook(daemon, Side::Post) {
        daemon.run_hook(hook, Side::Post);
    }
    Ok(if note.is_empty() { said } else { note })
}

/// Takes the lock at once, or not at all; but what a start of the daemon holds is waited for.
async fn lock(daemon: &Daemon, target: &Target, request: &Dict) -> Result<Lock, Refusal> {
    let limit = lock_limit(daemon, request);
    let mut taken = daemon.locks.take(target, limit);
    if taken.is_err() && !*daemon.settled.borrow() {
        // The sender lives as long as the daemon.
        let _ = daemon.settled.subscribe().wait_for(|settled| *settled).await;
        taken = daemon.locks.take(target, limit);
    }
    taken.map_err(|busy| Refusal { errno: IN_PROGRESS, text: busy.to_string() })
}

/// A CLI that waits longer than usual says so, and gets its lock for longer than that.
fn lock_limit(daemon: &Daemon, request: &Dict) -> Duration {
    const BEYOND_THE_CLI: u64 = 120;
    const LONGEST: u64 = 24 * 3600;
    match Request(request).number("timeout") {
        Ok(seconds) if seconds > 0 => Duration::from_secs(u64::from(seconds).min(LONGEST) + BEYOND_THE_CLI),
        _ => daemon.config.lock_timer,
    }
}

/// Adds what every reply of the framework carries.
fn keep_books<O: Operation>(daemon: &Daemon, reply: &mut Dict) {
    let own = daemon.node.as_bytes().to_vec();
    match O::FRAMEWORK {
        Framework::Synctask => {
            reply.set("sync-mgmt-operation", O::OP.number());
            reply.set("transaction_id", Uuid::new_v4().as_bytes().to_vec());
            reply.set("originator_uuid", own);
        }
        Framework::Phases => {
            reply.set("originator_uuid", own);
            reply.set("is_synctasked", 1);
        }
    }
    let volume = reply.str("volname").and_then(|name| daemon.volume(name));
    if let Some(stored) = volume {
        reply.set("vol-id", stored.volume.id.to_string());
    }
}
