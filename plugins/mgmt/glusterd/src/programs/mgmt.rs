//! The phases of other nodes' operations, as a node answers that works alone.
//!
//! Who is no peer gets no answer, as from the incumbent. A peer that an earlier daemon made friends with is told that
//! this one takes no part.

use crate::daemon::Daemon;
use crate::ops::NOT_SUPPORTED;
use gluster_rpc::{Call, Program, Reply};
use gluster_xdr::mgmt::{
    CheckRsp, ClusterLockReq, ClusterLockRsp, CommitRsp, LockReq, LockRsp, MGMT_V2, MGMT_V3, MgmtV2Proc,
    MgmtV3Proc, OpReq, PostValidateReq,
};
use plugin_api::{Dict, Gfid, log};
use std::sync::Arc;

const REFUSAL: &str = "this node takes no part in operations of other nodes: not supported";

fn own(daemon: &Daemon) -> Gfid {
    Gfid(*daemon.node.as_bytes())
}

fn is_peer(daemon: &Daemon, call: &Call, sender: Gfid) -> bool {
    let known = daemon.state().peers.iter().any(|peer| peer.uuid.as_bytes() == &sender.0);
    if !known {
        log!(Warn, "operation of a node that is no peer is ignored", peer = call.peer.name());
    }
    known
}

fn checked(daemon: &Daemon, op: i32) -> CheckRsp {
    CheckRsp {
        uuid: own(daemon),
        op,
        op_ret: -1,
        op_errno: NOT_SUPPORTED,
        op_errstr: REFUSAL.to_owned(),
        dict: Dict::new(),
    }
}

fn committed(daemon: &Daemon, op: i32) -> CommitRsp {
    CommitRsp {
        uuid: own(daemon),
        op,
        op_ret: -1,
        op_errno: NOT_SUPPORTED,
        dict: Dict::new(),
        op_errstr: REFUSAL.to_owned(),
    }
}

/// Version 2: one lock for all, stage and commit.
#[derive(Debug)]
pub struct MgmtV2(pub Arc<Daemon>);

impl MgmtV2 {
    fn answer(&self, call: &Call, procedure: MgmtV2Proc) -> Result<Reply, Reply> {
        let daemon = &self.0;
        Ok(match procedure {
            MgmtV2Proc::ClusterLock | MgmtV2Proc::ClusterUnlock => {
                let ClusterLockReq { uuid } = call.arguments()?;
                match is_peer(daemon, call, uuid) {
                    true => {
                        call.reply(&ClusterLockRsp { uuid: own(daemon), op_ret: -1, op_errno: NOT_SUPPORTED })
                    }
                    false => Reply::none(),
                }
            }
            MgmtV2Proc::StageOp | MgmtV2Proc::CommitOp => {
                let OpReq { uuid, op, .. } = call.arguments()?;
                match (is_peer(daemon, call, uuid), procedure) {
                    (false, _) => Reply::none(),
                    (true, MgmtV2Proc::StageOp) => call.reply(&checked(daemon, op)),
                    (true, _) => call.reply(&committed(daemon, op)),
                }
            }
        })
    }
}

impl Program for MgmtV2 {
    fn program(&self) -> gluster_xdr::Program {
        MGMT_V2
    }

    async fn call(&self, call: Call) -> Reply {
        match MgmtV2Proc::from_number(call.procedure) {
            Some(procedure) => self.answer(&call, procedure).into(),
            None => call.no_such_procedure(),
        }
    }
}

/// Version 3: every phase.
#[derive(Debug)]
pub struct MgmtV3(pub Arc<Daemon>);

impl MgmtV3 {
    fn answer(&self, call: &Call, procedure: MgmtV3Proc) -> Result<Reply, Reply> {
        let daemon = &self.0;
        Ok(match procedure {
            MgmtV3Proc::Lock | MgmtV3Proc::Unlock => {
                let LockReq { uuid, txn_id, .. } = call.arguments()?;
                if !is_peer(daemon, call, uuid) {
                    return Ok(Reply::none());
                }
                let (uuid, op_errno) = (own(daemon), NOT_SUPPORTED);
                call.reply(&LockRsp { uuid, txn_id, dict: Dict::new(), op_ret: -1, op_errno })
            }
            MgmtV3Proc::PostValidate => {
                let PostValidateReq { uuid, op, .. } = call.arguments()?;
                match is_peer(daemon, call, uuid) {
                    true => call.reply(&checked(daemon, op)),
                    false => Reply::none(),
                }
            }
            MgmtV3Proc::PreValidate | MgmtV3Proc::BrickOp | MgmtV3Proc::Commit | MgmtV3Proc::PostCommit => {
                let OpReq { uuid, op, .. } = call.arguments()?;
                match (is_peer(daemon, call, uuid), procedure) {
                    (false, _) => Reply::none(),
                    (true, MgmtV3Proc::Commit | MgmtV3Proc::PostCommit) => call.reply(&committed(daemon, op)),
                    (true, _) => call.reply(&checked(daemon, op)),
                }
            }
        })
    }
}

impl Program for MgmtV3 {
    fn program(&self) -> gluster_xdr::Program {
        MGMT_V3
    }

    async fn call(&self, call: Call) -> Reply {
        match MgmtV3Proc::from_number(call.procedure) {
            Some(procedure) => self.answer(&call, procedure).into(),
            None => call.no_such_procedure(),
        }
    }
}
