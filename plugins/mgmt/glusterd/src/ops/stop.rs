//! `volume stop`.

use super::engine::Framework;
use super::request::existing;
use super::{Operation, Refusal, Request};
use crate::daemon::Daemon;
use crate::hooks::{Hook, Side};
use crate::locks::Target;
use crate::services::{self, rebalance};
use crate::volume::VolumeStatus;
use futures_util::future::join_all;
use gluster_xdr::mgmt::Op;
use plugin_api::{Dict, log};

/// A volume whose bricks are to end.
#[derive(Debug)]
pub struct Stop {
    name: String,
    force: bool,
}

impl Stop {
    /// Reads the request.
    ///
    /// # Errors
    /// It makes no sense.
    pub fn new(request: &Dict) -> Result<Self, Refusal> {
        let asked = Request(request);
        Ok(Self { name: asked.volume_name()?, force: asked.number("flags")? & 1 != 0 })
    }
}

impl Operation for Stop {
    const OP: Op = Op::StopVolume;
    const FRAMEWORK: Framework = Framework::Phases;

    fn target(&self) -> Target {
        Target::Volume(self.name.clone())
    }

    async fn stage(&mut self, daemon: &Daemon, _reply: &mut Dict) -> Result<(), Refusal> {
        let volume = existing(daemon, &self.name)?.volume;
        if !volume.is_started() && !self.force {
            return Err(Refusal::new(format!("Volume {} is not in the started state", self.name)));
        }
        if !self.force && rebalance::running(daemon, &self.name).is_some() {
            return Err(Refusal::new(format!(
                "rebalance session is in progress for the volume '{}'",
                self.name
            )));
        }
        Ok(())
    }

    /// Stored first: after a crash the bricks that are left are ended, and not the stopped volume started.
    async fn commit(&mut self, daemon: &Daemon, _reply: &mut Dict) -> Result<String, Refusal> {
        let mut stored = existing(daemon, &self.name)?;
        stored.volume.status = VolumeStatus::Stopped;
        daemon.store(stored.clone())?;
        rebalance::abandon(daemon, &self.name).await;
        let own = stored.volume.bricks.iter().filter(|brick| brick.node == daemon.node);
        for stopped in join_all(own.map(|brick| daemon.bricks.stop(&self.name, brick))).await {
            if let Err(fault) = stopped {
                log!(Error, "brick does not stop", volume = self.name, why = fault);
            }
        }
        services::settle(daemon).await;
        Ok(String::new())
    }

    fn hook(&self, daemon: &Daemon, side: Side) -> Option<Hook> {
        let started = daemon.state().volumes.values().filter(|v| v.volume.is_started()).count();
        let last = started == usize::from(side == Side::Pre);
        let last = format!("--last={}", if last { "yes" } else { "no" });
        Some(Hook { operation: "stop", args: vec![format!("--volname={}", self.name), last] })
    }
}
