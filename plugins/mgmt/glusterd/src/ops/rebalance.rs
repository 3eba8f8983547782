//! `volume rebalance … start` and `… fix-layout start`.

use super::engine::Framework;
use super::request::existing;
use super::{Operation, Refusal, Request};
use crate::daemon::Daemon;
use crate::locks::Target;
use crate::services::rebalance::{self, command};
use crate::store::folder::StoredVolume;
use crate::store::rebalance_state::RebalanceState;
use crate::volume::Volume;
use gluster_xdr::mgmt::Op;
use plugin_api::{Dict, log};
use uuid::Uuid;

/// A volume whose files are to move to where they belong.
#[derive(Debug)]
pub struct Start {
    name: String,
    command: u32,
    commit_hash: u32,
}

impl Start {
    /// Reads the request.
    ///
    /// # Errors
    /// It makes no sense.
    pub fn new(request: &Dict) -> Result<Self, Refusal> {
        let asked = Request(request);
        let (name, number) = (asked.volume_name()?, asked.number("rebalance-command")?);
        match number {
            command::START | command::FIX_LAYOUT | command::START_FORCE => {
                Ok(Self { name, command: number, commit_hash: rebalance::new_commit_hash() })
            }
            _ => Err(Refusal::at_once("the request's rebalance-command is none that is known")),
        }
    }
}

/// Refuses a volume in which nothing can move, or that does not run.
pub(super) fn check_volume(volume: &Volume) -> Result<(), Refusal> {
    let name = &volume.name;
    if volume.subvolume_count() < 2 {
        return Err(Refusal::new(format!(
            "Volume {name} is not a distribute volume or contains only 1 brick.\nNot performing rebalance"
        )));
    }
    if !volume.is_started() {
        return Err(Refusal::new(format!("Volume {name} needs to be started to perform rebalance")));
    }
    Ok(())
}

/// Refuses a change of bricks while files move between them.
pub(super) fn refuse_while_running(daemon: &Daemon, name: &str) -> Result<(), Refusal> {
    match rebalance::running(daemon, name) {
        None => Ok(()),
        Some(_) => Err(Refusal::new(format!(
            "Volume name {name} rebalance is in progress. Please retry after completion"
        ))),
    }
}

/// Whether bricks are being emptied, or are empty and still there.
pub(super) fn has_leaving_bricks(stored: &StoredVolume) -> bool {
    stored.rebalance.operation == Op::RemoveBrick.number()
        && stored.volume.bricks.iter().any(|brick| brick.decommissioned)
}

/// Starts the process for a task that is stored by now; when it does not start, the state is what it was `before`.
pub(super) async fn start_process(
    daemon: &Daemon,
    name: &str,
    commit_hash: u32,
    before: RebalanceState,
) -> Result<(), Refusal> {
    let Err(fault) = rebalance::start(daemon, name, commit_hash).await else { return Ok(()) };
    log!(Error, "rebalance does not start", volume = name, why = fault);
    daemon.change_rebalance(name, |state| {
        *state = before;
        true
    })?;
    Err(Refusal::new("Commit failed on localhost. Please check log file for details."))
}

impl Operation for Start {
    const OP: Op = Op::Rebalance;
    const FRAMEWORK: Framework = Framework::Phases;

    fn target(&self) -> Target {
        Target::Volume(self.name.clone())
    }

    async fn stage(&mut self, daemon: &Daemon, reply: &mut Dict) -> Result<(), Refusal> {
        let stored = existing(daemon, &self.name)?;
        check_volume(&stored.volume)?;
        if has_leaving_bricks(&stored) {
            return Err(Refusal::new(format!(
                "A remove-brick task on volume {} is not yet committed. Either commit or stop the remove-brick task.",
                self.name
            )));
        }
        if rebalance::running(daemon, &self.name).is_some() {
            return Err(Refusal::new(format!("Rebalance on {} is already started", self.name)));
        }
        reply.set("node-uuid", daemon.node.as_bytes().to_vec());
        reply.set("commit-hash", self.commit_hash);
        Ok(())
    }

    async fn commit(&mut self, daemon: &Daemon, reply: &mut Dict) -> Result<String, Refusal> {
        let before = existing(daemon, &self.name)?.rebalance;
        let id = Uuid::new_v4();
        daemon.change_rebalance(&self.name, |state| {
            *state = RebalanceState::begun(self.command, Op::Rebalance.number(), id);
            true
        })?;
        start_process(daemon, &self.name, self.commit_hash, before).await?;
        reply.set("rebalance-id", id.to_string());
        Ok(String::new())
    }
}
