//! The client: a connection that is kept up, and calls on it.

mod keeper;
mod pending;

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Poll, Waker};
use std::time::{Duration, Instant};

use abi_stable::std_types::{RResult, RString, RVec};
use gluster_xdr::rpc::{self, Caller, Credential, Status, put_call};
use gluster_xdr::{Program, Writer, Xdr, XdrError};
use plugin_api::transport::{Connection, ConnectionInfo, HandlerImpl, Message, TransportModuleRef};
use plugin_api::{Dict, Errno, IoBuf, Payload, log, rt};

use pending::Calls;
pub use pending::PendingReply;

/// How a client behaves.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Names the client in logs.
    pub name: String,
    /// A call without an answer fails after this long; seen to every ten seconds at the latest.
    pub frame_timeout: Duration,
    /// A connection on which nothing moves for this long after a ping is given up; zero for no pings.
    pub ping_timeout: Duration,
    /// An attempt to connect that takes longer is given up: a host that is gone answers nothing, and the kernel tries for
    /// two minutes.
    pub connect_timeout: Duration,
    /// How long to wait before connecting again; `None` ends the client with its first connection.
    pub reconnect: Option<Duration>,
    /// Who calls, for calls that do not say otherwise.
    pub credential: Credential,
}

impl Default for Settings {
    /// The incumbent's: half an hour for a call, no pings, a new attempt every three seconds. And twenty seconds to connect.
    fn default() -> Self {
        Self {
            name: String::new(),
            frame_timeout: Duration::from_secs(1800),
            ping_timeout: Duration::ZERO,
            connect_timeout: Duration::from_secs(20),
            reconnect: Some(Duration::from_secs(3)),
            credential: Credential::default(),
        }
    }
}

/// Who hears of a client's connection. Nothing here may block: it runs on the event pool.
pub trait Events: Send + Sync + 'static {
    /// A connection is up; calls made from now on go out on it.
    fn connected(&self, _client: &Client) {}

    /// It is over; every call on it has failed.
    fn disconnected(&self, _client: &Client) {}

    /// An attempt to connect failed; another follows when the settings say so.
    fn unreachable(&self, _client: &Client, _errno: Errno) {}

    /// The server calls back; nobody answers.
    fn called_back(&self, _client: &Client, _program: u32, _version: u32, _procedure: u32, _args: &IoBuf) {}
}

/// Hears nothing.
#[derive(Debug, Clone, Copy)]
pub struct NoEvents;

impl Events for NoEvents {}

/// Bytes waiting to be sent above which callers wait.
pub(crate) const SEND_HIGH_WATER: usize = 8 << 20;

/// Why a call gave no results.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CallError {
    /// There is no connection, or it ended before the answer.
    #[error("not connected")]
    NotConnected,
    /// No answer within the frame timeout.
    #[error("no answer in time")]
    TimedOut,
    /// The transport would not take the call.
    #[error("the call could not be sent: {0}")]
    Send(Errno),
    /// The server did not execute the call.
    #[error(transparent)]
    Status(#[from] Status),
    /// The results are none.
    #[error(transparent)]
    Xdr(#[from] XdrError),
}

impl CallError {
    /// The error as the incumbent's clients pass it on.
    #[must_use]
    pub fn errno(&self) -> Errno {
        match self {
            Self::NotConnected | Self::TimedOut | Self::Send(_) | Self::Status(_) => Errno::ENOTCONN,
            Self::Xdr(_) => Errno::EINVAL,
        }
    }
}

/// A connection to a server that is kept up until the last handle is dropped.
#[derive(Clone)]
pub struct Client(
    Arc<Inner>,
    #[allow(dead_code, reason = "held for its drop")] Option<Arc<Owner>>,
    /// The connection that an event is about.
    Option<u64>,
);

impl std::fmt::Debug for Client {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Client({})", self.0.settings.name)
    }
}

/// Stops the client when the last handle of its users goes.
struct Owner(Arc<Inner>);

impl Drop for Owner {
    fn drop(&mut self) {
        self.0.stop();
    }
}

