//! `mgmt/glusterd`: keeps volumes, bricks and peers, and answers the CLI and the other nodes about them.
//!
//! What is known:
//! * [`volume`] and [`brick`]: what a volume is; [`opversion`]: feature levels of the cluster and of volumes
//! * [`options`]: every volume option, and what it accepts
//! * [`paths`]: where everything lies on this node; [`store`]: the state folder, in the incumbent's files
//! * [`volgen`]: volumes to volfiles; [`user_xlators`]: translators that an operator puts into them
//! * [`state`]: all of it in memory; [`daemon`]: what everybody below shares
//!
//! What is done:
//! * [`config`]: the daemon's own options; [`listeners`]: where it listens, and what for
//! * [`programs`]: one file for each RPC program, on top of [`queries`] and of [`ops`], the operations and their engine
//! * [`bricks`]: checks on brick folders, and brick processes; [`services`]: processes beside them; [`links`]: questions
//!   to both; [`settle`]: both after a start
//! * [`below`]: what lies below a folder
//! * [`events`]: what happens to them, told on this node
//! * [`locks`], [`hooks`], [`history`], [`clock`], [`net`]: what operations need
#![forbid(unsafe_code)]

pub mod below;
pub mod brick;
pub mod bricks;
pub mod clock;
pub mod config;
pub mod daemon;
pub mod events;
pub mod history;
pub mod hooks;
pub mod links;
pub mod listeners;
pub mod locks;
pub mod net;
pub mod ops;
pub mod options;
pub mod opversion;
pub mod paths;
pub mod programs;
pub mod queries;
pub mod services;
pub mod settle;
pub mod state;
pub mod store;
pub mod user_xlators;
pub mod volgen;
pub mod volume;

use abi_stable::std_types::RStr;
use bricks::processes::{Arrivals, Processes};
use config::Config;
use daemon::Daemon;
use gluster_events::Event;
use history::History;
use links::Links;
use listeners::Services;
use plugin_api::options::Options;
use plugin_api::rpc_program::ObserverImpl;
use plugin_api::{Dict, InitCx, InitError, Xlator, log, open, rt, xlator};
use state::State;
use std::sync::{Arc, OnceLock, Weak};
use store::lock::StateLock;
use store::{node, restore};
use user_xlators::plugins::Installed;

/// The management daemon, as a translator without children.
#[derive(Debug, Default)]
pub struct Glusterd {
    running: Option<Running>,
}

/// What there is from `init` to `fini`.
#[derive(Debug)]
struct Running {
    services: Arc<Services>,
    links: Arc<Links>,
    daemon: Arc<Daemon>,
    _state: StateLock,
}

#[xlator(
    "mgmt/glusterd",
    allocator = "own",
    replace = "restart",
    positions = "management",
    unknown_fops = "deny",
    doc = "keeps volumes, bricks and peers, and answers the CLI and the other nodes about them"
)]
impl Xlator for Glusterd {
    fn options() -> Options {
        config::declared()
    }

    fn init(&mut self, cx: &InitCx<'_>) -> Result<(), InitError> {
        self.running = Some(start(Config::read(cx)?)?);
        Ok(())
    }

    fn dump(&self, out: &mut String) {
        let Some(running) = &self.running else { return };
        let state = running.daemon.state();
        out.push_str(&format!("uuid={}\n", running.daemon.node));
        out.push_str(&format!("op-version={}\n", state.node.op_version));
        out.push_str(&format!("volumes={}\npeers={}\n", state.volumes.len(), state.peers.len()));
        for stored in state.volumes.values() {
            let volume = &stored.volume;
            let bricks = volume.bricks.iter();
            let online =
                bricks.filter(|brick| running.daemon.bricks.standing(&volume.name, brick).is_online());
            out.push_str(&format!("volume.{}.status={:?}\n", volume.name, volume.status));
            out.push_str(&format!("volume.{}.bricks-online={}\n", volume.name, online.count()));
        }
    }

    fn fini(&self) {
        if let Some(running) = &self.running {
            running.services.close();
            // Bricks and services go on without us.
            running.links.let_go();
        }
    }
}

