//! The self-heal daemon: which volumes it serves, and what it is asked.

use super::{Lab, Start, Stop, command, named, said};
use crate::ops::create::Create;
use crate::ops::heal::{self, Wanted};
use crate::ops::run;
use crate::services::self_heal;
use gluster_xdr::brickop::BrickProc;
use gluster_xdr::cli::CliRsp;
use plugin_api::Dict;

impl Lab {
    /// A started volume of sets of three copies.
    pub(super) fn replicated(&self, name: &str, sets: usize) {
        let bricks: Vec<String> = (1..=3 * sets).map(|n| self.brick(&format!("{name}-{n}"))).collect();
        let mut request = named(name)
            .with("type", "2")
            .with("replica-count", "3")
            .with("transport", "tcp")
            .with("count", bricks.len().to_string())
            .with("bricks", format!(" {} ", bricks.join(" ")))
            .with("force", "1");
        let operation = Create::new(&self.daemon, &mut request).unwrap();
        assert_eq!(command(&self.daemon, |_| Ok(operation), request).op_ret, 0);
        assert_eq!(self.command(Start::new, named(name)).op_ret, 0);
    }

    /// The answer to a `volume heal`.
    fn heal(&self, request: Dict) -> CliRsp {
        let mut request = request;
        let pool = tokio::runtime::Builder::new_current_thread().build().unwrap();
        match heal::read(&self.daemon, &mut request) {
            Ok(Wanted::Ask(heal)) => pool.block_on(run(&self.daemon, heal, request)),
            Ok(Wanted::Switch(set)) => pool.block_on(run(&self.daemon, set, request)),
            Err(refusal) => crate::ops::engine::refused(refusal, Dict::new()),
        }
    }

    fn is_served(&self, volume: &str) -> bool {
        self_heal::running(&self.daemon, volume).is_some()
    }

    fn asked(&self) -> Vec<(BrickProc, String)> {
        std::mem::take(&mut *self.services.asked.lock().unwrap())
    }
}

#[test]
fn one_daemon_serves_every_started_volume_that_heals() {
    let Some(lab) = Lab::new() else { return };
    assert_eq!(lab.create("plain", &["p1", "p2"]).op_ret, 0);
    assert_eq!(lab.command(Start::new, named("plain")).op_ret, 0);
    assert!(!lab.is_served("plain"), "there is nothing to heal");
    lab.replicated("a", 1);
    assert!(lab.is_served("a") && lab.asked().is_empty(), "it is started for the first");
    lab.replicated("b", 1);
    assert!(lab.is_served("b"));
    assert_eq!(lab.asked(), [(BrickProc::SvcAttach, "shd/b".to_owned())]);
    assert_eq!(lab.command(Stop::new, named("a")).op_ret, 0);
    assert!(!lab.is_served("a") && lab.is_served("b"));
    assert_eq!(lab.asked(), [(BrickProc::SvcDetach, "shd/a".to_owned())]);
    assert_eq!(lab.command(Stop::new, named("b")).op_ret, 0);
    assert!(!lab.is_served("b") && lab.asked().is_empty(), "it ends with its last volume");
}

#[test]
fn heal_asks_for_every_set_and_calls_answers_by_brick() {
    let Some(lab) = Lab::new() else { return };
    lab.replicated("a", 2);
    *lab.services.answer.lock().unwrap() = Dict::new().with("1-2-status", "Started self-heal");
    let reply = lab.heal(named("a").with("heal-op", "1"));
    assert_eq!(said(&reply), (0, 0, ""));
    assert_eq!(reply.dict.str("5-status"), Some("Started self-heal"));
    assert_eq!(reply.dict.uint("count"), Some(6));
    assert_eq!(lab.asked(), [(BrickProc::XlatorOp, String::new())]);
}

#[test]
fn a_count_for_a_brick_that_is_not_there_asks_nobody() {
    let Some(lab) = Lab::new() else { return };
    lab.replicated("a", 1);
    let request = named("a")
        .with("heal-op", "9")
        .with("per-replica-cmd-hostname", "localhost")
        .with("per-replica-cmd-path", "/elsewhere");
    assert_eq!(said(&lab.heal(request)), (0, 0, ""));
    assert_eq!(lab.asked(), []);
}

#[test]
fn healing_that_is_switched_off_is_not_triggered() {
    let Some(lab) = Lab::new() else { return };
    lab.replicated("a", 1);
    let off = lab.heal(named("a").with("heal-op", "13"));
    assert_eq!(said(&off), (0, 0, ""));
    let options = lab.daemon.volume("a").unwrap().volume.options;
    assert_eq!(options.get("cluster.self-heal-daemon"), Some("disable"));
    let text = "Self-heal-daemon is disabled. Heal will not be triggered on volume a";
    assert_eq!(said(&lab.heal(named("a").with("heal-op", "1"))), (-1, 30800, text));
    assert!(lab.is_served("a"), "the daemon stays, it heals nothing");
}

#[test]
fn granular_healing_is_switched_by_its_own_command_alone() {
    let Some(lab) = Lab::new() else { return };
    lab.replicated("a", 1);
    assert_eq!(said(&lab.heal(named("a").with("heal-op", "16"))), (0, 0, ""));
    let options = lab.daemon.volume("a").unwrap().volume.options;
    assert_eq!(options.get("cluster.granular-entry-heal"), Some("disable"));
    let set = named("a").with("key1", "cluster.granular-entry-heal").with("value1", "enable");
    assert_eq!(lab.command(crate::ops::set::Set::new, set.with("count", "2")).op_ret, -1);
}
