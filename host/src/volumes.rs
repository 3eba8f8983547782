//! Volumes: the volfile and the graph made from it, kept up to date while it serves.
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use plugin_api::{EventKind, IoBuf};
use tokio::sync::mpsc;

use crate::graph::activate::{Start, activate};
use crate::graph::evolve::Changed;
use crate::graph::{self, GraphError, Running, Unknown, Wishes, statedump};
use crate::install;
use crate::loader::{LoadError, Loader};
use crate::logging::{self, Level};
use crate::rpc::sign_in::{self, sign_in, sign_out};
use crate::rpc::{self, FetchError, Item, Management, ManagementError, News, Reload, VolfileServer};
use crate::settings::{Settings, VolfileSource};
use crate::volfile::{self, Plan, VolfileError};

/// How long calls and translators may take to end, once the process is told to.
const GRACE: Duration = Duration::from_secs(5);

/// So many orders to reload may wait, those beyond are refused.
const RELOADS: usize = 8;

/// How often it is looked whether they have.
const LOOK: Duration = Duration::from_millis(5);

/// The graph cannot be had.
#[derive(Debug, thiserror::Error)]
pub enum VolumesError {
    /// The volfile cannot be used.
    #[error(transparent)]
    Volfile(#[from] VolfileError),
    /// Its graph cannot.
    #[error(transparent)]
    Graph(#[from] GraphError),
    /// The volfile cannot be fetched.
    #[error(transparent)]
    Fetch(#[from] FetchError),
    /// There is nothing to fetch it with.
    #[error("the transport for management cannot be opened: {0}")]
    Transport(#[from] LoadError),
    /// The management socket cannot be had.
    #[error(transparent)]
    Management(#[from] ManagementError),
    /// The volfile is another one than at the start, which was to be noticed.
    #[error("the volfile changed, which --volfile-check refuses")]
    Strict,
}

/// What a process serves.
#[derive(Debug)]
pub struct Volumes {
    settings: Settings,
    loader: Arc<Loader>,
    news: Arc<News>,
    running: Arc<Running>,
    /// The volfile that is in force, as it came.
    text: Mutex<Vec<u8>>,
    server: Option<VolfileServer>,
    management: Option<Management>,
    reloads: tokio::sync::Mutex<mpsc::Receiver<Reload>>,
}

/// Listens for orders where `-S` says so, gets the volfile, and makes a graph that serves of it; a brick has signed in
/// when this returns.
/// # Errors
/// The first of these steps that fails; nothing of it is left then.
pub async fn init(settings: &Settings, loader: Arc<Loader>) -> Result<Volumes, VolumesError> {
    let news = Arc::new(News::default());
    let transport = match (&settings.socket_file, &settings.volfile) {
        (None, VolfileSource::File(_)) => None,
        _ => Some(rpc::transport(&loader)?),
    };
    let (orders, reloads) = mpsc::channel(RELOADS);
    let management = match (transport, &settings.socket_file) {
        (Some(transport), Some(path)) => Some(Management::listen(transport, path, news.clone(), orders)?),
        _ => None,
    };
    let server = match (transport, &settings.volfile) {
        (Some(transport), VolfileSource::Server(wanted)) => {
            let server = VolfileServer::open(transport, wanted, settings, news.clone());
            connected(&server, &news).await?;
            Some(server)
        }
        _ => None,
    };
    let (plan, text, unknown) = match (&server, &settings.volfile) {
        (Some(server), _) => {
            let text = server.fetch().await?;
            (parse_fetched(settings, &text)?, text.to_vec(), Unknown::Warned)
        }
        (None, VolfileSource::File(path)) => {
            let plan = volfile::load(path)?;
            let text = plan.text.clone().into_bytes();
            (plan, text, Unknown::Refused)
        }
        (None, VolfileSource::Server(_)) => unreachable!("a server was opened for it above"),
    };
    let draft = graph::draft(plan, Wishes::from(settings), unknown, &*loader)?;
    let start = Start { init_timeout: settings.init_timeout, fault_limit: settings.fault_limit };
    let running = Arc::new(activate(draft, start).await?);
    if let Some(management) = &management {
        management.serve(Some(running.clone()));
    }
    let (settings, text, reloads) = (settings.clone(), Mutex::new(text), reloads.into());
    let volumes = Volumes { settings, loader, news, running, text, server, management, reloads };
    volumes.sign_in().await;
    Ok(volumes)
}

/// Waits for the first connection, or until all servers have failed.
async fn connected(server: &VolfileServer, news: &News) -> Result<(), VolumesError> {
    loop {
        match news.next().await {
            Item::Connected => return Ok(()),
            Item::GaveUp => return Err(server.why_unreachable().into()),
            Item::Fetch | Item::Statedump | Item::Terminate => {}
        }
    }
}

fn parse_fetched(settings: &Settings, text: &IoBuf) -> Result<Plan, VolfileError> {
    let VolfileSource::Server(wanted) = &settings.volfile else { unreachable!("it was fetched from one") };
    let first = wanted.servers.first().map(String::as_str).unwrap_or_default();
    volfile::from_bytes(&format!("{} from {first}", wanted.id), text)
}

impl Volumes {
    /// Acts on news and orders until somebody orders the end of the process.
    pub async fn keep_up(&self) {
        let mut reloads = self.reloads.lock().await;
        loop {
            // What is not taken in a branch that is given up stays where it is.
            let item = tokio::select! {
                item = self.news.next() => item,
                Some(asker) = reloads.recv() => {
                    // Who asked may be gone.
                    let _ = asker.send(self.refresh().await.map_err(|error| error.to_string()));
                    continue;
                }
            };
            match item {
                Item::Terminate => return,
                Item::Connected => {
                    let _ = self.refresh().await;
                    self.sign_in().await;
                }
                // What came of it was logged.
                Item::Fetch => drop(self.refresh().await),
                Item::Statedump => self.statedump(),
                // Only a start gives up.
                Item::GaveUp => {}
            }
        }
    }

    /// After SIGHUP: a new log file, the volfile once more, and plugins of which there is another build; translators of a
    /// local volfile are told.
    pub fn hang_up(&self) {
        if let Err(error) = logging::reopen() {
            tracing::error!(%error, "the log could not be opened anew");
        }
        self.news.tell(Item::Fetch);
        if self.server.is_none() {
            self.running.notify_tops(EventKind::VOLFILE_MODIFIED);
        }
    }

    /// Writes a statedump.
    pub fn statedump(&self) {
        let now = SystemTime::now();
        let folder = statedump::folder(&self.running).unwrap_or_else(|| install::STATEDUMP_DIR.into());
        let path = statedump::path(&folder, self.settings.brick.name.as_deref(), now);
        match statedump::write(&path, Some(&self.running), now) {
            Ok(()) => tracing::info!(path = %path.display(), "wrote a statedump"),
            Err(error) => tracing::error!("{error}"),
        }
    }

    /// Signs out, stops the graph, and waits for what is under way; what does not end in time is cut.
    pub async fn stop(&self) {
        if let Some(management) = &self.management {
            management.serve(None);
        }
        // The daemon may be busy waiting for our end: its answer is not waited for before the graph stops.
        tokio::join!(self.sign_out(), self.stop_graph());
    }

    async fn sign_out(&self) {
        if let (Some(server), Some(brick)) = (&self.server, self.brick()) {
            sign_out(server.client(), brick).await;
        }
    }

    async fn stop_graph(&self) {
        let running = self.running.clone();
        let stopped = tokio::task::spawn_blocking(move || running.stop());
        if tokio::time::timeout(GRACE, stopped).await.is_err() {
            return tracing::warn!(seconds = GRACE.as_secs(), "a translator does not stop, and is cut");
        }
        let end = tokio::time::Instant::now() + GRACE;
        // Nobody tells when the last call ends, so it is looked at; a process ends once.
        while self.running.users() > 0 && tokio::time::Instant::now() < end {
            tokio::time::sleep(LOOK).await;
        }
        match self.running.users() {
            0 => tracing::debug!("all calls have ended"),
            users => {
                tracing::warn!(users, seconds = GRACE.as_secs(), "calls did not end in time, and are cut")
            }
        }
    }

    fn brick(&self) -> Option<(&str, u16)> {
        sign_in::brick(&self.settings.brick, self.running.port())
    }

    async fn sign_in(&self) {
        let (Some(server), Some(brick)) = (&self.server, self.brick()) else {
            return;
        };
        if let Err(error) = sign_in(server.client(), brick).await {
            // A daemon that was away is told at the next connection.
            tracing::error!("{error}");
        }
    }

    /// Reads the volfile once more, and lets the graph take what changed in it and in the plugin folder.
    async fn refresh(&self) -> Result<Changed, VolumesError> {
        let taken = self.read_and_take().await;
        match &taken {
            Ok(changed) if changed.is_nothing() => {
                tracing::debug!("the volfile and the plugins are the same")
            }
            Ok(changed) => log_changes(changed),
            Err(error) => {
                let words = error.to_string();
                match words.contains('\n') {
                    true => logging::block(Level::Error, &words),
                    false => tracing::error!("{words}; the process goes on as it is"),
                }
            }
        }
        taken
    }

    async fn read_and_take(&self) -> Result<Changed, VolumesError> {
        let (plan, text, unknown) = match (&self.server, &self.settings.volfile) {
            (Some(server), VolfileSource::Server(wanted)) => {
                let text = server.fetch().await?;
                if wanted.strict && *text != **self.text() {
                    return Err(VolumesError::Strict);
                }
                (parse_fetched(&self.settings, &text)?, text.to_vec(), Unknown::Warned)
            }
            (_, VolfileSource::File(path)) => {
                let plan = volfile::load(path)?;
                let text = plan.text.clone().into_bytes();
                (plan, text, Unknown::Refused)
            }
            (None, VolfileSource::Server(_)) => unreachable!("a server was opened for it at the start"),
        };
        let draft = graph::draft(plan, Wishes::from(&self.settings), unknown, &*self.loader)?;
        let running = self.running.clone();
        // Translators may take their time.
        let done = tokio::task::spawn_blocking(move || running.take(draft)).await;
        let changed = done.expect("a panic of a translator does not come this far")?;
        *self.text() = text;
        Ok(changed)
    }

    fn text(&self) -> std::sync::MutexGuard<'_, Vec<u8>> {
        self.text.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn log_changes(changed: &Changed) {
    if !changed.now.is_empty() {
        tracing::info!(options = changed.now.join(", "), "the volfile changed");
    }
    for one in &changed.replaced {
        tracing::info!(xl = %one.volume, plugin = %one.type_name, from = %one.from, to = %one.to, took = ?changed.took,
            "another build of a plugin took over");
    }
    if !changed.added.is_empty() || !changed.removed.is_empty() {
        let (added, removed) = (changed.added.join(", "), changed.removed.join(", "));
        tracing::info!(added, removed, took = ?changed.took, "the graph changed");
    }
    if !changed.later.is_empty() {
        let options = changed.later.join(", ");
        tracing::warn!(options, "these take effect when the process is started again");
    }
    for one in &changed.waiting {
        tracing::warn!(xl = %one.volume, plugin = %one.type_name, from = %one.from, to = %one.to,
            "another build of a plugin takes over when the process is started again: it keeps what clients hold");
    }
}
