//! Files that move: what is refused meanwhile, and what is stored.

use super::{Lab, Start, Status, Stop, named, said};
use crate::ops::add_brick::AddBrick;
use crate::ops::rebalance;
use crate::ops::rebalance_status::RebalanceStatus;
use crate::ops::remove_brick::RemoveBrick;
use crate::services::rebalance as process;
use crate::store::rebalance_state::{RebalanceState, status};
use gluster_xdr::brickop::BrickProc;
use gluster_xdr::cli::CliRsp;
use plugin_api::Dict;

impl Lab {
    fn rebalance(&self, command: &str) -> CliRsp {
        self.command(rebalance::Start::new, named("v").with("rebalance-command", command))
    }

    /// `rebalance status` (3) or `stop` (2), or with a brick the same of `remove-brick`.
    fn look(&self, command: &str, brick: Option<&str>) -> CliRsp {
        let mut request = named("v").with("rebalance-command", command);
        if let Some(brick) = brick {
            request = request.with("command", "4").with("brick1", self.brick(brick));
        }
        self.command(|request| Ok(RebalanceStatus::read(request)?.unwrap()), request)
    }

    fn leave(&self, brick: &str, command: &str) -> CliRsp {
        let request =
            named("v").with("command", command).with("count", "1").with("brick1", self.brick(brick));
        self.command(|request| RemoveBrick::new(&self.daemon, request), request)
    }

    fn task(&self) -> RebalanceState {
        self.daemon.volume("v").unwrap().rebalance
    }

    /// The process tells of its end and is gone.
    fn ends(&self, said: Dict) {
        assert!(process::told(&self.daemon, "127.0.0.1:1023", &said.with("volname", "rebalance/v")));
        self.services.running.lock().unwrap().clear();
    }
}

#[test]
fn a_rebalance_is_stored_shown_and_forgotten() {
    let Some(lab) = Lab::new() else { return };
    assert_eq!(lab.create("v", &["b1", "b2"]).op_ret, 0);
    let text = "Volume v needs to be started to perform rebalance";
    assert_eq!(said(&lab.rebalance("1")), (-1, 30800, text));
    lab.command(Start::new, named("v"));
    assert_eq!(said(&lab.look("3", None)), (-1, 30800, "Rebalance not started for volume v."));
    let begun = lab.rebalance("4");
    assert_eq!(said(&begun), (0, 0, ""));
    assert_eq!(begun.dict.str("rebalance-id"), Some(lab.task().id.to_string().as_str()));
    assert_eq!((lab.task().command, lab.task().status, lab.task().operation), (4, 1, 19));
    let busy = "rebalance session is in progress for the volume 'v'";
    assert_eq!(said(&lab.command(Stop::new, named("v"))), (-1, 30800, busy));
    assert_eq!(said(&lab.rebalance("1")), (-1, 30800, "Rebalance on v is already started"));
    *lab.services.answer.lock().unwrap() =
        Dict::new().with("status", "5").with("files", "2").with("time-left", "9");
    let shown = lab.look("3", None).dict;
    assert_eq!(
        (shown.int("files-1"), shown.int("time-left-1"), shown.int("status-1")),
        (Some(2), Some(9), Some(5))
    );
    assert_eq!(*lab.services.asked.lock().unwrap(), [(BrickProc::XlatorDefrag, "v-dht".to_owned())]);
    lab.ends(Dict::new().with("status", "7").with("files", "3"));
    let tasks = lab.command(Status::new, named("v").with("cmd", "320")).dict;
    assert_eq!((tasks.int("tasks"), tasks.int("task0.status")), (Some(1), Some(3)));
    assert_eq!(lab.restarted().volume("v").unwrap().rebalance, lab.task());
    assert_eq!(lab.look("3", None).dict.int("status-1"), Some(7));
    assert_eq!(lab.look("2", None).op_ret, 0);
    assert!(lab.task().id.is_nil() && lab.task().files == 3);
}

#[test]
fn the_end_of_one_that_was_told_to_stop_is_seen_to() {
    let Some(lab) = Lab::new() else { return };
    lab.started();
    lab.rebalance("1");
    lab.look("3", None);
    assert!(lab.services.seen_off.lock().unwrap().is_empty());
    *lab.services.answer.lock().unwrap() = Dict::new().with("status", "2");
    lab.look("2", None);
    let pidfile = lab.daemon.config.paths.rebalance_pidfile("v", lab.daemon.node);
    assert_eq!(*lab.services.seen_off.lock().unwrap(), [pidfile]);
}

