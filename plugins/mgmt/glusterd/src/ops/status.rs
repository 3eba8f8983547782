//! `volume status`: which bricks of a volume run, and what they say of themselves.

use super::engine::Framework;
use super::request::existing;
use super::{Operation, Refusal, Request, shown};
use crate::brick::Brick;
use crate::bricks::place;
use crate::daemon::Daemon;
use crate::links::Question;
use crate::locks::Target;
use crate::options::parse_bool;
use crate::services::bitrot::{self, Part};
use crate::services::{aggregator, self_heal};
use crate::volume::{Volume, VolumeKind};
use futures_util::future::join_all;
use gluster_xdr::brickop::BrickProc;
use gluster_xdr::mgmt::Op;
use plugin_api::{Dict, Key, log};
use std::path::Path;

/// Bits of `cmd`.
mod asked {
    pub(super) const DETAIL: u32 = 0x20;
    pub(super) const TASKS: u32 = 0x40;
    pub(super) const CLIENT_LIST: u32 = 0x80;
    /// What only the brick's own process knows: memory, clients, inodes, descriptors, calls.
    pub(super) const OF_PROCESS: u32 = 0x1f | CLIENT_LIST;
    /// Any of the parts above.
    pub(super) const PARTS: u32 = 0xff;
    pub(super) const ALL_VOLUMES: u32 = 0x200;
    pub(super) const ONE_BRICK: u32 = 0x400;
    /// Of the NFS server, which no build has had for long: the incumbent shows the bricks instead.
    pub(super) const NFS: u32 = 0x800;
    pub(super) const SELF_HEAL: u32 = 0x1000;
    pub(super) const QUOTA: u32 = 0x2000;
    pub(super) const SNAPSHOTS: u32 = 0x4000;
    pub(super) const BITROT: u32 = 0x8000;
    pub(super) const SCRUB: u32 = 0x10000;
    /// Any service instead of bricks.
    pub(super) const SERVICES: u32 = SELF_HEAL | QUOTA | SNAPSHOTS | BITROT | SCRUB;
}

/// A look at a volume.
#[derive(Debug)]
pub struct Status {
    /// `None` when only the names of all volumes are asked for.
    volume: Option<String>,
    cmd: u32,
    brick: Option<String>,
    /// The bricks that are shown, by their place in the volume.
    shown: Vec<usize>,
}

/// A process beside the bricks that a volume may have.
struct Service {
    bit: u32,
    name: &'static str,
    /// Whether it serves this volume.
    serves: fn(&Volume) -> bool,
    /// Its process. What this daemon does not run is never shown as if it ran.
    pid: fn(&Daemon, &Volume) -> Option<i32>,
    /// What is said when it does not serve it.
    refusal: fn(&Volume) -> String,
}

const SERVICES: [Service; 5] = [
    Service {
        bit: asked::SNAPSHOTS,
        name: "Snapshot Daemon",
        serves: |volume| is_on(volume, "features.uss"),
        pid: |_, _| None,
        refusal: |volume| format!("Volume {} does not have uss enabled", volume.name),
    },
    Service {
        bit: asked::SELF_HEAL,
        name: "Self-heal Daemon",
        serves: self_heal::is_on,
        pid: |daemon, volume| self_heal::running(daemon, &volume.name).map(|running| running.pid),
        refusal: |volume| match volume.kind {
            VolumeKind::Distribute => format!("Volume {} is not Self-heal compatible", volume.name),
            _ => format!("Self-heal Daemon is disabled for volume {}", volume.name),
        },
    },
    Service {
        bit: asked::QUOTA,
        name: "Quota Daemon",
        serves: aggregator::is_on,
        pid: |daemon, _| aggregator::running(daemon).map(|running| running.pid),
        refusal: |volume| format!("Volume {} does not have quota enabled", volume.name),
    },
    Service {
        bit: asked::BITROT,
        name: "Bitrot Daemon",
        serves: bitrot::is_on,
        pid: |daemon, _| bitrot::running(daemon, Part::Signer).map(|running| running.pid),
        refusal: |volume| format!("Volume {} does not have bitrot enabled", volume.name),
    },
    Service {
        bit: asked::SCRUB,
        name: "Scrubber Daemon",
        serves: bitrot::is_on,
        pid: |daemon, _| bitrot::running(daemon, Part::Scrubber).map(|running| running.pid),
        refusal: |volume| {
            format!(
                "Volume {} does not have bitrot enabled. Scrubber will be enabled automatically if bitrot is enabled",
                volume.name
            )
        },
    },
];

fn is_on(volume: &Volume, option: &str) -> bool {
    volume.options.get(option).and_then(parse_bool).unwrap_or(false)
}

impl Status {
    /// Reads the request.
    ///
    /// # Errors
    /// It makes no sense.
    pub fn new(request: &Dict) -> Result<Self, Refusal> {
        let asked = Request(request);
        let cmd = asked.number("cmd")?;
        let volume = match cmd & asked::ALL_VOLUMES {
            0 => Some(asked.volume_name()?),
            _ => None,
        };
        let brick = match cmd & asked::ONE_BRICK {
            0 => None,
            _ => Some(asked.text("brick")?.to_owned()),
        };
        Ok(Self { volume, cmd, brick, shown: Vec::new() })
    }

