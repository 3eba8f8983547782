//! The volfile server: a connection that is kept up, the volfile that comes over it, and its call to fetch again.
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use gluster_rpc::{CallError, Client, Events, Settings as ClientSettings};
use gluster_xdr::callback::{CALLBACK, CallbackProc, Statedump};
use gluster_xdr::handshake::{
    EventNotifyReq, EventNotifyRsp, GetspecReq, GetspecRsp, HANDSHAKE, HandshakeProc,
};
use plugin_api::transport::TransportModuleRef;
use plugin_api::{Dict, Errno, IoBuf};
use tokio::time::timeout;

use super::{Item, News};
use crate::settings::{Mode, Settings, VolfileServer as Wanted};

/// How long a server may take over a volfile.
const PATIENCE: Duration = Duration::from_secs(120);

/// How long a process that ends waits for the server.
const FAREWELL: Duration = Duration::from_secs(1);

/// The op-versions that this build can live with, as the incumbent says them.
const OP_VERSIONS: [(&str, &str); 2] = [("min-op-version", "1"), ("max-op-version", "100000")];

/// The servers that are known beside those of the command line, at most.
const LEARNT_LIMIT: usize = 64;

/// A volfile that could not be fetched.
#[derive(Debug, thiserror::Error)]
pub enum FetchError {
    /// No server could be reached.
    #[error("no volfile server answers: tried {}; {errno}", servers.join(", "))]
    Unreachable {
        /// The servers, as `host:port` or path.
        servers: Vec<String>,
        /// Why the last one could not be reached.
        errno: Errno,
    },
    /// The server has no such volfile, or does not hand it out.
    #[error("the volfile server {server} has no volfile `{id}` for us: {errno}")]
    Refused {
        /// The server.
        server: String,
        /// The key that was asked for.
        id: String,
        /// Its error.
        errno: Errno,
    },
    /// The call went wrong.
    #[error("the volfile server {server}: {source}")]
    Call {
        /// The server.
        server: String,
        /// Why there is no answer.
        source: CallError,
    },
}

impl FetchError {
    /// The error as a number: the exit code of a process that cannot start for it.
    pub fn errno(&self) -> Errno {
        match self {
            FetchError::Unreachable { .. } => Errno::ENOTCONN,
            FetchError::Refused { errno, .. } => *errno,
            FetchError::Call { source, .. } => source.errno(),
        }
    }
}

/// A connection to one of several servers, kept up until this is dropped.
#[derive(Debug)]
pub struct VolfileServer {
    client: Client,
    list: Arc<Mutex<List>>,
    ask: GetspecReq,
    id: String,
}

/// The servers in the order they are tried.
#[derive(Debug)]
struct List {
    servers: Vec<Server>,
    at: usize,
    /// Whole rounds through the list that may still fail before the start is given up.
    rounds: u32,
    was_up: bool,
    last_error: Errno,
}

#[derive(Debug, Clone, PartialEq)]
struct Server {
    name: String,
    options: Dict,
}

impl VolfileServer {
    /// Starts to connect to the servers that the settings name, first to last. `news` hears of each connection, of calls
    /// to fetch again, and when all servers have failed.
    pub fn open(
        transport: TransportModuleRef,
        wanted: &Wanted,
        settings: &Settings,
        news: Arc<News>,
    ) -> VolfileServer {
        let servers: Vec<Server> = wanted.servers.iter().map(|server| Server::new(wanted, server)).collect();
        let first = servers.first().map(|server| server.options.clone()).unwrap_or_default();
        let list =
            List { servers, at: 0, rounds: wanted.attempts, was_up: false, last_error: Errno::ENOTCONN };
        let list = Arc::new(Mutex::new(list));
        let events = Hears { list: list.clone(), news };
        let client_settings = ClientSettings { name: "glusterfs".to_owned(), ..ClientSettings::default() };
        let client = Client::open(transport, first, client_settings, events);
        VolfileServer { client, list, ask: question(wanted, settings), id: wanted.id.clone() }
    }

    /// The connection, for other programs of the same daemon.
    pub fn client(&self) -> &Client {
        &self.client
    }

    /// Asks for the volfile.
    /// # Errors
    /// The server is not there, does not answer, or has none.
    pub async fn fetch(&self) -> Result<IoBuf, FetchError> {
        self.fetch_as(&self.id, &self.ask).await
    }

