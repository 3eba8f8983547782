//! The self-heal daemon: one process for all volumes of this node that have copies or fragments to heal.
//!
//! It is started for the first such volume; the others are attached to it over its socket, and each has a pid file of
//! its own that the process holds. A volume whose graph has other translators than before is given to it anew; changed
//! options it fetches by itself when it is told that volfiles changed.

use super::runner::{Running, ServiceFault};
use super::service;
use crate::daemon::Daemon;
use crate::links::Question;
use crate::volume::{Volume, VolumeKind};
use gluster_xdr::brickop::{BrickOpRsp, BrickProc};
use plugin_api::{Dict, IoBuf, log};
use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

/// What is known of the daemon between two settlements.
#[derive(Debug, Default)]
pub struct SelfHeal {
    /// Held while it is started, stopped, or given volumes.
    turn: tokio::sync::Mutex<()>,
    /// The translators that it runs, by volume, as far as this daemon gave them.
    given: Mutex<BTreeMap<String, String>>,
}

/// The service's name.
pub const NAME: &str = "glustershd";

/// Whether the volume has anything to heal.
#[must_use]
pub fn is_for(volume: &Volume) -> bool {
    !matches!(volume.kind, VolumeKind::Distribute)
}

/// The option that switches healing of this kind of volume.
#[must_use]
pub fn switch(volume: &Volume) -> Option<&'static str> {
    match volume.kind {
        VolumeKind::Distribute => None,
        VolumeKind::Replicate { .. } => Some("cluster.self-heal-daemon"),
        VolumeKind::Disperse { .. } => Some("cluster.disperse-self-heal-daemon"),
    }
}

/// Whether healing is switched on.
#[must_use]
pub fn is_on(volume: &Volume) -> bool {
    let set = |name| volume.options.get(name).and_then(crate::options::parse_bool);
    switch(volume).is_some_and(|name| set(name).unwrap_or(true))
}

/// The daemon as it serves this volume.
#[must_use]
pub fn running(daemon: &Daemon, volume: &str) -> Option<Running> {
    daemon.services.running(&daemon.config.paths.self_heal_pidfile(volume))
}

/// Asks the daemon that serves this volume.
///
/// # Errors
/// There is none, or it does not answer.
pub async fn ask(daemon: &Daemon, volume: &str, question: Question) -> Result<BrickOpRsp, ServiceFault> {
    let silent = |reason: &str| ServiceFault::Silent { name: NAME.to_owned(), reason: reason.to_owned() };
    let running = running(daemon, volume).ok_or_else(|| silent("it does not run"))?;
    let socket = running.socket.ok_or_else(|| silent("it has no socket"))?;
    daemon.services.ask(NAME, &socket, question).await
}

/// Makes the daemon serve what it is to serve: every started volume that has anything to heal.
pub async fn settle(daemon: &Daemon) {
    let _turn = daemon.self_heal.turn.lock().await;
    if let Err(fault) = Settlement::new(daemon).run().await {
        log!(Error, "the self-heal daemon is not as it is to be", why = fault);
    }
}

/// One look at what is and what is to be.
struct Settlement<'a> {
    daemon: &'a Daemon,
    /// Volumes that are to be served.
    wanted: Vec<Volume>,
    /// Volumes that are not, but may be.
    unwanted: Vec<String>,
}

impl<'a> Settlement<'a> {
    fn new(daemon: &'a Daemon) -> Self {
        let volumes: Vec<Volume> = {
            let state = daemon.state();
            state.volumes.values().map(|stored| stored.volume.clone()).filter(is_for).collect()
        };
        let (wanted, rest): (Vec<Volume>, Vec<Volume>) = volumes.into_iter().partition(Volume::is_started);
        // A volume that was deleted, or has lost its copies, may still be served.
        let given = daemon.self_heal.given.lock().unwrap_or_else(PoisonError::into_inner);
        let mut unwanted: Vec<String> = rest.into_iter().map(|volume| volume.name).collect();
        let is_known =
            |name: &String| wanted.iter().any(|volume| volume.name == *name) || unwanted.contains(name);
        let forgotten: Vec<String> = given.keys().filter(|name| !is_known(name)).cloned().collect();
        unwanted.extend(forgotten);
        Self { daemon, wanted, unwanted }
    }

    async fn run(self) -> Result<(), ServiceFault> {
        let served = |name: &str| running(self.daemon, name).is_some();
        for name in self.unwanted.iter().filter(|name| served(name)) {
            self.take(name).await?;
        }
        for volume in &self.wanted {
            let graph = self.graph(volume);
            if served(&volume.name) {
                if self.is_given(&volume.name, &graph) {
                    continue;
                }
                self.take(&volume.name).await?;
            }
            self.give(volume).await?;
            self.note(&volume.name, Some(graph));
        }
        Ok(())
    }

