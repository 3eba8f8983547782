//! The daemon: what its programs and operations share.

use crate::brick::Brick;
use crate::bricks::runner::{Order, Runner};
use crate::bricks::sharing::{Neighbour, Sharing, is_compatible};
use crate::config::Config;
use crate::history::History;
use crate::hooks::{Hook, Side};
use crate::locks::LockTable;
use crate::options::parse_bool;
use crate::services;
use crate::services::aggregator::Aggregator;
use crate::services::bitrot::BitRot;
use crate::services::self_heal::SelfHeal;
use crate::services::service::Common;
use crate::state::State;
use crate::store::StoreError;
use crate::store::folder::StoredVolume;
use crate::store::rebalance_state::RebalanceState;
use crate::user_xlators::plugins::Plugins;
use crate::volgen;
use crate::volume::Volume;
use plugin_api::log;
use std::fmt::Debug;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError, Weak};
use uuid::Uuid;

/// Who is told that volfiles changed, and who runs what nobody waits for.
pub trait Outside: Debug + Send + Sync {
    /// Tells everybody who is connected to ask for its volfile again.
    fn volfiles_changed(&self);

    /// Runs scripts later, in the order in which they were handed over.
    fn run_later(&self, hook: Hook);
}

/// A daemon, with everything that lives as long as it does.
#[derive(Debug)]
pub struct Daemon {
    /// The volfile's options.
    pub config: Config,
    /// This node; it never changes.
    pub node: Uuid,
    /// Who holds what.
    pub locks: LockTable,
    /// The command history.
    pub history: History,
    /// Who runs bricks.
    pub bricks: Arc<dyn Runner>,
    /// Who runs the processes beside them.
    pub services: Arc<dyn services::runner::Runner>,
    /// The self-heal daemon of this node.
    pub self_heal: SelfHeal,
    /// Its quota daemon.
    pub aggregator: Aggregator,
    /// The processes of bit-rot detection.
    pub bitrot: BitRot,
    /// Who is told of what happens.
    pub outside: Arc<dyn Outside>,
    /// Held from the look at all bricks until a new volume's are among them, so that no two volumes get the same one;
    /// and while a volume goes.
    pub creating: tokio::sync::Mutex<()>,
    /// Whether bricks are what the store says since the start.
    pub settled: tokio::sync::watch::Sender<bool>,
    /// The translators that are installed on this node.
    pub plugins: Arc<dyn Plugins>,
    /// The daemon itself, for what goes on behind an operation; once it is up.
    pub own: OnceLock<Weak<Daemon>>,
    /// Held while a volume's files are written, so that what a rebalance reports meanwhile is not lost.
    writing: Mutex<()>,
    state: Mutex<State>,
    last_port: AtomicU32,
}

/// The first of the port numbers that the incumbent counts for new volumes; nothing listens there any more.
const FIRST_VOLUME_PORT: u32 = 24009;

/// How many bricks a process has at most unless the cluster's options say otherwise.
const MOST_BRICKS: usize = 250;

impl Daemon {
    /// A daemon on this state.
    #[must_use]
    pub fn new(
        config: Config,
        state: State,
        bricks: Arc<dyn Runner>,
        services: Arc<dyn services::runner::Runner>,
        outside: Arc<dyn Outside>,
        plugins: Arc<dyn Plugins>,
    ) -> Self {
        Self {
            node: state.node.uuid,
            history: History::new(config.paths.command_log()),
            locks: LockTable::default(),
            creating: tokio::sync::Mutex::default(),
            settled: tokio::sync::watch::Sender::new(false),
            own: OnceLock::new(),
            writing: Mutex::default(),
            state: Mutex::new(state),
            last_port: AtomicU32::new(FIRST_VOLUME_PORT),
            config,
            bricks,
            services,
            self_heal: SelfHeal::default(),
            aggregator: Aggregator::default(),
            bitrot: BitRot::default(),
            outside,
            plugins,
        }
    }

    /// The state, for a few lines: nothing that waits may happen while it is held.
    pub fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A volume as it stands now.
    #[must_use]
    pub fn volume(&self, name: &str) -> Option<StoredVolume> {
        self.state().volumes.get(name).cloned()
    }

    /// Puts a volume that is on disk in the place of its older self.
    pub fn replace(&self, stored: StoredVolume) {
        self.state().volumes.insert(stored.volume.name.clone(), stored);
    }

    /// Stores a changed volume, counts the change, and generates its volfiles anew; clients are told if they changed.
    /// Its rebalance stays as it is by now.
    ///
    /// # Errors
    /// A file cannot be written. The volume in memory stands as it was.
    pub fn store(&self, mut stored: StoredVolume) -> Result<(), StoreError> {
        stored.volume.version += 1;
        let volume = stored.volume.clone();
        self.store_uncounted(stored)?;
        self.write_volfiles(&volume)
    }

    /// As [`store`](Self::store), with the rebalance that goes with the change.
    ///
    /// # Errors
    /// A file cannot be written. The volume in memory stands as it was.
    pub fn store_with_rebalance(&self, mut stored: StoredVolume) -> Result<(), StoreError> {
        stored.volume.version += 1;
        {
            let _turn = self.writing.lock().unwrap_or_else(PoisonError::into_inner);
            stored.save(&self.config.paths)?;
            self.replace(stored.clone());
        }
        self.write_volfiles(&stored.volume)
    }

