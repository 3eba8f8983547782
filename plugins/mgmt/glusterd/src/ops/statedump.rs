//! `volume statedump`: bricks write down what they know about themselves.

use super::engine::Framework;
use super::request::existing;
use super::{Operation, Refusal, Request, shown, unsupported};
use crate::brick::Brick;
use crate::daemon::Daemon;
use crate::locks::Target;
use crate::options::parse_bool;
use gluster_xdr::mgmt::Op;
use plugin_api::{Dict, log, rt};
use rustix::process::Signal;
use std::path::PathBuf;
use std::time::Duration;

/// What a dump can be narrowed to.
const PARTS: [&str; 8] = ["all", "mem", "iobuf", "callpool", "priv", "fd", "inode", "history"];

/// How long a brick has for its dump before the command returns; the incumbent waits as long for each brick in turn.
const TIME_TO_DUMP: Duration = Duration::from_secs(1);

/// Bricks that are to dump their state.
#[derive(Debug)]
pub struct Statedump {
    name: String,
    /// Parts of the state; empty for what the bricks are set up to dump.
    parts: Vec<String>,
    of_quota: bool,
}

impl Statedump {
    /// Reads the request.
    ///
    /// # Errors
    /// It makes no sense, or asks for a dump of somebody else than bricks.
    pub fn new(request: &Dict) -> Result<Self, Refusal> {
        let asked = Request(request);
        let name = asked.volume_name()?;
        let (mut parts, mut of_quota) = (Vec::new(), false);
        for word in request.str("options").unwrap_or_default().split_ascii_whitespace() {
            match word {
                "quotad" => of_quota = true,
                // No build has had an NFS server for long: the incumbent turns to the bricks instead.
                "nfs" => {}
                "client" => return Err(unsupported("statedump of a client")),
                _ if !PARTS.contains(&word) => {
                    return Err(Refusal::new(format!("a statedump has no part {}", shown(word))));
                }
                _ if !parts.iter().any(|part| part == word) => parts.push(word.to_owned()),
                _ => {}
            }
        }
        Ok(Self { name, parts, of_quota })
    }

    /// Tells a brick's process to dump, and which parts; the answer is the file that says which.
    pub(super) fn order(&self, daemon: &Daemon, brick: &Brick) -> Option<PathBuf> {
        let pid = daemon.bricks.standing(&self.name, brick).pid?;
        let file = daemon.config.paths.statedump_options(pid);
        let text: String = self.parts.iter().map(|part| format!("{part}=yes\n")).collect();
        if !text.is_empty()
            && let Err(error) = std::fs::write(&file, text)
        {
            log!(Warn, "parts of a statedump cannot be named", path = file.display(), why = error);
        }
        if !daemon.bricks.signal(&self.name, brick, Signal::USR1) {
            log!(Warn, "brick ended before its statedump", brick = brick.path);
        }
        Some(file)
    }
}

impl Operation for Statedump {
    const OP: Op = Op::StatedumpVolume;
    const FRAMEWORK: Framework = Framework::Synctask;

    fn target(&self) -> Target {
        Target::Volume(self.name.clone())
    }

    async fn stage(&mut self, daemon: &Daemon, _reply: &mut Dict) -> Result<(), Refusal> {
        let volume = existing(daemon, &self.name)?.volume;
        let has_quota = volume.options.get("features.quota").and_then(parse_bool).unwrap_or(false);
        match (self.of_quota, has_quota) {
            _ if !volume.is_started() => {
                Err(Refusal::new(format!("Volume {} is not in the started state", self.name)))
            }
            (true, false) => Err(Refusal::new(format!("Quota is not enabled on volume {}", self.name))),
            (true, true) | (false, _) => Ok(()),
        }
    }

    async fn commit(&mut self, daemon: &Daemon, _reply: &mut Dict) -> Result<String, Refusal> {
        let volume = existing(daemon, &self.name)?.volume;
        if self.of_quota {
            if !daemon.services.signal(&daemon.config.paths.quotad_pidfile(), Signal::USR1) {
                return Err(Refusal::new("The quota daemon does not run."));
            }
            rt::sleep(TIME_TO_DUMP).await;
            return Ok(String::new());
        }
        let own = volume.bricks.iter().filter(|brick| brick.node == daemon.node);
        let files: Vec<PathBuf> = own.filter_map(|brick| self.order(daemon, brick)).collect();
        if !files.is_empty() {
            rt::sleep(TIME_TO_DUMP).await;
        }
        for file in files {
            let _ = std::fs::remove_file(file);
        }
        Ok(String::new())
    }
}
