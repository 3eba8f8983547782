//! Transports: plugins that bring records in and out. They know nothing of what is in a record.

use std::future::Future;

use abi_stable::StableAbi;
use abi_stable::std_types::{RResult, RString, RVec};

use crate::abi::future::RawFuture;
use crate::abi::shared::{Shared, vtable};
use crate::{Dict, Errno, IoBuf, Payload};

/// One record to send: the transport puts the record mark before `head` and sends `payload` behind it, uncopied.
#[repr(C)]
#[derive(StableAbi, Debug, Clone, Default)]
pub struct Message {
    /// Headers and small bodies.
    pub head: IoBuf,
    /// What a read or a write carries.
    pub payload: Payload,
}

impl From<Vec<u8>> for Message {
    fn from(head: Vec<u8>) -> Self {
        Self { head: head.into(), payload: Payload::default() }
    }
}

/// Who is at the other end, and how much went by. Frozen but for [`more`](Self::more).
#[repr(C)]
#[derive(StableAbi, Debug, Clone, Default)]
pub struct ConnectionInfo {
    /// The peer: `host:port`, or the path of a unix socket.
    pub peer: RString,
    /// This end, likewise.
    pub local: RString,
    /// Whether this is a unix socket.
    pub is_unix: bool,
    /// Bytes received.
    pub bytes_read: u64,
    /// Bytes sent.
    pub bytes_written: u64,
    /// What later versions of plugin-api tell, by key; empty in 1.0.
    pub more: Dict,
}

vtable! {
    /// The functions of a connection.
    pub struct ConnectionVtable(ConnectionVtableRef) of trait ConnectionImpl, made by connection_vtable {
        /// Sends a record, or queues it when the socket is full. `ENOBUFS` when the queue is, too; `ENOTCONN` after
        /// the end. While a handler's `received` runs on this connection, what it sends is gathered and goes out in
        /// one write when it returns.
        fn send(&self, message: Message) -> RResult<(), i32> = RResult::RErr(libc::EIO);
        /// Bytes that wait to be sent.
        fn queued(&self,) -> usize = 0;
        /// Stops or goes on delivering records: what the peer sends meanwhile stays in the socket.
        fn pause(&self, paused: bool) -> () = ();
        /// Ends the connection; `closed` follows.
        fn close(&self,) -> () = ();
        /// Who, and how much.
        fn info(&self,) -> ConnectionInfo = ConnectionInfo::default();
    }
}

vtable! {
    /// The functions of who takes a connection's records.
    pub struct HandlerVtable(HandlerVtableRef) of trait HandlerImpl, made by handler_vtable {
        /// Records arrived, in order, record marks taken off; on the thread that read them.
        fn received(&self, connection: &Connection, records: RVec<IoBuf>) -> () = ();
        /// What was queued went below half of the limit again.
        fn drained(&self, connection: &Connection) -> () = ();
        /// The connection is over; called once, last.
        fn closed(&self, connection: &Connection, reason: RString) -> () = ();
    }
}

vtable! {
    /// The functions of who takes a listener's connections.
    pub struct AcceptorVtable(AcceptorVtableRef) of trait AcceptorImpl, made by acceptor_vtable {
        /// Somebody connected: who answers them, or nobody, which closes the connection.
        fn accepted(&self, connection: &Connection) -> abi_stable::std_types::ROption<Handler>
            = abi_stable::std_types::ROption::RNone;
    }
}

vtable! {
    /// The functions of a listener.
    pub struct ListenerVtable(ListenerVtableRef) of trait ListenerImpl, made by listener_vtable {
        /// Where it listens: a port as `host:port`, or a path.
        fn address(&self,) -> RString = RString::new();
        /// Stops listening; connections go on.
        fn close(&self,) -> () = ();
    }
}

/// A connection, counted.
pub type Connection = Shared<ConnectionVtableRef>;
/// Who takes a connection's records, counted.
pub type Handler = Shared<HandlerVtableRef>;
/// Who takes a listener's connections, counted.
pub type Acceptor = Shared<AcceptorVtableRef>;
/// A listener, counted; it listens until it is closed.
pub type Listener = Shared<ListenerVtableRef>;

/// The functions of a transport plugin.
#[repr(C)]
#[derive(StableAbi, Debug)]
#[sabi(kind(Prefix(prefix_ref = TransportModuleRef)))]
#[sabi(missing_field(panic))]
pub struct TransportModule {
    /// The transport's name: `socket`.
    pub name: extern "C" fn() -> RString,
    /// Listens as `options` say (`transport.socket.*`, `transport.address-family` …). The error is a sentence.
    pub listen: extern "C" fn(options: &Dict, acceptor: Acceptor) -> RResult<Listener, RString>,
    /// A future with output `RResult<Connection, i32>`: connects as `options` say.
    #[sabi(last_prefix_field)]
    pub connect: extern "C" fn(options: &Dict, handler: Handler) -> RawFuture,
}

impl TransportModuleRef {
    /// Listens as `options` say.
    ///
    /// # Errors
    /// A sentence: what could not be listened on, and why.
    pub fn listen_on(&self, options: &Dict, acceptor: Acceptor) -> Result<Listener, String> {
        self.listen()(options, acceptor).into_result().map_err(String::from)
    }

    /// Connects as `options` say.
    ///
    /// # Errors
    /// Why there is no connection; `EIO` when the plugin panicked.
    pub async fn connect_to(&self, options: &Dict, handler: Handler) -> Result<Connection, Errno> {
        let raw = self.connect()(options, handler);
        crate::sdk::await_result(raw).await
    }
}

/// What a transport plugin implements; `export_transport!` makes it the library's root.
pub trait Transport: 'static {
    /// The name that volfiles know it by.
    const NAME: &'static str;

    /// Listens as `options` say.
    ///
    /// # Errors
    /// A sentence.
    fn listen(options: &Dict, acceptor: Acceptor) -> Result<Listener, String>;

    /// Connects as `options` say.
    fn connect(options: Dict, handler: Handler) -> impl Future<Output = Result<Connection, Errno>> + Send;
}