struct Inner {
    transport: TransportModuleRef,
    settings: Settings,
    events: Box<dyn Events>,
    calls: Calls,
    link: Mutex<Link>,
    stopped: AtomicBool,
    traffic: Traffic,
    limits: Limits,
}

/// The times of the settings that may change while the client is at work.
struct Limits {
    /// In milliseconds.
    frame: AtomicU64,
    /// The same; 0 for no pings.
    ping: AtomicU64,
}

impl Limits {
    fn of(settings: &Settings) -> Self {
        let limits = Self { frame: AtomicU64::new(0), ping: AtomicU64::new(0) };
        limits.set(settings.frame_timeout, settings.ping_timeout);
        limits
    }

    fn set(&self, frame: Duration, ping: Duration) {
        for (place, limit) in [(&self.frame, frame), (&self.ping, ping)] {
            place.store(u64::try_from(limit.as_millis()).unwrap_or(u64::MAX), Ordering::Relaxed);
        }
    }

    fn frame(&self) -> Duration {
        Duration::from_millis(self.frame.load(Ordering::Relaxed))
    }

    /// `None` for no pings.
    fn ping(&self) -> Option<Duration> {
        Some(Duration::from_millis(self.ping.load(Ordering::Relaxed))).filter(|limit| !limit.is_zero())
    }
}

/// The connection, and who waits for a change of it.
struct Link {
    options: Dict,
    connection: Option<Connection>,
    /// Attempts that ended, well or not.
    attempts: u64,
    last_error: Option<Errno>,
    /// Connect at once instead of after the pause.
    hurry: bool,
    waiting: Vec<Waker>,
}

/// When bytes last went either way, microseconds from the client's start.
struct Traffic {
    start: Instant,
    received: AtomicU64,
    sent: AtomicU64,
    /// When the ping that is out was sent, or [`NO_PING`].
    pinged: AtomicU64,
}

/// No ping is out.
const NO_PING: u64 = u64::MAX;

impl Traffic {
    fn now(&self) -> u64 {
        u64::try_from(self.start.elapsed().as_micros()).unwrap_or(u64::MAX)
    }
}

impl Inner {
    fn link(&self) -> MutexGuard<'_, Link> {
        self.link.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn is_stopped(&self) -> bool {
        self.stopped.load(Ordering::Acquire)
    }

    /// Changes the link and wakes whoever waits for a change.
    fn change<R>(&self, change: impl FnOnce(&mut Link) -> R) -> R {
        let (result, waiting) = {
            let mut link = self.link();
            (change(&mut link), std::mem::take(&mut link.waiting))
        };
        waiting.into_iter().for_each(Waker::wake);
        result
    }

    /// Waits until `ready` finds what it looks for in the link.
    async fn until<R>(&self, mut ready: impl FnMut(&mut Link) -> Option<R>) -> R {
        std::future::poll_fn(|cx| {
            let mut link = self.link();
            if let Some(found) = ready(&mut link) {
                return Poll::Ready(found);
            }
            if !link.waiting.iter().any(|waker| waker.will_wake(cx.waker())) {
                link.waiting.push(cx.waker().clone());
            }
            Poll::Pending
        })
        .await
    }

    fn stop(&self) {
        self.stopped.store(true, Ordering::Release);
        if let Some(connection) = self.change(|link| link.connection.clone()) {
            connection.close();
        }
    }
}

impl Client {
    /// Starts to connect over `transport` as `options` say, and goes on as `settings` say.
    pub fn open(
        transport: TransportModuleRef,
        options: Dict,
        settings: Settings,
        events: impl Events,
    ) -> Self {
        let link = Link {
            options,
            connection: None,
            attempts: 0,
            last_error: None,
            hurry: false,
            waiting: Vec::new(),
        };
        let traffic = Traffic {
            start: Instant::now(),
            received: AtomicU64::new(0),
            sent: AtomicU64::new(0),
            pinged: AtomicU64::new(NO_PING),
        };
        let inner = Arc::new(Inner {
            transport,
            limits: Limits::of(&settings),
            settings,
            events: Box::new(events),
            calls: Calls::default(),
            link: Mutex::new(link),
            stopped: AtomicBool::new(false),
            traffic,
        });
        rt::spawn(keeper::keep(inner.clone()));
        rt::spawn(keeper::watch(Arc::downgrade(&inner)));
        Self(inner.clone(), Some(Arc::new(Owner(inner))), None)
    }

