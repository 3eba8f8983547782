//! `volume remove-brick`: whole sets leave once they are emptied, or as they are; copies in each set leave as they are.
//!
//! `start` marks the bricks and has a rebalance move off them what they hold, `commit` takes them out, `force` does so at
//! once. `status` and `stop` are asked of the rebalance.

use super::engine::Framework;
use super::rebalance::{has_leaving_bricks, start_process};
use super::request::existing;
use super::{Operation, Refusal, Request, shown};
use crate::brick::Brick;
use crate::daemon::Daemon;
use crate::hooks::{Hook, Side};
use crate::locks::Target;
use crate::opversion::VolumeOpVersions;
use crate::services;
use crate::services::rebalance::{self, command};
use crate::store::Lines;
use crate::store::folder::StoredVolume;
use crate::store::rebalance_state::{RebalanceState, status};
use crate::volgen::files;
use crate::volume::{Volume, VolumeKind};
use futures_util::future::join_all;
use gluster_xdr::mgmt::Op;
use plugin_api::{Dict, log};
use uuid::Uuid;

/// How bricks are to go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Way {
    /// Emptied first.
    Start,
    /// After they were emptied.
    Commit,
    /// As they are.
    Force,
}

/// Bricks that are to leave a volume.
#[derive(Debug)]
pub struct RemoveBrick {
    name: String,
    way: Way,
    /// Their places in the volume.
    leaving: Vec<usize>,
    /// What the volume is to be.
    kind: VolumeKind,
}

impl RemoveBrick {
    /// Reads the request.
    ///
    /// # Errors
    /// It makes no sense, or these bricks cannot leave this volume.
    pub fn new(daemon: &Daemon, request: &Dict) -> Result<Self, Refusal> {
        let asked = Request(request);
        let name = asked.volume_name()?;
        let volume = existing(daemon, &name).map_err(|refusal| Refusal::at_once(refusal.text))?.volume;
        let way = match asked.number("command")? {
            1 => Way::Start,
            2 => Way::Commit,
            5 => Way::Force,
            _ => return Err(Refusal::at_once("the request's command is none of start, commit and force")),
        };
        let count = usize::try_from(asked.number("count")?).unwrap_or(usize::MAX);
        let replica = asked.number("replica-count")?;
        let kind = shrunk(&volume, count, replica).map_err(Refusal::at_once)?;
        let mut leaving = Vec::new();
        for n in 1..=count.min(volume.bricks.len()) {
            let brick = asked.text(&format!("brick{n}"))?;
            let at = volume.bricks.iter().position(|own| own.display_name() == brick);
            let at = at.ok_or_else(|| {
                Refusal::at_once(format!("Incorrect brick {} for volume {name}", shown(brick)))
            })?;
            if leaving.contains(&at) {
                return Err(Refusal::at_once(format!("brick {} is named twice", shown(brick))));
            }
            leaving.push(at);
        }
        if leaving.len() != count {
            return Err(Refusal::at_once(format!("Volume {name} has no {count} bricks")));
        }
        check_sets(&volume, &leaving, kind).map_err(Refusal::at_once)?;
        Ok(Self { name, way, leaving, kind })
    }
}

/// What people are told a set is.
fn set_of(kind: VolumeKind) -> &'static str {
    if kind.disperses() { "disperse" } else { "replica" }
}

/// What a volume is when so many bricks have left it and its sets have `replica` copies, 0 for as many as now.
fn shrunk(volume: &Volume, count: usize, replica: u32) -> Result<VolumeKind, String> {
    let (name, now) = (&volume.name, volume.kind.replica_count());
    let size = volume.kind.set_size() as usize;
    let word = set_of(volume.kind);
    let replicates = volume.kind.replicates();
    if replica == 0 {
        if replicates && volume.bricks.len() == size {
            return Err(
                "Removing bricks from replicate configuration is not allowed without reducing replica count \
                        explicitly."
                    .to_owned(),
            );
        }
        return if count.is_multiple_of(size) {
            Ok(volume.kind)
        } else {
            Err(format!("Remove brick incorrect brick count of {count} for {word} {size}"))
        };
    }
    if !replicates {
        return Err(format!("replica count ({replica}) option given for non replicate volume {name}"));
    }
    if replica > now {
        return Err(format!(
            "given replica count ({replica}) option is more than volume {name}'s replica count ({now})"
        ));
    }
    if replica == now {
        return if count.is_multiple_of(size) {
            Ok(volume.kind)
        } else {
            Err(format!("number of bricks provided ({count}) is not valid. need at least {now} (or {now}xN)"))
        };
    }
    let needed = volume.subvolume_count() * ((now - replica) as usize);
    if count != needed {
        return Err(format!(
            "need {needed}(xN) bricks for reducing replica count of the volume from {now} to {replica}"
        ));
    }
    Ok(match replica {
        1 => VolumeKind::Distribute,
        _ => VolumeKind::Replicate { replica, arbiter: 0, thin_arbiter: 0 },
    })
}

