//! Bricks, services and an outside that only remember what they are told.

use crate::brick::Brick;
use crate::bricks::runner::{BrickFault, Order, Runner, Standing};
use crate::daemon::Outside;
use crate::hooks::Hook;
use crate::links::Question;
use crate::services;
use crate::services::runner::{Change, ChangeFault, Running, ServiceFault, Walk};
use crate::services::service::Service;
use gluster_xdr::brickop::{BrickOpRsp, BrickProc};
use plugin_api::Dict;
use plugin_api::rt::BoxFuture;
use rustix::process::Signal;
use std::collections::BTreeSet;
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::sync::Mutex;

/// Bricks that run when they are told to, and are known by their paths.
#[derive(Debug, Default)]
pub(super) struct FakeBricks {
    pub(super) running: Mutex<BTreeSet<String>>,
    /// Signals, in the order they were sent.
    pub(super) told: Mutex<Vec<(String, Signal)>>,
    /// A brick that never starts.
    pub(super) broken: Mutex<Option<String>>,
}

impl Runner for FakeBricks {
    fn start(&self, order: Order) -> BoxFuture<Result<u16, BrickFault>> {
        let path = order.brick.path;
        let result = if self.broken.lock().unwrap().as_ref() == Some(&path) {
            Err(BrickFault::Start { brick: path, reason: "it is broken".into(), log: String::new() })
        } else {
            self.running.lock().unwrap().insert(path);
            Ok(49152)
        };
        Box::pin(std::future::ready(result))
    }

    fn stop(&self, _volume: &str, brick: &Brick) -> BoxFuture<Result<(), BrickFault>> {
        self.running.lock().unwrap().remove(&brick.path);
        Box::pin(std::future::ready(Ok(())))
    }

    fn standing(&self, _volume: &str, brick: &Brick) -> Standing {
        Standing { pid: self.running.lock().unwrap().contains(&brick.path).then_some(7) }
    }

    fn signal(&self, _volume: &str, brick: &Brick, signal: Signal) -> bool {
        let is_running = self.running.lock().unwrap().contains(&brick.path);
        if is_running {
            self.told.lock().unwrap().push((brick.path.clone(), signal));
        }
        is_running
    }

    fn ask(
        &self,
        _: &str,
        brick: &Brick,
        procedure: BrickProc,
        request: Dict,
    ) -> BoxFuture<Result<Dict, BrickFault>> {
        if procedure == BrickProc::XlatorInfo {
            return Box::pin(std::future::ready(Ok(request)));
        }
        let silent = BrickFault::Silent { brick: brick.path.clone(), reason: "it is a fake".into() };
        Box::pin(std::future::ready(Err(silent)))
    }
}

/// Services that run when they are told to, and are known by their pid files.
#[derive(Debug, Default)]
pub(super) struct FakeServices {
    pub(super) running: Mutex<BTreeSet<PathBuf>>,
    /// Every question, by procedure and name.
    pub(super) asked: Mutex<Vec<(BrickProc, String)>>,
    /// What the next question is answered with.
    pub(super) answer: Mutex<Dict>,
    /// Attributes written through a mount.
    pub(super) marks: Mutex<Vec<(&'static str, String)>>,
    /// Attributes changed below a mount.
    pub(super) changed: Mutex<Vec<Change>>,
    /// Processes that were told to end and are waited for.
    pub(super) seen_off: Mutex<Vec<PathBuf>>,
    /// Walks that were begun.
    pub(super) walks: Mutex<Vec<Walk>>,
    /// Mounts made for others.
    pub(super) shown: Mutex<Vec<PathBuf>>,
}

impl services::runner::Runner for FakeServices {
    fn start(&self, service: Service) -> BoxFuture<Result<(), ServiceFault>> {
        self.running.lock().unwrap().insert(service.pidfile);
        Box::pin(std::future::ready(Ok(())))
    }

