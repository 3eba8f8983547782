//! A section of a volfile that says `isolate yes`: the host's side of its translator.
//!
//! What a graph asks for comes in here and waits for the [`keeper`](super::keeper), which has the process; fops go past
//! it, straight to the [`Peer`].
use std::fmt;
use std::os::fd::OwnedFd;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::sync::mpsc::{RecvTimeoutError, SyncSender, sync_channel};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::Duration;

use plugin_api::abi::host::Direction;
use plugin_api::options::OptionValues;
use plugin_api::{Client, CtxKey, Errno, Event, EventKind, Handle, InitCx, IoBuf, NotifyCx};
use tokio::sync::{mpsc, watch};

use super::MEMORY_LIMIT;
use super::message::{EventNews, Wanted};
use super::peer::{Peer, event_news};

/// How long a translator may take to take new options.
const RECONFIGURE: Duration = Duration::from_secs(30);
/// How long it may take to say what it has for a statedump, or to stop.
const SHORT: Duration = Duration::from_secs(2);
/// The host itself watches over `init`; this only ends a wait that it has given up.
const INIT: Duration = Duration::from_secs(3600);

/// The library that runs apart, and how.
#[derive(Debug)]
pub struct Library {
    /// The volfile type.
    pub type_name: String,
    /// Where it lies, for messages.
    pub path: PathBuf,
    /// The file: the same build again when it is started again.
    pub file: OwnedFd,
    /// The folders of other plugins.
    pub plugin_dirs: Vec<PathBuf>,
    /// The host's own program.
    pub program: PathBuf,
}

/// A translator that runs apart.
pub(super) struct Section {
    pub(super) library: Arc<Library>,
    /// Numbers of objects lie under this.
    pub(super) key: CtxKey,
    pub(super) life: watch::Sender<Life>,
    commands: mpsc::UnboundedSender<Command>,
    handle: OnceLock<Handle>,
    heard: Mutex<Vec<EventNews>>,
    /// The process, 0 for none.
    pub(super) pid: AtomicU32,
    /// How often a process was started.
    pub(super) starts: AtomicU64,
}

/// What the process is about.
#[derive(Debug, Clone)]
pub(super) enum Life {
    /// It is being started; not for long.
    Starting,
    /// It serves.
    Up(Arc<Peer>),
    /// It crashed too often to be started again at once.
    Resting,
    /// It is gone for good.
    Over,
}

/// What the keeper is asked for.
#[derive(Debug)]
pub(super) enum Command {
    Init { name: String, children: Vec<String>, wanted: Wanted, done: Done },
    Reconfigure { wanted: Wanted, done: Done },
    Dump { done: Done },
    Fini { done: Done },
    Leave,
}

/// Where an answer goes.
pub(super) type Done = SyncSender<Result<IoBuf, String>>;

impl fmt::Debug for Section {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Section({}, {:?})", self.library.type_name, *self.life.borrow())
    }
}

impl Section {
    pub(super) fn new(library: Arc<Library>) -> (Arc<Self>, mpsc::UnboundedReceiver<Command>) {
        let (commands, asked) = mpsc::unbounded_channel();
        let section = Self {
            library,
            key: CtxKey::fresh(),
            life: watch::Sender::new(Life::Starting),
            commands,
            handle: OnceLock::new(),
            heard: Mutex::default(),
            pid: AtomicU32::new(0),
            starts: AtomicU64::new(0),
        };
        (Arc::new(section), asked)
    }

    /// The process to call. Waits while it is being started: a fop that was not sent has done nothing yet, so it may as
    /// well be sent to the next process; one that was sent may have been half done, and is not sent twice.
    pub(super) async fn peer(&self) -> Result<Arc<Peer>, Errno> {
        if let Life::Up(peer) = &*self.life.borrow()
            && !peer.is_closed()
        {
            return Ok(peer.clone());
        }
        let mut life = self.life.subscribe();
        // A process that is over stands there until its keeper has seen it.
        let passing = |life: &Life| match life {
            Life::Starting => true,
            Life::Up(peer) => peer.is_closed(),
            Life::Resting | Life::Over => false,
        };
        let settled = life.wait_for(|life| !passing(life)).await;
        match settled.as_deref() {
            Ok(Life::Up(peer)) => Ok(peer.clone()),
            Ok(Life::Starting | Life::Resting) => Err(Errno::EIO),
            Ok(Life::Over) | Err(_) => Err(Errno::ENOTCONN),
        }
    }

