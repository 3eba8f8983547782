//! `volume set`, for one volume and for all.

use super::engine::Framework;
use super::request::existing;
use super::{Operation, Refusal, Request, shown};
use crate::daemon::Daemon;
use crate::hooks::{Hook, Side};
use crate::locks::Target;
use crate::options::edit::check_set;
use crate::options::suggest::did_you_mean;
use crate::options::{self, Flags};
use crate::opversion::{MAX_OP_VERSION, VolumeOpVersions};
use crate::user_xlators::{self, Key};
use gluster_xdr::mgmt::Op;
use plugin_api::Dict;

/// More pairs than any group of options has.
const MAX_PAIRS: u32 = 1024;

/// Options that are to be set.
#[derive(Debug)]
pub struct Set {
    /// `None` for the cluster.
    volume: Option<String>,
    pairs: Vec<(String, String)>,
    /// The command that an option of its own has sets it, and not `volume set`.
    is_own_command: bool,
}

/// The incumbent's words.
const ONE_BRICK: &str = "Brick-multiplexing is enabled. Please set this option to a value other than 1 to make use of \
                         the brick-multiplexing feature.";

impl Set {
    /// Reads the request.
    ///
    /// # Errors
    /// It makes no sense.
    pub fn new(request: &Dict) -> Result<Self, Refusal> {
        let asked = Request(request);
        let name = asked.volume_name()?;
        let count = asked.number("count")?;
        let mut pairs = Vec::new();
        for n in 1..=MAX_PAIRS {
            match (request.str(&format!("key{n}")), request.str(&format!("value{n}"))) {
                (Some(key), Some(value)) => pairs.push((key.to_owned(), value.to_owned())),
                _ => break,
            }
        }
        if pairs.is_empty() || count == 0 {
            return Err(Refusal::at_once("the request names no option and value"));
        }
        Ok(Self { volume: (name != "all").then_some(name), pairs, is_own_command: false })
    }

    /// The same for options that `volume set` refuses because another command sets them: this is that command.
    #[must_use]
    pub fn by_its_own_command(self) -> Self {
        Self { is_own_command: true, ..self }
    }

    fn stage_volume(&mut self, daemon: &Daemon, name: &str) -> Result<(), Refusal> {
        let volume = existing(daemon, name)?.volume;
        if !self.is_own_command {
            self.pairs = check_set(&volume, &self.pairs, &*daemon.plugins)?;
        }
        let mut changed = volume;
        for (key, value) in &self.pairs {
            changed.options.set(key, value);
        }
        let touched: Vec<&str> =
            self.pairs.iter().filter_map(|(key, _)| Key::of(key)).map(Key::name).collect();
        if !touched.is_empty() {
            let cluster = daemon.state().options.clone();
            user_xlators::check::whole(&*daemon.plugins, &cluster, &changed, &touched)?;
        }
        check_level(daemon, VolumeOpVersions::of(&changed).node)
    }

    fn stage_cluster(&mut self, daemon: &Daemon) -> Result<(), Refusal> {
        if self.pairs.len() > 1 && self.pairs.iter().any(|(key, _)| key == "cluster.op-version") {
            return Err(Refusal::new("Option \"cluster.op-version\" cannot be set along with other options"));
        }
        for (key, value) in &mut self.pairs {
            let Some(option) = options::complete(key) else {
                let question = did_you_mean(key).map(|q| format!("\n{q}")).unwrap_or_default();
                return Err(Refusal::new(format!("option : {} does not exist{question}", shown(key))));
            };
            option.name.clone_into(key);
            match option.name {
                "cluster.op-version" => check_op_version(daemon, value)?,
                "cluster.max-op-version" => return Err(Refusal::new("Not a valid option to set")),
                _ if !option.flags.has(Flags::CLUSTER) => {
                    return Err(Refusal::new("Not a valid option for all volumes"));
                }
                // What it switches on is not there, so it may only be off.
                "cluster.enable-shared-storage" if options::parse_bool(value) == Some(true) => {
                    return Err(Refusal {
                        errno: super::NOT_SUPPORTED,
                        text: format!("{} is not supported", option.name),
                    });
                }
                "cluster.max-bricks-per-process"
                    if value.trim() == "1" && daemon.state().is_on("cluster.brick-multiplex") =>
                {
                    return Err(Refusal::new(ONE_BRICK));
                }
                _ => option.check(value).map_err(|wrong| Refusal::new(wrong.0))?,
            }
        }
        Ok(())
    }