    fn stop(&self, _: &'static str, pidfile: &Path) -> BoxFuture<Result<(), ServiceFault>> {
        self.running.lock().unwrap().remove(pidfile);
        Box::pin(std::future::ready(Ok(())))
    }

    fn running(&self, pidfile: &Path) -> Option<Running> {
        let is_running = self.running.lock().unwrap().contains(pidfile);
        is_running.then(|| Running { pid: 9, socket: Some("/fake.socket".into()) })
    }

    fn signal(&self, pidfile: &Path, _: Signal) -> bool {
        self.running.lock().unwrap().contains(pidfile)
    }

    fn see_off(&self, _: &'static str, pidfile: &Path) {
        self.seen_off.lock().unwrap().push(pidfile.to_owned());
    }

    fn ended(&self, _: &Path) -> BoxFuture<()> {
        Box::pin(std::future::pending())
    }

    fn ask(
        &self,
        _: &'static str,
        _: &Path,
        question: Question,
    ) -> BoxFuture<Result<BrickOpRsp, ServiceFault>> {
        let pidfile = question.dict.str("pidfile").map(PathBuf::from);
        let mut running = self.running.lock().unwrap();
        match question.procedure {
            BrickProc::SvcAttach => drop(running.insert(pidfile.unwrap())),
            BrickProc::SvcDetach => {
                let volume = question.name.strip_prefix("shd/").unwrap();
                running.retain(|path| !path.ends_with(format!("{volume}-shd.pid")));
            }
            _ => {}
        }
        self.asked.lock().unwrap().push((question.procedure, question.name));
        let output = std::mem::take(&mut *self.answer.lock().unwrap());
        Box::pin(std::future::ready(Ok(BrickOpRsp { output, ..BrickOpRsp::default() })))
    }

    fn mark(
        &self,
        _: Vec<OsString>,
        attribute: &'static str,
        value: String,
    ) -> BoxFuture<Result<(), String>> {
        self.marks.lock().unwrap().push((attribute, value));
        Box::pin(std::future::ready(Ok(())))
    }

    fn change(&self, _: Vec<OsString>, change: Change) -> BoxFuture<Result<(), ChangeFault>> {
        let mut changed = self.changed.lock().unwrap();
        let same = |done: &&Change| done.path == change.path && done.attribute == change.attribute;
        let is_there = changed.iter().rfind(same).is_some_and(|done| done.value.is_some());
        if change.value.is_none() && !is_there {
            return Box::pin(std::future::ready(Err(ChangeFault::Answer(rustix::io::Errno::NODATA))));
        }
        changed.push(change);
        Box::pin(std::future::ready(Ok(())))
    }

    fn read(
        &self,
        _: Vec<OsString>,
        path: String,
        attribute: String,
    ) -> BoxFuture<Result<Vec<u8>, ChangeFault>> {
        let answer = match path.as_str() {
            "/none" => Err(ChangeFault::Answer(rustix::io::Errno::NOENT)),
            _ => Ok(format!("{attribute} of {path}").into_bytes()),
        };
        Box::pin(std::future::ready(answer))
    }

    fn show(&self, argv: Vec<OsString>) -> BoxFuture<Result<(), String>> {
        self.shown.lock().unwrap().push(argv.last().unwrap().into());
        Box::pin(std::future::ready(Ok(())))
    }

    fn walk(&self, walk: Walk) {
        self.walks.lock().unwrap().push(walk);
    }
}

/// Counts what the world is told.
#[derive(Debug, Default)]
pub(super) struct FakeOutside {
    pub(super) changes: Mutex<u32>,
    pub(super) hooks: Mutex<Vec<Hook>>,
}

impl Outside for FakeOutside {
    fn volfiles_changed(&self) {
        *self.changes.lock().unwrap() += 1;
    }

    fn run_later(&self, hook: Hook) {
        self.hooks.lock().unwrap().push(hook);
    }
}
