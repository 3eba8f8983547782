//! The port map as an RPC program: bricks sign in, clients ask where they listen.
//!
//! Verbs for its maker (`mgmt/glusterd`), each with a request and an answer as dicts:
//!
//! | verb | request | answer |
//! | --- | --- | --- |
//! | `reserve` | `brick` (for logs; may be left out) | `port`: free when it was tried, held until a sign-in or a release |
//! | `release` | `port` | |
//! | `register` | `brick`, `port`: of a brick that was up before the daemon | |
//! | `forget` | `brick` | |
//! | `port` | `brick` | `port` |
//! | `list` | | `count`, `brick<i>`, `port<i>` from 1 |
//!
//! Its observer hears `sign-in` (`brick`, `port`, `pid`, `connection`), `sign-out` (`brick`, `port`) and `gone`
//! (`brick`, `port`: its connection ended without a sign-out).
#![forbid(unsafe_code)]

mod answer;
mod control;
mod ports;
mod table;

use std::sync::{Mutex, MutexGuard, PoisonError};

use gluster_xdr::pmap::PMAP;
use plugin_api::rpc_program::{Answer, Call, Observer, RpcProgram};
use plugin_api::{Dict, IoBuf, Value};

use ports::Range;
use table::{Entry, Table};

/// The port map of a daemon.
#[derive(Debug)]
pub struct Pmap {
    range: Range,
    table: Mutex<Table>,
    observer: Observer,
}

impl RpcProgram for Pmap {
    const NAME: &'static str = PMAP.name;
    const NUMBER: u32 = PMAP.number;
    const VERSION: u32 = PMAP.version;

    fn new(settings: &Dict, observer: Observer) -> Result<Self, String> {
        Ok(Self { range: Range::read(settings)?, table: Mutex::default(), observer })
    }

    async fn call(&self, call: Call) -> Answer {
        self.answer(&call)
    }

    fn disconnected(&self, connection: u64) {
        let gone = self.table().drop_connection(connection);
        gone.iter().for_each(|entry| self.tell("gone", entry));
    }

    fn control(&self, verb: &str, request: &Dict) -> Result<Dict, String> {
        self.execute(verb, request)
    }
}

impl Pmap {
    fn table(&self) -> MutexGuard<'_, Table> {
        self.table.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn tell(&self, what: &str, entry: &Entry) {
        let dict = Dict::new()
            .with("brick", Value::Str(IoBuf::copy_from_slice(&entry.brick)))
            .with("port", u32::from(entry.port))
            .with("pid", entry.pid)
            .with("connection", entry.connection);
        self.observer.observed(what.into(), &dict);
    }
}

plugin_api::export_program!(Pmap);
