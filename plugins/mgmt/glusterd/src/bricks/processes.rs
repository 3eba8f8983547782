//! Bricks as processes of this machine: `glusterfsd`, one for each, or for several that share it.

use super::command::BrickCommand;
use super::process::{LaunchError, Process, holder, launch};
use super::runner::{BrickFault, Order, Runner, Standing};
use super::sharing::{Host, Sharing, has_others, socket_of};
use crate::brick::Brick;
use crate::config::Config;
use crate::links::{LIMIT as ASK_LIMIT, Links, Question};
use crate::paths::brick_volfile_id;
use gluster_xdr::brickop::BrickProc;
use plugin_api::open::ProgramInstance;
use plugin_api::rt::{self, BoxFuture};
use plugin_api::{Dict, IoBuf, log};
use rustix::process::{Pid, Signal};
use std::collections::HashMap;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::ExitStatus;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;
use uuid::Uuid;

/// A brick's own parent ends when the brick serves; it is given up after this long.
const START_LIMIT: Duration = Duration::from_secs(90);
/// How long a brick that serves may take to sign in.
const SIGN_IN_LIMIT: Duration = Duration::from_secs(10);
/// How long a brick may take to end after it was asked to, and after a signal.
const END_LIMIT: Duration = Duration::from_secs(10);
/// Ports that are tried when others are faster at taking them.
const PORT_ATTEMPTS: usize = 16;
/// The exit status of a brick whose port was taken between the choice and its own bind.
const PORT_TAKEN: i32 = 98;

/// The bricks of this node.
#[derive(Debug, Clone)]
pub struct Processes(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    config: Config,
    node: Uuid,
    ports: ProgramInstance,
    arrivals: Arc<Arrivals>,
    links: Arc<Links>,
    /// Held while a brick looks for a process to share: one that another has begun is to be found.
    sharing: tokio::sync::Mutex<()>,
}

/// Which bricks have signed in, by path: the port map tells.
#[derive(Debug)]
pub struct Arrivals(watch::Sender<HashMap<String, u16>>);

impl Default for Arrivals {
    fn default() -> Self {
        Self(watch::Sender::new(HashMap::new()))
    }
}

impl Arrivals {
    /// A brick has signed in.
    pub fn came(&self, brick: &str, port: u16) {
        self.0.send_modify(|bricks| {
            bricks.insert(brick.to_owned(), port);
        });
    }

    /// A brick has signed out, or its connection has ended.
    pub fn went(&self, brick: &str) {
        self.0.send_modify(|bricks| {
            bricks.remove(brick);
        });
    }

    /// The port of a brick that is here.
    #[must_use]
    pub fn port(&self, brick: &str) -> Option<u16> {
        self.0.borrow().get(brick).copied()
    }

    async fn wait(&self, brick: &str, limit: Duration) -> Option<u16> {
        let mut bricks = self.0.subscribe();
        let here = rt::timeout(limit, bricks.wait_for(|bricks| bricks.contains_key(brick))).await;
        here.and_then(Result::ok).and_then(|bricks| bricks.get(brick).copied())
    }
}

impl Processes {
    /// The bricks of `node`, which sign in at `ports` and are heard of through `arrivals`.
    #[must_use]
    pub fn new(
        config: Config,
        node: Uuid,
        links: Arc<Links>,
        ports: ProgramInstance,
        arrivals: Arc<Arrivals>,
    ) -> Self {
        let sharing = tokio::sync::Mutex::default();
        Self(Arc::new(Inner { config, node, ports, arrivals, links, sharing }))
    }
}

impl Runner for Processes {
    fn start(&self, order: Order) -> BoxFuture<Result<u16, BrickFault>> {
        let inner = self.0.clone();
        Box::pin(async move { inner.start(order).await })
    }

    fn stop(&self, volume: &str, brick: &Brick) -> BoxFuture<Result<(), BrickFault>> {
        let (inner, volume, brick) = (self.0.clone(), volume.to_owned(), brick.clone());
        Box::pin(async move { inner.stop(&volume, &brick).await })
    }

    fn standing(&self, volume: &str, brick: &Brick) -> Standing {
        let pid = holder(&self.0.config.paths.brick_pidfile(volume, brick));
        Standing { pid: pid.map(|pid| pid.as_raw_nonzero().get()) }
    }

    fn signal(&self, volume: &str, brick: &Brick, signal: Signal) -> bool {
        let process = Process::holding(&self.0.config.paths.brick_pidfile(volume, brick));
        process.inspect(|process| process.signal(signal)).is_some()
    }

    fn ask(
        &self,
        volume: &str,
        brick: &Brick,
        procedure: BrickProc,
        request: Dict,
    ) -> BoxFuture<Result<Dict, BrickFault>> {
        let (inner, volume, brick) = (self.0.clone(), volume.to_owned(), brick.clone());
        Box::pin(async move { inner.ask(&volume, &brick, procedure, &request, ASK_LIMIT).await })
    }
}