    /// Stores what peers do not count as a change of the volume, such as ports.
    ///
    /// # Errors
    /// A file cannot be written. The volume in memory stands as it was.
    pub fn store_uncounted(&self, mut stored: StoredVolume) -> Result<(), StoreError> {
        let _turn = self.writing.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(now) = self.volume(&stored.volume.name) {
            stored.rebalance = now.rebalance;
        }
        stored.save(&self.config.paths)?;
        self.replace(stored);
        Ok(())
    }

    /// Changes a volume's rebalance alone; `false` when `change` says that there is nothing to change, or there is no
    /// such volume.
    ///
    /// # Errors
    /// The file cannot be written. The state in memory stands as it was.
    pub fn change_rebalance(
        &self,
        volume: &str,
        change: impl FnOnce(&mut RebalanceState) -> bool,
    ) -> Result<bool, StoreError> {
        let _turn = self.writing.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(mut stored) = self.volume(volume) else { return Ok(false) };
        if !change(&mut stored.rebalance) {
            return Ok(false);
        }
        stored.save_rebalance(&self.config.paths)?;
        self.replace(stored);
        Ok(true)
    }

    /// Generates a volume's volfiles anew and tells clients if they changed.
    ///
    /// # Errors
    /// A file cannot be written.
    pub fn write_volfiles(&self, volume: &Volume) -> Result<(), StoreError> {
        let options = self.state().options.clone();
        if volgen::files::write(volume, &options, &self.config.paths, &*self.plugins)? {
            self.outside.volfiles_changed();
        }
        Ok(())
    }

    /// The same for every volume, after a change of the cluster's options; clients are told once.
    ///
    /// # Errors
    /// A file cannot be written.
    pub fn write_all_volfiles(&self) -> Result<(), StoreError> {
        let (options, volumes) = {
            let state = self.state();
            let volumes: Vec<Volume> = state.volumes.values().map(|stored| stored.volume.clone()).collect();
            (state.options.clone(), volumes)
        };
        let mut changed = false;
        for volume in &volumes {
            changed |= volgen::files::write(volume, &options, &self.config.paths, &*self.plugins)?;
        }
        if changed {
            self.outside.volfiles_changed();
        }
        Ok(())
    }

    /// The number that the incumbent gives out with each new volume.
    pub fn next_volume_port(&self) -> u32 {
        self.last_port.fetch_add(1, Ordering::Relaxed)
    }

    /// What starting a brick of this volume takes.
    #[must_use]
    pub fn order(&self, volume: &Volume, brick: &Brick) -> Order {
        let is_on = |name: &str| volume.options.get(name).and_then(parse_bool).unwrap_or(false);
        let localtime_logging = self.state().is_on("cluster.localtime-logging");
        Order {
            volume: volume.name.clone(),
            brick: brick.clone(),
            localtime_logging,
            global_threading: is_on("config.global-threading"),
            memory_accounting: is_on("config.memory-accounting"),
            sharing: self.sharing(volume, brick),
        }
    }

    /// How a brick may share a process: nothing unless the cluster's bricks do.
    fn sharing(&self, volume: &Volume, brick: &Brick) -> Option<Sharing> {
        let state = self.state();
        if !state.is_on("cluster.brick-multiplex") {
            return None;
        }
        let most = state.options.values.get("cluster.max-bricks-per-process");
        let most = most.and_then(|text| text.trim().parse().ok()).unwrap_or(MOST_BRICKS);
        let others =
            state.volumes.values().map(|stored| &stored.volume).filter(|other| other.name != volume.name);
        // Those of its own volume first.
        let neighbours = std::iter::once(volume).chain(others).flat_map(|other| {
            let is_own = other.name == volume.name;
            let fits = is_own || other.is_started() && is_compatible(&volume.options, &other.options);
            let here =
                other.bricks.iter().filter(|other| other.node == self.node && other.path != brick.path);
            here.map(move |brick| Neighbour { volume: other.name.clone(), brick: brick.clone(), fits })
        });
        Some(Sharing { most, neighbours: neighbours.collect() })
    }

    /// What every service's command line carries.
    #[must_use]
    pub fn service_options(&self) -> Common {
        let state = self.state();
        Common {
            localtime_logging: state.is_on("cluster.localtime-logging"),
            log_level: state.options.values.get("cluster.daemon-log-level").map(str::to_owned),
        }
    }

    /// Runs the scripts of one side of an operation: now before it, later after it.
    pub fn run_hook(&self, hook: Hook, side: Side) {
        match side {
            Side::Pre => {
                for failure in hook.run(side, &self.config.paths) {
                    log!(Warn, "hook script failed", operation = hook.operation, why = failure);
                }
            }
            Side::Post => self.outside.run_later(hook),
        }
    }

    /// Notes a command in the history.
    pub fn note(&self, command: &str, is_done: bool, said: &str) {
        if let Err(error) = self.history.note(command, is_done, said) {
            log!(Error, "the command history cannot be written", why = error);
        }
    }
}
