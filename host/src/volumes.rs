//! Volumes: the volfiles and the graphs made from them, kept up to date while they serve.
//!
//! A process begins with the graph of its command line. A brick process may be given the graphs of other bricks and have
//! them taken away again (`attach`); each of them is a [`Served`] of its own, and none knows of the others.
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime};

use plugin_api::EventKind;
use tokio::sync::mpsc;
use tokio::task::JoinSet;

use crate::graph::activate::{Start, activate};
use crate::graph::evolve::Changed;
use crate::graph::{self, GraphError, Running, Unknown, Wishes, statedump};
use crate::install;
use crate::loader::{LoadError, Loader};
use crate::logging::{self, Level};
use crate::rpc::sign_in::{self, sign_in, sign_out};
use crate::rpc::{self, FetchError, Item, Management, ManagementError, News, Order, VolfileServer};
use crate::settings::{Settings, VolfileSource};
use crate::volfile::{self, Plan, VolfileError};
use served::{Served, Source};

mod attach;
mod inspect;
mod served;

/// So many orders may wait, those beyond are refused: a daemon may give a process all of its bricks at once.
const ORDERS: usize = 512;

/// How long all bricks of a process that ends may take to sign out.
const FAREWELL: Duration = Duration::from_secs(1);

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
    /// The first is that of the command line, until it is taken away.
    graphs: Mutex<Vec<Arc<Served>>>,
    server: Option<VolfileServer>,
    management: Option<Management>,
    orders: tokio::sync::Mutex<mpsc::Receiver<Order>>,
    /// One graph is attached at a time.
    attaching: tokio::sync::Mutex<()>,
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
    let (give, orders) = mpsc::channel(ORDERS);
    let management = match (transport, &settings.socket_file) {
        (Some(transport), Some(path)) => Some(Management::listen(transport, path, news.clone(), give)?),
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
    let volumes = Volumes {
        settings: settings.clone(),
        loader,
        news,
        graphs: Mutex::default(),
        server,
        management,
        orders: orders.into(),
        attaching: tokio::sync::Mutex::default(),
    };
    let (plan, text, unknown) = volumes.read(&Source::CommandLine).await?;
    let running = volumes.activate(plan, unknown).await?;
    let served = Served::new(settings.brick.name.clone(), Source::CommandLine, running, text);
    volumes.add(Arc::new(served)).await;
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

impl Volumes {
    /// Acts on news and orders until somebody orders the end of the process.
    pub async fn keep_up(self: &Arc<Self>) {
        let mut orders = self.orders.lock().await;
        let first = self.graphs().clone();
        for served in &first {
            self.watch(served);
            self.watch_task(served);
        }
        loop {
            // What is not taken in a branch that is given up stays where it is.
            let item = tokio::select! {
                item = self.news.next() => item,
                Some(order) = orders.recv() => {
                    self.follow(order).await;
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

    /// Ends the process when the task has ended that its graph was made for, once the daemon knows what came of it.
    fn watch_task(self: &Arc<Self>, served: &Arc<Served>) {
        let (volumes, ended) = (Arc::downgrade(self), served.running.ended());
        tokio::spawn(async move {
            let done = ended.await;
            let Some(volumes) = volumes.upgrade() else { return };
            if let Some(server) = &volumes.server {
                server.report(done).await;
            }
            volumes.news.tell(Item::Terminate);
        });
    }

    /// Who asked may be gone.
    async fn follow(self: &Arc<Self>, order: Order) {
        match order {
            Order::Reload(asker) => {
                let _ = asker.send(self.refresh().await.map_err(|error| error.to_string()));
            }
            // A translator that hangs in its start or its end keeps nobody else waiting.
            Order::Attach { volfile, pid_file, asker } => {
                let volumes = self.clone();
                tokio::spawn(async move { asker.send(volumes.attach(&volfile, pid_file).await) });
            }
            Order::Detach { brick, asker } => {
                let volumes = self.clone();
                tokio::spawn(async move { asker.send(volumes.detach(&brick).await) });
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
            self.graphs().iter().for_each(|served| served.running.notify_tops(EventKind::VOLFILE_MODIFIED));
        }
    }

    /// Writes a statedump of every graph.
    pub fn statedump(&self) {
        let now = SystemTime::now();
        let graphs = self.running();
        let folder = graphs.iter().find_map(|running| statedump::folder(running));
        let folder = folder.unwrap_or_else(|| install::STATEDUMP_DIR.into());
        let path = statedump::path(&folder, self.settings.brick.name.as_deref(), now);
        match statedump::write(&path, &graphs, now) {
            Ok(()) => tracing::info!(path = %path.display(), "wrote a statedump"),
            Err(error) => tracing::error!("{error}"),
        }
    }

    /// Signs out, stops the graphs, and waits for what is under way; what does not end in time is cut.
    pub async fn stop(&self) {
        if let Some(management) = &self.management {
            management.serve(Vec::new());
        }
        let graphs = self.graphs().clone();
        let sign_out = async {
            for served in &graphs {
                self.sign_out(served).await;
            }
        };
        let mut stopping: JoinSet<()> =
            graphs.iter().cloned().map(|served| async move { served.stop().await }).collect();
        let stop = async { while stopping.join_next().await.is_some() {} };
        // The daemon may be busy waiting for our end: its answer is not waited for before the graphs stop.
        let (signed_out, ()) = tokio::join!(tokio::time::timeout(FAREWELL, sign_out), stop);
        if signed_out.is_err() {
            tracing::info!("the daemon is busy, and learns of the end by itself");
        }
    }

    fn graphs(&self) -> MutexGuard<'_, Vec<Arc<Served>>> {
        self.graphs.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn running(&self) -> Vec<Arc<Running>> {
        self.graphs().iter().map(|served| served.running.clone()).collect()
    }

    /// Orders are about the graphs as they are now.
    fn publish(&self) {
        if let Some(management) = &self.management {
            management.serve(self.running());
        }
    }

    async fn activate(&self, plan: Plan, unknown: Unknown) -> Result<Arc<Running>, VolumesError> {
        let draft = graph::draft(plan, Wishes::from(&self.settings), unknown, &*self.loader)?;
        let Settings { init_timeout, fault_limit, .. } = self.settings;
        Ok(Arc::new(activate(draft, Start { init_timeout, fault_limit }).await?))
    }

    /// A graph serves from now on, and its brick signs in.
    async fn add(&self, served: Arc<Served>) {
        self.graphs().push(served.clone());
        self.publish();
        self.sign_in_one(&served).await;
    }

    fn brick<'a>(&'a self, served: &'a Served) -> Option<(&'a str, u16)> {
        sign_in::brick(served.brick.as_deref(), served.running.port(), &self.settings.brick)
    }

    async fn sign_in(&self) {
        let graphs = self.graphs().clone();
        for served in &graphs {
            self.sign_in_one(served).await;
        }
    }

    async fn sign_in_one(&self, served: &Served) {
        let (Some(server), Some(brick)) = (&self.server, self.brick(served)) else {
            return;
        };
        if let Err(error) = sign_in(server.client(), brick).await {
            // A daemon that was away is told at the next connection.
            tracing::error!("{error}");
        }
    }

    async fn sign_out(&self, served: &Served) {
        if let (Some(server), Some(brick)) = (&self.server, self.brick(served)) {
            sign_out(server.client(), brick).await;
        }
    }

    /// Reads the volfiles once more, and lets the graphs take what changed in them and in the plugin folder.
    ///
    /// # Errors
    /// The first of what went wrong with any of them; each of the others took its own.
    async fn refresh(&self) -> Result<Changed, VolumesError> {
        let graphs = self.graphs().clone();
        let mut all = Ok(Changed::default());
        for served in &graphs {
            let taken = self.read_and_take(served).await;
            log_taken(served, &taken);
            all = match (all, taken) {
                (Ok(all), Ok(changed)) => Ok(all.and(changed)),
                (Err(first), _) | (_, Err(first)) => Err(first),
            };
        }
        all
    }

    async fn read_and_take(&self, served: &Served) -> Result<Changed, VolumesError> {
        let (plan, text, unknown) = self.read(&served.source).await?;
        if let VolfileSource::Server(wanted) = &self.settings.volfile
            && wanted.strict
            && text != *served.text()
        {
            return Err(VolumesError::Strict);
        }
        let draft = graph::draft(plan, Wishes::from(&self.settings), unknown, &*self.loader)?;
        let running = served.running.clone();
        // Translators may take their time.
        let done = tokio::task::spawn_blocking(move || running.take(draft)).await;
        let changed = done.expect("a panic of a translator does not come this far")?;
        *served.text() = text;
        Ok(changed)
    }

    /// The plan of a graph as its volfile is now, the volfile, and what an option means there that nobody knows.
    async fn read(&self, source: &Source) -> Result<(Plan, Vec<u8>, Unknown), VolumesError> {
        match (source, &self.server, &self.settings.volfile) {
            (Source::CommandLine, Some(server), VolfileSource::Server(wanted)) => {
                let text = server.fetch().await?;
                let first = wanted.servers.first().map(String::as_str).unwrap_or_default();
                let plan = volfile::from_bytes(&format!("{} from {first}", wanted.id), &text)?;
                Ok((plan, text.to_vec(), Unknown::Warned))
            }
            (Source::CommandLine, _, VolfileSource::File(path)) => {
                let plan = volfile::load(path)?;
                let text = plan.text.clone().into_bytes();
                Ok((plan, text, Unknown::Refused))
            }
            (Source::CommandLine, None, VolfileSource::Server(_)) => {
                unreachable!("a server was opened for it at the start")
            }
            (Source::Attached { id, brick, port, .. }, Some(server), _) => {
                let text = server.fetch_of(id, brick).await?;
                let plan = volfile::from_bytes(id, &text)?;
                Ok((attach::behind_the_door(plan, *port), text.to_vec(), Unknown::Warned))
            }
            (Source::Attached { path, port, .. }, None, _) => {
                let plan = volfile::load(path)?;
                let text = plan.text.clone().into_bytes();
                Ok((attach::behind_the_door(plan, *port), text, Unknown::Warned))
            }
        }
    }
}

fn log_taken(served: &Served, taken: &Result<Changed, VolumesError>) {
    match taken {
        Ok(changed) if changed.is_nothing() => {
            tracing::debug!(brick = served.brick, "the volfile and the plugins are the same");
        }
        Ok(changed) => log_changes(changed),
        Err(error) => {
            let words = error.to_string();
            match words.contains('\n') {
                true => logging::block(Level::Error, &words),
                false => tracing::error!(brick = served.brick, "{words}; the process goes on as it is"),
            }
        }
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
    if [&changed.added, &changed.removed, &changed.rewired].iter().any(|volumes| !volumes.is_empty()) {
        let [added, removed, rewired] =
            [&changed.added, &changed.removed, &changed.rewired].map(|volumes| volumes.join(", "));
        tracing::info!(added, removed, rewired, took = ?changed.took, "the graph changed");
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
