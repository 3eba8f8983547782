//! ONC RPC over the transport ABI: a server that answers calls, a client that makes them.
//!
//! No socket here and no runtime: records come from a transport plugin, tasks and timers from the host. A call runs on
//! the thread that read it as far as it goes without waiting; what has to wait becomes a task. Replies that are ready
//! while a batch of records is worked on leave in one write.
//!
//! - [`Service`] serves [`Program`]s on any number of listeners; a program is one `async fn` from [`Call`] to
//!   [`Reply`]. [`Peer`] is the other end of a served connection, also the way to call back.
//! - [`Client`] keeps a connection up and matches replies to calls.
#![forbid(unsafe_code)]

mod client;
mod server;

pub use client::{CallError, Client, Events, NoEvents, PendingReply, Settings};
pub use server::{Call, Limits, Observe, Peer, PluginProgram, Program, Reply, Service, Unobserved};
