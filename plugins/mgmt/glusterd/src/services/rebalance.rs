//! The rebalance process of a volume: started for a task, asked how far it is, and missed when it ends without a word.

use super::runner::{Running, ServiceFault};
use super::service::{self, Task};
use crate::daemon::Daemon;
use crate::links::Question;
use crate::locks::Target;
use crate::net::is_local_end;
use crate::ops::shown;
use crate::programs::on_blocking_thread;
use crate::store::rebalance_state::{RebalanceState, status};
use crate::volume::VolumeKind;
use gluster_xdr::brickop::BrickProc;
use plugin_api::{Dict, log, rt};
use std::path::PathBuf;
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use uuid::Uuid;

/// The service's name.
pub const NAME: &str = "rebalance";

/// Numbers of `rebalance-command`.
pub mod command {
    /// Moves what lies on the wrong brick.
    pub const START: u32 = 1;
    /// Ends a task.
    pub const STOP: u32 = 2;
    /// Asks how far it is.
    pub const STATUS: u32 = 3;
    /// Spreads the names of each folder anew, and moves nothing.
    pub const FIX_LAYOUT: u32 = 4;
    /// Moves also to bricks with less room, and off bricks that leave.
    pub const START_FORCE: u32 = 5;
}

fn pidfile(daemon: &Daemon, volume: &str) -> PathBuf {
    daemon.config.paths.rebalance_pidfile(volume, daemon.node)
}

/// The volume's process.
#[must_use]
pub fn running(daemon: &Daemon, volume: &str) -> Option<Running> {
    daemon.services.running(&pidfile(daemon, volume))
}

/// What the layouts that a task has seen through are stamped with: never 0 nor 1, which mean something else, and not
/// that of another task.
#[must_use]
pub fn new_commit_hash() -> u32 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let seconds = u32::try_from(now.as_secs() & u64::from(u32::MAX >> 3)).expect("it was cut to fit");
    (seconds << 3) | (1 << (now.subsec_micros() % 3))
}

/// Starts the process for the volume's stored task.
///
/// # Errors
/// It does not start.
pub async fn start(daemon: &Daemon, volume: &str, commit_hash: u32) -> Result<(), ServiceFault> {
    let Some(stored) = daemon.volume(volume) else { return Ok(()) };
    let of_copies = stored.volume.kind != VolumeKind::Distribute;
    let task = Task { command: stored.rebalance.command, commit_hash, of_copies };
    let service = service::rebalance(&daemon.config, daemon.node, volume, task, &daemon.service_options());
    daemon.services.start(service).await?;
    watch(daemon, volume, stored.rebalance.id);
    Ok(())
}

/// Ends the process at once, whatever it does.
pub async fn end(daemon: &Daemon, volume: &str) {
    if let Err(fault) = daemon.services.stop(NAME, &pidfile(daemon, volume)).await {
        log!(Error, "the rebalance process is not ended", volume = volume, why = fault);
    }
}

/// Waits, behind what is done, for the end of a process that was told to stop; GlusterFS 10's may stand still for ever.
pub fn see_off(daemon: &Daemon, volume: &str) {
    daemon.services.see_off(NAME, &pidfile(daemon, volume));
}

/// Ends the process at once; its task has failed.
pub async fn abandon(daemon: &Daemon, volume: &str) {
    end(daemon, volume).await;
    if let Some(stored) = daemon.volume(volume) {
        note(daemon, volume, |state| state.fail(stored.rebalance.id));
    }
}

/// After a start of the daemon: the process that runs is watched again, and one that was to run is started again.
pub async fn resume(daemon: &Daemon, volume: &str) {
    // Who changes the volume already sees to it himself.
    let target = Target::Volume(volume.to_owned());
    let Ok(_lock) = daemon.locks.take(&target, daemon.config.lock_timer) else { return };
    let Some(stored) = daemon.volume(volume) else { return };
    let task = &stored.rebalance;
    if running(daemon, volume).is_some() {
        if task.status == status::STOPPED {
            see_off(daemon, volume);
        }
        return watch(daemon, volume, task.id);
    }
    if !stored.volume.is_started() || !task.is_under_way() || task.id.is_nil() {
        return;
    }
    log!(Info, "rebalance is started again", volume = volume, task = task.id);
    if let Err(fault) = start(daemon, volume, new_commit_hash()).await {
        log!(Error, "rebalance does not start", volume = volume, why = fault);
        note(daemon, volume, |state| state.fail(stored.rebalance.id));
    }
}

/// Asks the process for its progress, or to stop, and notes what it says; the seconds that it still needs, or `None`
/// when no process runs.
///
/// # Errors
/// It does not answer.
pub async fn ask(
    daemon: &Daemon,
    volume: &str,
    command: u32,
    request: &Dict,
) -> Result<Option<u64>, ServiceFault> {
    let Some(process) = running(daemon, volume) else { return Ok(None) };
    let silent = |reason: &str| ServiceFault::Silent { name: NAME.to_owned(), reason: reason.to_owned() };
    let socket = process.socket.ok_or_else(|| silent("it has no socket"))?;
    let mut input = request.clone();
    input.set("rebalance-command", command);
    let question = Question::new(BrickProc::XlatorDefrag, format!("{volume}-dht"), &input);
    let answer = daemon.services.ask(NAME, &socket, question).await?;
    if answer.op_ret != 0 {
        let reason = format!("{} (errno {})", answer.op_errstr, answer.op_errno);
        return Err(ServiceFault::Refused { name: NAME.to_owned(), reason });
    }
    // One that has not reached its bricks takes the word, says nothing of itself, and begins all the same.
    if counted(&answer.output, "status").is_none() {
        return Err(silent("it has not begun"));
    }
    note(daemon, volume, |state| state.take(&answer.output));
    Ok(Some(counted(&answer.output, "time-left").unwrap_or(0)))
}

