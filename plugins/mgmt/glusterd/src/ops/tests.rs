//! Operations on a daemon without listeners and without processes: what they change, refuse, and leave after a crash.

use super::clear_locks::ClearLocks;
use super::create::Create;
use super::delete::Delete;
use super::profile::Profile;
use super::reset::Reset;
use super::set::Set;
use super::start::Start;
use super::statedump::Statedump;
use super::status::Status;
use super::stop::Stop;
use super::{Operation, Refusal, run};
use crate::bricks::check::VOLUME_ID_XATTR;
use crate::config::Config;
use crate::daemon::Daemon;
use crate::locks::Target;
use crate::paths::Paths;
use crate::state::State;
use crate::store::atomic::crash;
use crate::store::restore::{make_folders, restore};
use crate::user_xlators::plugins::NoPlugins;
use crate::volume::VolumeStatus;
use gluster_xdr::cli::CliRsp;
use plugin_api::Dict;
use rustix::process::Signal;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;
use tempfile::TempDir;

mod bricks;
mod fakes;
mod quota;
mod rebalance;
mod services;

use fakes::{FakeBricks, FakeOutside, FakeServices};

struct Lab {
    daemon: Daemon,
    bricks: Arc<FakeBricks>,
    services: Arc<FakeServices>,
    outside: Arc<FakeOutside>,
    root: TempDir,
}

impl Lab {
    /// `None` where brick folders cannot be marked: without root, or on a file system that does not take the mark.
    fn new() -> Option<Self> {
        let root = tempfile::tempdir().unwrap();
        let probe =
            rustix::fs::lsetxattr(root.path(), VOLUME_ID_XATTR, b"x", rustix::fs::XattrFlags::empty());
        if probe.is_err() {
            eprintln!("SKIPPED: no trusted attributes here");
            return None;
        }
        rustix::fs::lremovexattr(root.path(), VOLUME_ID_XATTR).unwrap();
        let (bricks, outside) = (Arc::new(FakeBricks::default()), Arc::new(FakeOutside::default()));
        let services = Arc::new(FakeServices::default());
        let daemon = daemon(root.path(), &bricks, &services, &outside);
        Some(Self { daemon, bricks, services, outside, root })
    }

    /// A daemon that starts on the same folder: what it finds is what the disk holds.
    fn restarted(&self) -> Daemon {
        daemon(self.root.path(), &self.bricks, &self.services, &self.outside)
    }

    fn brick(&self, name: &str) -> String {
        format!("localhost:{}", self.root.path().join(name).display())
    }

    fn create(&self, volume: &str, bricks: &[&str]) -> CliRsp {
        create(&self.daemon, volume, &bricks.iter().map(|name| self.brick(name)).collect::<Vec<_>>())
    }

    fn command<O: Operation>(&self, new: impl FnOnce(&Dict) -> Result<O, Refusal>, request: Dict) -> CliRsp {
        command(&self.daemon, new, request)
    }

    fn started(&self) -> CliRsp {
        assert_eq!(self.create("v", &["b1", "b2"]).op_ret, 0);
        self.command(Start::new, named("v"))
    }
}

fn daemon(
    root: &Path,
    bricks: &Arc<FakeBricks>,
    services: &Arc<FakeServices>,
    outside: &Arc<FakeOutside>,
) -> Daemon {
    let mut paths = Paths::new(root.join("work"), root.join("run"), root.join("log"));
    paths.sockets = root.join("run");
    make_folders(&paths).unwrap();
    let state = State::from(restore(&paths).unwrap());
    let config = Config { socket_file: root.join("glusterd.socket"), ..Config::standard(paths) };
    let daemon =
        Daemon::new(config, state, bricks.clone(), services.clone(), outside.clone(), Arc::new(NoPlugins));
    daemon.settled.send_replace(true);
    daemon
}

fn command<O: Operation>(
    daemon: &Daemon,
    new: impl FnOnce(&Dict) -> Result<O, Refusal>,
    request: Dict,
) -> CliRsp {
    let pool = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let operation = new(&request).unwrap();
    pool.block_on(run(daemon, operation, request))
}

