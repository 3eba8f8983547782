//! `volume reset`, for one volume and for all.

use super::engine::Framework;
use super::request::existing;
use super::{Operation, Refusal, Request, shown};
use crate::daemon::Daemon;
use crate::hooks::{Hook, Side};
use crate::locks::Target;
use crate::options::edit::{self, Reset as Done};
use crate::options::suggest::did_you_mean;
use crate::options::{self, Flags};
use crate::opversion::VolumeOpVersions;
use crate::user_xlators;
use crate::volume::Volume;
use gluster_xdr::mgmt::Op;
use plugin_api::Dict;

/// Options that are to be as if they had never been set.
#[derive(Debug)]
pub struct Reset {
    /// `None` for the cluster.
    volume: Option<String>,
    key: String,
    force: bool,
}

impl Reset {
    /// Reads the request.
    ///
    /// # Errors
    /// It makes no sense.
    pub fn new(request: &Dict) -> Result<Self, Refusal> {
        let asked = Request(request);
        let name = asked.volume_name()?;
        let key = asked.text("key")?.to_owned();
        Ok(Self { volume: (name != "all").then_some(name), key, force: asked.flag("force")? })
    }

    fn check_cluster(&mut self) -> Result<(), Refusal> {
        if self.key == "all" {
            return Ok(());
        }
        let Some(option) = options::complete(&self.key) else {
            let question = did_you_mean(&self.key).map(|q| format!("\n{q}")).unwrap_or_default();
            return Err(Refusal::new(format!("Option {} does not exist{question}", shown(&self.key))));
        };
        if !option.flags.has(Flags::CLUSTER) || option.name == "cluster.op-version" {
            return Err(Refusal::new("Not a valid option for all volumes"));
        }
        option.name.clone_into(&mut self.key);
        Ok(())
    }

    fn on(&self, daemon: &Daemon, volume: &mut Volume) -> Result<Done, Refusal> {
        Ok(edit::reset(volume, &self.key, self.force, daemon.config.family(), &*daemon.plugins)?)
    }

    fn commit_cluster(&self, daemon: &Daemon) -> Result<(), Refusal> {
        let mut options = daemon.state().options.clone();
        let names: Vec<String> = match self.key.as_str() {
            "all" => options.values.iter().map(|(name, _)| name.to_owned()).collect(),
            one => vec![one.to_owned()],
        };
        names.iter().for_each(|name| options.set(name, None));
        options.save(&daemon.config.paths.work)?;
        daemon.state().options = options;
        Ok(daemon.write_all_volfiles()?)
    }
}

impl Operation for Reset {
    const OP: Op = Op::ResetVolume;
    const FRAMEWORK: Framework = Framework::Synctask;

    fn target(&self) -> Target {
        self.volume.clone().map_or(Target::Cluster, Target::Volume)
    }

    async fn stage(&mut self, daemon: &Daemon, _reply: &mut Dict) -> Result<(), Refusal> {
        match &self.volume {
            Some(name) => self.on(daemon, &mut existing(daemon, name)?.volume).map(drop)?,
            None => self.check_cluster()?,
        }
        Ok(())
    }

    async fn commit(&mut self, daemon: &Daemon, _reply: &mut Dict) -> Result<String, Refusal> {
        let Some(name) = &self.volume else {
            self.commit_cluster(daemon)?;
            return Ok(String::new());
        };
        let mut stored = existing(daemon, name)?;
        let done = self.on(daemon, &mut stored.volume)?;
        let needed = VolumeOpVersions::of(&stored.volume);
        (stored.volume.op_version, stored.volume.client_op_version) = (needed.node, needed.client);
        daemon.store(stored)?;
        Ok(match done {
            Done::All => user_xlators::note::removed(&self.key),
            Done::LeftProtected(note) => note,
        })
    }

    fn hook(&self, daemon: &Daemon, _side: Side) -> Option<Hook> {
        let args = vec![
            format!("--volname={}", self.volume.as_deref().unwrap_or("all")),
            "--version=1".to_owned(),
            "--volume-op=reset".to_owned(),
            format!("--gd-workdir={}", daemon.config.paths.work.display()),
        ];
        Some(Hook { operation: "reset", args })
    }
}
