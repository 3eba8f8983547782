//! ONC RPC by hand, so that a test can also speak it wrongly.

use std::io::{Read, Write};
use std::time::Duration;

/// Program and version of the dump program, which every listener serves.
pub const DUMP: (u32, u32) = (123_451_501, 1);
/// The handshake program.
pub const HANDSHAKE: (u32, u32) = (14_398_633, 2);
/// The CLI's program.
pub const CLI: (u32, u32) = (1_238_463, 2);
/// The port map.
pub const PORTMAP: (u32, u32) = (34_123_456, 1);
/// File operations, version 4.
pub const FOPS: (u32, u32) = (1_298_437, 400);

/// Bytes of XDR, put together from the front.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Xdr(pub Vec<u8>);

impl Xdr {
    /// Adds one word.
    #[must_use]
    pub fn word(mut self, value: u32) -> Self {
        self.0.extend(value.to_be_bytes());
        self
    }

    /// Adds a length and as many bytes, padded.
    ///
    /// # Panics
    /// When there are more than 4 GiB of them.
    #[must_use]
    pub fn opaque(self, bytes: &[u8]) -> Self {
        let length = u32::try_from(bytes.len()).expect("tests are small");
        let mut longer = self.word(length);
        longer.0.extend(bytes);
        longer.0.resize(longer.0.len().next_multiple_of(4), 0);
        longer
    }

    /// Adds bytes as they are.
    #[must_use]
    pub fn raw(mut self, bytes: &[u8]) -> Self {
        self.0.extend(bytes);
        self
    }
}

/// A serialized dict of strings, each with its NUL, first pair first.
///
/// # Panics
/// When a text is longer than 2 GiB.
pub fn dict(pairs: &[(&str, &str)]) -> Vec<u8> {
    let length = |n: usize| i32::try_from(n).expect("tests are small").to_be_bytes();
    let mut bytes = length(pairs.len()).to_vec();
    for (key, value) in pairs {
        bytes.extend(length(key.len()));
        bytes.extend(length(value.len() + 1));
        bytes.extend(key.bytes().chain([0]).chain(value.bytes()).chain([0]));
    }
    bytes
}

/// A call message without its record mark; the credential is the one that the CLI sends.
pub fn call(xid: u32, program: (u32, u32), procedure: u32, arguments: &[u8]) -> Vec<u8> {
    let header = Xdr::default().word(xid).word(0).word(2).word(program.0).word(program.1).word(procedure);
    let credential = Xdr::default().word(0).word(0).word(0).word(0).word(4).word(0);
    header.word(390_039).opaque(&credential.0).word(0).word(0).raw(arguments).0
}

/// The message as one last fragment.
///
/// # Panics
/// When it is longer than 2 GiB.
pub fn record(message: &[u8]) -> Vec<u8> {
    let length = u32::try_from(message.len()).expect("tests are small");
    Xdr::default().word(length | 0x8000_0000).raw(message).0
}

/// What came back on a connection.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reply {
    /// A whole message: its words after the record mark.
    Message(Vec<u8>),
    /// The other side closed the connection.
    Closed,
    /// Neither came within the time limit.
    Silence,
}

impl Reply {
    /// Accept status of an accepted reply (0 success, 1 no such program, 3 no such procedure, 4 garbage).
    pub fn accept_status(&self) -> Option<u32> {
        let Self::Message(bytes) = self else { return None };
        let word = |n: usize| Some(u32::from_be_bytes(bytes.get(n * 4..n * 4 + 4)?.try_into().ok()?));
        (word(1)? == 1 && word(2)? == 0).then_some(())?;
        word(5)
    }

    /// The result bytes of a call that succeeded.
    pub fn results(&self) -> Option<&[u8]> {
        let Self::Message(bytes) = self else { return None };
        self.accept_status().filter(|&status| status == 0).and_then(|_| bytes.get(24..))
    }
}

/// A stream with a read time limit.
pub trait Stream: Read + Write {
    /// Sets how long a read may wait.
    ///
    /// # Errors
    /// What `setsockopt` answers.
    fn limit_reads(&self, limit: Duration) -> std::io::Result<()>;
}

impl Stream for std::net::TcpStream {
    fn limit_reads(&self, limit: Duration) -> std::io::Result<()> {
        self.set_read_timeout(Some(limit))
    }
}

impl Stream for std::os::unix::net::UnixStream {
    fn limit_reads(&self, limit: Duration) -> std::io::Result<()> {
        self.set_read_timeout(Some(limit))
    }
}

/// Sends bytes as they are; an other side that has closed already is what the next read will tell.
pub fn send(stream: &mut dyn Stream, bytes: &[u8]) {
    let _closed = stream.write_all(bytes);
}

/// Reads until a reply arrives, passing over calls that the other side makes.
///
/// # Panics
/// When the stream takes no time limit.
pub fn receive(stream: &mut dyn Stream, limit: Duration) -> Reply {
    stream.limit_reads(limit).expect("a socket takes a time limit");
    loop {
        match read_message(stream) {
            Ok(message) if message.get(4..8) == Some(&[0, 0, 0, 0]) => {}
            Ok(message) => return Reply::Message(message),
            Err(error)
                if matches!(error.kind(), std::io::ErrorKind::WouldBlock | std::io::ErrorKind::TimedOut) =>
            {
                return Reply::Silence;
            }
            Err(_) => return Reply::Closed,
        }
    }
}

fn read_message(stream: &mut dyn Stream) -> std::io::Result<Vec<u8>> {
    let mut mark = [0; 4];
    stream.read_exact(&mut mark)?;
    let length = u32::from_be_bytes(mark) & 0x7fff_ffff;
    let mut message = Vec::new();
    let read = stream.take(u64::from(length)).read_to_end(&mut message)?;
    if read < usize::try_from(length).unwrap_or(usize::MAX) {
        return Err(std::io::ErrorKind::UnexpectedEof.into());
    }
    Ok(message)
}

/// Asks the dump program what it serves: a listener that answers is alive.
pub fn answers(stream: &mut dyn Stream) -> bool {
    send(stream, &record(&call(7, DUMP, 1, &[0; 8])));
    receive(stream, Duration::from_secs(20)).results().is_some()
}
