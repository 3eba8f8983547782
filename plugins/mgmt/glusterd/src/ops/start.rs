//! `volume start`.

use super::engine::Framework;
use super::request::existing;
use super::{Operation, Refusal, Request};
use crate::brick::Brick;
use crate::bricks::check::{BrickError, check_start};
use crate::bricks::claim::claim;
use crate::daemon::Daemon;
use crate::hooks::{Hook, Side};
use crate::locks::Target;
use crate::services;
use crate::volume::{Volume, VolumeStatus};
use futures_util::future::join_all;
use gluster_xdr::mgmt::Op;
use plugin_api::{Dict, log};
use std::path::Path;

/// A volume whose bricks are to run.
#[derive(Debug)]
pub struct Start {
    name: String,
    force: bool,
    /// Bricks that can run, by their place in the volume.
    able: Vec<usize>,
    /// Those of them whose mark is missing; only with force.
    unmarked: Vec<usize>,
}

impl Start {
    /// Reads the request.
    ///
    /// # Errors
    /// It makes no sense.
    pub fn new(request: &Dict) -> Result<Self, Refusal> {
        let asked = Request(request);
        let (name, force) = (asked.volume_name()?, asked.number("flags")? & 1 != 0);
        Ok(Self { name, force, able: Vec::new(), unmarked: Vec::new() })
    }

    fn check_brick(&mut self, volume: &Volume, at: usize, brick: &Brick) -> Result<(), Refusal> {
        match check_start(volume, brick) {
            Ok(()) => self.able.push(at),
            Err(BrickError::Gone { .. }) if self.force => {
                log!(Warn, "brick folder is not there", volume = volume.name, brick = brick.path);
            }
            Err(BrickError::NoVolumeId { .. }) if self.force => {
                self.able.push(at);
                self.unmarked.push(at);
            }
            Err(error) => return Err(error.into()),
        }
        Ok(())
    }
}

impl Operation for Start {
    const OP: Op = Op::StartVolume;
    const FRAMEWORK: Framework = Framework::Phases;

    fn target(&self) -> Target {
        Target::Volume(self.name.clone())
    }

    async fn stage(&mut self, daemon: &Daemon, _reply: &mut Dict) -> Result<(), Refusal> {
        let volume = existing(daemon, &self.name)?.volume;
        if volume.is_started() && !self.force {
            return Err(Refusal::new(format!("Volume {} already started", self.name)));
        }
        for (at, brick) in volume.bricks.iter().enumerate().filter(|(_, brick)| brick.node == daemon.node) {
            self.check_brick(&volume, at, brick)?;
        }
        Ok(())
    }

    async fn commit(&mut self, daemon: &Daemon, _reply: &mut Dict) -> Result<String, Refusal> {
        let mut stored = existing(daemon, &self.name)?;
        for at in &self.unmarked {
            claim(Path::new(&stored.volume.bricks[*at].path), stored.volume.id, true)?;
        }
        daemon.write_volfiles(&stored.volume)?;
        let is_up = |brick: &Brick| daemon.bricks.standing(&self.name, brick).is_online();
        let were_down: Vec<usize> =
            self.able.iter().copied().filter(|at| !is_up(&stored.volume.bricks[*at])).collect();
        let starts = self.able.iter().map(|at| {
            let order = daemon.order(&stored.volume, &stored.volume.bricks[*at]);
            async move { (*at, daemon.bricks.start(order).await) }
        });
        let mut failed = None;
        for (at, started) in join_all(starts).await {
            match started {
                Ok(port) => stored.volume.bricks[at].port = port,
                Err(fault) => {
                    log!(Error, "brick does not start", volume = self.name, why = fault);
                    failed = Some(fault);
                }
            }
        }
        stored.volume.status = VolumeStatus::Started;
        let outcome = match failed {
            Some(_) if !self.force => {
                Err(Refusal::new("Commit failed on localhost. Please check log file for details."))
            }
            _ => daemon.store(stored.clone()).map_err(Refusal::from),
        };
        if let Err(refusal) = outcome {
            for at in were_down {
                if let Err(fault) = daemon.bricks.stop(&self.name, &stored.volume.bricks[at]).await {
                    log!(Error, "brick does not stop", volume = self.name, why = fault);
                }
            }
            return Err(refusal);
        }
        services::settle(daemon).await;
        Ok(String::new())
    }

    fn hook(&self, daemon: &Daemon, side: Side) -> Option<Hook> {
        let started = daemon.state().volumes.values().filter(|v| v.volume.is_started()).count();
        let first = started == usize::from(side == Side::Post);
        let args = vec![
            format!("--volname={}", self.name),
            format!("--first={}", if first { "yes" } else { "no" }),
            "--version=1".to_owned(),
            "--volume-op=start".to_owned(),
            format!("--gd-workdir={}", daemon.config.paths.work.display()),
        ];
        Some(Hook { operation: "start", args })
    }
}
