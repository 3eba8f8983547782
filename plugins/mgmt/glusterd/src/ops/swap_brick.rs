//! `volume replace-brick` and `volume reset-brick`: a brick gives its place to another, or to itself with nothing on it.

use super::engine::Framework;
use super::new_bricks::{Claims, NewBricks};
use super::rebalance::refuse_while_running;
use super::request::existing;
use super::{Operation, Refusal, Request, shown};
use crate::brick::{Brick, BrickName};
use crate::bricks::check::volume_id;
use crate::bricks::claim::distrust;
use crate::daemon::Daemon;
use crate::locks::Target;
use crate::services::{self, mount};
use crate::volgen::files;
use crate::volume::{Volume, VolumeKind};
use gluster_xdr::mgmt::Op;
use plugin_api::{Dict, log};
use std::path::Path;

/// Attribute on a volume's root by which the other copies are told which of them is empty now.
const EMPTY_COPY: &str = "trusted.replace-brick";

/// What is to be done with the place of a brick.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Step {
    /// The brick stops.
    Reset,
    /// It comes back, empty; by force also over what it held.
    Back { force: bool },
    /// Another one takes its place.
    Replace,
}

/// A place in a volume whose brick changes.
#[derive(Debug)]
pub struct SwapBrick {
    name: String,
    step: Step,
    from: String,
    new: Option<NewBricks>,
    /// The place, and the brick that it gets.
    change: Option<(usize, Brick)>,
}

impl SwapBrick {
    /// Reads the request.
    ///
    /// # Errors
    /// It makes no sense.
    pub fn new(daemon: &Daemon, request: &Dict) -> Result<Self, Refusal> {
        let asked = Request(request);
        let name = asked.volume_name()?;
        let step = match asked.text("operation")? {
            "GF_REPLACE_OP_COMMIT_FORCE" => Step::Replace,
            "GF_RESET_OP_START" => Step::Reset,
            "GF_RESET_OP_COMMIT" => Step::Back { force: false },
            "GF_RESET_OP_COMMIT_FORCE" => Step::Back { force: true },
            _ => return Err(Refusal::at_once("the request's operation is none that is known")),
        };
        let volume = existing(daemon, &name).map_err(|refusal| Refusal::at_once(refusal.text))?.volume;
        refuse_while_running(daemon, &name)?;
        if step == Step::Replace && matches!(volume.kind, VolumeKind::Distribute) {
            return Err(Refusal::at_once(
                "replace-brick is not permitted on distribute only volumes. Please use add-brick and remove-brick \
                 operations instead.",
            ));
        }
        let from = asked.text("src-brick")?.to_owned();
        let new = match step {
            Step::Reset => None,
            Step::Replace | Step::Back { .. } => {
                let to: BrickName =
                    asked.text("dst-brick")?.parse().map_err(|error: crate::brick::BrickNameError| {
                        Refusal::at_once(shown(&error.to_string()))
                    })?;
                let is_same = to.to_string() == from;
                if matches!(step, Step::Back { .. }) && !is_same {
                    return Err(Refusal::at_once(
                        "When destination brick is new, please use gluster volume replace-brick <volname> <src-brick> \
                         <dst-brick> commit force",
                    ));
                }
                let force = step != Step::Back { force: false };
                Some(NewBricks::one(to, force, asked.flag("ignore-partition")?)?)
            }
        };
        Ok(Self { name, step, from, new, change: None })
    }

    /// Checks the brick that is to come, and gives it the old one's place and id.
    fn check_new(&mut self, daemon: &Daemon, volume: &Volume, at: usize) -> Result<(), Refusal> {
        let old = &volume.bricks[at];
        let Some(new) = &mut self.new else { return Ok(()) };
        let mut scratch = volume.clone();
        let stays = match self.step {
            Step::Replace => None,
            Step::Reset | Step::Back { .. } => Some(old),
        };
        new.check(daemon, &mut scratch, stays)?;
        let mut brick = scratch.bricks.pop().expect("what was checked was added");
        brick.id.clone_from(&old.id);
        self.change = Some((at, brick));
        Ok(())
    }

    /// Tells the other copies that the one in this place is empty, before any client can take it for whole.
    async fn mark(&self, daemon: &Daemon, volume: &Volume, brick: &Brick) -> Result<(), Refusal> {
        if !volume.kind.replicates() {
            return Ok(());
        }
        let failed = |why: String| {
            log!(Error, "empty copy cannot be marked", volume = self.name, brick = brick.path, why = why);
            Refusal::new("Commit failed on localhost. Please check log file for details.")
        };
        distrust(Path::new(&brick.path)).map_err(failed)?;
        mount::mark(daemon, mount::Source::Served(&self.name), EMPTY_COPY, &brick.id).await.map_err(failed)
    }

