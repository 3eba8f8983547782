//! The friend program, as a node answers that has no friends: it knows nobody, and lets nobody in.

use crate::daemon::Daemon;
use gluster_rpc::{Call, Program, Reply};
use gluster_xdr::peer::{
    FriendAddReq, FriendAddRsp, FriendUpdateReq, FriendUpdateRsp, PEER, PeerProc, ProbeReq, ProbeRsp,
    UnfriendReq, UnfriendRsp,
};
use plugin_api::{Gfid, log};
use std::sync::Arc;

/// `op_errno`: both have one uuid.
const SAME_UUID: i32 = 5;
/// `op_errno`: the sender is not known here.
const UNKNOWN_PEER: i32 = 6;
/// `op_errno`: the sender cannot be taken in.
const ADD_FAILED: i32 = 7;

/// The program.
#[derive(Debug)]
pub struct Peers(pub Arc<Daemon>);

impl Peers {
    fn own(&self) -> Gfid {
        Gfid(*self.0.node.as_bytes())
    }

    fn answer(&self, call: &Call, procedure: PeerProc) -> Result<Reply, Reply> {
        let uuid = self.own();
        log!(Debug, "another node calls", peer = call.peer.name(), procedure = procedure.name());
        Ok(match procedure {
            PeerProc::ProbeQuery => {
                let ProbeReq { uuid: theirs, hostname, port } = call.arguments()?;
                let (op_errno, port) = if theirs == uuid { (SAME_UUID, port) } else { (ADD_FAILED, 0) };
                call.reply(&ProbeRsp { uuid, hostname, port, op_ret: -1, op_errno, op_errstr: String::new() })
            }
            PeerProc::FriendAdd => {
                let FriendAddReq { hostname, .. } = call.arguments()?;
                call.reply(&FriendAddRsp { uuid, hostname, op_ret: -1, op_errno: UNKNOWN_PEER, port: 0 })
            }
            PeerProc::FriendRemove => {
                let UnfriendReq { hostname, port, .. } = call.arguments()?;
                // Nothing has to happen for them to be no friend.
                call.reply(&UnfriendRsp { uuid, hostname, op_ret: 0, op_errno: 0, port })
            }
            PeerProc::FriendUpdate => {
                call.arguments::<FriendUpdateReq>()?;
                call.reply(&FriendUpdateRsp { uuid, op: 0, op_ret: -1, op_errno: 0 })
            }
        })
    }
}

impl Program for Peers {
    fn program(&self) -> gluster_xdr::Program {
        PEER
    }

    async fn call(&self, call: Call) -> Reply {
        match PeerProc::from_number(call.procedure) {
            Some(procedure) => self.answer(&call, procedure).into(),
            None => call.no_such_procedure(),
        }
    }
}
