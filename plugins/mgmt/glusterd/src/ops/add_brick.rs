//! `volume add-brick`: more sets, or more copies in each set.

use super::engine::Framework;
use super::new_bricks::{Claims, NewBricks};
use super::rebalance::refuse_while_running;
use super::request::existing;
use super::{Operation, Refusal, Request};
use crate::brick::Brick;
use crate::bricks::claim::distrust;
use crate::daemon::Daemon;
use crate::hooks::{Hook, Side};
use crate::locks::Target;
use crate::opversion::VolumeOpVersions;
use crate::services::{self, mount};
use crate::store::folder::StoredVolume;
use crate::volgen::files;
use crate::volume::{Volume, VolumeKind};
use futures_util::future::join_all;
use gluster_xdr::mgmt::Op;
use plugin_api::{Dict, log};
use std::path::Path;

/// Attribute on a volume's root by which copies are told which child of theirs is new and empty.
const NEW_COPY: &str = "trusted.add-brick";

/// Bricks that are to join a volume.
#[derive(Debug)]
pub struct AddBrick {
    name: String,
    new: NewBricks,
    /// What the volume is to be.
    kind: VolumeKind,
    /// The bricks that joined, once they are checked.
    joined: Vec<Brick>,
}

impl AddBrick {
    /// Reads the request.
    ///
    /// # Errors
    /// It makes no sense, or not so many bricks can join this volume.
    pub fn new(daemon: &Daemon, request: &Dict) -> Result<Self, Refusal> {
        let asked = Request(request);
        let name = asked.volume_name()?;
        let Some(stored) = daemon.volume(&name) else {
            let name = super::shown(&name);
            return Err(Refusal::at_once(format!("Unable to get volinfo for volume name {name}")));
        };
        let new = NewBricks::read(asked)?;
        let counts = (asked.number("replica-count")?, asked.number("arbiter-count")?);
        let kind = grown(&stored.volume, new.count(), counts).map_err(Refusal::at_once)?;
        Ok(Self { name, new, kind, joined: Vec::new() })
    }

    /// Starts the bricks that joined, from volfiles that only they are given yet.
    async fn start(&self, daemon: &Daemon, volume: &mut Volume) -> Result<(), Refusal> {
        files::write_bricks(volume, &daemon.state().options.clone(), &daemon.config.paths, &*daemon.plugins)?;
        let starts = self.joined.iter().map(|brick| daemon.bricks.start(daemon.order(volume, brick)));
        let mut failed = None;
        for (brick, started) in self.joined.iter().zip(join_all(starts).await) {
            match started {
                Ok(port) => {
                    let own = volume.bricks.iter_mut().find(|own| own.id == brick.id);
                    own.expect("what joined is in the volume").port = port;
                }
                Err(fault) => failed = Some(fault),
            }
        }
        failed.map_or(Ok(()), |fault| {
            log!(Error, "brick does not start", volume = self.name, why = fault);
            Err(Refusal::new("Commit failed on localhost. Please check log file for details."))
        })
    }

    /// Tells the copies which of them are new, before any client can take them for whole. The new ones do not run yet: what
    /// they are missing is for the others to know, and a new copy that said it too would be healed from its own side, by
    /// which the files that its entries are made for are found late.
    async fn mark(&self, daemon: &Daemon, volume: &Volume) -> Result<(), Refusal> {
        for brick in &self.joined {
            let failed = |why: String| {
                log!(Error, "new copy cannot be marked", volume = self.name, brick = brick.path, why = why);
                Refusal::new("Commit failed on localhost. Please check log file for details.")
            };
            distrust(Path::new(&brick.path)).map_err(failed)?;
            mount::mark(daemon, mount::Source::Graph(volume), NEW_COPY, &brick.id).await.map_err(failed)?;
        }
        Ok(())
    }

    async fn join(&self, daemon: &Daemon, stored: &mut StoredVolume) -> Result<(), Refusal> {
        let _turn = daemon.creating.lock().await;
        let mut claims = Claims::new(stored.volume.id);
        for brick in &self.joined {
            claims.take(brick, self.new.is_forced())?;
        }
        let copies_before = daemon.volume(&self.name).map(|before| before.volume.kind.replica_count());
        let has_new_copies = copies_before != Some(stored.volume.kind.replica_count());
        if stored.volume.is_started() {
            if has_new_copies {
                self.mark(daemon, &stored.volume).await?;
            }
            self.start(daemon, &mut stored.volume).await?;
        }
        daemon.store(stored.clone())?;
        claims.keep();
        Ok(())
    }
}

