//! The transport `socket`: records over TCP and unix sockets.
//!
//! One task a connection, on the host's readiness of its descriptor: one read gathers many records, one write sends
//! many messages, and a payload is never copied on its way.
#![forbid(unsafe_code)]

mod address;
mod bind;
mod connect;
mod connection;
mod listen;
mod options;
mod receive;
mod send;

use plugin_api::transport::{Acceptor, Connection, Handler, Listener, Transport};
use plugin_api::{Dict, Errno, log};

use options::Options;

/// The transport.
#[derive(Debug, Default)]
pub struct Socket;

impl Transport for Socket {
    const NAME: &'static str = "socket";

    fn listen(options: &Dict, acceptor: Acceptor) -> Result<Listener, String> {
        listen::listen(&Options::read(options)?, acceptor)
    }

    async fn connect(options: Dict, handler: Handler) -> Result<Connection, Errno> {
        let options = Options::read(&options).map_err(|sentence| {
            log!(Error, "options of a connection refused", why = sentence);
            Errno::EINVAL
        })?;
        connect::connect(&options, handler).await
    }
}

plugin_api::export_transport!(Socket);