/// Whether from each set that is touched as many bricks leave as have to.
fn check_sets(volume: &Volume, leaving: &[usize], kind: VolumeKind) -> Result<(), String> {
    if leaving.len() == volume.bricks.len() {
        return Err("Deleting all the bricks of the volume is not allowed".to_owned());
    }
    let size = volume.kind.set_size() as usize;
    let from_each = if kind == volume.kind { size } else { size - (kind.set_size() as usize) };
    let word = set_of(volume.kind);
    for set in 0..volume.subvolume_count() {
        let gone = leaving.iter().filter(|at| **at / size == set).count();
        if gone != 0 && gone != from_each {
            return Err(format!("Bricks not from same subvol for {word}"));
        }
    }
    let has_arbiter = volume.kind.arbiter_count() > 0;
    let is_arbiter = |at: &usize| (at + 1).is_multiple_of(size);
    if has_arbiter && kind.replica_count() == 2 && !leaving.iter().all(is_arbiter) {
        return Err(
            "Remove arbiter brick(s) only when converting from arbiter to replica 2 subvolume.".to_owned()
        );
    }
    Ok(())
}

impl RemoveBrick {
    /// Marks the bricks, so that clients put nothing new on them, and starts what empties them.
    async fn start(
        &self,
        daemon: &Daemon,
        mut stored: StoredVolume,
        reply: &mut Dict,
    ) -> Result<String, Refusal> {
        let (before, id) = (stored.rebalance.clone(), Uuid::new_v4());
        let mut marked = stored.clone();
        let mut task = Lines::default();
        for (n, at) in self.leaving.iter().enumerate() {
            let brick = &mut marked.volume.bricks[*at];
            brick.decommissioned = true;
            task.push(format!("brick{}", n + 1), brick.display_name());
        }
        task.push("count", self.leaving.len());
        if matches!(self.kind, VolumeKind::Distribute) {
            marked.volume.options.set("performance.client-io-threads", "on");
        }
        let begun = RebalanceState::begun(command::START_FORCE, Self::OP.number(), id);
        marked.rebalance = RebalanceState { task, ..begun };
        daemon.store_with_rebalance(marked)?;
        let started = start_process(daemon, &self.name, rebalance::new_commit_hash(), before).await;
        if let Err(refusal) = started {
            stored.volume.version += 1;
            daemon.store(stored)?;
            return Err(refusal);
        }
        reply.set("remove-brick-id", id.to_string());
        Ok(String::new())
    }
}

impl Operation for RemoveBrick {
    const OP: Op = Op::RemoveBrick;
    const FRAMEWORK: Framework = Framework::Phases;

    fn target(&self) -> Target {
        Target::Volume(self.name.clone())
    }

    async fn stage(&mut self, daemon: &Daemon, _reply: &mut Dict) -> Result<(), Refusal> {
        let stored = existing(daemon, &self.name)?;
        let (volume, task) = (&stored.volume, &stored.rebalance);
        if self.leaving.iter().any(|at| *at >= volume.bricks.len()) {
            return Err(Refusal::new(format!("Volume {} has changed meanwhile", self.name)));
        }
        match self.way {
            Way::Force => Ok(()),
            Way::Start | Way::Commit if self.kind != volume.kind => Err(Refusal::new(
                "Migration of data is not needed when reducing replica count. Use the 'force' option",
            )),
            Way::Commit if rebalance::running(daemon, &self.name).is_some() => {
                Err(Refusal::new("use 'force' option as migration is in progress"))
            }
            Way::Commit => {
                let stays = |at: &&usize| !volume.bricks[**at].decommissioned;
                if let Some(at) = self.leaving.iter().find(stays) {
                    let brick = volume.bricks[*at].display_name();
                    let text = format!("Brick {brick} is not decommissioned. Use start or force option");
                    return Err(Refusal::new(text));
                }
                if task.failures > 0 || task.skipped > 0 || task.status == status::FAILED {
                    return Err(Refusal::new(
                        "use 'force' option as migration of some files might have been skipped or has failed",
                    ));
                }
                Ok(())
            }
            Way::Start if !volume.is_started() => Err(Refusal::new(format!(
                "Volume {} needs to be started before remove-brick (you can use 'force' or 'commit' to override this \
                 behavior)",
                self.name
            ))),
            Way::Start if has_leaving_bricks(&stored) => Err(Refusal::new(format!(
                "An earlier remove-brick task exists for volume {}. Either commit it or stop it before starting a new \
                 task.",
                self.name
            ))),
            Way::Start if rebalance::running(daemon, &self.name).is_some() => {
                Err(Refusal::new("Rebalance is in progress. Please retry after completion"))
            }
            Way::Start => Ok(()),
        }
    }

