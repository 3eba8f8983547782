//! `volume bitrot`: the switch, the options of signer and scrubber, and what is asked of the scrubber.

use super::engine::Framework;
use super::request::existing;
use super::{Operation, Refusal, Request, run};
use crate::daemon::Daemon;
use crate::links::Question;
use crate::locks::Target;
use crate::opversion::VolumeOpVersions;
use crate::services::bitrot::{self, Part};
use crate::volume::Volume;
use gluster_xdr::brickop::BrickProc;
use gluster_xdr::cli::CliRsp;
use gluster_xdr::mgmt::Op;
use plugin_api::{Dict, log};

const PAUSED: &str = "pause";
const ACTIVE: &str = "Active";

/// What is changed.
#[derive(Debug)]
enum Order {
    Enable,
    Disable,
    Pause,
    Resume,
    Option { name: &'static str, value: String },
}

/// A change of a volume's bit-rot detection.
#[derive(Debug)]
pub struct Bitrot {
    name: String,
    order: Order,
}

/// A question to the scrubber: how it is, or that it is to begin now.
#[derive(Debug)]
struct Scrub<const NOW: bool> {
    name: String,
}

/// Does what is asked.
///
/// # Errors
/// The request makes no sense.
pub async fn answer(daemon: &Daemon, request: Dict) -> Result<CliRsp, Refusal> {
    const STATUS: u32 = 7;
    const NOW: u32 = 8;
    let asked = Request(&request);
    let name = asked.volume_name()?;
    Ok(match asked.number("type")? {
        STATUS => run(daemon, Scrub::<false> { name }, request).await,
        NOW => run(daemon, Scrub::<true> { name }, request).await,
        _ => run(daemon, Bitrot::new(&request)?, request).await,
    })
}

impl Bitrot {
    /// Reads the request.
    ///
    /// # Errors
    /// It makes no sense.
    pub fn new(request: &Dict) -> Result<Self, Refusal> {
        let asked = Request(request);
        let one_of = |key: &str, words: &[&str]| {
            let value = asked.text(key)?;
            let wrong =
                || Refusal::at_once(format!("{key} is {}, expected one of {words:?}", super::shown(value)));
            words.contains(&value).then(|| value.to_owned()).ok_or_else(wrong)
        };
        let count = |key: &str| {
            let value = asked.number(key)?;
            let wrong = || Refusal::at_once(format!("{key} is {value}, expected 1 or more"));
            (value > 0).then(|| value.to_string()).ok_or_else(wrong)
        };
        let option = |name, value| Order::Option { name, value };
        let order = match asked.number("type")? {
            1 => Order::Enable,
            2 => Order::Disable,
            3 => option(
                "features.scrub-throttle",
                one_of("scrub-throttle-value", &["lazy", "normal", "aggressive"])?,
            ),
            4 => option(
                "features.scrub-freq",
                one_of(
                    "scrub-frequency-value",
                    &["minute", "hourly", "daily", "weekly", "biweekly", "monthly"],
                )?,
            ),
            5 => match one_of("scrub-value", &[PAUSED, "resume"])?.as_str() {
                PAUSED => Order::Pause,
                _ => Order::Resume,
            },
            6 => option("features.expiry-time", count("expiry-time")?),
            9 => option("features.signer-threads", count("signer-threads")?),
            _ => return Err(Refusal::at_once("the request's type is none that is known")),
        };
        Ok(Self { name: asked.volume_name()?, order })
    }

    /// The options that it sets, in the order in which the incumbent does.
    fn settings(&self) -> Vec<(&'static str, &str)> {
        match &self.order {
            Order::Enable => vec![("features.bitrot", "on"), ("features.scrub", ACTIVE)],
            Order::Disable => vec![("features.bitrot", "off"), ("features.scrub", "Inactive")],
            Order::Pause => vec![("features.scrub", PAUSED)],
            Order::Resume => vec![("features.scrub", ACTIVE)],
            Order::Option { name, value } => vec![(*name, value)],
        }
    }
}

fn is_paused(volume: &Volume) -> bool {
    volume.options.get("features.scrub") == Some(PAUSED)
}

/// The volume, which is started and has bit-rot detection.
fn watched(daemon: &Daemon, name: &str) -> Result<Volume, Refusal> {
    let volume = started(daemon, name)?;
    if bitrot::is_on(&volume) {
        return Ok(volume);
    }
    Err(Refusal::new(format!("Bitrot is not enabled on volume {name}")))
}

fn started(daemon: &Daemon, name: &str) -> Result<Volume, Refusal> {
    let volume = existing(daemon, name)?.volume;
    if volume.is_started() {
        return Ok(volume);
    }
    Err(Refusal::new("Volume is stopped, start volume before executing bit rot command."))
}

impl Operation for Bitrot {
    const OP: Op = Op::Bitrot;
    const FRAMEWORK: Framework = Framework::Synctask;

