//! The connection to the daemon: a call, its reply.

use crate::options::Options;
use gluster_events::Event;
use gluster_xdr::cli::{CLI, CliProc, CliReq, CliRsp};
use gluster_xdr::record::{Assembler, LIMIT, framed};
use gluster_xdr::rpc::{Credential, Message, Reply, Status, encode_call};
use gluster_xdr::{Program, Reader, Writer, Xdr, XdrError};
use plugin_api::{Dict, IoBuf};
use std::io::{Read, Write};
use std::net::TcpStream;
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::time::{Duration, Instant};

/// Where the daemon of another host listens.
const PORT: u16 = 24007;

/// Procedures that work for minutes: profile and top, heal, nfs-ganesha.
const SLOW: [u32; 3] = [23, 31, 42];

/// How long they may.
const SLOW_LIMIT: Duration = Duration::from_secs(600);

/// Why there is no reply.
#[derive(Debug, thiserror::Error)]
pub(crate) enum AskError {
    /// The daemon is not there, or closed the connection.
    #[error("{0}")]
    Gone(#[from] std::io::Error),
    /// The reply did not come in time.
    #[error("no reply within {0:?}")]
    Late(Duration),
    /// The daemon does not serve this call here, or its reply makes no sense.
    #[error("{0}")]
    Refused(String),
}

/// A call: what is called, with which arguments, and how long a reply may take.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Call {
    /// The program.
    pub(crate) program: Program,
    /// Its procedure.
    pub(crate) procedure: u32,
    /// The arguments as they stand on the wire.
    pub(crate) arguments: Vec<u8>,
    /// Another limit than the one that the options set.
    pub(crate) patience: Option<Duration>,
}

/// Who answers calls: a connection, or in tests a script.
pub(crate) trait Daemon {
    /// Calls a procedure; the answer is the body of its reply.
    ///
    /// # Errors
    /// See [`AskError`].
    fn call(&mut self, call: Call) -> Result<IoBuf, AskError>;

    /// Tells whoever listens on this node what was done.
    fn tell(&mut self, event: Event, details: &str);
}

impl dyn Daemon + '_ {
    /// Calls a procedure of any program.
    ///
    /// # Errors
    /// See [`AskError`].
    pub(crate) fn typed<Q: Xdr, R: Xdr>(
        &mut self,
        program: Program,
        procedure: u32,
        request: &Q,
    ) -> Result<R, AskError> {
        let patience = (program == CLI && SLOW.contains(&procedure)).then_some(SLOW_LIMIT);
        let arguments = gluster_xdr::encode(request);
        let body = self.call(Call { program, procedure, arguments, patience })?;
        gluster_xdr::decode(&body).map_err(|error| AskError::Refused(error.to_string()))
    }

    /// Calls a procedure that takes a dict and answers with an outcome and a dict.
    ///
    /// # Errors
    /// See [`AskError`].
    pub(crate) fn ask(&mut self, procedure: CliProc, dict: Dict) -> Result<CliRsp, AskError> {
        self.typed(CLI, procedure.number(), &CliReq { dict })
    }
}

/// A connection that is made at the first call.
#[derive(Debug)]
pub(crate) struct Connection {
    to: Target,
    timeout: Duration,
    stream: Option<Stream>,
    records: Assembler,
    xid: u32,
}

#[derive(Debug)]
enum Target {
    Socket(PathBuf),
    Host(String),
}

#[derive(Debug)]
enum Stream {
    Unix(UnixStream),
    Tcp(TcpStream),
}

impl Connection {
    pub(crate) fn new(options: &Options) -> Self {
        let to = match &options.remote_host {
            Some(host) => Target::Host(host.clone()),
            None => Target::Socket(options.socket.clone()),
        };
        Self::to(to, options.timeout)
    }

    /// To another service of this node.
    pub(crate) fn at(socket: PathBuf, timeout: Duration) -> Self {
        Self::to(Target::Socket(socket), timeout)
    }

    fn to(to: Target, timeout: Duration) -> Self {
        // The first call has xid 2, as the incumbent's has.
        Self { to, timeout, stream: None, records: Assembler::new(LIMIT), xid: 1 }
    }

    fn connected(&mut self) -> std::io::Result<&mut Stream> {
        let stream = match self.stream.take() {
            Some(stream) => stream,
            None => match &self.to {
                Target::Socket(path) => Stream::Unix(UnixStream::connect(path)?),
                Target::Host(host) => Stream::Tcp(TcpStream::connect((host.as_str(), PORT))?),
            },
        };
        Ok(self.stream.insert(stream))
    }

    fn next_record(&mut self, end: Instant) -> Result<IoBuf, AskError> {
        let mut buffer = [0; 16 << 10];
        loop {
            let whole = self.records.next_record().map_err(|error| AskError::Refused(error.to_string()))?;
            if let Some(record) = whole {
                return Ok(record);
            }
            let left = end.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Err(AskError::Late(self.timeout));
            }
            let stream = self.connected()?;
            stream.limit_reads(left)?;
            match stream.read(&mut buffer) {
                Ok(0) => return Err(std::io::Error::from(std::io::ErrorKind::UnexpectedEof).into()),
                Ok(length) => self.records.push(&buffer[..length]),
                Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => {}
                Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error.into()),
            }
        }
    }
}

impl Daemon for Connection {
    fn tell(&mut self, event: Event, details: &str) {
        // What was done is done, whether or not anybody can be told.
        let _ = gluster_events::send(event, details);
    }

    fn call(&mut self, call: Call) -> Result<IoBuf, AskError> {
        self.xid += 1;
        let arguments = Raw(call.arguments);
        let message = encode_call(self.xid, call.program, call.procedure, &Credential::default(), &arguments);
        self.connected()?.write_all(&framed(&message))?;
        let limit = call.patience.map_or(self.timeout, |patience| patience.max(self.timeout));
        let end = Instant::now() + limit;
        loop {
            let record = self.next_record(end)?;
            let refused = |why: String| AskError::Refused(why);
            match Message::decode(&record).map_err(|error| refused(error.to_string()))? {
                // Callbacks of the daemon come on the same connection and want no reply.
                Message::Call(_) => {}
                Message::Reply(reply) if reply.xid != self.xid => {}
                Message::Reply(Reply { status: Status::Success, body, .. }) => return Ok(body),
                Message::Reply(Reply { status, .. }) => return Err(refused(format!("{status:?}"))),
            }
        }
    }
}

/// Arguments that are encoded already.
#[derive(Debug)]
struct Raw(Vec<u8>);

impl Xdr for Raw {
    fn put(&self, w: &mut Writer) {
        w.raw(&self.0);
    }

    fn get(r: &mut Reader<'_>) -> Result<Self, XdrError> {
        Ok(Self(r.rest().to_vec()))
    }
}

impl Stream {
    fn limit_reads(&self, limit: Duration) -> std::io::Result<()> {
        match self {
            Self::Unix(stream) => stream.set_read_timeout(Some(limit)),
            Self::Tcp(stream) => stream.set_read_timeout(Some(limit)),
        }
    }

    fn write_all(&mut self, bytes: &[u8]) -> std::io::Result<()> {
        match self {
            Self::Unix(stream) => stream.write_all(bytes),
            Self::Tcp(stream) => stream.write_all(bytes),
        }
    }

    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        match self {
            Self::Unix(stream) => stream.read(buffer),
            Self::Tcp(stream) => stream.read(buffer),
        }
    }
}
