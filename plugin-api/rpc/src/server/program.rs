//! What serves calls: a program number with its procedures.

use std::future::Future;
use std::sync::Arc;

use plugin_api::rt;

use super::peer::Answered;
use super::{Call, Peer, Reply};

/// A program in one version.
pub trait Program: Send + Sync + 'static {
    /// Number, version, and the name that the dump program lists.
    fn program(&self) -> gluster_xdr::Program;

    /// Answers a call. It runs on the thread that read the call until it first has to wait.
    fn call(&self, call: Call) -> impl Future<Output = Reply> + Send;

    /// Whether the procedure may be called from a port of 1024 or above where those are refused.
    fn is_unprivileged(&self, _procedure: u32) -> bool {
        false
    }

    /// Whether calls of the procedure may wait for as long as another client likes (blocking locks). They do not count
    /// among the outstanding calls of a connection, since the call that ends their waiting may come behind them; the
    /// program bounds them itself.
    fn may_wait(&self, _procedure: u32) -> bool {
        false
    }

    /// Whether the program shows up in lists of what is served.
    fn is_listed(&self) -> bool {
        true
    }

    /// A connection of the service is over.
    fn disconnected(&self, _peer: &Arc<Peer>) {}
}

/// The same, whatever the future's type.
pub(super) trait AnyProgram: Send + Sync {
    fn program(&self) -> gluster_xdr::Program;
    fn run(self: Arc<Self>, call: Call, answered: Answered);
    fn is_unprivileged(&self, procedure: u32) -> bool;
    fn may_wait(&self, procedure: u32) -> bool;
    fn is_listed(&self) -> bool;
    fn disconnected(&self, peer: &Arc<Peer>);
}

impl<P: Program> AnyProgram for P {
    fn program(&self) -> gluster_xdr::Program {
        Program::program(self)
    }

    fn run(self: Arc<Self>, call: Call, mut answered: Answered) {
        rt::run_inline(async move { answered.with(self.call(call).await) });
    }

    fn is_unprivileged(&self, procedure: u32) -> bool {
        Program::is_unprivileged(self, procedure)
    }

    fn may_wait(&self, procedure: u32) -> bool {
        Program::may_wait(self, procedure)
    }

    fn is_listed(&self) -> bool {
        Program::is_listed(self)
    }

    fn disconnected(&self, peer: &Arc<Peer>) {
        Program::disconnected(self, peer);
    }
}