/// What a volume is when so many bricks have joined it; `counts` are the copies and arbiters of a set that it is to
/// have, 0 for those it has.
fn grown(volume: &Volume, count: usize, counts: (u32, u32)) -> Result<VolumeKind, String> {
    let (kind, size) = (volume.kind, volume.kind.set_size() as usize);
    let (replica, arbiter) = counts;
    let more = VolumeKind::Replicate { replica, arbiter, thin_arbiter: 0 };
    if replica == 0 {
        return if count.is_multiple_of(size) {
            Ok(kind)
        } else {
            Err(format!("Incorrect number of bricks supplied {count} with count {size}"))
        };
    }
    let fits = |kind: VolumeKind, added: u32| {
        let is_whole = count == volume.subvolume_count() * (added as usize);
        if is_whole && added > 0 {
            return Ok(kind);
        }
        Err(format!("Incorrect number of bricks ({count}) supplied for replica count ({replica})."))
    };
    match kind {
        VolumeKind::Disperse { .. } => {
            Err(format!("Volume {} cannot be converted from dispersed to replicated-dispersed", volume.name))
        }
        VolumeKind::Distribute => fits(more, replica.saturating_sub(1)),
        VolumeKind::Replicate { replica: 3, arbiter: 0, .. } if arbiter > 0 => {
            Err("Cannot convert replica 3 volume to arbiter volume.".to_owned())
        }
        VolumeKind::Replicate { replica: now, .. } if replica < now => {
            Err(format!("Incorrect replica count ({replica}) supplied. Volume already has ({now})"))
        }
        VolumeKind::Replicate { replica: now, .. } if replica == now => {
            if count.is_multiple_of(size) {
                Ok(kind)
            } else {
                Err("Operation failed".to_owned())
            }
        }
        VolumeKind::Replicate { arbiter: 1.., .. } => {
            Err("Increasing replica count for arbiter volumes is not supported.".to_owned())
        }
        VolumeKind::Replicate { replica: now, .. } => fits(more, replica - now),
    }
}

/// Puts the bricks behind the first `old` into their sets, which grow from `from` to `to` bricks.
fn into_sets(bricks: Vec<Brick>, old: usize, from: usize, to: usize) -> Vec<Brick> {
    if from == to {
        return bricks;
    }
    let mut bricks = bricks;
    let mut joined = bricks.split_off(old).into_iter();
    let mut all = Vec::with_capacity(old + joined.len());
    for set in bricks.chunks(from) {
        all.extend(set.iter().cloned());
        all.extend(joined.by_ref().take(to - from));
    }
    all
}

impl Operation for AddBrick {
    const OP: Op = Op::AddBrick;
    const FRAMEWORK: Framework = Framework::Phases;

    fn target(&self) -> Target {
        Target::Volume(self.name.clone())
    }

    async fn stage(&mut self, daemon: &Daemon, _reply: &mut Dict) -> Result<(), Refusal> {
        let mut volume = existing(daemon, &self.name)?.volume;
        refuse_while_running(daemon, &self.name)?;
        let is_down = |brick: &Brick| !daemon.bricks.standing(&volume.name, brick).is_online();
        if volume.kind != self.kind && volume.is_started() && volume.bricks.iter().any(is_down) {
            // A copy that is away now could not be told of the new one.
            return Err(Refusal::new("All the bricks should be up before the replica count is raised"));
        }
        let old = volume.bricks.len();
        let sets = volume.kind == self.kind && !matches!(self.kind, VolumeKind::Distribute);
        if sets && !self.new.is_forced() {
            return Err(super::create::same_server(self.kind.set_word()));
        }
        self.new.check(daemon, &mut volume, None)?;
        self.joined = volume.bricks.split_off(old);
        Ok(())
    }