#[test]
fn an_event_from_elsewhere_or_of_no_volume_is_not_taken() {
    let Some(lab) = Lab::new() else { return };
    lab.started();
    lab.rebalance("1");
    let ended = named("rebalance/v").with("status", "3");
    assert!(!process::told(&lab.daemon, "192.0.2.1:1023", &ended));
    assert!(!process::told(&lab.daemon, "127.0.0.1:1023", &named("rebalance/w").with("status", "3")));
    assert_eq!(lab.task().status, status::STARTED);
}

#[test]
fn what_a_rebalance_reports_outlives_other_changes_of_the_volume() {
    let Some(lab) = Lab::new() else { return };
    lab.started();
    lab.rebalance("1");
    let older = lab.daemon.volume("v").unwrap();
    lab.ends(Dict::new().with("status", "3").with("files", "3"));
    lab.daemon.store(older).unwrap();
    assert_eq!((lab.task().status, lab.task().files), (status::COMPLETE, 3));
    assert_eq!(lab.restarted().volume("v").unwrap().rebalance, lab.task());
}

#[test]
fn a_brick_leaves_once_it_is_emptied() {
    let Some(lab) = Lab::new() else { return };
    lab.started();
    assert_eq!(said(&lab.look("3", Some("b2"))), (-1, 30800, "remove-brick not started for volume v."));
    let begun = lab.leave("b2", "1");
    assert_eq!(said(&begun), (0, 0, ""));
    assert_eq!(begun.dict.str("remove-brick-id"), Some(lab.task().id.to_string().as_str()));
    assert_eq!(lab.task().task.get("brick1"), Some(lab.brick("b2").as_str()));
    let leaves = |n: usize| lab.restarted().volume("v").unwrap().volume.bricks[n].decommissioned;
    assert!(!leaves(0) && leaves(1));
    assert_eq!(said(&lab.leave("b2", "2")), (-1, 30800, "use 'force' option as migration is in progress"));
    let add = named("v").with("bricks", lab.brick("b3")).with("count", "1").with("force", "1");
    let busy = "Volume name v rebalance is in progress. Please retry after completion";
    let refused = lab.command(|request| AddBrick::new(&lab.daemon, request), add);
    assert_eq!(said(&refused), (-1, 30800, busy));
    assert_eq!(said(&lab.look("3", Some("b1"))), (-1, 30800, "Incorrect brick for volume v"));
    lab.ends(Dict::new().with("status", "3").with("failures", "1"));
    let failed = "use 'force' option as migration of some files might have been skipped or has failed";
    assert_eq!(said(&lab.leave("b2", "2")), (-1, 30800, failed));
    assert_eq!(said(&lab.look("2", Some("b2"))), (0, 0, ""));
    assert!(!leaves(1) && lab.task().operation == 0);
    lab.leave("b2", "1");
    lab.ends(Dict::new().with("status", "3"));
    let text = "An earlier remove-brick task exists for volume v. Either commit it or stop it before starting a new task.";
    assert_eq!(said(&lab.leave("b2", "1")), (-1, 30800, text));
    assert_eq!(said(&lab.leave("b2", "2")), (0, 0, ""));
    let left = lab.restarted().volume("v").unwrap();
    assert_eq!((left.volume.bricks.len(), left.rebalance.operation), (1, 0));
    assert!(left.rebalance.id.is_nil() && left.rebalance.task.is_empty());
}

#[test]
fn a_task_goes_on_after_a_restart_unless_it_has_ended() {
    let Some(lab) = Lab::new() else { return };
    lab.started();
    lab.rebalance("1");
    lab.services.running.lock().unwrap().clear();
    let resume = || {
        let daemon = lab.restarted();
        let pool = tokio::runtime::Builder::new_current_thread().build().unwrap();
        pool.block_on(process::resume(&daemon, "v"));
        process::running(&daemon, "v").is_some()
    };
    assert!(resume());
    lab.ends(Dict::new().with("status", "3"));
    assert!(!resume());
}
