//! A call to a process that listens on a unix socket, and the wait for its answer.
use std::io::{self, Read, Write};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::time::Duration;

use gluster_xdr::record::{Assembler, LIMIT, framed};
use gluster_xdr::rpc::{Credential, decode_reply, encode_call};
use gluster_xdr::{Program, Xdr};
use plugin_api::IoBuf;

/// How long a process may take: a translator may take its time to start.
const PATIENCE: Duration = Duration::from_secs(120);

/// Calls a procedure of the process at `socket`.
pub(super) fn call<R: Xdr>(
    socket: &Path,
    program: Program,
    procedure: u32,
    request: &impl Xdr,
) -> io::Result<R> {
    let mut stream = UnixStream::connect(socket)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.set_write_timeout(Some(PATIENCE))?;
    stream.write_all(&framed(&encode_call(1, program, procedure, &Credential::default(), request)))?;
    let mut records = Assembler::new(LIMIT);
    let mut buffer = [0; 4096];
    loop {
        match records.next_record().map_err(io::Error::other)? {
            Some(record) => return reply(&record),
            None => match stream.read(&mut buffer)? {
                0 => return Err(io::ErrorKind::UnexpectedEof.into()),
                length => records.push(&buffer[..length]),
            },
        }
    }
}

fn reply<R: Xdr>(record: &IoBuf) -> io::Result<R> {
    decode_reply(record).map(|(_, reply)| reply).map_err(|error| {
        io::Error::other(format!("{error}; is it a process of this program, and of this version?"))
    })
}
