//! Bricks that join, leave and give their place to others.

use super::{Lab, Start, named, said};
use crate::ops::add_brick::AddBrick;
use crate::ops::remove_brick::RemoveBrick;
use crate::ops::swap_brick::SwapBrick;
use crate::services::self_heal;
use crate::volume::VolumeKind;
use gluster_xdr::cli::CliRsp;
use plugin_api::Dict;

impl Lab {
    fn add(&self, volume: &str, bricks: &[&str], more: Dict) -> CliRsp {
        let names: Vec<String> = bricks.iter().map(|name| self.brick(name)).collect();
        let mut request = named(volume)
            .with("count", names.len().to_string())
            .with("bricks", format!(" {} ", names.join(" ")))
            .with("force", "1");
        for (key, value) in more.iter() {
            request.set(key.clone(), value.clone());
        }
        match AddBrick::new(&self.daemon, &request) {
            Ok(operation) => self.command(|_| Ok(operation), request),
            Err(refusal) => crate::ops::engine::refused(refusal, Dict::new()),
        }
    }

    fn remove(&self, volume: &str, bricks: &[&str], more: Dict) -> CliRsp {
        let mut request = named(volume).with("command", "5").with("count", bricks.len().to_string());
        for (n, name) in bricks.iter().enumerate() {
            request.set(format!("brick{}", n + 1), self.brick(name));
        }
        for (key, value) in more.iter() {
            request.set(key.clone(), value.clone());
        }
        match RemoveBrick::new(&self.daemon, &request) {
            Ok(operation) => self.command(|_| Ok(operation), request),
            Err(refusal) => crate::ops::engine::refused(refusal, Dict::new()),
        }
    }

    fn swap(&self, volume: &str, operation: &str, from: &str, to: Option<&str>) -> CliRsp {
        let mut request = named(volume).with("operation", operation).with("src-brick", self.brick(from));
        if let Some(to) = to {
            request.set("dst-brick", self.brick(to));
        }
        match SwapBrick::new(&self.daemon, &request) {
            Ok(operation) => self.command(|_| Ok(operation), request),
            Err(refusal) => crate::ops::engine::refused(refusal, Dict::new()),
        }
    }

    /// The last parts of the paths of a volume's bricks.
    fn order(&self, volume: &str) -> Vec<String> {
        let bricks = self.daemon.volume(volume).unwrap().volume.bricks;
        bricks.iter().map(|brick| brick.path.rsplit('/').next().unwrap().to_owned()).collect()
    }

    fn runs(&self, name: &str) -> bool {
        let path = self.root.path().join(name).display().to_string();
        self.bricks.running.lock().unwrap().contains(&path)
    }
}

#[test]
fn bricks_that_join_run_and_are_there_after_a_restart() {
    let Some(lab) = Lab::new() else { return };
    assert_eq!(lab.started().op_ret, 0);
    assert_eq!(said(&lab.add("v", &["b3"], Dict::new())), (0, 0, ""));
    assert_eq!(lab.order("v"), ["b1", "b2", "b3"]);
    assert!(lab.runs("b3"));
    assert!(lab.services.marks.lock().unwrap().is_empty(), "there are no copies");
    let after = lab.restarted().volume("v").unwrap().volume;
    assert_eq!(after.bricks, lab.daemon.volume("v").unwrap().volume.bricks);
    assert_eq!(said(&lab.add("v", &["b3"], Dict::new())).0, -1, "it is a brick already");
}