fn create(daemon: &Daemon, volume: &str, bricks: &[String]) -> CliRsp {
    let mut request = named(volume)
        .with("type", "0")
        .with("transport", "tcp")
        .with("count", bricks.len().to_string())
        .with("bricks", format!(" {} ", bricks.join(" ")))
        .with("force", "1");
    match Create::new(daemon, &mut request) {
        Ok(operation) => command(daemon, |_| Ok(operation), request),
        Err(refusal) => super::engine::refused(refusal, Dict::new()),
    }
}

fn named(volume: &str) -> Dict {
    Dict::new().with("volname", volume)
}

fn said(reply: &CliRsp) -> (i32, i32, &str) {
    (reply.op_ret, reply.op_errno, &reply.op_errstr)
}

#[test]
fn a_volume_goes_from_created_to_deleted() {
    let Some(lab) = Lab::new() else { return };
    let reply = lab.started();
    assert_eq!(said(&reply), (0, 0, ""));
    assert_eq!(reply.dict.str("vol-id").map(str::len), Some(36));
    assert_eq!(lab.bricks.running.lock().unwrap().len(), 2);
    let status = lab.command(Status::new, named("v").with("cmd", "256"));
    let key = |key: &str| status.dict.int(key);
    assert_eq!((key("count"), key("brick-index-max"), key("brick1.status")), (Some(2), Some(1), Some(1)));
    assert_eq!((key("brick0.port"), key("brick0.pid"), key("tasks")), (Some(49152), Some(7), Some(0)));
    assert_eq!(lab.command(Stop::new, named("v")).op_ret, 0);
    assert!(lab.bricks.running.lock().unwrap().is_empty());
    assert_eq!(lab.restarted().volume("v").unwrap().volume.status, VolumeStatus::Stopped);
    assert_eq!(lab.command(Delete::new, named("v")).op_ret, 0);
    assert!(lab.restarted().state().volumes.is_empty());
    let hooks: Vec<_> = lab.outside.hooks.lock().unwrap().iter().map(|hook| hook.operation).collect();
    assert_eq!(hooks, ["create", "start", "stop", "delete"]);
}

#[test]
fn clearing_locks_reads_an_order_through_a_mount() {
    let Some(lab) = Lab::new() else { return };
    let order = |path: &str, of: &str| named("v").with("path", path).with("kind", "granted").with("type", of);
    assert_eq!(lab.create("v", &["b1"]).op_ret, 0);
    assert_eq!(
        said(&lab.command(ClearLocks::new, order("/f", "posix"))),
        (-1, 30800, "Volume v is not started")
    );
    assert_eq!(lab.command(Start::new, named("v")).op_ret, 0);
    let reply = lab.command(ClearLocks::new, order("/f", "posix").with("opts", "0,5-9"));
    assert_eq!(reply.dict.str("lk-summary"), Some("glusterfs.clrlk.tposix.kgranted.0,5-9 of /f"));
    let reply = lab.command(ClearLocks::new, order("/none", "inode"));
    let why = "clear-locks getxattr command failed. Reason: No such file or directory";
    assert_eq!(said(&reply), (-1, 30800, why));
    assert!(ClearLocks::new(&order("/f", "nosuch")).is_err());
}

