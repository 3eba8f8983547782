//! Programs that are plugins: the same calls, over the ABI.

use std::sync::Arc;

use abi_stable::std_types::RString;
use gluster_xdr::rpc::Status;
use plugin_api::open::ProgramInstance;
use plugin_api::rpc_program::{self, Answer};

use super::{Call, Peer, Program, Reply};

/// A program of another library, served like one's own.
#[derive(Debug, Clone)]
pub struct PluginProgram(pub ProgramInstance);

impl Program for PluginProgram {
    fn program(&self) -> gluster_xdr::Program {
        gluster_xdr::Program::new(self.0.number(), self.0.version(), self.0.name())
    }

    async fn call(&self, call: Call) -> Reply {
        let across = rpc_program::Call {
            procedure: call.procedure,
            body: call.args.clone(),
            identity: call.identity.clone(),
            peer: RString::from(call.peer.name()),
            connection: call.peer.id(),
            is_local: call.peer.is_unix(),
            more: plugin_api::Dict::new(),
        };
        match self.0.call(across).await {
            Answer::Reply(results) => call.reply_raw(&results),
            Answer::NoSuchProcedure => call.no_such_procedure(),
            Answer::GarbageArguments => call.refuse(Status::GarbageArgs),
            Answer::SystemError => call.refuse(Status::SystemErr),
        }
    }

    fn disconnected(&self, peer: &Arc<Peer>) {
        self.0.disconnected(peer.id());
    }
}