    async fn commit(&mut self, daemon: &Daemon, _reply: &mut Dict) -> Result<String, Refusal> {
        let mut stored = existing(daemon, &self.name)?;
        let volume = &mut stored.volume;
        let (old, from, to) =
            (volume.bricks.len(), volume.kind.set_size() as usize, self.kind.set_size() as usize);
        volume.bricks.extend(self.joined.iter().cloned());
        volume.bricks = into_sets(std::mem::take(&mut volume.bricks), old, from, to);
        if matches!(volume.kind, VolumeKind::Distribute) && volume.kind != self.kind {
            volume.options.set("performance.client-io-threads", "off");
        }
        volume.kind = self.kind;
        let needed = VolumeOpVersions::of(volume);
        (volume.op_version, volume.client_op_version) = (needed.node, needed.client);
        if let Err(refusal) = self.join(daemon, &mut stored).await {
            for brick in &self.joined {
                if let Err(fault) = daemon.bricks.stop(&self.name, brick).await {
                    log!(Error, "brick does not stop", volume = self.name, why = fault);
                }
            }
            files::remove_bricks(&self.name, &self.joined, &daemon.config.paths);
            return Err(refusal);
        }
        self.new.keep();
        services::settle(daemon).await;
        Ok(String::new())
    }

    fn hook(&self, daemon: &Daemon, _side: Side) -> Option<Hook> {
        let args = vec![
            format!("--volname={}", self.name),
            "--version=1".to_owned(),
            "--volume-op=add-brick".to_owned(),
            format!("--gd-workdir={}", daemon.config.paths.work.display()),
        ];
        Some(Hook { operation: "add-brick", args })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TWO: VolumeKind = VolumeKind::Replicate { replica: 2, arbiter: 0, thin_arbiter: 0 };
    const THREE: VolumeKind = VolumeKind::Replicate { replica: 3, arbiter: 0, thin_arbiter: 0 };
    const ARBITER: VolumeKind = VolumeKind::Replicate { replica: 3, arbiter: 1, thin_arbiter: 0 };
    const DISPERSE: VolumeKind = VolumeKind::Disperse { bricks: 3, redundancy: 1 };

    #[test]
    fn a_volume_grows_by_whole_sets_or_by_copies_in_every_set() {
        for (now, bricks, joining, counts, then) in [
            (VolumeKind::Distribute, 2, 1, (0, 0), Ok(VolumeKind::Distribute)),
            (VolumeKind::Distribute, 2, 2, (2, 0), Ok(TWO)),
            (VolumeKind::Distribute, 2, 4, (3, 1), Ok(ARBITER)),
            (
                VolumeKind::Distribute,
                2,
                1,
                (2, 0),
                Err("Incorrect number of bricks (1) supplied for replica count (2)."),
            ),
            (TWO, 4, 2, (3, 0), Ok(THREE)),
            (TWO, 4, 2, (3, 1), Ok(ARBITER)),
            (TWO, 4, 3, (3, 0), Err("Incorrect number of bricks (3) supplied for replica count (3).")),
            (TWO, 4, 1, (2, 0), Err("Operation failed")),
            (THREE, 3, 3, (0, 0), Ok(THREE)),
            (THREE, 3, 3, (3, 0), Ok(THREE)),
            (THREE, 3, 1, (0, 0), Err("Incorrect number of bricks supplied 1 with count 3")),
            (THREE, 3, 1, (2, 0), Err("Incorrect replica count (2) supplied. Volume already has (3)")),
            (THREE, 3, 1, (3, 1), Err("Cannot convert replica 3 volume to arbiter volume.")),
            (DISPERSE, 3, 3, (0, 0), Ok(DISPERSE)),
            (
                DISPERSE,
                3,
                3,
                (3, 0),
                Err("Volume v cannot be converted from dispersed to replicated-dispersed"),
            ),
        ] {
            let grown = grown(&Volume::with_bricks(now, bricks), joining, counts);
            assert_eq!(grown, then.map_err(str::to_owned), "{now:?} {bricks} + {joining} {counts:?}");
        }
    }

    #[test]
    fn new_copies_stand_behind_the_old_ones_of_their_set() {
        let order = |bricks: Vec<Brick>| bricks.iter().filter_map(Brick::id_number).collect::<Vec<_>>();
        let all = Volume::with_bricks(TWO, 6).bricks;
        assert_eq!(order(into_sets(all.clone(), 4, 2, 3)), [0, 1, 4, 2, 3, 5]);
        assert_eq!(order(into_sets(all.clone(), 2, 1, 3)), [0, 2, 3, 1, 4, 5]);
        assert_eq!(order(into_sets(all, 3, 3, 3)), [0, 1, 2, 3, 4, 5]);
    }
}