#[test]
fn what_cannot_be_done_is_refused_in_the_incumbents_words() {
    let Some(lab) = Lab::new() else { return };
    lab.started();
    let refused = |reply: CliRsp, text: &str| assert_eq!(said(&reply), (-1, 30800, text));
    refused(lab.command(Start::new, named("v")), "Volume v already started");
    refused(
        lab.command(Delete::new, named("v")),
        "Volume v has been started.Volume needs to be stopped before deletion.",
    );
    refused(lab.command(Stop::new, named("w")), "Volume w does not exist");
    let bad = named("v").with("key1", "nosuch.option").with("value1", "5").with("count", "2");
    refused(lab.command(Set::new, bad), "option : nosuch.option does not exist\nDid you mean auth.allow?");
    assert_eq!(said(&lab.create("v", &["b3"])), (-1, 0, "Volume v already exists"));
    let taken = format!(
        "Brick: {} not available. Brick may be containing or be contained by an existing brick.",
        lab.brick("b1")
    );
    refused(lab.create("w", &["b1"]), &taken);
    let nested = lab.create("w", &["b9", "b9/sub"]);
    assert_eq!(nested.op_ret, -1);
    assert!(!lab.root.path().join("b9").exists(), "what was made for a refused volume is gone");
}

#[test]
fn names_that_lead_elsewhere_are_refused() {
    let Some(lab) = Lab::new() else { return };
    for name in ["../out", "..", "a/b", "", "-x", "a b", "a\nb", "all"] {
        assert_eq!(lab.create(name, &["b"]).op_ret, -1, "{name:?}");
    }
    for path in ["/", "/a/../b", "/a/./b", "/a//b"] {
        let reply = create(&lab.daemon, "v", &[format!("localhost:{path}")]);
        assert!(reply.op_errstr.contains("not canonical"), "{path}: {}", reply.op_errstr);
    }
    assert!(lab.restarted().state().volumes.is_empty());
}

#[test]
fn a_start_with_a_brick_that_does_not_start_leaves_nothing_running() {
    let Some(lab) = Lab::new() else { return };
    lab.create("v", &["b1", "b2"]);
    *lab.bricks.broken.lock().unwrap() = Some(lab.root.path().join("b2").display().to_string());
    let reply = lab.command(Start::new, named("v"));
    assert_eq!(said(&reply), (-1, 30800, "Commit failed on localhost. Please check log file for details."));
    assert!(lab.bricks.running.lock().unwrap().is_empty());
    assert_eq!(lab.restarted().volume("v").unwrap().volume.status, VolumeStatus::Created);
    assert_eq!(lab.command(Start::new, named("v").with("flags", "1")).op_ret, 0, "force takes what there is");
    assert_eq!(lab.bricks.running.lock().unwrap().len(), 1);
}

#[test]
fn a_brick_folder_without_its_mark_needs_force_and_another_volumes_is_never_taken() {
    let Some(lab) = Lab::new() else { return };
    lab.create("v", &["b1"]);
    let folder = lab.root.path().join("b1");
    rustix::fs::lremovexattr(&folder, VOLUME_ID_XATTR).unwrap();
    assert!(lab.command(Start::new, named("v")).op_errstr.contains("Failed to get extended attribute"));
    assert_eq!(lab.command(Start::new, named("v").with("flags", "1")).op_ret, 0);
    lab.command(Stop::new, named("v"));
    let other = rustix::fs::XattrFlags::empty();
    rustix::fs::lsetxattr(&folder, VOLUME_ID_XATTR, &[9; 16], other).unwrap();
    let reply = lab.command(Start::new, named("v").with("flags", "1"));
    assert!(reply.op_errstr.contains("Volume id mismatch"), "{}", reply.op_errstr);
}

#[test]
fn clients_are_told_of_options_that_change_their_volfile_and_of_no_others() {
    let Some(lab) = Lab::new() else { return };
    lab.started();
    let set = |key: &str, value: &str| {
        let before = *lab.outside.changes.lock().unwrap();
        let request = named("v").with("key1", key).with("value1", value).with("count", "2");
        let reply = lab.command(Set::new, request);
        assert_eq!(said(&reply), (0, 0, ""), "{key}");
        *lab.outside.changes.lock().unwrap() - before
    };
    assert_eq!((set("network.ping-timeout", "7"), set("user.note", "x")), (1, 0));
    let version = lab.daemon.volume("v").unwrap().volume.version;
    assert_eq!(lab.command(Reset::new, named("v").with("key", "all")).op_ret, 0);
    let volume = lab.restarted().volume("v").unwrap().volume;
    assert_eq!((volume.version, volume.options.get("network.ping-timeout")), (version + 1, None));
}

