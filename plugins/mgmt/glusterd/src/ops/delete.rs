//! `volume delete`.

use super::engine::Framework;
use super::request::existing;
use super::{Operation, Refusal, Request};
use crate::daemon::Daemon;
use crate::hooks::{Hook, Side};
use crate::locks::Target;
use gluster_xdr::mgmt::Op;
use plugin_api::Dict;

/// A volume that is to go. What is on its bricks stays.
#[derive(Debug)]
pub struct Delete {
    name: String,
}

impl Delete {
    /// Reads the request.
    ///
    /// # Errors
    /// It makes no sense.
    pub fn new(request: &Dict) -> Result<Self, Refusal> {
        Ok(Self { name: Request(request).volume_name()? })
    }
}

impl Operation for Delete {
    const OP: Op = Op::DeleteVolume;
    const FRAMEWORK: Framework = Framework::Synctask;

    fn target(&self) -> Target {
        Target::Volume(self.name.clone())
    }

    async fn stage(&mut self, daemon: &Daemon, _reply: &mut Dict) -> Result<(), Refusal> {
        if existing(daemon, &self.name)?.volume.is_started() {
            return Err(Refusal::new(format!(
                "Volume {} has been started.Volume needs to be stopped before deletion.",
                self.name
            )));
        }
        Ok(())
    }

    async fn commit(&mut self, daemon: &Daemon, _reply: &mut Dict) -> Result<String, Refusal> {
        // Volumes come and go through one folder.
        let _turn = daemon.creating.lock().await;
        existing(daemon, &self.name)?.remove(&daemon.config.paths)?;
        daemon.state().volumes.remove(&self.name);
        // Pid files of a volume that is gone; a folder that is not empty stays.
        let _ = std::fs::remove_dir(daemon.config.paths.run.join("vols").join(&self.name));
        Ok(String::new())
    }

    fn hook(&self, _daemon: &Daemon, _side: Side) -> Option<Hook> {
        Some(Hook { operation: "delete", args: vec![format!("--volname={}", self.name)] })
    }
}