impl Inner {
    async fn start(&self, order: Order) -> Result<u16, BrickFault> {
        let (volume, brick) = (order.volume.as_str(), &order.brick);
        let pidfile = self.config.paths.brick_pidfile(volume, brick);
        let _turn = match order.sharing {
            Some(_) => Some(self.sharing.lock().await),
            None => None,
        };
        if let Some(pid) = holder(&pidfile) {
            return Ok(self.adopt(volume, brick, pid));
        }
        self.make_room(volume, brick, &pidfile)?;
        if let Some(port) = self.join(&order, &pidfile).await {
            return Ok(port);
        }
        for _ in 0..PORT_ATTEMPTS {
            let port = self.reserve(brick)?;
            let launched = self.launch(&order, port).await;
            match launched {
                Ok(status) if status.success() => return self.arrived(volume, brick, port).await,
                _ => self.release(port),
            }
            // Whatever came of it, it is not the brick that was asked for.
            if let Some(process) = Process::holding(&pidfile) {
                process.signal(Signal::KILL);
                process.ended_within(END_LIMIT).await;
            }
            match launched? {
                status if status.code() == Some(PORT_TAKEN) => {}
                status => return Err(self.not_started(brick, &status.to_string())),
            }
        }
        let reason = format!("{PORT_ATTEMPTS} of them were taken by others first");
        Err(BrickFault::NoPort { brick: brick.display_name(), reason })
    }

    /// Lets the brick share a process that has room for it; nothing when there is none that takes it. Answers its port.
    async fn join(&self, order: &Order, pidfile: &Path) -> Option<u16> {
        let (volume, brick) = (order.volume.as_str(), &order.brick);
        let hosts = order.sharing.as_ref().map(|sharing: &Sharing| sharing.hosts(&self.config.paths));
        for host in hosts.unwrap_or_default() {
            let pid = host.pid.as_raw_nonzero();
            match self.attach(volume, brick, pidfile, &host).await {
                Ok(()) if holder(pidfile) == Some(host.pid) => {
                    log!(Info, "brick shares a process", brick = brick.path, pid = pid);
                    let signed_in = self.arrivals.wait(&brick.path, SIGN_IN_LIMIT).await;
                    return Some(signed_in.unwrap_or(host.port));
                }
                // It cannot be told from one that ended.
                Ok(()) => {
                    log!(
                        Warn,
                        "process does not hold the pid file of its brick",
                        brick = brick.path,
                        pid = pid
                    );
                    let question = Question::new(BrickProc::Terminate, brick.path.clone(), &Dict::new());
                    let _ = self.links.ask(&host.socket, "brick", question, END_LIMIT).await;
                }
                Err(why) => {
                    log!(Warn, "process does not take a brick", brick = brick.path, pid = pid, why = why);
                }
            }
        }
        None
    }

    async fn attach(&self, volume: &str, brick: &Brick, pidfile: &Path, host: &Host) -> Result<(), String> {
        let id = brick_volfile_id(volume, &brick.host, &brick.path);
        let volfile = self.config.paths.volume(volume).join(format!("{id}.vol"));
        let question = Question {
            procedure: BrickProc::Attach,
            name: volfile.display().to_string(),
            input: IoBuf::default(),
            dict: Dict::new().with("pidfile", pidfile.display().to_string()),
        };
        let answer = self.links.ask(&host.socket, "brick", question, START_LIMIT).await?;
        match answer.op_ret {
            0 => Ok(()),
            _ => Err(format!("{} (errno {})", answer.op_errstr, answer.op_errno)),
        }
    }

    /// Takes a brick over that was there before us. It signs in again by itself, but clients need not wait for that.
    fn adopt(&self, volume: &str, brick: &Brick, pid: Pid) -> u16 {
        log!(Info, "brick runs already", brick = brick.path, pid = pid.as_raw_nonzero());
        if brick.port != 0 && self.arrivals.port(&brick.path).is_none() {
            let entry = Dict::new().with("brick", brick.path.clone()).with("port", u32::from(brick.port));
            if let Err(why) = self.ports.control("register", &entry) {
                log!(Warn, "port map refuses a brick", brick = brick.path, why = why);
            }
        }
        self.link(volume, brick);
        brick.port
    }

    /// Takes away what an earlier process left, and makes the folder of pid files.
    fn make_room(&self, volume: &str, brick: &Brick, pidfile: &Path) -> Result<(), BrickFault> {
        self.forget(volume, brick);
        let folder = pidfile.parent().expect("a pid file lies in a folder");
        std::fs::create_dir_all(folder)
            .map_err(|error| self.not_started(brick, &format!("{}: {error}", folder.display())))
    }

    fn reserve(&self, brick: &Brick) -> Result<u16, BrickFault> {
        let chosen = self.ports.control("reserve", &Dict::new().with("brick", brick.path.clone()));
        let port = chosen.and_then(|dict| {
            let port = dict.uint("port").and_then(|port| u16::try_from(port).ok());
            port.ok_or_else(|| "the port map named none".to_owned())
        });
        port.map_err(|reason| BrickFault::NoPort { brick: brick.display_name(), reason })
    }

