//! Services: what the host gives every plugin, behind one table of functions.
//!
//! `pool` runs tasks, time and blocking work, `descriptors` watches readiness, `frames` keeps frames for reuse, `waits`
//! gives up calls that nobody answers, `inspect` shows the process to translators, `watchdog` looks after threads and memory, `table` is the line itself.
#![allow(unsafe_code, reason = "the host's side of the table that crosses into plugins")]

mod descriptors;
mod frames;
mod inspect;
mod table;
mod turns;
mod waits;
mod watchdog;

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Duration;

use tokio::runtime::{Builder, Handle, Runtime};
use tokio::sync::watch;

pub use inspect::{Inspected, be_inspected};
pub use waits::{Overdue, held, overdue};
pub use watchdog::{set_budget, watch};

use crate::loader::Loader;
use crate::settings::{Settings, VolfileSource};

/// The event pool cannot start.
#[derive(Debug, thiserror::Error)]
pub enum ServicesError {
    /// The kernel refuses threads or descriptors.
    #[error("the event pool cannot start: {0}")]
    Pool(#[from] std::io::Error),
    /// Services were started before: a process has one host.
    #[error("the host was started twice in one process")]
    Twice,
}

/// The event pool and what plugins reach through it.
#[derive(Debug)]
pub struct Services {
    runtime: Runtime,
    stop: watch::Receiver<Option<i32>>,
}

/// What the functions of the table work on: one for the process, since a table of functions has no state.
#[derive(Debug)]
struct Shared {
    pool: Handle,
    loader: Arc<Loader>,
    settings: HashMap<String, String>,
    limits: Limits,
    stop: watch::Sender<Option<i32>>,
}

static SHARED: OnceLock<Shared> = OnceLock::new();

fn shared() -> &'static Shared {
    SHARED.get().expect("the table is handed out after it is set")
}

/// What is behind a mutex; a panic under it has left it whole.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Event threads: enough that one that blocks for a moment does not stop the others, few enough to stay hot.
const EVENT_THREADS: usize = 2;
/// Threads that may block, at most.
const BLOCKING_THREADS: usize = 64;

/// Starts the event pool and makes it known to this process and to every library that `loader` opens.
///
/// # Errors
/// See [`ServicesError`].
pub fn start(settings: &Settings, loader: Arc<Loader>) -> Result<Services, ServicesError> {
    let Settings { frame_timeout, stall_limit, init_timeout, .. } = *settings;
    start_with(named(settings), Limits { frame_timeout, stall_limit, init_timeout }, loader)
}

/// How long translators may take; zero for as long as they like.
#[derive(Debug, Clone, Copy, Default)]
pub struct Limits {
    /// To answer a call, before it is given up.
    pub frame_timeout: Duration,
    /// To come back from one, before that is told.
    pub stall_limit: Duration,
    /// To start.
    pub init_timeout: Duration,
}

/// As [`start`], with settings that another process has told.
///
/// # Errors
/// See [`ServicesError`].
pub fn start_with(
    settings: HashMap<String, String>,
    limits: Limits,
    loader: Arc<Loader>,
) -> Result<Services, ServicesError> {
    let runtime = Builder::new_multi_thread()
        .worker_threads(EVENT_THREADS)
        .max_blocking_threads(BLOCKING_THREADS)
        .thread_name("event")
        .enable_all()
        .build()?;
    let (stop, stopped) = watch::channel(None);
    let shared = Shared { pool: runtime.handle().clone(), loader: loader.clone(), settings, limits, stop };
    SHARED.set(shared).map_err(|_| ServicesError::Twice)?;
    let table = table::table();
    plugin_api::abi::host::attach(table);
    loader.attach(table);
    waits::start(runtime.handle(), limits.frame_timeout);
    watchdog::start(limits.stall_limit);
    Ok(Services { runtime, stop: stopped })
}

/// The event pool of this process.
pub(crate) fn pool() -> &'static Handle {
    &shared().pool
}

/// The settings that plugins may ask for.
pub(crate) fn settings() -> &'static HashMap<String, String> {
    &shared().settings
}

/// How long translators may take.
pub(crate) fn limits() -> Limits {
    SHARED.get().map(|shared| shared.limits).unwrap_or_default()
}

impl Services {
    /// The event pool.
    #[must_use]
    pub fn runtime(&self) -> &Runtime {
        &self.runtime
    }

    /// Waits until a plugin asks for the end of the process; the exit status.
    pub async fn stop_requested(&self) -> i32 {
        let mut stop = self.stop.clone();
        match stop.wait_for(Option::is_some).await {
            Ok(status) => status.unwrap_or_default(),
            // The sender lives as long as the process.
            Err(_) => std::future::pending().await,
        }
    }
}

/// The settings that plugins may ask for, by name; what was not given is empty.
fn named(settings: &Settings) -> HashMap<String, String> {
    let path = |path: &Option<std::path::PathBuf>| path.as_ref().map(|p| p.display().to_string());
    let mut named = HashMap::new();
    let mut put = |name: &str, value: Option<String>| {
        named.insert(name.to_owned(), value.unwrap_or_default());
    };
    put("mode", Some(format!("{:?}", settings.mode).to_lowercase()));
    put("program", Some(settings.program.clone()));
    put("command-line", Some(settings.command_line.clone()));
    put("process-name", settings.process_name.clone());
    put("brick-name", settings.brick.name.clone());
    put("brick-port", settings.brick.ports.first().map(ToString::to_string));
    put("pid-file", path(&settings.pid_file));
    put("socket-file", path(&settings.socket_file));
    put("log-file", path(&settings.log.file));
    put("client-pid", settings.client_pid.map(|pid| pid.to_string()));
    put("volume-name", settings.volume_name.clone());
    put("subdir-mount", settings.mount.as_ref().and_then(|mount| mount.folder()).map(str::to_owned));
    put("client-binary", path(&settings.client_binary));
    put("plugin-dirs", beside_the_installed(&settings.plugin_dirs));
    put("program-path", std::env::current_exe().ok().map(|program| program.display().to_string()));
    if let VolfileSource::Server(server) = &settings.volfile {
        put("volfile-server", server.servers.first().cloned());
        put("volfile-server-port", Some(server.port.to_string()));
        put("volfile-id", Some(server.id.clone()));
    }
    named
}

/// The folders that are searched for plugins beside the installed one, joined by colons.
fn beside_the_installed(dirs: &[std::path::PathBuf]) -> Option<String> {
    let installed = crate::install::plugin_dir();
    let named = dirs.iter().filter(|dir| Some(*dir) != installed.as_ref());
    std::env::join_paths(named).ok()?.into_string().ok()
}