    /// A client as its own events see it: it does not keep itself alive.
    fn borrowed(inner: &Arc<Inner>, generation: u64) -> Self {
        Self(inner.clone(), None, Some(generation))
    }

    /// Numbers the connections, from 1 on: of the client that an event brings the one that the event is about, else the
    /// newest. What a server gave out on one connection (descriptors) means nothing on the next.
    #[must_use]
    pub fn generation(&self) -> u64 {
        self.2.unwrap_or_else(|| self.0.link().attempts)
    }

    /// Waits for the first attempt to connect.
    ///
    /// # Errors
    /// Why it failed; a client that reconnects goes on trying.
    pub async fn ready(&self) -> Result<(), Errno> {
        self.0
            .until(|link| {
                let done = link.connection.is_some() || link.attempts > 0;
                done.then(|| {
                    link.connection.as_ref().map(drop).ok_or(link.last_error.unwrap_or(Errno::ENOTCONN))
                })
            })
            .await
    }

    /// Whether a connection is up.
    #[must_use]
    pub fn is_connected(&self) -> bool {
        self.0.link().connection.is_some()
    }

    /// Both ends and byte counts of the connection that is up.
    #[must_use]
    pub fn info(&self) -> Option<ConnectionInfo> {
        self.0.link().connection.as_ref().map(Connection::info)
    }

    /// Ends the connection; another follows when the settings say so.
    pub fn disconnect(&self) {
        let connection = self.0.link().connection.clone();
        if let Some(connection) = connection {
            connection.close();
        }
    }

    /// Ends the connection if it still is the one of this generation.
    pub fn disconnect_in(&self, generation: u64) {
        let connection = {
            let link = self.0.link();
            link.connection.clone().filter(|_| link.attempts == generation)
        };
        if let Some(connection) = connection {
            connection.close();
        }
    }

    /// Ends the connection and connects at once as `options` say: how a client goes from the port map to a brick.
    pub fn reconnect(&self, options: Dict) {
        let connection = self.0.change(|link| {
            link.options = options;
            link.hurry = true;
            link.connection.clone()
        });
        if let Some(connection) = connection {
            connection.close();
        }
    }

    /// Changes how the next connection is made.
    pub fn set_options(&self, options: Dict) {
        self.0.link().options = options;
    }

    /// Changes the times of the settings: for calls made from now on, and for pings.
    pub fn set_timeouts(&self, frame: Duration, ping: Duration) {
        self.0.limits.set(frame, ping);
    }

    /// Ends the client: no connection, no further attempt.
    pub fn stop(&self) {
        self.0.stop();
    }

    /// Makes a call with the client's own credential and waits for its results.
    ///
    /// # Errors
    /// Why there are none.
    pub async fn call<Q: Xdr, R: Xdr>(
        &self,
        program: Program,
        procedure: u32,
        args: &Q,
    ) -> Result<R, CallError> {
        self.room().await;
        let caller = Caller::V2(&self.0.settings.credential);
        let reply = self.start(program, procedure, caller, |w| args.put(w), Payload::default());
        Ok(gluster_xdr::decode(&reply.await?)?)
    }

    /// Waits until the connection takes more, or there is none: before a large payload, so that what waits to be sent
    /// stays bounded.
    pub async fn room(&self) {
        let has_room = |link: &mut Link| {
            let queued = link.connection.as_ref().map_or(0, Connection::queued);
            (queued < SEND_HIGH_WATER).then_some(())
        };
        self.0.until(has_room).await;
    }

