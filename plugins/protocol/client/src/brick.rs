//! The brick: its connection, whether it serves, and who hears of that.

use std::collections::VecDeque;
use std::fmt::Write;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError, RwLock, Weak};
use std::task::{Poll, Waker};

use gluster_rpc::{Client, Events};
use gluster_xdr::callback::CALLBACK;
use plugin_api::transport::TransportModuleRef;
use plugin_api::{Dict, Errno, EventKind, Handle, InitCx, InitError, IoBuf, log, open, rt};

use crate::fds::Fds;
use crate::options::Settings;
use crate::{greeting, upcall};

/// A brick on another host.
#[derive(Debug)]
pub(crate) struct Brick {
    /// The translator's place.
    pub(crate) handle: Handle,
    /// Descriptors that are open there.
    pub(crate) fds: Fds,
    /// What this client calls itself in front of the number of its sign-in.
    pub(crate) uid: String,
    /// What the process is called in a status.
    pub(crate) process_name: String,
    /// The id that the volfile was fetched by.
    pub(crate) volfile_id: String,
    /// Itself, for tasks.
    me: Weak<Brick>,
    transport: Transport,
    settings: RwLock<Arc<Settings>>,
    rpc: OnceLock<Client>,
    /// The connection on which the brick serves; 0 while it does not.
    serving: AtomicU64,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    /// The newest connection that is over.
    ended: u64,
    /// The connection to the management daemon that told the port: its end is no loss.
    asked_daemon: u64,
    /// Sign-ins so far.
    sign_ins: u64,
    /// The volume's id as the brick told it first.
    volume_id: Option<String>,
    /// What those above heard last.
    told: Option<EventKind>,
    /// What they are still to hear, in order.
    to_tell: VecDeque<EventKind>,
    /// Whether somebody is telling them.
    telling: bool,
    /// Fops that came before anybody knew whether the brick is there.
    waiting: Vec<Waker>,
}

struct Transport(TransportModuleRef);

impl std::fmt::Debug for Transport {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Transport")
    }
}

/// A process's name among all clients of all bricks.
fn context_id() -> &'static str {
    static ID: OnceLock<String> = OnceLock::new();
    ID.get_or_init(|| uuid::Uuid::new_v4().to_string())
}

impl Brick {
    /// A brick that nobody has connected to yet.
    ///
    /// # Errors
    /// A transport that cannot be loaded.
    pub(crate) fn new(cx: &InitCx<'_>, settings: Settings) -> Result<Arc<Self>, InitError> {
        static GRAPHS: AtomicU64 = AtomicU64::new(0);
        let kind = cx.text("transport-type")?;
        let plugin = if matches!(kind, "tcp" | "unix") { "socket" } else { kind };
        let transport =
            open::transport(plugin).map_err(|why| InitError(format!("transport `{kind}`: {why}")))?;
        let host = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
        let uid = format!(
            "CTX_ID:{}-GRAPH_ID:{}-PID:{}-HOST:{}-PC_NAME:{}-RECON_NO:-",
            context_id(),
            GRAPHS.fetch_add(1, Ordering::Relaxed),
            std::process::id(),
            host.trim_end(),
            cx.name()
        );
        Ok(Arc::new_cyclic(|me| Self {
            handle: cx.handle(),
            fds: Fds::default(),
            uid,
            process_name: cx.setting("process-name"),
            volfile_id: cx.setting("volfile-id"),
            me: me.clone(),
            transport: Transport(transport),
            settings: RwLock::new(Arc::new(settings)),
            rpc: OnceLock::new(),
            serving: AtomicU64::new(0),
            state: Mutex::default(),
        }))
    }

    /// Begins to connect, and goes on until it is stopped.
    pub(crate) fn start(&self) {
        let settings = self.settings();
        self.rpc.get_or_init(|| {
            let rpc = gluster_rpc::Settings {
                name: self.handle.name().to_owned(),
                frame_timeout: settings.frame_timeout,
                ping_timeout: settings.ping_timeout,
                ..gluster_rpc::Settings::default()
            };
            Client::open(self.transport.0, settings.first.clone(), rpc, Hears(self.me.clone()))
        });
    }

