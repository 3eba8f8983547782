//! A call as a program sees it, and what it answers.

use std::sync::Arc;

use gluster_xdr::rpc::{Status, put_reply};
use gluster_xdr::{Writer, Xdr, XdrError};
use plugin_api::transport::Message;
use plugin_api::{Identity, IoBuf, Payload, log};

use super::Peer;

/// A call: RPC headers are off, the caller is known.
#[derive(Debug, Clone)]
pub struct Call {
    /// Which procedure of the program.
    pub procedure: u32,
    /// Its arguments, as XDR; they share the record they came in.
    pub args: IoBuf,
    /// Who calls, by the credential.
    pub identity: Identity,
    /// The connection it came on.
    pub peer: Arc<Peer>,
    pub(super) xid: u32,
}

/// What a call is answered with.
#[derive(Debug)]
pub struct Reply(pub(super) Option<Message>);

/// Room for a reply's header and the usual result: four sets of attributes.
const USUAL_REPLY: usize = 640;

impl Call {
    /// The arguments; else the reply that says that they are none.
    ///
    /// # Errors
    /// A reply to be returned as it is.
    pub fn arguments<T: Xdr>(&self) -> Result<T, Reply> {
        gluster_xdr::decode(&self.args).map_err(|e| self.garbage(&e))
    }

    /// The reply that carries `results`.
    #[must_use]
    pub fn reply<T: Xdr>(&self, results: &T) -> Reply {
        self.reply_with(results, Payload::default())
    }

    /// The reply that carries `results` and, uncopied, `payload` behind them.
    #[must_use]
    pub fn reply_with<T: Xdr>(&self, results: &T, payload: Payload) -> Reply {
        let mut w = self.status(Status::Success);
        results.put(&mut w);
        Reply(Some(Message { head: w.into_bytes().into(), payload }))
    }

    /// The reply that carries results which are XDR already.
    #[must_use]
    pub fn reply_raw(&self, results: &Message) -> Reply {
        let mut w = self.status(Status::Success);
        w.raw(&results.head);
        Reply(Some(Message { head: w.into_bytes().into(), payload: results.payload.clone() }))
    }

    /// The program has no such procedure.
    #[must_use]
    pub fn no_such_procedure(&self) -> Reply {
        self.refuse(Status::ProcUnavail)
    }

    /// The arguments are none, by `why`, which is logged.
    #[must_use]
    pub fn garbage(&self, why: &XdrError) -> Reply {
        log!(
            Warn,
            "arguments cannot be decoded",
            peer = self.peer.name(),
            procedure = self.procedure,
            why = why
        );
        self.refuse(Status::GarbageArgs)
    }

    /// As [`garbage`](Self::garbage), with a result behind it: some of the incumbent's procedures send one.
    #[must_use]
    pub fn garbage_with<T: Xdr>(&self, why: &XdrError, results: &T) -> Reply {
        log!(
            Warn,
            "arguments cannot be decoded",
            peer = self.peer.name(),
            procedure = self.procedure,
            why = why
        );
        let mut w = self.status(Status::GarbageArgs);
        results.put(&mut w);
        Reply(Some(Message::from(w.into_bytes())))
    }

    /// The call is not executed.
    #[must_use]
    pub fn refuse(&self, status: Status) -> Reply {
        Reply(Some(Message::from(self.status(status).into_bytes())))
    }

    fn status(&self, status: Status) -> Writer {
        let mut w = Writer::new(Vec::with_capacity(USUAL_REPLY));
        put_reply(&mut w, self.xid, status);
        w
    }
}

impl Reply {
    /// No answer at all: the incumbent ignores some calls of strangers.
    #[must_use]
    pub fn none() -> Self {
        Self(None)
    }
}

/// So that a program may use `?` on [`Call::arguments`].
impl From<Result<Reply, Reply>> for Reply {
    fn from(answer: Result<Reply, Reply>) -> Self {
        answer.unwrap_or_else(|refusal| refusal)
    }
}
