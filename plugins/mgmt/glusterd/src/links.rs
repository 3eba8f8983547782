//! Connections to the sockets of processes that this daemon runs, and what it asks over them.

use gluster_rpc::{Client, Events, Settings};
use gluster_xdr::brickop::{BRICK_OPS, BrickOpReq, BrickOpRsp, BrickProc};
use plugin_api::transport::TransportModuleRef;
use plugin_api::{Dict, IoBuf, log, rt};
use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// Connections by socket. Each ends with its process and is made anew when somebody asks.
#[derive(Debug)]
pub struct Links {
    transport: TransportModuleRef,
    open: Mutex<HashMap<PathBuf, Client>>,
}

/// A question to a process.
#[derive(Debug, Clone)]
pub struct Question {
    /// What is asked for.
    pub procedure: BrickProc,
    /// Whom inside the process: a brick's path, a translator, or nobody.
    pub name: String,
    /// A serialized dict, or the text of a volfile.
    pub input: IoBuf,
    /// What goes beside the input.
    pub dict: Dict,
}

impl Question {
    /// A question whose input is a dict.
    #[must_use]
    pub fn new(procedure: BrickProc, name: impl Into<String>, request: &Dict) -> Self {
        let input = gluster_xdr::dict::encode(request).into();
        Self { procedure, name: name.into(), input, dict: Dict::new() }
    }
}

impl Links {
    /// None yet; they go over this transport.
    #[must_use]
    pub fn new(transport: TransportModuleRef) -> Self {
        Self { transport, open: Mutex::default() }
    }

    fn open(&self) -> MutexGuard<'_, HashMap<PathBuf, Client>> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The connection to a socket, made if there is none. `name` is the process's in logs.
    pub fn to(&self, socket: &Path, name: &str) -> Client {
        let mut open = self.open();
        if let Some(link) = open.get(socket).filter(|link| link.is_connected()) {
            return link.clone();
        }
        let options = Dict::new()
            .with("transport.address-family", "unix")
            .with("transport.socket.connect-path", socket.display().to_string())
            .with("transport.socket.read-fail-log", "off");
        let settings =
            Settings { name: name.to_owned(), frame_timeout: LIMIT, reconnect: None, ..Settings::default() };
        let link = Client::open(self.transport, options, settings, Logged { name: name.to_owned() });
        open.insert(socket.to_owned(), link.clone());
        link
    }

    /// Ends the connection to a socket whose process is gone.
    pub fn forget(&self, socket: &Path) {
        let link = self.open().remove(socket);
        if let Some(link) = link {
            link.stop();
        }
    }

    /// Ends every connection; the processes go on.
    pub fn let_go(&self) {
        for (_, link) in self.open().drain() {
            link.stop();
        }
    }

    /// Asks the process behind a socket.
    ///
    /// # Errors
    /// A sentence: it does not answer, or not in time.
    pub async fn ask(
        &self,
        socket: &Path,
        name: &str,
        question: Question,
        limit: Duration,
    ) -> Result<BrickOpRsp, String> {
        let link = self.to(socket, name);
        let number = question.procedure.number();
        let order = BrickOpReq {
            name: IoBuf::from(question.name),
            op: i32::try_from(number).expect("procedures have small numbers"),
            input: question.input,
            dict: question.dict,
        };
        let answer = async {
            link.ready().await.map_err(|errno| errno.to_string())?;
            link.call::<_, BrickOpRsp>(BRICK_OPS, number, &order).await.map_err(|error| error.to_string())
        };
        rt::timeout(limit, answer).await.ok_or_else(|| format!("no answer within {limit:?}"))?
    }
}

/// How long an answer may take, unless who asks waits shorter.
pub const LIMIT: Duration = Duration::from_secs(120);

/// Tells the log of a socket.
struct Logged {
    name: String,
}

impl Events for Logged {
    fn connected(&self, _client: &Client) {
        log!(Info, "connected to process", process = self.name);
    }

    fn disconnected(&self, _client: &Client) {
        log!(Info, "process disconnected", process = self.name);
    }
}
