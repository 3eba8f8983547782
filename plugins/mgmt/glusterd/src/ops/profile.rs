//! `volume profile` and `volume top`: what bricks count, asked of them.

use super::engine::Framework;
use super::request::existing;
use super::{Operation, Refusal, Request};
use crate::brick::Brick;
use crate::daemon::Daemon;
use crate::locks::Target;
use crate::options::parse_bool;
use crate::volume::Volume;
use futures_util::future::join_all;
use gluster_xdr::brickop::BrickProc;
use gluster_xdr::mgmt::Op;
use plugin_api::{Dict, Key, log};

/// What has to be on for bricks to count.
const SWITCHES: [&str; 2] = ["diagnostics.latency-measurement", "diagnostics.count-fop-hits"];

/// What a request may say of the numbers it wants; bricks read the same keys.
const WISHES: [&str; 6] = ["info-op", "peek", "top-op", "list-cnt", "blk-size", "blk-cnt"];

/// What is to be done about counting.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Order {
    Start,
    Stop,
    Info,
    Top,
}

/// Counting in a volume's bricks, switched or asked for.
#[derive(Debug)]
pub struct Profile {
    name: String,
    order: Order,
    /// `None` for all of the volume's.
    brick: Option<String>,
    question: Dict,
}

impl Profile {
    /// Reads the request.
    ///
    /// # Errors
    /// It makes no sense.
    pub fn new(request: &Dict) -> Result<Self, Refusal> {
        let asked = Request(request);
        let number = asked.number("op")?;
        let order = match number {
            1 => Order::Start,
            2 => Order::Stop,
            3 => Order::Info,
            4 => Order::Top,
            _ => return Err(Refusal::at_once("the request's op is none of start, stop, info and top")),
        };
        let mut question = Dict::new().with("op", number);
        for wish in WISHES.into_iter().filter(|wish| request.get(wish).is_some()) {
            question.push(wish, asked.number(wish)?);
        }
        let brick = request.str("brick").map(str::to_owned);
        Ok(Self { name: asked.volume_name()?, order, brick, question })
    }

    fn is_meant(&self, brick: &Brick) -> bool {
        self.brick.as_ref().is_none_or(|name| *name == brick.display_name())
    }
}

/// Whether the volume's bricks count.
fn counts(volume: &Volume) -> bool {
    SWITCHES.iter().all(|switch| volume.options.get(switch).and_then(parse_bool).unwrap_or(false))
}

impl Operation for Profile {
    const OP: Op = Op::ProfileVolume;
    const FRAMEWORK: Framework = Framework::Synctask;

    fn target(&self) -> Target {
        Target::Volume(self.name.clone())
    }

    async fn stage(&mut self, daemon: &Daemon, _reply: &mut Dict) -> Result<(), Refusal> {
        let volume = existing(daemon, &self.name)?.volume;
        let name = &self.name;
        match (self.order, counts(&volume)) {
            (Order::Start, true) => Err(Refusal::new(format!("Profile on Volume {name} is already started"))),
            (Order::Stop | Order::Info, false) => {
                Err(Refusal::new(format!("Profile on Volume {name} is not started")))
            }
            (Order::Info | Order::Top, _) if !volume.is_started() => {
                Err(Refusal::new(format!("Volume {name} is not started.")))
            }
            (Order::Info | Order::Top, _) if !volume.bricks.iter().any(|brick| self.is_meant(brick)) => {
                Err(Refusal::new("Brick ops failed on localhost. Please check log file for details"))
            }
            _ => Ok(()),
        }
    }

    async fn brick_operations(&mut self, daemon: &Daemon, reply: &mut Dict) -> Result<String, Refusal> {
        if matches!(self.order, Order::Start | Order::Stop) {
            return Ok(String::new());
        }
        let volume = existing(daemon, &self.name)?.volume;
        let online = volume.bricks.iter().filter(|brick| {
            let is_ours = brick.node == daemon.node && self.is_meant(brick);
            is_ours && daemon.bricks.standing(&self.name, brick).is_online()
        });
        let answers = online.map(|brick| {
            let asked = daemon.bricks.ask(&self.name, brick, BrickProc::XlatorInfo, self.question.clone());
            async move { (brick, asked.await) }
        });
        let mut count = 0;
        for (brick, answer) in join_all(answers).await {
            let said = answer.map_err(|fault| {
                log!(Warn, "brick has not answered", volume = self.name, why = fault);
                Refusal::new(fault.to_string())
            })?;
            count += 1;
            reply.push(format!("{count}-brick"), brick.display_name());
            for (key, value) in said.iter() {
                reply.push(Key::from(format!("{count}-{}", key.as_str())), value.clone());
            }
        }
        reply.push("count", count);
        Ok(String::new())
    }

    async fn commit(&mut self, daemon: &Daemon, _reply: &mut Dict) -> Result<String, Refusal> {
        if matches!(self.order, Order::Info | Order::Top) {
            return Ok(String::new());
        }
        let mut stored = existing(daemon, &self.name)?;
        for switch in SWITCHES {
            match self.order {
                Order::Start => stored.volume.options.set(switch, "on"),
                _ => {
                    stored.volume.options.remove(switch);
                }
            }
        }
        daemon.store(stored)?;
        Ok(String::new())
    }
}
