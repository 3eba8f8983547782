//! Services as processes of this machine.

use super::runner::{Change, ChangeFault, Runner, Running, ServiceFault, Walk};
use super::service::Service;
use super::{mount, walk};
use crate::below::Below;
use crate::bricks::process::{Process, holder, launch};
use crate::events;
use crate::links::{LIMIT, Links, Question};
use gluster_events::Event;
use gluster_xdr::brickop::BrickOpRsp;
use plugin_api::log;
use plugin_api::rt::{self, BoxFuture};
use rustix::process::Signal;
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

/// How long a service may take until it serves.
const START_LIMIT: Duration = Duration::from_secs(60);
/// How long it may take to end after a word, and after force.
const END_LIMIT: Duration = Duration::from_secs(10);
/// A process that was told to end and has neither read nor written for this long does not end by itself.
const IDLE_LIMIT: Duration = Duration::from_secs(10);
/// Bytes that a process which stands still moves in that time all the same: its threads wake each other.
const STILL: u64 = 4096;
/// The most bytes of an attribute that is read through a mount.
const LONGEST: usize = 65_536;
/// A process is looked at again after this long when it cannot be watched.
const WATCH_PAUSE: Duration = Duration::from_secs(3600);

/// The services of this node.
#[derive(Debug, Clone)]
pub struct Processes {
    links: Arc<Links>,
    /// Where they search for plugins first.
    plugin_dirs: String,
}

impl Processes {
    /// Services that are asked over `links`.
    #[must_use]
    pub fn new(links: Arc<Links>, plugin_dirs: String) -> Self {
        Self { links, plugin_dirs }
    }

    async fn run(&self, service: &Service) -> Result<(), ServiceFault> {
        let failed = |reason: String| ServiceFault::Start {
            name: service.name.to_owned(),
            reason,
            log: service.log.display().to_string(),
        };
        if Process::settled(&service.pidfile, END_LIMIT).await.is_some() {
            return Ok(());
        }
        self.clear(&service.pidfile, Some(&service.socket));
        let folder = service.pidfile.parent().expect("a pid file lies in a folder");
        std::fs::create_dir_all(folder).map_err(|error| failed(format!("{}: {error}", folder.display())))?;
        let status = launch(&service.argv, &self.plugin_dirs, START_LIMIT)
            .await
            .map_err(|error| failed(error.to_string()))?;
        if !status.success() {
            return Err(failed(status.to_string()));
        }
        log!(Info, "service started", service = service.name);
        if service.stays() {
            events::of_service(service.name, Event::ServiceConnected);
        }
        Ok(())
    }

    async fn end(&self, name: &'static str, pidfile: &Path) -> Result<(), ServiceFault> {
        let Some(process) = Process::settled(pidfile, END_LIMIT).await else {
            self.clear(pidfile, None);
            return Ok(());
        };
        let socket = socket_of(process.pid());
        if !process.end(END_LIMIT).await {
            return Err(ServiceFault::Stays { name: name.to_owned(), pid: process.pid() });
        }
        log!(Info, "service stopped", service = name, pid = process.pid());
        self.clear(pidfile, socket.as_deref());
        Ok(())
    }

    /// Takes away what a process left.
    fn clear(&self, pidfile: &Path, socket: Option<&Path>) {
        let _ = std::fs::remove_file(pidfile);
        if let Some(socket) = socket {
            self.links.forget(socket);
            let _ = std::fs::remove_file(socket);
        }
    }
}

impl Runner for Processes {
    fn start(&self, service: Service) -> BoxFuture<Result<(), ServiceFault>> {
        let own = self.clone();
        Box::pin(async move { own.run(&service).await })
    }

    fn stop(&self, name: &'static str, pidfile: &Path) -> BoxFuture<Result<(), ServiceFault>> {
        let (own, pidfile) = (self.clone(), pidfile.to_owned());
        Box::pin(async move { own.end(name, &pidfile).await })
    }

    fn running(&self, pidfile: &Path) -> Option<Running> {
        let pid = holder(pidfile)?.as_raw_nonzero().get();
        Some(Running { pid, socket: socket_of(pid) })
    }