    /// The old brick goes on where the new one could not come.
    async fn start_again(&self, daemon: &Daemon, at: usize) {
        let Some(mut stored) = daemon.volume(&self.name) else { return };
        let order = daemon.order(&stored.volume, &stored.volume.bricks[at]);
        match daemon.bricks.start(order).await {
            Ok(port) => {
                stored.volume.bricks[at].port = port;
                if let Err(error) = daemon.store(stored) {
                    log!(Error, "ports of bricks cannot be stored", volume = self.name, why = error);
                }
            }
            Err(fault) => log!(Error, "brick does not start again", volume = self.name, why = fault),
        }
    }

    async fn swap(&self, daemon: &Daemon, at: usize, brick: &Brick) -> Result<(), Refusal> {
        let _turn = daemon.creating.lock().await;
        let mut stored = existing(daemon, &self.name)?;
        let old = stored.volume.bricks[at].clone();
        let mut claims = Claims::new(stored.volume.id);
        let is_claimed = volume_id(Path::new(&brick.path)) == Ok(stored.volume.id);
        if !is_claimed {
            claims.take(brick, true)?;
        }
        let stopped = daemon.bricks.stop(&self.name, &old).await;
        stopped.map_err(|fault| Refusal::new(fault.to_string()))?;
        self.mark(daemon, &stored.volume, brick).await?;
        stored.volume.bricks[at] = brick.clone();
        files::write_bricks(
            &stored.volume,
            &daemon.state().options.clone(),
            &daemon.config.paths,
            &*daemon.plugins,
        )?;
        match daemon.bricks.start(daemon.order(&stored.volume, brick)).await {
            Ok(port) => stored.volume.bricks[at].port = port,
            // It is shown offline, as after any other failure of a brick.
            Err(fault) => log!(Error, "brick does not start", volume = self.name, why = fault),
        }
        daemon.store(stored)?;
        claims.keep();
        if old.path != brick.path || old.host != brick.host {
            files::remove_bricks(&self.name, &[old], &daemon.config.paths);
        }
        Ok(())
    }
}

impl Operation for SwapBrick {
    const OP: Op = Op::ReplaceBrick;
    const FRAMEWORK: Framework = Framework::Phases;

    fn target(&self) -> Target {
        Target::Volume(self.name.clone())
    }

    async fn stage(&mut self, daemon: &Daemon, _reply: &mut Dict) -> Result<(), Refusal> {
        let volume = existing(daemon, &self.name)?.volume;
        if !volume.is_started() {
            return Err(Refusal::new(format!("volume: {} is not started", self.name)));
        }
        let at = volume.bricks.iter().position(|brick| brick.display_name() == self.from);
        let at = at.ok_or_else(|| {
            Refusal::new(format!("brick: {} does not exist in volume: {}", shown(&self.from), self.name))
        })?;
        let old = &volume.bricks[at];
        if let Step::Back { force } = self.step {
            if daemon.bricks.standing(&self.name, old).is_online() {
                return Err(Refusal::new(
                    "Source brick must be stopped. Please use gluster volume reset-brick <volname> <dst-brick> start.",
                ));
            }
            if !force && volume_id(Path::new(&old.path)).is_ok() {
                return Err(Refusal::new(
                    "Brick not available.It may be containing or be contained by an existing brick.Use 'force' option \
                     to override this.",
                ));
            }
        }
        self.change = Some((at, old.clone()));
        self.check_new(daemon, &volume, at)
    }

    async fn commit(&mut self, daemon: &Daemon, _reply: &mut Dict) -> Result<String, Refusal> {
        let (at, brick) = self.change.take().expect("the stage found the place");
        if self.step == Step::Reset {
            let stopped = daemon.bricks.stop(&self.name, &brick).await;
            return stopped.map(|()| String::new()).map_err(|fault| Refusal::new(fault.to_string()));
        }
        if let Err(refusal) = self.swap(daemon, at, &brick).await {
            if self.step == Step::Replace {
                self.start_again(daemon, at).await;
            }
            return Err(refusal);
        }
        if let Some(new) = &mut self.new {
            new.keep();
        }
        services::settle(daemon).await;
        Ok(String::new())
    }
}