    fn target(&self) -> Target {
        Target::Volume(self.name.clone())
    }

    async fn stage(&mut self, daemon: &Daemon, _reply: &mut Dict) -> Result<(), Refusal> {
        if matches!(self.order, Order::Enable) {
            return match bitrot::is_on(&started(daemon, &self.name)?) {
                true => Err(Refusal::new("Bitrot is already enabled")),
                false => Ok(()),
            };
        }
        let volume = watched(daemon, &self.name)?;
        let already = |what| Err(Refusal::new(format!("Scrub is already {what} for volume {}", self.name)));
        match (&self.order, is_paused(&volume)) {
            (Order::Pause, true) => already("paused"),
            (Order::Resume, false) => already("resumed"),
            _ => Ok(()),
        }
    }

    async fn commit(&mut self, daemon: &Daemon, _reply: &mut Dict) -> Result<String, Refusal> {
        let mut stored = existing(daemon, &self.name)?;
        for (name, value) in self.settings() {
            stored.volume.options.set(name, value);
        }
        let needed = VolumeOpVersions::of(&stored.volume);
        (stored.volume.op_version, stored.volume.client_op_version) = (needed.node, needed.client);
        daemon.store(stored)?;
        bitrot::settle(daemon).await;
        Ok(String::new())
    }
}

impl<const NOW: bool> Scrub<NOW> {
    async fn ask(&self, daemon: &Daemon, order: &str) -> Result<Dict, Refusal> {
        let request = Dict::new().with("volname", self.name.clone()).with("scrub-value", order.to_owned());
        let question = Question::new(BrickProc::NodeBitrot, self.name.as_str(), &request);
        let name = Part::Scrubber.name();
        let socket = daemon.config.paths.service_socket(name, daemon.node);
        let answer = daemon.services.ask(name, &socket, question).await.map_err(|fault| {
            log!(Error, "the scrubber has not answered", volume = self.name, why = fault);
            Refusal::new("Scrubber is not running. Check scrubber log file.")
        })?;
        if answer.op_ret != 0 {
            log!(Error, "the scrubber refuses", volume = self.name, why = answer.op_errstr);
            return Err(Refusal::new("Scrubber does not do it. Check scrubber log file."));
        }
        Ok(answer.output)
    }
}

impl<const NOW: bool> Operation for Scrub<NOW> {
    const OP: Op = if NOW { Op::ScrubOndemand } else { Op::ScrubStatus };
    const FRAMEWORK: Framework = Framework::Synctask;

    fn target(&self) -> Target {
        Target::Volume(self.name.clone())
    }

    async fn stage(&mut self, daemon: &Daemon, _reply: &mut Dict) -> Result<(), Refusal> {
        let volume = watched(daemon, &self.name)?;
        if NOW {
            let is_busy =
                is_paused(&volume) || self.ask(daemon, "status").await?.int("scrub-running") == Some(1);
            if is_busy {
                return Err(Refusal::new("Scrubber is in Pause/Inactive/Running state"));
            }
        }
        Ok(())
    }

    async fn brick_operations(&mut self, daemon: &Daemon, reply: &mut Dict) -> Result<String, Refusal> {
        if NOW {
            self.ask(daemon, "ondemand").await?;
            return Ok(String::new());
        }
        let said = self.ask(daemon, "status").await?;
        for (key, value) in said.iter() {
            if let Some(shown) = shown_as(key.as_str()) {
                reply.set(format!("{shown}-1"), value.clone());
            }
        }
        Ok(String::new())
    }

    async fn commit(&mut self, daemon: &Daemon, reply: &mut Dict) -> Result<String, Refusal> {
        if NOW {
            return Ok(String::new());
        }
        let volume = existing(daemon, &self.name)?.volume;
        let value = |name: &str| {
            let set = volume.options.get(name).or_else(|| crate::options::standing_value(name));
            set.unwrap_or_default().to_owned()
        };
        reply.set("bitrot_log_file", daemon.config.paths.log.join("bitd.log").display().to_string());
        reply.set("scrub_log_file", daemon.config.paths.log.join("scrub.log").display().to_string());
        for name in ["features.scrub-freq", "features.scrub-throttle", "features.scrub"] {
            reply.set(name, value(name));
        }
        if !reply.contains("error-count-1") {
            reply.set("error-count-1", 0);
        }
        reply.set("node-uuid-1", daemon.node.to_string());
        reply.set("node-name-1", "localhost");
        reply.set("count", 1);
        Ok(String::new())
    }
}

/// The name by which the CLI is told what the scrubber says of itself.
fn shown_as(key: &str) -> Option<&str> {
    const SAME: [&str; 5] =
        ["scrub-running", "scrubbed-files", "unsigned-files", "scrub-duration", "last-scrub-time"];
    match key {
        "total-count" => Some("error-count"),
        key if SAME.contains(&key) || key.starts_with("quarantine-") => Some(key),
        _ => None,
    }
}