    fn signal(&self, pidfile: &Path, signal: Signal) -> bool {
        Process::holding(pidfile).inspect(|process| process.signal(signal)).is_some()
    }

    fn see_off(&self, name: &'static str, pidfile: &Path) {
        let Some(process) = Process::holding(pidfile) else { return };
        rt::spawn(async move {
            let mut before = process.traffic();
            while !process.ended_within(IDLE_LIMIT).await {
                let now = process.traffic();
                let moved = now.zip(before).map_or(0, |(now, before)| now.saturating_sub(before));
                if moved < STILL {
                    log!(
                        Warn,
                        "a service stands still at its end: it is ended",
                        service = name,
                        pid = process.pid()
                    );
                    if !process.end(END_LIMIT).await {
                        log!(Error, "a service does not end", service = name, pid = process.pid());
                    }
                    return;
                }
                before = now;
            }
        });
    }

    fn ended(&self, pidfile: &Path) -> BoxFuture<()> {
        let pidfile = pidfile.to_owned();
        Box::pin(async move {
            while let Some(process) = Process::holding(&pidfile) {
                process.ended_within(WATCH_PAUSE).await;
            }
        })
    }

    fn ask(
        &self,
        name: &'static str,
        socket: &Path,
        question: Question,
    ) -> BoxFuture<Result<BrickOpRsp, ServiceFault>> {
        let (links, socket) = (self.links.clone(), socket.to_owned());
        Box::pin(async move {
            let asked = links.ask(&socket, name, question, LIMIT).await;
            asked.map_err(|reason| ServiceFault::Silent { name: name.to_owned(), reason })
        })
    }

    fn mark(
        &self,
        argv: Vec<OsString>,
        attribute: &'static str,
        value: String,
    ) -> BoxFuture<Result<(), String>> {
        let plugin_dirs = self.plugin_dirs.clone();
        Box::pin(async move {
            let mounted = mount::Temporary::new(argv, &plugin_dirs).await?;
            let marked = mounted.set(attribute, &value);
            mounted.end().await;
            marked
        })
    }

    fn change(&self, argv: Vec<OsString>, change: Change) -> BoxFuture<Result<(), ChangeFault>> {
        let plugin_dirs = self.plugin_dirs.clone();
        Box::pin(async move {
            let mount = mount::Temporary::new(argv, &plugin_dirs).await.map_err(ChangeFault::Mount)?;
            let place = Below::open(mount.point(), &change.path);
            let changed = place.and_then(|place| place.change(change.attribute, change.value.as_deref()));
            mount.end().await;
            changed.map_err(ChangeFault::Answer)
        })
    }

    fn read(
        &self,
        argv: Vec<OsString>,
        path: String,
        attribute: String,
    ) -> BoxFuture<Result<Vec<u8>, ChangeFault>> {
        let plugin_dirs = self.plugin_dirs.clone();
        Box::pin(async move {
            let mount = mount::Temporary::new(argv, &plugin_dirs).await.map_err(ChangeFault::Mount)?;
            let place = Below::open(mount.point(), &path);
            let read = place.and_then(|place| place.attribute::<LONGEST>(&attribute));
            mount.end().await;
            read.map_err(ChangeFault::Answer)
        })
    }

    fn show(&self, argv: Vec<OsString>) -> BoxFuture<Result<(), String>> {
        let plugin_dirs = self.plugin_dirs.clone();
        Box::pin(async move { mount::Temporary::new(argv, &plugin_dirs).await.map(drop) })
    }

    fn walk(&self, walk: Walk) {
        let plugin_dirs = self.plugin_dirs.clone();
        rt::spawn_blocking(async move {
            if let Err(why) = walk::run(walk, &plugin_dirs).await {
                log!(Warn, "a brick is not walked over to its end", why = why);
            }
        });
    }
}

/// The socket that a process was told to listen on.
fn socket_of(pid: i32) -> Option<PathBuf> {
    let words = std::fs::read(format!("/proc/{pid}/cmdline")).ok()?;
    let mut words = words.split(|byte| *byte == 0);
    words.find(|word| [&b"-S"[..], b"--socket-file"].contains(word))?;
    words.next().map(|word| PathBuf::from(String::from_utf8_lossy(word).into_owned()))
}