    /// Asks for the volfile of another brick of this process.
    /// # Errors
    /// As [`fetch`](Self::fetch).
    pub async fn fetch_of(&self, id: &str, brick: &str) -> Result<IoBuf, FetchError> {
        let xdata = self.ask.xdata.clone().with("brick_name", brick);
        let ask = GetspecReq { flags: self.ask.flags, key: IoBuf::from(id.to_owned()), xdata };
        self.fetch_as(id, &ask).await
    }

    async fn fetch_as(&self, id: &str, ask: &GetspecReq) -> Result<IoBuf, FetchError> {
        let server = self.list().current();
        let call = self.client.call(HANDSHAKE, HandshakeProc::Getspec.number(), ask);
        let answer = match timeout(PATIENCE, call).await {
            Ok(answer) => answer,
            Err(_) => Err(CallError::TimedOut),
        };
        let answer: GetspecRsp =
            answer.map_err(|source| FetchError::Call { server: server.clone(), source })?;
        if answer.op_ret < 0 {
            let errno = Errno::from_raw(answer.op_errno);
            return Err(FetchError::Refused { server, id: id.to_owned(), errno });
        }
        self.learn(&answer.xdata);
        Ok(answer.spec)
    }

    /// Tells the daemon how a task ended that it had this process started for. One that does not answer soon sees the end
    /// of the process.
    pub async fn report(&self, done: Dict) {
        let request = EventNotifyReq { op: 0, dict: done.with("volname", self.id.as_str()) };
        let call =
            self.client.call::<_, EventNotifyRsp>(HANDSHAKE, HandshakeProc::EventNotify.number(), &request);
        match timeout(FAREWELL, call).await {
            Ok(Ok(answer)) if answer.op_ret >= 0 => tracing::info!("the daemon knows of the end"),
            Ok(Ok(answer)) => {
                tracing::warn!(errno = answer.op_errno, "the daemon does not take what came of the task")
            }
            Ok(Err(error)) => tracing::warn!(%error, "the daemon could not be told what came of the task"),
            Err(_) => tracing::warn!("the daemon is busy and was not told what came of the task"),
        }
    }

    /// Why no server could be reached.
    pub fn why_unreachable(&self) -> FetchError {
        let list = self.list();
        let servers = list.servers.iter().map(|server| server.name.clone()).collect();
        FetchError::Unreachable { servers, errno: list.last_error }
    }

    /// Notes the other daemons of the cluster, so that one of them can stand in.
    fn learn(&self, xdata: &Dict) {
        let named = xdata.str("servers-list").or_else(|| xdata.str("cluster.brick-vol-servers"));
        let mut list = self.list();
        for item in named.unwrap_or_default().split_ascii_whitespace() {
            let Some((host, port)) = item.rsplit_once(':') else { continue };
            let Ok(port) = port.parse() else { continue };
            let server = Server::tcp(host, port);
            if list.servers.len() < LEARNT_LIMIT && !list.servers.contains(&server) {
                list.servers.push(server);
            }
        }
    }

    fn list(&self) -> MutexGuard<'_, List> {
        self.list.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What is asked for, as bricks and clients ask.
fn question(wanted: &Wanted, settings: &Settings) -> GetspecReq {
    let mut xdata = Dict::new();
    for (key, value) in OP_VERSIONS {
        xdata.set(key, value);
    }
    if let Some(brick) = &settings.brick.name {
        xdata.set("brick_name", brick.as_str());
    }
    let flags = u32::from(settings.mode == Mode::Client);
    GetspecReq { flags, key: IoBuf::from(wanted.id.clone()), xdata }
}

impl Server {
    fn new(wanted: &Wanted, server: &str) -> Server {
        if wanted.transport == "unix" {
            let options = Dict::new()
                .with("transport-type", "unix")
                .with("transport.address-family", "unix")
                .with("transport.socket.connect-path", server);
            return Server { name: server.to_owned(), options };
        }
        Server::tcp(server, wanted.port)
    }

    fn tcp(host: &str, port: u16) -> Server {
        let options = Dict::new()
            .with("transport-type", "socket")
            .with("remote-host", host)
            .with("remote-port", port.to_string());
        Server { name: format!("{host}:{port}"), options }
    }
}

impl List {
    fn current(&self) -> String {
        self.servers.get(self.at).map(|server| server.name.clone()).unwrap_or_default()
    }