#[test]
fn while_an_operation_runs_another_one_on_its_volume_is_refused() {
    let Some(lab) = Lab::new() else { return };
    lab.create("v", &["b1"]);
    let held = lab.daemon.locks.take(&Target::Volume("v".into()), Duration::from_secs(9)).unwrap();
    let reply = lab.command(Start::new, named("v"));
    let text = "Another transaction is in progress for v. Please try again after some time.";
    assert_eq!(said(&reply), (-1, 30802, text));
    drop(held);
    assert_eq!(lab.command(Start::new, named("v")).op_ret, 0);
}

/// Crashes at every step of an operation in turn, until it comes to its end without one; `check` sees each time what a
/// daemon finds that starts afterwards.
fn crash_everywhere(prepare: impl Fn(&Lab), operate: impl Fn(&Lab) -> CliRsp, check: impl Fn(&Lab, &Daemon)) {
    for steps in 0.. {
        let Some(lab) = Lab::new() else { return };
        prepare(&lab);
        crash::after(Some(steps));
        let reply = operate(&lab);
        crash::after(None);
        crate::bricks::claim::unclaim_unborn(&lab.daemon.config.paths);
        check(&lab, &lab.restarted());
        if reply.op_ret == 0 {
            assert!(steps > 3, "the operation has steps");
            return;
        }
    }
}

#[test]
fn a_crash_in_a_create_leaves_no_volume_or_all_of_it() {
    crash_everywhere(
        |_| (),
        |lab| lab.create("v", &["b1", "b2"]),
        |lab, after| match after.volume("v") {
            Some(stored) => {
                assert_eq!(stored.volume.bricks.len(), 2);
                crate::bricks::check::check_start(&stored.volume, &stored.volume.bricks[0]).unwrap();
                assert!(
                    !crate::volgen::files::write(
                        &stored.volume,
                        &after.state().options.clone(),
                        &after.config.paths,
                        &NoPlugins
                    )
                    .unwrap()
                );
            }
            None => {
                let bricks = ["b1", "b2"].map(|name| lab.brick(name));
                assert_eq!(create(after, "v", &bricks).op_ret, 0, "name and folders are free");
            }
        },
    );
}

#[test]
fn a_crash_in_a_stop_or_a_start_leaves_the_volume_started_or_not() {
    for (prepare, operate) in [
        (false, Box::new(|lab: &Lab| lab.command(Start::new, named("v"))) as Box<dyn Fn(&Lab) -> CliRsp>),
        (true, Box::new(|lab: &Lab| lab.command(Stop::new, named("v")))),
    ] {
        crash_everywhere(
            |lab| {
                lab.create("v", &["b1"]);
                if prepare {
                    lab.command(Start::new, named("v"));
                }
            },
            operate,
            |lab, after| {
                let stored = after.volume("v").unwrap();
                let is_known = matches!(
                    stored.volume.status,
                    VolumeStatus::Created | VolumeStatus::Started | VolumeStatus::Stopped
                );
                assert!(is_known && stored.volume.bricks.len() == 1);
                tokio::runtime::Builder::new_current_thread()
                    .build()
                    .unwrap()
                    .block_on(crate::settle::all(after));
                let runs = lab.bricks.running.lock().unwrap().len() == 1;
                assert_eq!(runs, stored.volume.is_started(), "bricks follow the store");
            },
        );
    }
}

