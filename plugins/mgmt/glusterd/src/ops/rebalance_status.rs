//! `volume rebalance … status` and `… stop`, and the same of `volume remove-brick`.

use super::engine::Framework;
use super::rebalance::check_volume;
use super::request::existing;
use super::{Operation, Refusal, Request};
use crate::daemon::Daemon;
use crate::locks::Target;
use crate::services::rebalance::{self, command};
use crate::store::folder::StoredVolume;
use crate::store::rebalance_state::{RebalanceState, status};
use gluster_xdr::mgmt::Op;
use plugin_api::{Dict, log, rt};
use std::time::Duration;

/// A task that is asked after, or ended.
#[derive(Debug)]
pub struct RebalanceStatus {
    name: String,
    is_stop: bool,
    /// The bricks that leave, when it is about them.
    leaving: Option<Vec<String>>,
    /// Seconds that the task still needs.
    time_left: u64,
}

impl RebalanceStatus {
    /// Reads the request; `None` when it is for a new task.
    ///
    /// # Errors
    /// It makes no sense.
    pub fn read(request: &Dict) -> Result<Option<Self>, Refusal> {
        let asked = Request(request);
        let is_stop = match asked.number("rebalance-command")? {
            command::STOP => true,
            command::STATUS => false,
            _ => return Ok(None),
        };
        let bricks = (1..=MOST_BRICKS).map_while(|n| request.str(&format!("brick{n}")).map(str::to_owned));
        let leaving = (asked.number("command")? != 0).then(|| bricks.collect());
        Ok(Some(Self { name: asked.volume_name()?, is_stop, leaving, time_left: 0 }))
    }

    /// What the task is called, and the operation that began it.
    fn kind(&self) -> (&'static str, &'static str, Op) {
        match self.leaving {
            None => ("Rebalance", "rebalance-id", Op::Rebalance),
            Some(_) => ("remove-brick", "remove-brick-id", Op::RemoveBrick),
        }
    }

    /// Tells the process to end. Nobody is told of an end that did not reach it: then it is ended by force.
    async fn stop(&mut self, daemon: &Daemon, request: &Dict) -> Result<(), Refusal> {
        for _ in 0..STOP_TRIES {
            match rebalance::ask(daemon, &self.name, command::STOP, request).await {
                Ok(None) => break,
                Ok(Some(_)) => {
                    rebalance::see_off(daemon, &self.name);
                    return Ok(());
                }
                Err(fault) => {
                    log!(Debug, "rebalance does not stop yet", volume = self.name, why = fault);
                    rt::sleep(STOP_PAUSE).await;
                }
            }
        }
        rebalance::end(daemon, &self.name).await;
        daemon.change_rebalance(&self.name, |state| {
            let was_under_way = state.is_under_way();
            if was_under_way {
                state.status = status::STOPPED;
            }
            was_under_way
        })?;
        Ok(())
    }

    /// The task is over: a rebalance is forgotten, bricks that were to leave stay.
    fn close(&self, daemon: &Daemon, mut stored: StoredVolume) -> Result<(), Refusal> {
        stored.rebalance.close();
        if self.leaving.is_none() {
            daemon.change_rebalance(&self.name, |state| {
                state.close();
                true
            })?;
            return Ok(());
        }
        for brick in &mut stored.volume.bricks {
            brick.decommissioned = false;
        }
        Ok(daemon.store_with_rebalance(stored)?)
    }
}

/// A request that names more bricks is not looked at further.
const MOST_BRICKS: u32 = 4096;

/// A process that has just begun does not listen yet.
const STOP_TRIES: u32 = 20;
const STOP_PAUSE: Duration = Duration::from_millis(250);

/// The number under which people are shown how the task stands.
fn shown_status(state: &RebalanceState) -> u32 {
    let is_layout = state.command == command::FIX_LAYOUT && state.status != 0;
    state.status + if is_layout { status::OF_LAYOUT } else { 0 }
}

impl Operation for RebalanceStatus {
    const OP: Op = Op::DefragBrickVolume;
    const FRAMEWORK: Framework = Framework::Phases;

    fn target(&self) -> Target {
        Target::Volume(self.name.clone())
    }

    async fn stage(&mut self, daemon: &Daemon, reply: &mut Dict) -> Result<(), Refusal> {
        let StoredVolume { volume, rebalance: task, .. } = existing(daemon, &self.name)?;
        check_volume(&volume)?;
        let (word, key, operation) = self.kind();
        if task.operation != operation.number() || task.id.is_nil() {
            return Err(Refusal::new(format!("{word} not started for volume {}.", self.name)));
        }
        let leaves = |name: &String| {
            volume.bricks.iter().any(|brick| brick.decommissioned && brick.display_name() == *name)
        };
        if !self.leaving.iter().flatten().all(leaves) {
            return Err(Refusal::new(format!("Incorrect brick for volume {}", self.name)));
        }
        reply.set("node-uuid", daemon.node.as_bytes().to_vec());
        reply.set(key, task.id.to_string());
        Ok(())
    }

    async fn brick_operations(&mut self, daemon: &Daemon, reply: &mut Dict) -> Result<String, Refusal> {
        if self.is_stop {
            self.stop(daemon, reply).await?;
            return Ok(String::new());
        }
        match rebalance::ask(daemon, &self.name, command::STATUS, reply).await {
            Ok(seconds) => self.time_left = seconds.unwrap_or(0),
            // It has just begun, or is just gone: what is known is shown.
            Err(fault) => log!(Debug, "rebalance does not tell", volume = self.name, why = fault),
        }
        Ok(String::new())
    }

    async fn commit(&mut self, daemon: &Daemon, reply: &mut Dict) -> Result<String, Refusal> {
        let stored = existing(daemon, &self.name)?;
        let task = &stored.rebalance;
        reply.set("count", 1);
        reply.set("node-uuid-1", daemon.node.to_string());
        reply.set("node-name-1", "localhost");
        reply.set("files-1", task.files);
        reply.set("size-1", task.size);
        reply.set("lookups-1", task.scanned);
        reply.set("failures-1", task.failures);
        reply.set("skipped-1", task.skipped);
        reply.set("status-1", shown_status(task));
        reply.set("run-time-1", task.run_time);
        reply.set("time-left-1", self.time_left);
        if self.is_stop {
            self.close(daemon, stored)?;
        }
        Ok(String::new())
    }
}