    /// Goes on to the next server; whether the end of the list was reached.
    fn advance(&mut self) -> bool {
        self.at = (self.at + 1) % self.servers.len().max(1);
        self.at == 0
    }
}

/// Hears of the connection.
struct Hears {
    list: Arc<Mutex<List>>,
    news: Arc<News>,
}

impl Hears {
    fn list(&self) -> MutexGuard<'_, List> {
        self.list.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Sets the next server; one that is not the first of a new round is tried without a pause.
    fn go_on(&self, client: &Client) {
        let (options, new_round) = {
            let mut list = self.list();
            let new_round = list.advance();
            (list.servers.get(list.at).map(|server| server.options.clone()), new_round)
        };
        match options {
            Some(options) if new_round => client.set_options(options),
            Some(options) => client.reconnect(options),
            None => {}
        }
    }
}

impl Events for Hears {
    fn connected(&self, _client: &Client) {
        let server = {
            let mut list = self.list();
            list.was_up = true;
            list.current()
        };
        tracing::debug!(server, "connected to the volfile server");
        self.news.tell(Item::Connected);
    }

    fn disconnected(&self, _client: &Client) {
        tracing::info!(server = self.list().current(), "disconnected from the volfile server");
    }

    fn unreachable(&self, client: &Client, errno: Errno) {
        let (server, given_up) = {
            let mut list = self.list();
            list.last_error = errno;
            let last = list.at + 1 >= list.servers.len();
            if last && !list.was_up {
                list.rounds = list.rounds.saturating_sub(1);
            }
            (list.current(), last && !list.was_up && list.rounds == 0)
        };
        if given_up {
            return self.news.tell(Item::GaveUp);
        }
        tracing::debug!(server, errno = %errno, "the volfile server cannot be reached");
        self.go_on(client);
    }

    fn called_back(&self, _client: &Client, program: u32, version: u32, procedure: u32, args: &IoBuf) {
        if (program, version) != (CALLBACK.number, CALLBACK.version) {
            return;
        }
        match CallbackProc::from_number(procedure) {
            Some(CallbackProc::Fetchspec) => self.news.tell(Item::Fetch),
            Some(CallbackProc::Statedump) => match gluster_xdr::decode::<Statedump>(args) {
                Ok(asked) if asked.pid == std::process::id() => self.news.tell(Item::Statedump),
                // Another process of this host is meant.
                Ok(_) => {}
                Err(error) => tracing::warn!(%error, "call for a statedump cannot be decoded"),
            },
            _ => tracing::debug!(procedure, "callback that means nothing here"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wanted(transport: &str) -> Wanted {
        Wanted {
            servers: vec!["one".to_owned(), "two".to_owned()],
            id: "v.one.b-1".to_owned(),
            port: 24007,
            transport: transport.to_owned(),
            attempts: 1,
            strict: false,
        }
    }

    #[test]
    fn a_server_is_reached_by_name_and_port_or_by_path() {
        let tcp = Server::new(&wanted("socket"), "one");
        assert_eq!((tcp.name.as_str(), tcp.options.str("remote-port")), ("one:24007", Some("24007")));
        let unix = Server::new(&wanted("unix"), "/run/x.socket");
        assert_eq!(unix.options.str("transport.socket.connect-path"), Some("/run/x.socket"));
        assert_eq!(unix.options.str("remote-host"), None);
    }

    #[test]
    fn the_list_is_walked_round_and_round() {
        let servers = ["one", "two"].map(|host| Server::tcp(host, 1)).to_vec();
        let mut list = List { servers, at: 0, rounds: 1, was_up: false, last_error: Errno::ENOTCONN };
        assert!(!list.advance());
        assert_eq!(list.current(), "two:1");
        assert!(list.advance());
        assert_eq!(list.current(), "one:1");
    }

    #[test]
    fn the_exit_code_of_a_refusal_is_the_servers_own_error() {
        let refused = FetchError::Refused { server: "s".into(), id: "v".into(), errno: Errno::ENOENT };
        assert_eq!(refused.errno(), Errno::ENOENT);
        assert!(
            refused.to_string().starts_with("the volfile server s has no volfile `v` for us: "),
            "{refused}"
        );
    }
}
