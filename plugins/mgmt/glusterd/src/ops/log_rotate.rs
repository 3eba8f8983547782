//! `volume log … rotate`.

use super::engine::Framework;
use super::request::existing;
use super::{Operation, Refusal, Request, shown};
use crate::brick::Brick;
use crate::daemon::Daemon;
use crate::locks::Target;
use gluster_xdr::mgmt::Op;
use plugin_api::{Dict, log};
use rustix::process::Signal;
use std::time::{SystemTime, UNIX_EPOCH};

/// Logs of bricks that are to begin anew.
#[derive(Debug)]
pub struct LogRotate {
    name: String,
    /// `None` for all of the volume's.
    brick: Option<String>,
    key: u64,
}

impl LogRotate {
    /// Reads the request; the suffix of the old logs is added to it.
    ///
    /// # Errors
    /// It makes no sense.
    pub fn new(request: &mut Dict) -> Result<Self, Refusal> {
        let asked = Request(request);
        let key = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
        let brick = request.str("brick").map(str::to_owned);
        let rotate = Self { name: asked.volume_name()?, brick, key };
        request.set("rotate-key", key);
        Ok(rotate)
    }

    fn is_meant(&self, brick: &Brick) -> bool {
        self.brick.as_ref().is_none_or(|name| *name == brick.display_name())
    }
}

impl Operation for LogRotate {
    const OP: Op = Op::LogRotate;
    const FRAMEWORK: Framework = Framework::Synctask;

    fn target(&self) -> Target {
        Target::Volume(self.name.clone())
    }

    async fn stage(&mut self, daemon: &Daemon, _reply: &mut Dict) -> Result<(), Refusal> {
        let volume = existing(daemon, &self.name)?.volume;
        if !volume.is_started() {
            return Err(Refusal::new(format!("Volume {} needs to be started before log rotate.", self.name)));
        }
        if !volume.bricks.iter().any(|brick| self.is_meant(brick)) {
            let brick = shown(self.brick.as_deref().unwrap_or_default());
            return Err(Refusal::new(format!("Incorrect brick {brick} for volume {}", self.name)));
        }
        Ok(())
    }

    async fn commit(&mut self, daemon: &Daemon, _reply: &mut Dict) -> Result<String, Refusal> {
        let volume = existing(daemon, &self.name)?.volume;
        for brick in volume.bricks.iter().filter(|brick| brick.node == daemon.node && self.is_meant(brick)) {
            let log = daemon.config.paths.brick_log(brick);
            let mut old = log.clone().into_os_string();
            old.push(format!(".{}", self.key));
            if let Err(error) = std::fs::rename(&log, &old) {
                log!(Warn, "log cannot be moved", brick = brick.path, why = error);
                continue;
            }
            // Where none runs, the next one begins the new log.
            daemon.bricks.signal(&self.name, brick, Signal::HUP);
        }
        Ok(String::new())
    }
}