    /// Ends the connection for good; every call on it ends with `ENOTCONN`.
    pub(crate) fn stop(&self) {
        self.serving.store(0, Ordering::Release);
        let waiting = {
            let mut state = self.state();
            state.told.get_or_insert(EventKind::CHILD_DOWN);
            std::mem::take(&mut state.waiting)
        };
        waiting.into_iter().for_each(Waker::wake);
        if let Some(rpc) = self.rpc.get() {
            rpc.stop();
        }
    }

    /// The connection; `None` before the graph is up.
    pub(crate) fn rpc(&self) -> Option<&Client> {
        self.rpc.get()
    }

    /// The options as they are now.
    pub(crate) fn settings(&self) -> Arc<Settings> {
        self.settings.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Goes by new options from now on; to a brick that is elsewhere it connects anew, and descriptors go along.
    pub(crate) fn go_by(&self, settings: Settings) {
        let now = Arc::new(settings);
        let before = {
            let mut settings = self.settings.write().unwrap_or_else(PoisonError::into_inner);
            std::mem::replace(&mut *settings, now.clone())
        };
        let Some(rpc) = self.rpc() else { return };
        rpc.set_timeouts(now.frame_timeout, now.ping_timeout);
        if !now.is_same_place(&before) {
            log!(Info, xl: self.handle.name(), "the brick is elsewhere now", brick = now.subvolume);
            rpc.reconnect(now.first.clone());
        }
    }

    /// The connection on which fops go out; `None` while the brick does not serve.
    pub(crate) fn epoch(&self) -> Option<u64> {
        Some(self.serving.load(Ordering::Acquire)).filter(|epoch| *epoch != 0)
    }

    /// Waits until the first attempt to reach the brick has come to something: a brick that has just joined is not a brick
    /// that is away.
    pub(crate) async fn tried(&self) {
        std::future::poll_fn(|cx| {
            let mut state = self.state();
            if state.told.is_some() {
                return Poll::Ready(());
            }
            if !state.waiting.iter().any(|waker| waker.will_wake(cx.waker())) {
                state.waiting.push(cx.waker().clone());
            }
            Poll::Pending
        })
        .await;
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The number of the sign-in that begins.
    pub(crate) fn next_sign_in(&self) -> u64 {
        let mut state = self.state();
        let number = state.sign_ins;
        state.sign_ins += 1;
        number
    }

    /// Whether the brick is of the volume that it was of before; the first one decides.
    pub(crate) fn is_of(&self, volume_id: &str) -> bool {
        self.state().volume_id.get_or_insert_with(|| volume_id.to_owned()) == volume_id
    }

    /// The id of the volume, where it is known.
    pub(crate) fn volume_id(&self) -> Option<String> {
        self.settings().volume_id.clone().or_else(|| self.state().volume_id.clone())
    }

    /// The management daemon told where the brick listens: the connection to it is given up for one to there.
    pub(crate) fn go_on_to(&self, generation: u64, brick: Dict) {
        self.state().asked_daemon = generation;
        if let Some(rpc) = self.rpc() {
            rpc.reconnect(brick);
        }
    }

    /// The brick serves on this connection, unless it is over already.
    pub(crate) fn serves(&self, generation: u64) {
        let state = self.state();
        if state.ended >= generation {
            return;
        }
        self.serving.store(generation, Ordering::Release);
        self.tell(state, EventKind::CHILD_UP);
    }

    /// The brick is connected and does not serve: it said so.
    pub(crate) fn pauses(&self, generation: u64) {
        let state = self.state();
        if state.ended < generation {
            self.serving.store(0, Ordering::Release);
            self.tell(state, EventKind::CHILD_DOWN);
        }
    }

    /// Those above hear of what is no change between up and down.
    pub(crate) fn announce(&self, kind: EventKind) {
        self.tell(self.state(), kind);
    }

    /// A connection is over.
    fn lost(&self, generation: u64) {
        let mut state = self.state();
        state.ended = state.ended.max(generation);
        let serving = self.serving.load(Ordering::Acquire);
        if serving != 0 && serving <= generation {
            self.serving.store(0, Ordering::Release);
        }
        if state.asked_daemon == generation {
            return;
        }
        self.start_over(state);
    }

    /// The next attempt begins at the beginning, and those above hear that the brick is not there.
    fn start_over<'a>(&'a self, state: MutexGuard<'a, State>) {
        if let Some(rpc) = self.rpc() {
            rpc.set_options(self.settings().first.clone());
        }
        self.tell(state, EventKind::CHILD_DOWN);
    }

    /// Tells those above, once for each change, in order, and with no lock held: they may call back.
    fn tell<'a>(&'a self, mut state: MutexGuard<'a, State>, kind: EventKind) {
        let lasting = matches!(kind, EventKind::CHILD_UP | EventKind::CHILD_DOWN);
        if lasting && state.told.replace(kind) == Some(kind) {
            return;
        }
        state.to_tell.push_back(kind);
        let waiting = if lasting { std::mem::take(&mut state.waiting) } else { Vec::new() };
        let is_told = std::mem::replace(&mut state.telling, true);
        drop(state);
        waiting.into_iter().for_each(Waker::wake);
        if is_told {
            return;
        }
        state = self.state();
        while let Some(kind) = state.to_tell.pop_front() {
            drop(state);
            log!(Info, xl: self.handle.name(), "brick changed", brick = self.settings().subvolume, event = name(kind));
            self.handle.notify_up(&kind.into());
            state = self.state();
        }
        state.telling = false;
    }