    /// The volume's translators, and which bricks they speak to, without other options: what cannot change under a
    /// running graph.
    fn graph(&self, volume: &Volume) -> String {
        let text = std::fs::read_to_string(self.volfile(&volume.name)).unwrap_or_default();
        let is_fixed = |line: &&str| {
            let option = line.trim_start().strip_prefix("option ");
            option.is_none_or(|option| option.starts_with("remote-"))
        };
        text.lines().filter(is_fixed).collect::<Vec<_>>().join("\n")
    }

    fn volfile(&self, volume: &str) -> std::path::PathBuf {
        self.daemon.config.paths.volume(volume).join(format!("{volume}-shd.vol"))
    }

    /// Whether the daemon runs this graph. One that was there before us has fetched what there was when we came.
    fn is_given(&self, volume: &str, graph: &str) -> bool {
        let mut given = self.daemon.self_heal.given.lock().unwrap_or_else(PoisonError::into_inner);
        given.entry(volume.to_owned()).or_insert_with(|| graph.to_owned()) == graph
    }

    fn note(&self, volume: &str, graph: Option<String>) {
        let mut given = self.daemon.self_heal.given.lock().unwrap_or_else(PoisonError::into_inner);
        match graph {
            Some(graph) => given.insert(volume.to_owned(), graph),
            None => given.remove(volume),
        };
    }

    /// The daemon as it serves any volume besides this one.
    fn beside(&self, volume: &str) -> Option<(String, Running)> {
        let names = self.wanted.iter().map(|volume| &volume.name).chain(&self.unwanted);
        names
            .filter(|name| *name != volume)
            .find_map(|name| Some((name.clone(), running(self.daemon, name)?)))
    }

    async fn give(&self, volume: &Volume) -> Result<(), ServiceFault> {
        let name = &volume.name;
        let Some((_, there)) = self.beside(name) else {
            let common = self.daemon.service_options();
            let daemon = service::self_heal(&self.daemon.config, self.daemon.node, name, &common);
            return self.daemon.services.start(daemon).await;
        };
        let failed = |reason: String| ServiceFault::Refused { name: NAME.to_owned(), reason };
        let socket = there.socket.ok_or_else(|| failed("it has no socket".to_owned()))?;
        let volfile = std::fs::read(self.volfile(name)).map_err(|error| failed(error.to_string()))?;
        let pidfile = self.daemon.config.paths.self_heal_pidfile(name);
        let folder = pidfile.parent().expect("a pid file lies in a folder");
        std::fs::create_dir_all(folder).map_err(|error| failed(error.to_string()))?;
        let question = Question {
            procedure: BrickProc::SvcAttach,
            name: format!("shd/{name}"),
            input: volfile.into(),
            dict: Dict::new().with("pidfile", pidfile.display().to_string()),
        };
        let answer = self.daemon.services.ask(NAME, &socket, question).await?;
        if answer.op_ret != 0 {
            return Err(failed(format!("volume {name}: {} (errno {})", answer.op_errstr, answer.op_errno)));
        }
        log!(Info, "volume is attached to the self-heal daemon", volume = name);
        Ok(())
    }

    /// Takes a volume from the daemon; with its last one it ends.
    async fn take(&self, volume: &str) -> Result<(), ServiceFault> {
        let pidfile = self.daemon.config.paths.self_heal_pidfile(volume);
        self.note(volume, None);
        let own = running(self.daemon, volume).map(|running| running.pid);
        let shares = |there: &Running| Some(there.pid) == own;
        let Some((_, there)) = self.beside(volume).filter(|(_, there)| shares(there)) else {
            return self.daemon.services.stop(NAME, &pidfile).await;
        };
        let socket = there.socket.ok_or_else(|| ServiceFault::Silent {
            name: NAME.to_owned(),
            reason: "it has no socket".to_owned(),
        })?;
        let question = Question {
            procedure: BrickProc::SvcDetach,
            name: format!("shd/{volume}"),
            input: IoBuf::new(),
            dict: Dict::new(),
        };
        let answer = self.daemon.services.ask(NAME, &socket, question).await?;
        if answer.op_ret != 0 {
            let reason = format!("volume {volume}: {} (errno {})", answer.op_errstr, answer.op_errno);
            return Err(ServiceFault::Refused { name: NAME.to_owned(), reason });
        }
        let _ = std::fs::remove_file(&pidfile);
        log!(Info, "volume is taken from the self-heal daemon", volume = volume);
        Ok(())
    }
}
