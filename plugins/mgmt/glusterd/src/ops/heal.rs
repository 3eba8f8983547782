//! `volume heal`, but for `info` and `split-brain`, which the CLI asks of the bricks by itself.

use super::engine::Framework;
use super::request::existing;
use super::set::Set;
use super::{Operation, Refusal, Request};
use crate::daemon::Daemon;
use crate::links::Question;
use crate::locks::Target;
use crate::services::self_heal;
use crate::volume::{Volume, VolumeKind};
use gluster_xdr::brickop::BrickProc;
use gluster_xdr::mgmt::Op;
use plugin_api::{Dict, Key, log};

/// Numbers of `heal-op`, as far as the CLI sends them.
mod order {
    pub(super) const INDEX: u32 = 1;
    pub(super) const FULL: u32 = 2;
    pub(super) const STATISTICS: u32 = 7;
    pub(super) const COUNT: u32 = 8;
    pub(super) const COUNT_OF_SET: u32 = 9;
    pub(super) const ENABLE: u32 = 12;
    pub(super) const DISABLE: u32 = 13;
    pub(super) const GRANULAR_ENABLE: u32 = 15;
    pub(super) const GRANULAR_DISABLE: u32 = 16;
}

/// What a `volume heal` comes to.
#[derive(Debug)]
pub enum Wanted {
    /// Something is asked of the self-heal daemon.
    Ask(Heal),
    /// An option is set.
    Switch(Set),
}

/// Reads the request; what an option is set by is added to it.
///
/// # Errors
/// It makes no sense, or switches what the volume does not have.
pub fn read(daemon: &Daemon, request: &mut Dict) -> Result<Wanted, Refusal> {
    let asked = Request(request);
    let (name, order) = (asked.volume_name()?, asked.number("heal-op")?);
    let value = match order {
        order::INDEX | order::FULL | order::STATISTICS | order::COUNT | order::COUNT_OF_SET => {
            return Ok(Wanted::Ask(Heal { name, order }));
        }
        order::ENABLE | order::GRANULAR_ENABLE => "enable",
        order::DISABLE | order::GRANULAR_DISABLE => "disable",
        _ => return Err(Refusal::at_once("the request's heal-op is none that is known")),
    };
    let volume = daemon.volume(&name).ok_or_else(|| Refusal::at_once(Refusal::no_volume(&name).text))?.volume;
    let is_granular = matches!(order, order::GRANULAR_ENABLE | order::GRANULAR_DISABLE);
    let option = match (is_granular, volume.kind) {
        (true, VolumeKind::Replicate { .. }) => Some("cluster.granular-entry-heal"),
        (true, _) => None,
        (false, _) => self_heal::switch(&volume),
    };
    let option = option.ok_or_else(|| Refusal::at_once("operation failed"))?;
    request.set("key1", option);
    request.set("value1", value);
    request.set("count", 1);
    if is_granular {
        request.set("is-special-key", 1);
    }
    Ok(Wanted::Switch(Set::new(request)?.by_its_own_command()))
}

/// A question to the self-heal daemon.
#[derive(Debug)]
pub struct Heal {
    name: String,
    order: u32,
}

impl Heal {
    /// The sets that are asked about, by their places: all, or that of the one brick that is named.
    fn sets(&self, volume: &Volume, request: Request<'_>) -> Vec<usize> {
        let size = volume.kind.set_size().max(1) as usize;
        if self.order != order::COUNT_OF_SET {
            return (0..volume.subvolume_count()).collect();
        }
        let part = |key: &str| request.0.str(&format!("per-replica-cmd-{key}")).unwrap_or_default();
        let (host, path) = (part("hostname"), part("path"));
        let at = volume.bricks.iter().position(|brick| brick.host == host && brick.path == path);
        at.map(|at| at / size).into_iter().collect()
    }
}

impl Operation for Heal {
    const OP: Op = Op::HealVolume;
    const FRAMEWORK: Framework = Framework::Synctask;

    fn target(&self) -> Target {
        Target::Volume(self.name.clone())
    }