/// Brings the daemon up: whoever connects is answered when this returns, and bricks come up behind it.
///
/// State is restored before anybody can connect, so that nobody is told of half of it; a port that is taken is found
/// before anything but this node's own identity is written.
fn start(config: Config) -> Result<Running, InitError> {
    restore::make_folders(&config.paths)?;
    let lock = StateLock::take(&config.paths.work)?;
    let history = History::new(config.paths.command_log());
    history.check().map_err(|e| InitError(format!("{}: {e}", config.paths.command_log().display())))?;
    let outside = Services::new(&config);
    let transport = open::transport("socket").map_err(InitError)?;
    let arrivals = Arc::new(Arrivals::default());
    let range = Dict::new()
        .with("base-port", u32::from(config.base_port))
        .with("max-port", u32::from(config.max_port));
    let watcher = Arc::new(Watcher { arrivals: arrivals.clone(), daemon: OnceLock::new() });
    let ports = open::program("pmap", &range, watcher.clone().share()).map_err(InitError)?;
    bricks::claim::unclaim_unborn(&config.paths);
    let restored = restore::restore(&config.paths)?;
    for skipped in &restored.skipped {
        log!(Warn, "left out", path = skipped.path.display(), why = skipped.reason);
    }
    let state = State::from(restored);
    let links = Arc::new(Links::new(transport));
    let bricks = Processes::new(config.clone(), state.node.uuid, links.clone(), ports.clone(), arrivals);
    let beside = services::processes::Processes::new(links.clone(), config.plugin_dirs.clone());
    let (bricks, beside) = (Arc::new(bricks), Arc::new(beside));
    let told = Arc::new(Arc::downgrade(&outside));
    let daemon = Arc::new(Daemon::new(config, state, bricks, beside, told, Arc::new(Installed)));
    let _ = watcher.daemon.set(Arc::downgrade(&daemon));
    let _ = daemon.own.set(Arc::downgrade(&daemon));
    outside.register(&daemon, ports);
    outside.listen(&daemon.config, transport).map_err(InitError)?;
    if let Err(error) = refresh(&daemon) {
        outside.close();
        return Err(error);
    }
    let settling = daemon.clone();
    rt::spawn_blocking(async move { settle::all(&settling).await });
    let volumes = daemon.state().volumes.len();
    log!(Info, "services run this program", client = daemon.config.client_program.display());
    log!(Info, "management daemon is up", uuid = daemon.node, volumes = volumes);
    Ok(Running { services: outside, links, daemon, _state: lock })
}

/// Brings files up to date that another version, or a crash, has left behind.
fn refresh(daemon: &Daemon) -> Result<(), InitError> {
    let work = &daemon.config.paths.work;
    daemon.write_all_volfiles()?;
    if node::upgrade_is_due(work)? {
        node::note_upgrade(work)?;
    }
    if !work.join("options").exists() {
        daemon.state().options.save(work)?;
    }
    Ok(())
}

/// Hears from the port map which bricks come and go.
struct Watcher {
    arrivals: Arc<Arrivals>,
    daemon: OnceLock<Weak<Daemon>>,
}

impl ObserverImpl for Watcher {
    fn observed(&self, what: RStr<'_>, data: &Dict) {
        let Some(brick) = data.str("brick") else { return };
        match (what.as_str(), data.uint("port").and_then(|port| u16::try_from(port).ok())) {
            ("sign-in", Some(port)) => {
                self.arrivals.came(brick, port);
                if let Some(daemon) = self.daemon.get().and_then(Weak::upgrade) {
                    events::of_brick(&daemon, brick, Event::BrickConnected);
                    rt::spawn(settle::newcomer(daemon, brick.to_owned()));
                }
            }
            ("gone", _) => {
                self.arrivals.went(brick);
                if let Some(daemon) = self.daemon.get().and_then(Weak::upgrade) {
                    events::of_brick(&daemon, brick, Event::BrickDisconnected);
                }
            }
            ("sign-out", _) => self.arrivals.went(brick),
            _ => {}
        }
    }
}