/// Takes what a process tells by itself when it ends; `false` when it is about nothing here.
pub fn told(daemon: &Daemon, peer: &str, said: &Dict) -> bool {
    // It calls the volume as it asked for its volfile.
    let named = said.str("volname").and_then(|name| name.strip_prefix("rebalance/"));
    let Some(volume) = named.filter(|_| is_local_end(peer)) else { return false };
    if daemon.volume(volume).is_none() {
        return false;
    }
    log!(Info, "rebalance has ended", volume = shown(volume), status = said.int("status").unwrap_or(-1));
    note(daemon, volume, |state| state.take(said));
    true
}

/// Changes the task's state, and logs what cannot be stored.
fn note(daemon: &Daemon, volume: &str, change: impl FnOnce(&mut RebalanceState) -> bool) {
    if let Err(error) = daemon.change_rebalance(volume, change) {
        log!(Error, "the state of the rebalance cannot be stored", volume = volume, why = error);
    }
}

/// What the process says when it ends may still be on its way when it is gone.
const LAST_WORDS: Duration = Duration::from_secs(2);

/// Waits for the end of the process, and notes a task that it has left undone.
fn watch(daemon: &Daemon, volume: &str, task: Uuid) {
    let Some(own) = daemon.own.get().cloned() else { return };
    let ended = daemon.services.ended(&pidfile(daemon, volume));
    let volume = volume.to_owned();
    rt::spawn(async move {
        ended.await;
        rt::sleep(LAST_WORDS).await;
        let Some(daemon) = own.upgrade() else { return };
        on_blocking_thread(async move { note(&daemon, &volume, |state| state.fail(task)) }).await;
    });
}

/// A number from 0 on.
fn counted(said: &Dict, key: &str) -> Option<u64> {
    said.int(key).and_then(|number| u64::try_from(number).ok())
}

impl RebalanceState {
    /// A task that begins.
    #[must_use]
    pub fn begun(command: u32, operation: u32, id: Uuid) -> Self {
        Self { command, operation, id, status: status::STARTED, ..Self::default() }
    }

    /// Forgets the task, but not how far it came.
    pub fn close(&mut self) {
        (self.operation, self.id) = (0, Uuid::nil());
    }

    /// Notes that a task has ended without a word; `false` when it had said one.
    fn fail(&mut self, task: Uuid) -> bool {
        let is_missed = self.id == task && self.is_under_way();
        if is_missed {
            log!(Warn, "rebalance has ended before its time", task = task);
            self.status = status::FAILED;
        }
        is_missed
    }

    /// Takes the numbers that a process tells; `false` when none is new.
    fn take(&mut self, said: &Dict) -> bool {
        let before = self.clone();
        let number = |key: &str, now: u64| counted(said, key).unwrap_or(now);
        self.files = number("files", self.files);
        self.size = number("size", self.size);
        self.scanned = number("lookups", self.scanned);
        self.failures = number("failures", self.failures);
        self.skipped = number("skipped", self.skipped);
        let seconds = said.str("run-time").and_then(|text| text.parse::<f64>().ok());
        if let Some(seconds) = seconds.filter(|seconds| seconds.is_finite() && *seconds >= 0.0) {
            self.run_time = seconds;
        }
        let found = counted(said, "status").and_then(|found| u32::try_from(found).ok());
        // One that was told to stop may say at its end that it failed, at what it was told to leave, or that nothing was
        // left to do: people have been told that it stopped.
        if let Some(found) = found.and_then(status::without_kind).filter(|_| self.status != status::STOPPED) {
            self.status = found;
        }
        *self != before
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_process_tells_is_taken_and_nonsense_is_not() {
        let mut state = RebalanceState::begun(command::FIX_LAYOUT, 19, Uuid::from_u128(7));
        let said = Dict::new().with("files", "3").with("size", "-1").with("lookups", "9").with("status", "7");
        assert!(state.take(&said.clone().with("run-time", "4.000000")));
        assert_eq!((state.files, state.size, state.scanned, state.status), (3, 0, 9, status::COMPLETE));
        assert!((state.run_time - 4.0).abs() < f64::EPSILON);
        assert!(!state.take(&said.with("run-time", "NaN")), "nothing is new");
        assert!(!state.take(&Dict::new().with("status", "77").with("run-time", "-1")));
    }

    #[test]
    fn a_task_that_was_stopped_has_neither_failed_nor_come_to_its_end() {
        let mut state = RebalanceState::begun(command::START, 19, Uuid::from_u128(7));
        assert!(state.take(&Dict::new().with("status", "2")));
        assert!(state.take(&Dict::new().with("status", "4").with("failures", "1")));
        assert!(state.take(&Dict::new().with("status", "3").with("failures", "2")));
        assert_eq!((state.status, state.failures), (status::STOPPED, 2));
        let mut next = RebalanceState::begun(command::START, 19, Uuid::from_u128(8));
        assert!(next.take(&Dict::new().with("status", "4")));
        assert_eq!(next.status, status::FAILED);
    }

    #[test]
    fn only_the_task_that_was_watched_fails_and_only_while_it_runs() {
        let task = Uuid::from_u128(7);
        let mut state = RebalanceState::begun(command::START, 19, task);
        assert!(!state.fail(Uuid::from_u128(8)));
        assert!(state.fail(task) && state.status == status::FAILED);
        state.status = status::COMPLETE;
        assert!(!state.fail(task));
    }

    #[test]
    fn a_commit_hash_is_none_of_those_with_a_meaning() {
        let hash = new_commit_hash();
        assert!(hash > 8 && [1, 2, 4].contains(&(hash & 7)), "{hash}");
    }
}