#[test]
fn counting_is_switched_on_and_off_once_and_read_from_each_brick() {
    let Some(lab) = Lab::new() else { return };
    lab.create("v", &["b1", "b2"]);
    let profile = |op: &'static str| {
        lab.command(Profile::new, named("v").with("op", op).with("info-op", "1").with("peek", "0"))
    };
    let refused = |reply: CliRsp, text: &str| assert_eq!(said(&reply), (-1, 30800, text));
    refused(profile("2"), "Profile on Volume v is not started");
    assert_eq!(said(&profile("1")), (0, 0, ""));
    refused(profile("1"), "Profile on Volume v is already started");
    refused(profile("3"), "Volume v is not started.");
    lab.command(Start::new, named("v"));
    let info = profile("3").dict;
    assert_eq!((info.int("count"), info.int("1-op"), info.int("2-info-op")), (Some(2), Some(3), Some(1)));
    assert_eq!(info.str("2-brick"), Some(lab.brick("b2").as_str()));
    let one = named("v").with("op", "4").with("top-op", "1").with("brick", lab.brick("b2"));
    let top = lab.command(Profile::new, one).dict;
    assert_eq!((top.int("count"), top.str("1-brick")), (Some(1), Some(lab.brick("b2").as_str())));
    assert_eq!(
        lab.restarted().volume("v").unwrap().volume.options.get("diagnostics.count-fop-hits"),
        Some("on")
    );
    assert_eq!(profile("2").op_ret, 0);
    assert_eq!(lab.restarted().volume("v").unwrap().volume.options.get("diagnostics.count-fop-hits"), None);
}

#[test]
fn a_statedump_names_its_parts_and_signals_each_brick_that_runs() {
    let Some(lab) = Lab::new() else { return };
    lab.create("v", &["b1", "b2"]);
    let wanted = |words: &'static str| named("v").with("options", words);
    let refused = |reply: CliRsp, text: &str| assert_eq!(said(&reply), (-1, 30800, text));
    refused(lab.command(Statedump::new, wanted("")), "Volume v is not in the started state");
    lab.command(Start::new, named("v"));
    refused(lab.command(Statedump::new, wanted("quotad ")), "Quota is not enabled on volume v");
    assert!(Statedump::new(&wanted("all x=y ")).is_err());
    assert_eq!(Statedump::new(&wanted("client h 7")).unwrap_err().errno, super::NOT_SUPPORTED);
    let dump = Statedump::new(&wanted("all mem ")).unwrap();
    let volume = lab.daemon.volume("v").unwrap().volume;
    lab.bricks.running.lock().unwrap().remove(&volume.bricks[1].path);
    assert_eq!(dump.order(&lab.daemon, &volume.bricks[1]), None);
    let file = dump.order(&lab.daemon, &volume.bricks[0]).unwrap();
    assert!(file.ends_with("run/glusterdump.7.options"), "{}", file.display());
    assert_eq!(std::fs::read_to_string(file).unwrap(), "all=yes\nmem=yes\n");
    assert_eq!(*lab.bricks.told.lock().unwrap(), [(volume.bricks[0].path.clone(), Signal::USR1)]);
}

#[test]
fn a_crash_in_a_set_leaves_the_old_options_or_the_new_ones() {
    let pairs = || {
        named("v")
            .with("key1", "network.ping-timeout")
            .with("value1", "7")
            .with("key2", "performance.cache-size")
            .with("value2", "64MB")
            .with("count", "4")
    };
    crash_everywhere(
        |lab| assert_eq!(lab.create("v", &["b1"]).op_ret, 0),
        |lab| lab.command(Set::new, pairs()),
        |_, after| {
            let volume = after.volume("v").unwrap().volume;
            let set = |name: &str| volume.options.get(name).is_some();
            assert_eq!(set("network.ping-timeout"), set("performance.cache-size"));
            assert_eq!(volume.version, if set("network.ping-timeout") { 2 } else { 1 });
        },
    );
}

#[test]
fn a_crash_in_a_delete_leaves_the_volume_or_nothing() {
    crash_everywhere(
        |lab| assert_eq!(lab.create("v", &["b1"]).op_ret, 0),
        |lab| lab.command(Delete::new, named("v")),
        |lab, after| {
            assert!(!lab.daemon.config.paths.trash().exists());
            if let Some(stored) = after.volume("v") {
                assert_eq!(stored.volume.bricks.len(), 1);
            }
        },
    );
}