    /// Sends a call; the answer is the reply's results, as XDR. A payload goes out behind the arguments, uncopied.
    pub fn start(
        &self,
        program: Program,
        procedure: u32,
        caller: Caller<'_>,
        args: impl FnOnce(&mut Writer),
        payload: Payload,
    ) -> PendingReply {
        let connection = self.0.link().connection.clone();
        self.note_sent();
        self.start_on(connection, program, procedure, caller, args, payload)
    }

    /// As [`start`](Self::start), but only on the connection of this generation: a call that names what the server gave out
    /// on it never reaches another server.
    pub fn start_in(
        &self,
        generation: u64,
        program: Program,
        procedure: u32,
        caller: Caller<'_>,
        args: impl FnOnce(&mut Writer),
        payload: Payload,
    ) -> PendingReply {
        let connection = {
            let link = self.0.link();
            link.connection.clone().filter(|_| link.attempts == generation)
        };
        self.note_sent();
        self.start_on(connection, program, procedure, caller, args, payload)
    }

    /// Notes that somebody calls; pings do not count.
    fn note_sent(&self) {
        self.0.traffic.sent.store(self.0.traffic.now(), Ordering::Relaxed);
    }

    fn start_on(
        &self,
        connection: Option<Connection>,
        program: Program,
        procedure: u32,
        caller: Caller<'_>,
        args: impl FnOnce(&mut Writer),
        payload: Payload,
    ) -> PendingReply {
        let Some(connection) = connection else {
            return PendingReply::failed(CallError::NotConnected);
        };
        let deadline = Instant::now() + self.0.limits.frame();
        let (reply, xid) = PendingReply::register(&self.0, connection.object_id(), deadline);
        let mut w = Writer::default();
        put_call(&mut w, xid, program, procedure, caller);
        args(&mut w);
        match connection.send(Message { head: w.into_bytes().into(), payload }) {
            RResult::ROk(()) => {
                self.ping();
                reply
            }
            RResult::RErr(errno) if errno == Errno::ENOTCONN.raw() => {
                PendingReply::failed(CallError::NotConnected)
            }
            RResult::RErr(errno) => PendingReply::failed(CallError::Send(Errno::from_raw(errno))),
        }
    }
}

/// Takes the records of one connection.
struct Receive {
    client: Arc<Inner>,
    /// The number of the connection.
    generation: u64,
    /// Set under the link's lock: a connection may end before the attempt that made it returns.
    closed: AtomicBool,
}

impl HandlerImpl for Receive {
    fn received(&self, connection: &Connection, records: RVec<IoBuf>) {
        self.client.traffic.received.store(self.client.traffic.now(), Ordering::Relaxed);
        for record in records {
            match rpc::Message::decode(&record) {
                Ok(rpc::Message::Reply(reply)) => {
                    let result = match reply.status {
                        Status::Success => Ok(reply.body),
                        status => Err(status.into()),
                    };
                    self.client.calls.finish(reply.xid, result);
                }
                Ok(rpc::Message::Call(call)) => {
                    let client = Client::borrowed(&self.client, self.generation);
                    let events = &self.client.events;
                    events.called_back(&client, call.program, call.version, call.procedure, &call.args);
                }
                Err(e) => {
                    log!(Warn, "record is no rpc message", client = self.client.settings.name, why = e);
                    connection.close();
                }
            }
        }
    }

    fn drained(&self, _connection: &Connection) {
        // Wakes who waits for room.
        self.client.change(|_| ());
    }

    fn closed(&self, connection: &Connection, reason: RString) {
        log!(Debug, "connection closed", client = self.client.settings.name, reason = reason);
        let was_up = self.client.change(|link| {
            self.closed.store(true, Ordering::Release);
            let ours = link.connection.as_ref().is_some_and(|own| own.same(connection));
            ours.then(|| link.connection.take())
        });
        if was_up.is_some() {
            self.client.traffic.pinged.store(NO_PING, Ordering::Release);
        }
        self.client.calls.fail_all(connection.object_id(), &CallError::NotConnected);
        if was_up.is_some() {
            self.client.events.disconnected(&Client::borrowed(&self.client, self.generation));
        }
    }
}
