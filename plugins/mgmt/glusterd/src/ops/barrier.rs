//! `volume barrier`: bricks hold back the answers to what changes the disk, until they are told otherwise.

use super::engine::Framework;
use super::request::existing;
use super::{Operation, Refusal, Request};
use crate::daemon::Daemon;
use crate::locks::Target;
use crate::options::parse_bool;
use futures_util::future::join_all;
use gluster_xdr::brickop::BrickProc;
use gluster_xdr::mgmt::Op;
use plugin_api::{Dict, log};

/// The option that says whether bricks hold back, also after they are started anew.
const OPTION: &str = "features.barrier";

/// Bricks that are to hold back, or no longer.
#[derive(Debug)]
pub struct Barrier {
    name: String,
    value: String,
}

impl Barrier {
    /// Reads the request.
    ///
    /// # Errors
    /// It makes no sense.
    pub fn new(request: &Dict) -> Result<Self, Refusal> {
        let asked = Request(request);
        Ok(Self { name: asked.volume_name()?, value: asked.text("barrier")?.to_owned() })
    }
}

fn failed() -> Refusal {
    Refusal::new("Failed to reconfigure barrier.")
}

impl Operation for Barrier {
    const OP: Op = Op::Barrier;
    const FRAMEWORK: Framework = Framework::Synctask;

    fn target(&self) -> Target {
        Target::Volume(self.name.clone())
    }

    async fn stage(&mut self, daemon: &Daemon, _reply: &mut Dict) -> Result<(), Refusal> {
        let volume = existing(daemon, &self.name)?.volume;
        if !volume.is_started() {
            return Err(Refusal::new(format!("Volume {} is not started", self.name)));
        }
        let is_on = volume.options.get(OPTION).and_then(parse_bool).unwrap_or(false);
        // To begin what has begun, or to end what has not, is a mistake of who takes snapshots.
        match parse_bool(&self.value) {
            Some(wanted) if wanted != is_on => Ok(()),
            _ => Err(failed()),
        }
    }

    async fn brick_operations(&mut self, daemon: &Daemon, _reply: &mut Dict) -> Result<String, Refusal> {
        let volume = existing(daemon, &self.name)?.volume;
        let own = volume.bricks.iter().filter(|brick| brick.node == daemon.node);
        let online = own.filter(|brick| daemon.bricks.standing(&self.name, brick).is_online());
        let told = online.map(|brick| {
            let order = Dict::new().with("barrier", self.value.clone());
            daemon.bricks.ask(&self.name, brick, BrickProc::BrickBarrier, order)
        });
        for answer in join_all(told).await {
            answer.map_err(|fault| {
                log!(Warn, "brick does not follow", volume = self.name, why = fault);
                failed()
            })?;
        }
        Ok(String::new())
    }

    async fn commit(&mut self, daemon: &Daemon, _reply: &mut Dict) -> Result<String, Refusal> {
        let mut stored = existing(daemon, &self.name)?;
        stored.volume.options.set(OPTION, &self.value);
        daemon.store(stored)?;
        Ok(String::new())
    }
}