    async fn stage(&mut self, daemon: &Daemon, _reply: &mut Dict) -> Result<(), Refusal> {
        let volume = existing(daemon, &self.name)?.volume;
        let name = &volume.name;
        if !volume.is_started() {
            return Err(Refusal::new(format!("Volume {name} is not started.")));
        }
        if !self_heal::is_on(&volume) {
            return Err(Refusal::new(format!(
                "Self-heal-daemon is disabled. Heal will not be triggered on volume {name}"
            )));
        }
        let replicates = volume.kind.replicates();
        if !replicates && !matches!(self.order, order::INDEX | order::FULL) {
            return Err(Refusal::new(format!(
                "This command is supported for only volume of replicated type. Volume {name} is not of type replicate"
            )));
        }
        if self_heal::running(daemon, name).is_none() {
            return Err(Refusal::new("Self-heal daemon is not running. Check self-heal daemon log file."));
        }
        Ok(())
    }

    async fn brick_operations(&mut self, daemon: &Daemon, reply: &mut Dict) -> Result<String, Refusal> {
        let volume = existing(daemon, &self.name)?.volume;
        for (n, brick) in volume.bricks.iter().enumerate() {
            reply.push(format!("{n}-hostname"), brick.host.as_str());
            reply.push(format!("{n}-path"), brick.path.as_str());
        }
        let sets = self.sets(&volume, Request(reply));
        let mut question = reply.clone();
        reply.push("count", u64::try_from(volume.bricks.len()).unwrap_or(u64::MAX));
        if sets.is_empty() {
            return Ok(String::new());
        }
        let kind = volume.kind.set_word();
        question.set("xl-op", self.order);
        for (n, set) in sets.iter().enumerate() {
            let xlator = format!("{}-{kind}-{set}", self.name);
            question.set(format!("xl-{n}"), xlator.clone());
            question.set(xlator, u64::try_from(*set).unwrap_or(u64::MAX));
        }
        question.set("count", u64::try_from(sets.len()).unwrap_or(u64::MAX));
        let question = Question::new(BrickProc::XlatorOp, "", &question);
        let failed = |why: String| {
            log!(Warn, "the self-heal daemon has not healed", volume = self.name, why = why);
            Refusal::new(
                "Glusterd Syncop Mgmt brick op 'Heal' failed. Please check glustershd log file for details.",
            )
        };
        let answer = self_heal::ask(daemon, &self.name, question).await;
        let answer = answer.map_err(|fault| failed(fault.to_string()))?;
        if answer.op_ret != 0 {
            return Err(failed(format!("{} (errno {})", answer.op_errstr, answer.op_errno)));
        }
        let size = u64::from(volume.kind.set_size());
        for (key, value) in answer.output.iter() {
            if let Some(key) = by_brick(key.as_str(), size) {
                reply.push(Key::from(key), value.clone());
            }
        }
        Ok(String::new())
    }

    async fn commit(&mut self, _daemon: &Daemon, _reply: &mut Dict) -> Result<String, Refusal> {
        Ok(String::new())
    }
}

/// What the self-heal daemon calls by set and member, called by the brick's place in the volume: `1-2-status` of
/// sets of three is `5-status`, `statistics-1-2-count` is `statistics-5-count`, `statistics_end_time-1-2-7` is
/// `statistics_end_time-5-7`.
fn by_brick(key: &str, size: u64) -> Option<String> {
    let mut parts = key.split('-');
    let first = parts.next()?;
    let head = if first.starts_with("statistics") { Some(first) } else { None };
    let set: u64 = head.map_or(Some(first), |_| parts.next())?.parse().ok()?;
    let member: u64 = parts.next()?.parse().ok()?;
    let rest: Vec<&str> = parts.collect();
    let brick = set.checked_mul(size)?.checked_add(member)?;
    if rest.is_empty() {
        return None;
    }
    let rest = rest.join("-");
    Some(head.map_or_else(|| format!("{brick}-{rest}"), |head| format!("{head}-{brick}-{rest}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_are_called_by_the_bricks_place_in_the_volume() {
        for (theirs, ours) in [
            ("0-0-status", Some("0-status")),
            ("1-2-status", Some("5-status")),
            ("1-0-hardlinks", Some("3-hardlinks")),
            ("statistics-1-2-count", Some("statistics-5-count")),
            ("statistics_end_time-1-2-7", Some("statistics_end_time-5-7")),
            ("statistics_healed_cnt-0-1-0", Some("statistics_healed_cnt-1-0")),
            ("count", None),
            ("xl-0", None),
            ("v-replicate-0", None),
            ("18446744073709551615-2-status", None),
        ] {
            assert_eq!(by_brick(theirs, 3).as_deref(), ours, "{theirs}");
        }
    }
}