    fn choose(&mut self, volume: &Volume) -> Result<(), Refusal> {
        if let Some(service) = SERVICES.iter().find(|service| self.cmd & service.bit != 0) {
            return if (service.serves)(volume) {
                Ok(())
            } else {
                Err(Refusal::new((service.refusal)(volume)))
            };
        }
        let named = |brick: &Brick| self.brick.as_ref().is_none_or(|name| *name == brick.display_name());
        self.shown = (0..volume.bricks.len()).filter(|at| named(&volume.bricks[*at])).collect();
        if self.shown.is_empty() {
            let brick = shown(self.brick.as_deref().unwrap_or_default());
            return Err(Refusal::new(format!("No brick {brick} in volume {}", volume.name)));
        }
        Ok(())
    }

    /// The index under which a brick is shown: its place, or 0 when it is the only one asked for.
    fn index(&self, at: usize) -> usize {
        if self.brick.is_some() { 0 } else { at }
    }

    fn add_bricks(&self, daemon: &Daemon, volume: &Volume, reply: &mut Dict) {
        for at in &self.shown {
            let (brick, n) = (&volume.bricks[*at], self.index(*at));
            let standing = daemon.bricks.standing(&volume.name, brick);
            let port = if standing.is_online() { u32::from(brick.port) } else { 0 };
            let mut add = |key: &str, value: plugin_api::Value| reply.push(format!("brick{n}.{key}"), value);
            add("hostname", brick.host.as_str().into());
            add("path", brick.path.as_str().into());
            add("peerid", brick.node.to_string().into());
            add("port", port.into());
            add("rdma_port", 0.into());
            add("pid", standing.pid.unwrap_or(-1).into());
            add("status", u32::from(standing.is_online()).into());
            if self.cmd & asked::DETAIL != 0 {
                add_detail(brick, &mut add);
            }
        }
    }

    /// What the process of a service says of itself; a note when it says nothing.
    async fn ask_service(&self, daemon: &Daemon, volume: &str, reply: &mut Dict) -> String {
        if self.cmd & asked::SELF_HEAL == 0 {
            return SILENT.to_owned();
        }
        let question = Dict::new().with("cmd", self.cmd).with("volname", volume.to_owned());
        let question = Question::new(BrickProc::NodeStatus, "", &question);
        match self_heal::ask(daemon, volume, question).await {
            Ok(answer) if answer.op_ret == 0 => {
                for (key, value) in answer.output.iter() {
                    reply.push(Key::from(format!("brick0.{}", key.as_str())), value.clone());
                }
                String::new()
            }
            Ok(answer) => {
                log!(Warn, "service does not tell", volume = volume, errno = answer.op_errno);
                SILENT.to_owned()
            }
            Err(fault) => {
                log!(Warn, "service has not answered", volume = volume, why = fault);
                SILENT.to_owned()
            }
        }
    }

    /// The services behind the bricks, or instead of them.
    fn add_services(&self, daemon: &Daemon, volume: &Volume, reply: &mut Dict) -> usize {
        let wanted = |service: &&Service| match self.cmd & asked::SERVICES {
            0 => self.cmd & (asked::PARTS | asked::ONE_BRICK | asked::NFS) == 0 && (service.serves)(volume),
            only => only & service.bit != 0,
        };
        let mut count = 0;
        for service in SERVICES.iter().filter(wanted) {
            let n = self.shown.len() + count;
            count += 1;
            let pid = (service.pid)(daemon, volume);
            reply.push(format!("brick{n}.hostname"), service.name);
            reply.push(format!("brick{n}.path"), "localhost");
            reply.push(format!("brick{n}.peerid"), daemon.node.to_string());
            reply.push(format!("brick{n}.port"), 0);
            reply.push(format!("brick{n}.pid"), pid.unwrap_or(-1));
            reply.push(format!("brick{n}.status"), u32::from(pid.is_some()));
        }
        count
    }
}

/// What moves the volume's files, if anything does or did.
fn add_task(daemon: &Daemon, volume: &str, reply: &mut Dict) {
    let task = daemon.volume(volume).map(|stored| stored.rebalance).unwrap_or_default();
    if task.id.is_nil() {
        return reply.push("tasks", 0);
    }
    let is_leaving = task.operation == Op::RemoveBrick.number();
    reply.push("tasks", 1);
    reply.push("task0.type", if is_leaving { "Remove brick" } else { "Rebalance" });
    reply.push("task0.id", task.id.to_string());
    reply.push("task0.status", task.status);
    for (key, value) in task.task.iter().filter(|_| is_leaving) {
        reply.push(format!("task0.{key}"), value);
    }
}