    /// Lines for a statedump.
    pub(crate) fn dump(&self, out: &mut String) {
        let info = self.rpc().and_then(Client::info).unwrap_or_default();
        let serving = u8::from(self.epoch().is_some());
        let connected = u8::from(self.rpc().is_some_and(Client::is_connected));
        // Writing to a string does not fail.
        let _ = writeln!(out, "connected={connected}\nserving={serving}\npeer={}", info.peer);
        let _ =
            writeln!(out, "total_bytes_read={}\ntotal_bytes_written={}", info.bytes_read, info.bytes_written);
        let _ = writeln!(out, "sign_ins={}\nfds={}", self.state().sign_ins, self.fds.len());
    }
}

fn name(kind: EventKind) -> &'static str {
    match kind {
        EventKind::CHILD_UP => "up",
        EventKind::CHILD_DOWN => "down",
        EventKind::AUTH_FAILED => "sign-in refused",
        EventKind::VOLFILE_MODIFIED => "volfile out of date",
        _ => "other",
    }
}

/// Hears of the connection.
struct Hears(Weak<Brick>);

impl Hears {
    /// The brick, unless it is gone.
    fn brick(&self) -> Option<Arc<Brick>> {
        let brick = self.0.upgrade()?;
        // The first event may come before the one who opened the connection has put it into its place.
        brick.rpc.wait();
        Some(brick)
    }
}

impl Events for Hears {
    fn connected(&self, client: &Client) {
        if let Some(brick) = self.brick() {
            rt::spawn(greeting::greet(brick, client.generation()));
        }
    }

    fn disconnected(&self, client: &Client) {
        if let Some(brick) = self.brick() {
            brick.lost(client.generation());
        }
    }

    fn unreachable(&self, client: &Client, errno: Errno) {
        if let Some(brick) = self.brick() {
            log!(Debug, xl: brick.handle.name(), "brick cannot be reached", why = errno);
            brick.lost(client.generation());
        }
    }

    fn called_back(&self, client: &Client, program: u32, version: u32, procedure: u32, args: &IoBuf) {
        if (program, version) != (CALLBACK.number, CALLBACK.version) {
            return;
        }
        if let Some(brick) = self.brick() {
            upcall::heard(&brick, client.generation(), procedure, args);
        }
    }
}