    fn commit_volume(&self, daemon: &Daemon, name: &str) -> Result<(), Refusal> {
        let mut stored = existing(daemon, name)?;
        for (key, value) in &self.pairs {
            stored.volume.options.set(key, value);
        }
        let needed = VolumeOpVersions::of(&stored.volume);
        (stored.volume.op_version, stored.volume.client_op_version) = (needed.node, needed.client);
        Ok(daemon.store(stored)?)
    }

    fn commit_cluster(&self, daemon: &Daemon) -> Result<(), Refusal> {
        let work = &daemon.config.paths.work;
        let (mut options, mut node) = {
            let state = daemon.state();
            (state.options.clone(), state.node.clone())
        };
        for (key, value) in &self.pairs {
            if key == "cluster.op-version" {
                node.op_version = value.trim().parse().unwrap_or(node.op_version);
                node.save(work)?;
                daemon.state().node = node.clone();
            } else {
                options.set(key, Some(value));
            }
        }
        options.save(work)?;
        daemon.state().options = options;
        Ok(daemon.write_all_volfiles()?)
    }
}

/// The node's op-version must be what the options need.
fn check_level(daemon: &Daemon, needed: u32) -> Result<(), Refusal> {
    let own = daemon.state().node.op_version;
    if needed > own {
        return Err(Refusal::new(format!(
            "One or more nodes do not support the required op-version. Cluster op-version must atleast be {needed}."
        )));
    }
    Ok(())
}

fn check_op_version(daemon: &Daemon, value: &str) -> Result<(), Refusal> {
    let current = daemon.state().node.op_version;
    let Ok(wanted) = value.trim().parse::<u32>() else {
        return Err(Refusal::new(format!(
            "invalid number format \"{}\" in option \"cluster.op-version\"",
            shown(value)
        )));
    };
    if wanted > MAX_OP_VERSION {
        return Err(Refusal::new(format!(
            "Required op_version ({wanted}) is not supported. Max supported op version is {MAX_OP_VERSION}"
        )));
    }
    if wanted <= current {
        return Err(Refusal::new(format!(
            "Required op-version ({wanted}) should not be equal or lower than current cluster op-version ({current})."
        )));
    }
    Ok(())
}

impl Operation for Set {
    const OP: Op = Op::SetVolume;
    const FRAMEWORK: Framework = Framework::Synctask;

    fn target(&self) -> Target {
        self.volume.clone().map_or(Target::Cluster, Target::Volume)
    }

    async fn stage(&mut self, daemon: &Daemon, reply: &mut Dict) -> Result<(), Refusal> {
        for (n, (key, _)) in self.pairs.iter().enumerate() {
            if let Some(option) = options::complete(key) {
                reply.set(format!("op-version{}", n + 1), option.op_version);
            }
        }
        match self.volume.clone() {
            Some(name) => self.stage_volume(daemon, &name)?,
            None => self.stage_cluster(daemon)?,
        }
        let level = match &self.volume {
            Some(name) => existing(daemon, name)?.volume.op_version,
            None => 1,
        };
        let highest = self.pairs.iter().filter_map(|(key, _)| options::find(key)).map(|o| o.op_version).max();
        reply.set("new-op-version", highest.unwrap_or(1).max(level));
        reply.set("check-op-version", 1);
        Ok(())
    }

    async fn commit(&mut self, daemon: &Daemon, _reply: &mut Dict) -> Result<String, Refusal> {
        match &self.volume {
            Some(name) => self.commit_volume(daemon, name)?,
            None => self.commit_cluster(daemon)?,
        }
        Ok(user_xlators::note::added(&self.pairs))
    }

    fn hook(&self, daemon: &Daemon, _side: Side) -> Option<Hook> {
        let mut args =
            vec![format!("--volname={}", self.volume.as_deref().unwrap_or("all")), "-o".to_owned()];
        args.extend(self.pairs.iter().map(|(key, value)| format!("{key}={value}")));
        args.push(format!("--gd-workdir={}", daemon.config.paths.work.display()));
        Some(Hook { operation: "set", args })
    }
}
