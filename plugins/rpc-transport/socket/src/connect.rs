//! Connecting: to a host and port, or to a path.

use std::io;
use std::net::{IpAddr, SocketAddr};

use plugin_api::rt::{Ready, Watched};
use plugin_api::transport::{Connection, ConnectionImpl, Handler};
use plugin_api::{Errno, log};
use socket2::{Domain, SockAddr, Socket, Type};

use crate::connection::Link;
use crate::options::{Family, Options};
use crate::{address, bind};

/// Connects as `options` say; records go to `handler`.
///
/// # Errors
/// Why there is no connection.
pub(crate) async fn connect(options: &Options, handler: Handler) -> Result<Connection, Errno> {
    let outcome = match options.family {
        Family::Unix => connect_unix(options).await,
        Family::Inet | Family::Inet6 => connect_inet(options).await,
    };
    let link = outcome.and_then(|socket| {
        let (peer, local) = names(socket.get_ref(), options)?;
        Ok(Link::new(socket, peer, local, options))
    });
    match link {
        Ok(link) => {
            let connection = link.clone().share();
            link.start(handler);
            Ok(connection)
        }
        Err(e) => {
            if !(options.ignore_missing && e.kind() == io::ErrorKind::NotFound) {
                log!(Debug, "no connection", to = target(options), why = e);
            }
            Err(errno(&e))
        }
    }
}

fn errno(e: &io::Error) -> Errno {
    match e.raw_os_error() {
        Some(errno) => Errno::from_raw(errno),
        // The resolver's errors carry no number.
        None if e.kind() == io::ErrorKind::InvalidInput => Errno::EINVAL,
        None => Errno::EHOSTUNREACH,
    }
}

fn target(options: &Options) -> String {
    match (&options.connect_path, &options.remote_host) {
        (Some(path), _) if options.family == Family::Unix => path.clone(),
        (_, Some(host)) => format!("{host}:{}", options.remote_port),
        _ => String::new(),
    }
}

fn names(socket: &Socket, options: &Options) -> io::Result<(String, String)> {
    let local = address::name(&socket.local_addr()?);
    match &options.connect_path {
        Some(path) if options.family == Family::Unix => Ok((path.clone(), local)),
        _ => Ok((address::name(&socket.peer_addr()?), local)),
    }
}

async fn connect_unix(options: &Options) -> io::Result<Watched<Socket>> {
    let path = options.connect_path.as_deref().ok_or_else(|| missing("transport.socket.connect-path"))?;
    let socket = Socket::new(Domain::UNIX, Type::STREAM.nonblocking().cloexec(), None)?;
    if let Some(own) = &options.bind_path {
        socket.bind(&SockAddr::unix(own)?)?;
    }
    // A unix socket connects at once, or its listener's backlog is full: EAGAIN, which is no promise to go on.
    socket.connect(&SockAddr::unix(path)?)?;
    Watched::new(socket)
}

async fn connect_inet(options: &Options) -> io::Result<Watched<Socket>> {
    let host = options.remote_host.as_deref().ok_or_else(|| missing("remote-host"))?;
    let to = address::resolve(host, options.remote_port, options.family).await?;
    let socket = Socket::new(Domain::for_address(to), Type::STREAM.nonblocking().cloexec(), None)?;
    bind::bind_client(&socket, source(options, to).await?, options.bind_insecure);
    match socket.connect(&to.into()) {
        Ok(()) => return Watched::new(socket),
        Err(e) if e.raw_os_error() == Some(libc::EINPROGRESS) => {}
        Err(e) => return Err(e),
    }
    let socket = Watched::new(socket)?;
    socket.io(Ready::Write, established).await?;
    Ok(socket)
}

/// The address to speak from: one that is asked for, else any of the family.
async fn source(options: &Options, to: SocketAddr) -> io::Result<IpAddr> {
    let family = if to.is_ipv6() { Family::Inet6 } else { Family::Inet };
    match &options.source_address {
        Some(host) => Ok(address::resolve(host, 0, family).await?.ip()),
        None => Ok(address::any(family)),
    }
}

/// Whether the connection is there, is not to be, or is still being made.
fn established(socket: &Socket) -> io::Result<()> {
    if let Some(e) = socket.take_error()? {
        return Err(e);
    }
    match socket.peer_addr() {
        Ok(_) => Ok(()),
        Err(e) if e.kind() == io::ErrorKind::NotConnected => Err(io::ErrorKind::WouldBlock.into()),
        Err(e) => Err(e),
    }
}

fn missing(option: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidInput, format!("{option} is missing: it says where to connect to"))
}
