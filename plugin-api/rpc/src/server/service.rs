//! A service: the programs that are served together, and who may call them.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError, RwLock};

use abi_stable::std_types::ROption;
use gluster_xdr::rpc::{self, Credential, Status};
use plugin_api::transport::{Acceptor, AcceptorImpl, Connection, Handler, HandlerImpl};
use plugin_api::{Identity, log};

use super::dump::Dump;
use super::peer::Serve;
use super::program::AnyProgram;
use super::{Call, Peer, Program, Reply};

/// How much a service takes from one connection, and from whom.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// Calls of one connection that may wait for their answers; beyond, no more are read. 0 for no limit.
    pub outstanding: usize,
    /// Whether callers from ports of 1024 and above are served.
    pub allow_insecure: bool,
}

impl Default for Limits {
    /// The incumbent's: 64 calls, any port.
    fn default() -> Self {
        Self { outstanding: 64, allow_insecure: true }
    }
}

/// Who wants to know of a service's connections.
pub trait Observe: Send + Sync + 'static {
    /// Somebody connected; `false` closes the connection.
    fn connected(&self, _peer: &Arc<Peer>) -> bool {
        true
    }

    /// A connection is over; its programs have been told before.
    fn disconnected(&self, _peer: &Arc<Peer>) {}
}

/// Nobody wants to know.
#[derive(Debug, Clone, Copy)]
pub struct Unobserved;

impl Observe for Unobserved {}

/// A set of programs, served on every listener that takes its [`acceptor`](Self::acceptor).
#[derive(Clone)]
pub struct Service(Arc<Inner>);

impl std::fmt::Debug for Service {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let names: Vec<_> = self.0.programs().iter().map(|program| program.program().name).collect();
        f.debug_tuple("Service").field(&names).finish()
    }
}

type Programs = Arc<Vec<Arc<dyn AnyProgram>>>;

pub(super) struct Inner {
    limits: Limits,
    observer: Box<dyn Observe>,
    programs: RwLock<Programs>,
    peers: Mutex<Vec<Arc<Peer>>>,
}

impl Service {
    /// A service with the dump program alone.
    pub fn new(limits: Limits, observer: impl Observe) -> Self {
        let inner = Inner {
            limits,
            observer: Box::new(observer),
            programs: RwLock::default(),
            peers: Mutex::default(),
        };
        let service = Self(Arc::new(inner));
        service.register(Arc::new(Dump { service: Arc::downgrade(&service.0) }));
        service
    }

    /// Serves a program from now on, in the place of one with the same number and version.
    pub fn register<P: Program>(&self, program: Arc<P>) {
        let same = |other: &Arc<dyn AnyProgram>| {
            let (a, b) = (other.program(), Program::program(&*program));
            (a.number, a.version) == (b.number, b.version)
        };
        let mut programs = self.0.programs.write().unwrap_or_else(PoisonError::into_inner);
        let list = Arc::make_mut(&mut programs);
        match list.iter().position(same) {
            Some(at) => list[at] = program,
            None => list.push(program),
        }
    }

    /// Serves programs in the order of `first`, those that are not in it behind: lists show the order.
    pub fn order(&self, first: &[gluster_xdr::Program]) {
        let mut programs = self.0.programs.write().unwrap_or_else(PoisonError::into_inner);
        let place = |program: &Arc<dyn AnyProgram>| {
            let own = program.program();
            first
                .iter()
                .position(|p| (p.number, p.version) == (own.number, own.version))
                .unwrap_or(first.len())
        };
        Arc::make_mut(&mut programs).sort_by_key(place);
    }

    /// What a listener is given.
    #[must_use]
    pub fn acceptor(&self) -> Acceptor {
        Arc::new(Accept(self.clone())).share()
    }

    /// The connections that are up.
    #[must_use]
    pub fn peers(&self) -> Vec<Arc<Peer>> {
        self.0.peers.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Serves a connection that is there already: what the acceptor does.
    #[must_use]
    pub fn serve(&self, connection: &Connection) -> Option<Handler> {
        let peer = Arc::new(Peer::new(connection.clone(), self.clone()));
        if !self.0.observer.connected(&peer) {
            return None;
        }
        self.0.peers.lock().unwrap_or_else(PoisonError::into_inner).push(peer.clone());
        Some(Arc::new(Serve(peer)).share())
    }

    /// Ends every connection. Listeners are closed by who opened them.
    pub fn close(&self) {
        self.peers().iter().for_each(|peer| peer.close());
    }

    pub(super) fn limits(&self) -> Limits {
        self.0.limits
    }

    /// Takes a connection out that is over.
    pub(super) fn forget(&self, peer: &Arc<Peer>) {
        self.0.peers.lock().unwrap_or_else(PoisonError::into_inner).retain(|other| !Arc::ptr_eq(other, peer));
        self.0.programs().iter().for_each(|program| program.disconnected(peer));
        self.0.observer.disconnected(peer);
    }

    /// What a call starts, or why it does not.
    pub(super) fn route(
        &self,
        call: &rpc::Call,
        peer: &Peer,
    ) -> Result<(Arc<dyn AnyProgram>, Identity), Status> {
        let programs = self.0.programs();
        let mut known = false;
        let program = programs.iter().find(|program| {
            let own = program.program();
            known |= own.number == call.program;
            own.number == call.program && own.version == call.version
        });
        let Some(program) = program else {
            // The incumbent leaves both versions 0.
            return Err(if known { Status::ProgMismatch { low: 0, high: 0 } } else { Status::ProgUnavail });
        };
        if !self.0.limits.allow_insecure && peer.is_unprivileged() && !program.is_unprivileged(call.procedure)
        {
            log!(
                Warn,
                "call from an unprivileged port refused",
                peer = peer.name(),
                program = program.program().name
            );
            return Err(Status::Denied { auth: AUTH_TOO_WEAK });
        }
        let credential = Credential::from_raw(&call.auth).map_err(|e| {
            log!(Warn, "credential refused", peer = peer.name(), why = e);
            Status::Denied { auth: 0 }
        })?;
        Ok((program.clone(), credential.into()))
    }
}

/// `auth_stat` of ONC RPC for a caller who would have to prove more.
const AUTH_TOO_WEAK: u32 = 5;

impl Inner {
    pub(super) fn programs(&self) -> Programs {
        self.programs.read().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

struct Accept(Service);

impl AcceptorImpl for Accept {
    fn accepted(&self, connection: &Connection) -> ROption<Handler> {
        self.0.serve(connection).into()
    }
}

/// Whether a caller at `address` (`host:port`) speaks from a port that anybody may bind.
pub(super) fn is_unprivileged(address: &str) -> bool {
    const FIRST_UNPRIVILEGED: u16 = 1024;
    let port = address.rsplit_once(':').and_then(|(_, port)| port.parse::<u16>().ok());
    let port = port.or_else(|| address.parse::<SocketAddr>().ok().map(|address| address.port()));
    port.is_none_or(|port| port >= FIRST_UNPRIVILEGED)
}

/// The reply to a call that is not executed.
pub(super) fn refused(xid: u32, status: Status) -> Reply {
    let mut w = gluster_xdr::Writer::default();
    rpc::put_reply(&mut w, xid, status);
    Reply(Some(w.into_bytes().into()))
}

/// A call with its headers off.
pub(super) fn unwrap(call: rpc::Call, identity: Identity, peer: Arc<Peer>) -> Call {
    Call { procedure: call.procedure, args: call.args, identity, peer, xid: call.xid }
}
