//! The connection to the daemon: a call, its reply.

use crate::options::Options;
use gluster_xdr::Xdr;
use gluster_xdr::cli::{CLI, CliProc, CliReq, CliRsp, ListFriendsReq, ListFriendsRsp};
use gluster_xdr::record::{Assembler, LIMIT, framed};
use gluster_xdr::rpc::{Credential, Message, decode_reply, encode_call};
use plugin_api::{Dict, IoBuf};
use std::io::{Read, Write};
use std::net::TcpStream;
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::time::{Duration, Instant};

/// Where the daemon of another host listens.
const PORT: u16 = 24007;

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

/// Who answers calls: a connection, or in tests a script.
pub(crate) trait Daemon {
    /// Calls a procedure that takes a dict and answers with an outcome and a dict.
    ///
    /// # Errors
    /// See [`AskError`].
    fn ask(&mut self, procedure: CliProc, request: Dict) -> Result<CliRsp, AskError>;

    /// Asks for the peers; flags 1 leave the daemon itself out, 2 list it too.
    ///
    /// # Errors
    /// See [`AskError`].
    fn friends(&mut self, flags: i32) -> Result<ListFriendsRsp, AskError>;
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
        // The first call has xid 2, as the incumbent's has.
        Self { to, timeout: options.timeout, stream: None, records: Assembler::new(LIMIT), xid: 1 }
    }

    fn call<Q: Xdr, R: Xdr>(&mut self, procedure: CliProc, request: &Q) -> Result<R, AskError> {
        self.xid += 1;
        let message = encode_call(self.xid, CLI, procedure.number(), &Credential::default(), request);
        self.connected()?.write_all(&framed(&message))?;
        let end = Instant::now() + self.timeout;
        loop {
            let record = self.next_record(end)?;
            // Callbacks of the daemon come on the same connection and want no reply.
            if let Ok(Message::Call(_)) = Message::decode(&record) {
                continue;
            }
            let (xid, reply) = decode_reply(&record).map_err(|error| AskError::Refused(error.to_string()))?;
            if xid == self.xid {
                return Ok(reply);
            }
        }
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
    fn ask(&mut self, procedure: CliProc, dict: Dict) -> Result<CliRsp, AskError> {
        self.call(procedure, &CliReq { dict })
    }

    fn friends(&mut self, flags: i32) -> Result<ListFriendsRsp, AskError> {
        self.call(CliProc::ListFriends, &ListFriendsReq { flags, dict: Dict::new() })
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
