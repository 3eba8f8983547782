//! Listening: a socket, a task that accepts, and the file that a unix socket leaves.

use std::io;
use std::net::SocketAddr;
use std::os::unix::fs::{FileTypeExt, MetadataExt};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Poll, Waker};
use std::time::Duration;

use abi_stable::std_types::{ROption, RString};
use plugin_api::log;
use plugin_api::rt::{self, Ready, Watched};
use plugin_api::transport::{Acceptor, ConnectionImpl, Listener, ListenerImpl};
use socket2::{Domain, SockAddr, Socket, Type};

use crate::address;
use crate::connection::Link;
use crate::options::{Family, Options};

/// How long to wait when there is no descriptor or no memory for a connection.
const EXHAUSTED: Duration = Duration::from_millis(100);

/// Listens as `options` say; connections go to `acceptor`.
///
/// # Errors
/// A sentence that names the address.
pub(crate) fn listen(options: &Options, acceptor: Acceptor) -> Result<Listener, String> {
    let (socket, file) = match options.family {
        Family::Unix => listen_unix(options)?,
        Family::Inet | Family::Inet6 => (listen_inet(options)?, None),
    };
    let address = socket.local_addr().map(|address| address::name(&address)).unwrap_or_default();
    let watched = Watched::new(socket).map_err(|e| format!("{address} cannot be watched: {e}"))?;
    let listening = Arc::new(Listening {
        socket: watched,
        address,
        file: Mutex::new(file),
        options: options.clone(),
        closed: AtomicBool::new(false),
        task: Mutex::default(),
    });
    rt::spawn(accept_all(listening.clone(), acceptor));
    Ok(listening.share())
}

fn listen_inet(options: &Options) -> Result<Socket, String> {
    let ip = match &options.bind_address {
        Some(host) => address::look_up(host, 0, options.family).map(|address| address.ip()),
        None => Ok(address::any(options.family)),
    };
    let host = options.bind_address.as_deref().unwrap_or("any address");
    let ip = ip.map_err(|e| format!("cannot listen on {host}: {e}"))?;
    let address = SocketAddr::new(ip, options.listen_port);
    let open = || {
        let socket = Socket::new(Domain::for_address(address), Type::STREAM.nonblocking().cloexec(), None)?;
        socket.set_reuse_address(true)?;
        socket.bind(&address.into())?;
        socket.listen(options.backlog)?;
        Ok(socket)
    };
    open().map_err(|e: io::Error| format!("cannot listen on {address}: {e}"))
}

/// The file of a unix socket, as it was made.
#[derive(Debug)]
struct SocketFile {
    path: String,
    device: u64,
    inode: u64,
}

fn listen_unix(options: &Options) -> Result<(Socket, Option<SocketFile>), String> {
    let path = options
        .listen_path
        .as_deref()
        .ok_or("transport.socket.listen-path is missing: a unix listener needs one")?;
    let refused = |e: io::Error| format!("cannot listen on {path}: {e}");
    remove_stale(path).map_err(refused)?;
    let open = || {
        let socket = Socket::new(Domain::UNIX, Type::STREAM.nonblocking().cloexec(), None)?;
        socket.bind(&SockAddr::unix(path)?)?;
        socket.listen(options.backlog)?;
        Ok(socket)
    };
    let socket = open().map_err(refused)?;
    let meta = std::fs::symlink_metadata(path).map_err(refused)?;
    Ok((socket, Some(SocketFile { path: path.to_owned(), device: meta.dev(), inode: meta.ino() })))
}

/// Removes the socket that an earlier process left; anything else at the path stays, and is in the way.
fn remove_stale(path: &str) -> io::Result<()> {
    match std::fs::symlink_metadata(path) {
        Ok(meta) if meta.file_type().is_socket() => std::fs::remove_file(path),
        Ok(_) => Err(io::Error::new(io::ErrorKind::AlreadyExists, "there is a file that is no socket")),
        Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(()),
        Err(e) => Err(e),
    }
}

struct Listening {
    socket: Watched<Socket>,
    address: String,
    file: Mutex<Option<SocketFile>>,
    options: Options,
    closed: AtomicBool,
    task: Mutex<Option<Waker>>,
}

impl ListenerImpl for Listening {
    fn address(&self) -> RString {
        RString::from(self.address.as_str())
    }

    fn close(&self) {
        if self.closed.swap(true, Ordering::AcqRel) {
            return;
        }
        // Wakes connects that wait in the backlog with a refusal, and the task.
        let _ = self.socket.get_ref().shutdown(std::net::Shutdown::Both);
        if let Some(file) = self.file.lock().unwrap_or_else(PoisonError::into_inner).take() {
            file.remove();
        }
        if let Some(waker) = self.task.lock().unwrap_or_else(PoisonError::into_inner).take() {
            waker.wake();
        }
    }
}

impl SocketFile {
    /// Removes the file, unless somebody else has put another one in its place.
    fn remove(&self) {
        let is_ours = std::fs::symlink_metadata(&self.path)
            .is_ok_and(|meta| (meta.dev(), meta.ino()) == (self.device, self.inode));
        if is_ours {
            let _ = std::fs::remove_file(&self.path);
        }
    }
}

impl Drop for Listening {
    fn drop(&mut self) {
        if let Some(file) = self.file.lock().unwrap_or_else(PoisonError::into_inner).take() {
            file.remove();
        }
    }
}

async fn accept_all(listening: Arc<Listening>, acceptor: Acceptor) {
    loop {
        let accepted = std::future::poll_fn(|cx| {
            *listening.task.lock().unwrap_or_else(PoisonError::into_inner) = Some(cx.waker().clone());
            if listening.closed.load(Ordering::Acquire) {
                return Poll::Ready(None);
            }
            listening
                .socket
                .poll_io(cx, Ready::Read, |socket| socket.accept4(libc::SOCK_CLOEXEC | libc::SOCK_NONBLOCK))
                .map(Some)
        })
        .await;
        match accepted {
            None => return,
            Some(Ok((socket, peer))) => {
                if let Err(e) = serve(&listening, socket, &peer, &acceptor) {
                    log!(Warn, "connection cannot be served", listener = listening.address, why = e);
                }
            }
            Some(Err(e)) if listening.closed.load(Ordering::Acquire) => {
                log!(Debug, "listener closed", listener = listening.address, why = e);
                return;
            }
            Some(Err(e)) if is_of_one_connection(&e) => {}
            Some(Err(e)) => {
                log!(Error, "connections cannot be accepted", listener = listening.address, why = e);
                rt::sleep(EXHAUSTED).await;
            }
        }
    }
}

/// Whether accepting failed because of the one who connected, who is gone.
fn is_of_one_connection(e: &io::Error) -> bool {
    use io::ErrorKind::{ConnectionAborted, ConnectionReset, Interrupted};
    matches!(e.kind(), ConnectionAborted | ConnectionReset | Interrupted)
        || e.raw_os_error() == Some(libc::EPROTO)
}

fn serve(listening: &Listening, socket: Socket, peer: &SockAddr, acceptor: &Acceptor) -> io::Result<()> {
    let local = address::name(&socket.local_addr()?);
    // Who connects to a unix socket has no name; it goes by that of the listener.
    let peer = if listening.options.family == Family::Unix { local.clone() } else { address::name(peer) };
    let link = Link::new(Watched::new(socket)?, peer, local, &listening.options);
    let connection = link.clone().share();
    if let ROption::RSome(handler) = acceptor.accepted(&connection) {
        link.start(handler);
    }
    Ok(())
}
