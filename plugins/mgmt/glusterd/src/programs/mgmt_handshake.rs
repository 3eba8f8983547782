//! The op-version handshake: whether two nodes can work together.

use crate::daemon::Daemon;
use crate::opversion::{MAX_OP_VERSION, MIN_OP_VERSION};
use gluster_rpc::{Call, Program, Reply};
use gluster_xdr::peer::{MGMT_HANDSHAKE, MgmtHandshakeProc, MgmtHandshakeReq, MgmtHandshakeRsp};
use plugin_api::{Dict, Errno};
use std::sync::Arc;
use uuid::Uuid;

/// The program.
#[derive(Debug)]
pub struct MgmtHandshake(pub Arc<Daemon>);

impl MgmtHandshake {
    /// A node that has something to lose tells its versions to those it knows.
    fn versions(&self, asked: &Dict) -> Option<Dict> {
        let state = self.0.state();
        let sender = asked.str("peer-id").and_then(|text| text.parse::<Uuid>().ok());
        let is_known = sender.is_some_and(|uuid| state.peers.iter().any(|peer| peer.uuid == uuid));
        let has_something = !state.peers.is_empty() || !state.volumes.is_empty();
        if has_something && !is_known {
            return None;
        }
        Some(
            Dict::new()
                .with("operating-version", state.node.op_version.to_string())
                .with("minimum-operating-version", MIN_OP_VERSION.to_string())
                .with("maximum-operating-version", MAX_OP_VERSION.to_string()),
        )
    }

    /// A lone node keeps its own version: nobody who merely connects may change it.
    fn agrees(&self, asked: &Dict) -> bool {
        asked.uint("operating-version") == Some(self.0.state().node.op_version.into())
    }
}

impl Program for MgmtHandshake {
    fn program(&self) -> gluster_xdr::Program {
        MGMT_HANDSHAKE
    }

    async fn call(&self, call: Call) -> Reply {
        let Some(procedure) = MgmtHandshakeProc::from_number(call.procedure) else {
            return call.no_such_procedure();
        };
        let asked = match call.arguments::<MgmtHandshakeReq>() {
            Ok(request) => request.hndsk,
            Err(refusal) => return refusal,
        };
        let (is_well, hndsk) = match procedure {
            MgmtHandshakeProc::Versions => {
                let versions = self.versions(&asked);
                (versions.is_some(), versions.unwrap_or_default())
            }
            MgmtHandshakeProc::VersionsAck => (self.agrees(&asked), Dict::new()),
        };
        // The incumbent sends this number with successes, too.
        let op_errno = Errno::EINVAL.raw();
        call.reply(&MgmtHandshakeRsp { op_ret: if is_well { 0 } else { -1 }, op_errno, hndsk })
    }
}