#[test]
fn more_copies_are_marked_before_clients_hear_of_them() {
    let Some(lab) = Lab::new() else { return };
    assert_eq!(lab.started().op_ret, 0);
    let more = || Dict::new().with("replica-count", "2");
    let told = |n: u32| ("trusted.add-brick", format!("v-client-{n}"));
    *lab.bricks.broken.lock().unwrap() = Some(lab.root.path().join("c1").display().to_string());
    assert_eq!(lab.add("v", &["c1", "c2"], more()).op_ret, -1);
    *lab.bricks.broken.lock().unwrap() = None;
    let marks = std::mem::take(&mut *lab.services.marks.lock().unwrap());
    assert_eq!(marks, [told(2), told(3)], "the others are told before the new ones run");
    assert_eq!(said(&lab.add("v", &["c1", "c2"], more())), (0, 0, ""));
    assert_eq!(lab.order("v"), ["b1", "c1", "b2", "c2"]);
    let mut dirty = [0; 12];
    rustix::fs::getxattr(lab.root.path().join("c1"), "trusted.afr.dirty", &mut dirty).unwrap();
    assert_eq!(dirty, [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1], "an empty copy does not trust itself");
    let volume = lab.daemon.volume("v").unwrap().volume;
    assert_eq!(volume.kind, VolumeKind::Replicate { replica: 2, arbiter: 0, thin_arbiter: 0 });
    assert_eq!(volume.options.get("performance.client-io-threads"), Some("off"));
    assert!(self_heal::running(&lab.daemon, "v").is_some());
    let fewer = Dict::new().with("replica-count", "1");
    assert_eq!(said(&lab.remove("v", &["b1", "c2"], fewer)), (0, 0, ""));
    assert_eq!(lab.order("v"), ["c1", "b2"]);
    assert!(!lab.runs("b1") && !lab.runs("c2") && lab.runs("b2"));
    assert!(self_heal::running(&lab.daemon, "v").is_none(), "nothing is left to heal");
}

#[test]
fn a_join_that_fails_leaves_the_volume_and_the_folders_as_they_were() {
    let Some(lab) = Lab::new() else { return };
    assert_eq!(lab.started().op_ret, 0);
    let before = lab.daemon.volume("v").unwrap();
    *lab.bricks.broken.lock().unwrap() = Some(lab.root.path().join("b4").display().to_string());
    let failed = lab.add("v", &["b3", "b4"], Dict::new());
    assert_eq!(failed.op_ret, -1);
    assert_eq!(lab.daemon.volume("v").unwrap(), before);
    assert!(!lab.runs("b3") && !lab.root.path().join("b3").exists());
    *lab.bricks.broken.lock().unwrap() = None;
    assert_eq!(said(&lab.add("v", &["b3", "b4"], Dict::new())), (0, 0, ""));
}

#[test]
fn a_brick_gives_its_place_and_id_to_another() {
    let Some(lab) = Lab::new() else { return };
    lab.replicated("r", 1);
    assert_eq!(said(&lab.swap("r", "GF_REPLACE_OP_COMMIT_FORCE", "r-2", Some("new"))), (0, 0, ""));
    assert_eq!(lab.order("r"), ["r-1", "new", "r-3"]);
    assert!(lab.runs("new") && !lab.runs("r-2"));
    assert_eq!(lab.daemon.volume("r").unwrap().volume.bricks[1].id, "r-client-1");
    assert_eq!(*lab.services.marks.lock().unwrap(), [("trusted.replace-brick", "r-client-1".to_owned())]);
    let missing = lab.swap("r", "GF_REPLACE_OP_COMMIT_FORCE", "r-2", Some("other"));
    assert!(missing.op_errstr.ends_with("does not exist in volume: r"), "{}", missing.op_errstr);
}

#[test]
fn a_brick_is_reset_in_its_place() {
    let Some(lab) = Lab::new() else { return };
    lab.replicated("r", 1);
    let back = |force: &str| lab.swap("r", &format!("GF_RESET_OP_COMMIT{force}"), "r-2", Some("r-2"));
    let refused = back("_FORCE");
    assert!(refused.op_errstr.starts_with("Source brick must be stopped."), "{}", refused.op_errstr);
    assert_eq!(said(&lab.swap("r", "GF_RESET_OP_START", "r-2", None)), (0, 0, ""));
    assert!(!lab.runs("r-2"));
    let refused = back("");
    assert!(refused.op_errstr.starts_with("Brick not available.It may be"), "{}", refused.op_errstr);
    assert_eq!(said(&back("_FORCE")), (0, 0, ""));
    assert!(lab.runs("r-2"));
    assert_eq!(lab.order("r"), ["r-1", "r-2", "r-3"]);
}

#[test]
fn a_distribute_volume_has_no_brick_to_replace() {
    let Some(lab) = Lab::new() else { return };
    assert_eq!(lab.create("v", &["b1", "b2"]).op_ret, 0);
    assert_eq!(lab.command(Start::new, named("v")).op_ret, 0);
    let refused = lab.swap("v", "GF_REPLACE_OP_COMMIT_FORCE", "b1", Some("b3"));
    assert!(refused.op_errstr.starts_with("replace-brick is not permitted on distribute only volumes."));
}