    fn release(&self, port: u16) {
        let _ = self.ports.control("release", &Dict::new().with("port", u32::from(port)));
    }

    /// Runs the brick's command line; its parent ends once the brick serves, or why it does not.
    async fn launch(&self, order: &Order, port: u16) -> Result<ExitStatus, BrickFault> {
        let command = BrickCommand {
            program: &self.config.brick_program,
            volume: &order.volume,
            brick: &order.brick,
            paths: &self.config.paths,
            node: self.node,
            port,
            daemon_port: self.config.listen_port,
            localtime_logging: order.localtime_logging,
            global_threading: order.global_threading,
            bind_address: self.config.bind_address.as_deref(),
            address_family: self.config.address_family.as_deref(),
            memory_accounting: order.memory_accounting,
            multiplexed: order.sharing.is_some(),
        };
        launch(&command.argv(), &self.config.plugin_dirs, START_LIMIT).await.map_err(|fault| match fault {
            LaunchError::Spawn { program, reason } => BrickFault::Spawn { program, reason },
            late @ LaunchError::Late(_) => self.not_started(&order.brick, &late.to_string()),
        })
    }

    /// The brick says that it serves: it signs in, and its socket takes us.
    async fn arrived(&self, volume: &str, brick: &Brick, port: u16) -> Result<u16, BrickFault> {
        let signed_in = self.arrivals.wait(&brick.path, SIGN_IN_LIMIT).await;
        let pidfile = self.config.paths.brick_pidfile(volume, brick);
        if holder(&pidfile).is_none() {
            return Err(self.not_started(brick, "it ended as soon as it was up"));
        }
        if signed_in.is_none() {
            log!(Warn, "brick has not signed in", brick = brick.path, port = port);
        }
        self.link(volume, brick);
        Ok(signed_in.unwrap_or(port))
    }

    fn not_started(&self, brick: &Brick, reason: &str) -> BrickFault {
        BrickFault::Start {
            brick: brick.display_name(),
            reason: reason.to_owned(),
            log: self.config.paths.brick_log(brick).display().to_string(),
        }
    }

    /// The connection to the brick's socket, made if there is none. It ends with the brick.
    fn link(&self, volume: &str, brick: &Brick) {
        self.links.to(&self.socket(volume, brick), &format!("brick {}", brick.path));
    }

    /// Where the brick's process takes orders.
    fn socket(&self, volume: &str, brick: &Brick) -> PathBuf {
        let paths = &self.config.paths;
        let shared = holder(&paths.brick_pidfile(volume, brick)).and_then(socket_of);
        shared.unwrap_or_else(|| paths.brick_socket(volume, brick))
    }

    /// Forgets a brick that does not run, and removes what its process left.
    fn forget(&self, volume: &str, brick: &Brick) {
        let _ = self.ports.control("forget", &Dict::new().with("brick", brick.path.clone()));
        self.arrivals.went(&brick.path);
        let _ = std::fs::remove_file(self.config.paths.brick_pidfile(volume, brick));
        let socket = self.config.paths.brick_socket(volume, brick);
        // Bricks that came to its process later go on there.
        if UnixStream::connect(&socket).is_err() {
            self.links.forget(&socket);
            let _ = std::fs::remove_file(socket);
        }
    }

    async fn stop(&self, volume: &str, brick: &Brick) -> Result<(), BrickFault> {
        let pidfile = self.config.paths.brick_pidfile(volume, brick);
        if let Some(process) = Process::holding(&pidfile) {
            let asked = self.ask(volume, brick, BrickProc::Terminate, &Dict::new(), END_LIMIT).await;
            // A process that others share lets go of the pid file before it answers.
            let is_gone = asked.is_ok() && holder(&pidfile).is_none();
            let ended = is_gone || asked.is_ok() && process.ended_within(END_LIMIT).await;
            let may_be_ended = || !has_others(&process, &pidfile, &self.config.paths);
            if !(ended || may_be_ended() && process.end(END_LIMIT).await) {
                return Err(BrickFault::Stays { brick: brick.display_name(), pid: process.pid() });
            }
            log!(Info, "brick stopped", brick = brick.path, pid = process.pid());
        }
        self.forget(volume, brick);
        Ok(())
    }

    async fn ask(
        &self,
        volume: &str,
        brick: &Brick,
        procedure: BrickProc,
        request: &Dict,
        limit: Duration,
    ) -> Result<Dict, BrickFault> {
        let silent = |reason: String| BrickFault::Silent { brick: brick.display_name(), reason };
        let name = match procedure {
            BrickProc::Status => String::new(),
            _ => brick.path.clone(),
        };
        let socket = self.socket(volume, brick);
        let question = Question::new(procedure, name, request);
        let process = format!("brick {}", brick.path);
        let answer = self.links.ask(&socket, &process, question, limit).await.map_err(silent)?;
        if answer.op_ret != 0 {
            return Err(silent(format!("{} (errno {})", answer.op_errstr, answer.op_errno)));
        }
        Ok(answer.output)
    }
}