    async fn commit(&mut self, daemon: &Daemon, reply: &mut Dict) -> Result<String, Refusal> {
        let mut stored = existing(daemon, &self.name)?;
        if self.way == Way::Start {
            return self.start(daemon, stored, reply).await;
        }
        if stored.rebalance.operation == Self::OP.number() && self.way == Way::Commit {
            reply.set("remove-brick-id", stored.rebalance.id.to_string());
        }
        // What is still moved off a brick that goes now is found on neither.
        rebalance::abandon(daemon, &self.name).await;
        stored.rebalance = existing(daemon, &self.name)?.rebalance;
        stored.rebalance.close();
        stored.rebalance.task = Lines::default();
        let volume = &mut stored.volume;
        let all = std::mem::take(&mut volume.bricks).into_iter().enumerate();
        let (gone, stay): (Vec<_>, Vec<_>) = all.partition(|(at, _)| self.leaving.contains(at));
        let gone: Vec<Brick> = gone.into_iter().map(|(_, brick)| brick).collect();
        volume.bricks = stay.into_iter().map(|(_, brick)| brick).collect();
        volume.kind = self.kind;
        if matches!(self.kind, VolumeKind::Distribute) {
            volume.options.set("performance.client-io-threads", "on");
        }
        let needed = VolumeOpVersions::of(volume);
        (volume.op_version, volume.client_op_version) = (needed.node, needed.client);
        // A brick that was to leave with one that goes now stays for good.
        for brick in &mut volume.bricks {
            brick.decommissioned = false;
        }
        // Clients are told before the bricks go.
        daemon.store_with_rebalance(stored)?;
        let own = gone.iter().filter(|brick| brick.node == daemon.node);
        for stopped in join_all(own.map(|brick| daemon.bricks.stop(&self.name, brick))).await {
            if let Err(fault) = stopped {
                log!(Error, "brick does not stop", volume = self.name, why = fault);
            }
        }
        files::remove_bricks(&self.name, &gone, &daemon.config.paths);
        services::settle(daemon).await;
        Ok(String::new())
    }

    fn hook(&self, _daemon: &Daemon, _side: Side) -> Option<Hook> {
        Some(Hook { operation: "remove-brick", args: vec![format!("--volname={}", self.name)] })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn replicate(replica: u32, arbiter: u32) -> VolumeKind {
        VolumeKind::Replicate { replica, arbiter, thin_arbiter: 0 }
    }

    #[test]
    fn bricks_leave_by_whole_sets_or_one_from_each() {
        let check = |kind, bricks, replica, leaving: &[usize]| {
            let volume = Volume::with_bricks(kind, bricks);
            let kind = shrunk(&volume, leaving.len(), replica)?;
            check_sets(&volume, leaving, kind).map(|()| kind)
        };
        let plain = VolumeKind::Distribute;
        assert_eq!(check(plain, 3, 0, &[1]), Ok(plain));
        assert_eq!(check(replicate(3, 0), 6, 0, &[3, 4, 5]), Ok(replicate(3, 0)));
        assert_eq!(check(replicate(3, 0), 6, 2, &[0, 4]), Ok(replicate(2, 0)));
        assert_eq!(check(replicate(2, 0), 4, 1, &[0, 3]), Ok(plain));
        assert_eq!(check(replicate(3, 1), 3, 2, &[2]), Ok(replicate(2, 0)));
        for (kind, bricks, replica, leaving, text) in [
            (plain, 2, 0, &[0, 1][..], "Deleting all the bricks of the volume is not allowed"),
            (plain, 2, 2, &[0], "replica count (2) option given for non replicate volume v"),
            (replicate(3, 0), 6, 0, &[0], "Remove brick incorrect brick count of 1 for replica 3"),
            (
                VolumeKind::Disperse { bricks: 3, redundancy: 1 },
                6,
                0,
                &[0, 1],
                "Remove brick incorrect brick count of 2 for disperse 3",
            ),
            (replicate(3, 0), 6, 0, &[0, 1, 3], "Bricks not from same subvol for replica"),
            (
                replicate(3, 0),
                6,
                3,
                &[0, 1],
                "number of bricks provided (2) is not valid. need at least 3 (or 3xN)",
            ),
            (
                replicate(3, 0),
                6,
                1,
                &[0],
                "need 4(xN) bricks for reducing replica count of the volume from 3 to 1",
            ),
            (replicate(3, 0), 6, 2, &[0, 1], "Bricks not from same subvol for replica"),
            (
                replicate(3, 1),
                3,
                2,
                &[0],
                "Remove arbiter brick(s) only when converting from arbiter to replica 2 subvolume.",
            ),
            (
                replicate(3, 0),
                3,
                0,
                &[0],
                "Removing bricks from replicate configuration is not allowed without reducing replica count explicitly.",
            ),
        ] {
            assert_eq!(check(kind, bricks, replica, leaving), Err(text.to_owned()));
        }
    }
}