    /// The translator's place in its graph, once it has one.
    pub(super) fn handle(&self) -> Option<&Handle> {
        self.handle.get()
    }

    fn ask(&self, limit: Duration, command: impl FnOnce(Done) -> Command) -> Result<IoBuf, String> {
        let (done, answer) = sync_channel(1);
        let over = || "its process is gone for good".to_owned();
        self.commands.send(command(done)).map_err(|_| over())?;
        answer.recv_timeout(limit).unwrap_or_else(|error| match error {
            RecvTimeoutError::Timeout => Err(format!("no answer after {} seconds", limit.as_secs())),
            RecvTimeoutError::Disconnected => Err(over()),
        })
    }

    pub(super) fn init(&self, cx: &InitCx<'_>) -> Result<(), String> {
        let handle = self.handle.get_or_init(|| cx.handle());
        let name = handle.name().to_owned();
        let children = (0..handle.child_count()).filter_map(|n| handle.child_name(n)).map(str::to_owned);
        let (children, wanted) = (children.collect(), wanted(cx.values())?);
        self.ask(INIT, |done| Command::Init { name, children, wanted, done }).map(drop)
    }

    pub(super) fn reconfigure(&self, options: &OptionValues) -> Result<(), String> {
        let wanted = wanted(options)?;
        self.ask(RECONFIGURE, |done| Command::Reconfigure { wanted, done }).map(drop)
    }

    pub(super) fn notify(&self, cx: &NotifyCx<'_>, event: &Event) {
        let child = cx.child().and_then(|child| u32::try_from(child).ok());
        let direction = if cx.is_from_above() { Direction::Down } else { Direction::Up };
        let news = event_news(child, direction, event);
        self.remember(&news);
        if let Life::Up(peer) = &*self.life.borrow() {
            peer.tell_event(news);
        }
    }

    /// Keeps what a process that is started later has to know: that the graph is there, and how each child is.
    fn remember(&self, news: &EventNews) {
        const STATES: [EventKind; 4] =
            [EventKind::PARENT_UP, EventKind::CHILD_UP, EventKind::CHILD_DOWN, EventKind::CHILD_CONNECTING];
        if STATES.contains(&news.event.kind) {
            let mut heard = self.heard.lock().unwrap_or_else(PoisonError::into_inner);
            heard.retain(|other| other.child != news.child);
            heard.push(news.clone());
        }
    }

    /// What a process that is started again has to hear.
    pub(super) fn heard(&self) -> Vec<EventNews> {
        self.heard.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(super) fn client_gone(&self, client: &Client) {
        if let Life::Up(peer) = &*self.life.borrow() {
            peer.tell_client_gone(client);
        }
    }

    pub(super) fn dump(&self, out: &mut String) {
        let (pid, starts) = (self.pid.load(Ordering::Relaxed), self.starts.load(Ordering::Relaxed));
        out.push_str(&format!("isolate.pid={pid}\nisolate.starts={starts}\n"));
        match self.ask(SHORT, |done| Command::Dump { done }) {
            Ok(lines) => out.push_str(&String::from_utf8_lossy(&lines)),
            Err(why) => out.push_str(&format!("isolate.dump={why}\n")),
        }
    }

    pub(super) fn fini(&self) {
        if let Err(why) = self.ask(SHORT, |done| Command::Fini { done }) {
            tracing::warn!(xl = %self.name(), why, "translator does not stop");
        }
    }

    /// Lets the process go.
    pub(super) fn leave(&self) {
        let _ = self.commands.send(Command::Leave);
    }

    /// The name in the volfile, or the type before it has one.
    pub(super) fn name(&self) -> &str {
        self.handle.get().map_or(&self.library.type_name, Handle::name)
    }
}

/// What the graph tells a stand-in: options that are the translator's, and its memory limit.
fn wanted(told: &OptionValues) -> Result<Wanted, String> {
    let limit = told.get(MEMORY_LIMIT).map(str::parse).transpose();
    let memory_limit = limit.map_err(|error| format!("option `{MEMORY_LIMIT}`: {error}"))?;
    let options = told.iter().filter(|(key, _)| *key != MEMORY_LIMIT).collect();
    Ok(Wanted { options, memory_limit })
}