/// Space, inodes and mount of a brick's file system.
fn add_detail(brick: &Brick, add: &mut impl FnMut(&str, plugin_api::Value)) {
    let path = Path::new(&brick.path);
    let Ok(space) = rustix::fs::statvfs(path) else { return };
    add("block_size", space.f_bsize.into());
    add("free", space.f_bfree.saturating_mul(space.f_bsize).into());
    add("total", space.f_blocks.saturating_mul(space.f_frsize).into());
    add("total_inodes", space.f_files.into());
    add("free_inodes", space.f_ffree.into());
    let Ok(mount) = place::mount(Path::new(&brick.real_path)) else { return };
    add("device", mount.device.into());
    add("fs_name", mount.kind.into());
    add("mnt_options", mount.options.into());
}

impl Operation for Status {
    const OP: Op = Op::StatusVolume;
    const FRAMEWORK: Framework = Framework::Synctask;

    /// It only looks, so that it answers also while somebody changes the volume.
    fn target(&self) -> Target {
        Target::Nothing
    }

    async fn stage(&mut self, daemon: &Daemon, _reply: &mut Dict) -> Result<(), Refusal> {
        let Some(name) = &self.volume else { return Ok(()) };
        let volume = existing(daemon, name)?.volume;
        if !volume.is_started() {
            return Err(Refusal::new(format!("Volume {name} is not started")));
        }
        self.choose(&volume)
    }

    async fn brick_operations(&mut self, daemon: &Daemon, reply: &mut Dict) -> Result<String, Refusal> {
        let Some(name) = &self.volume else { return Ok(String::new()) };
        if self.cmd & asked::OF_PROCESS == 0 {
            return Ok(String::new());
        }
        if self.cmd & asked::SERVICES != 0 {
            return Ok(self.ask_service(daemon, name, reply).await);
        }
        let volume = existing(daemon, name)?.volume;
        let question =
            |brick: &Brick| Dict::new().with("brick-name", brick.path.clone()).with("cmd", self.cmd);
        let answers = self.shown.iter().map(|at| {
            let brick = &volume.bricks[*at];
            let asked = daemon.bricks.ask(name, brick, BrickProc::Status, question(brick));
            async move { (*at, asked.await) }
        });
        let mut note = String::new();
        for (at, answer) in join_all(answers).await {
            match answer {
                Ok(said) if self.cmd & asked::CLIENT_LIST != 0 => merge_clients(reply, &said),
                Ok(said) => {
                    let n = self.index(at);
                    for (key, value) in said.iter() {
                        let key = Key::from(format!("brick{n}.{}", key.as_str()));
                        reply.push(key, value.clone());
                    }
                }
                Err(fault) => {
                    log!(Warn, "brick has not answered", volume = name, why = fault);
                    SILENT.clone_into(&mut note);
                }
            }
        }
        Ok(note)
    }

    async fn commit(&mut self, daemon: &Daemon, reply: &mut Dict) -> Result<String, Refusal> {
        let Some(name) = &self.volume else {
            let names: Vec<String> = daemon.state().volumes.keys().cloned().collect();
            for (n, name) in names.iter().enumerate() {
                reply.push(format!("vol{n}"), name.as_str());
            }
            reply.push("vol_count", u64::try_from(names.len()).unwrap_or(u64::MAX));
            return Ok(String::new());
        };
        let volume = existing(daemon, name)?.volume;
        if self.cmd & asked::PARTS == asked::TASKS {
            add_task(daemon, name, reply);
            return Ok(String::new());
        }
        self.add_bricks(daemon, &volume, reply);
        let services = self.add_services(daemon, &volume, reply);
        let last = self.shown.iter().map(|at| self.index(*at)).max();
        let number = |n: usize| i64::try_from(n).unwrap_or(i64::MAX);
        reply.push("brick-index-max", last.map_or(-1, number));
        reply.push("type", -1);
        reply.push("count", number(self.shown.len() + services));
        reply.push("other-count", number(services));
        reply.push("hot_brick_count", -1);
        if self.cmd & (asked::PARTS | asked::SERVICES | asked::ONE_BRICK | asked::NFS) == 0 {
            add_task(daemon, name, reply);
        }
        Ok(String::new())
    }
}

/// What is said when a process says nothing.
const SILENT: &str =
    "Glusterd Syncop Mgmt brick op 'Status' failed. Please check brick log file for details.";

/// Adds what one brick says of its clients to what others said: names once, counts of kinds summed up.
fn merge_clients(reply: &mut Dict, said: &Dict) {
    let count = |dict: &Dict, key: &str| dict.uint(key).unwrap_or(0);
    let mut names = count(reply, "client-count");
    for n in 0..count(said, "client-count").min(10_000) {
        let Some(name) = said.str(&format!("client{n}.name")) else { continue };
        let is_known = (0..names).any(|m| reply.str(&format!("client{m}.name")) == Some(name));
        let counter = format!("{name}-count");
        reply.set(counter.clone(), count(reply, &counter).max(count(said, &counter)));
        if !is_known {
            reply.set(format!("client{names}.name"), name.to_owned());
            names += 1;
        }
    }
    reply.set("client-count", names);
}
