//! The handshake program: volfiles for bricks and clients.

use super::on_blocking_thread;
use crate::daemon::Daemon;
use crate::net::is_local_end;
use crate::ops::{NO_VOLUME, shown};
use crate::queries::spec;
use crate::services::rebalance;
use gluster_rpc::{Call, Program, Reply};
use gluster_xdr::handshake::{
    EventNotifyReq, EventNotifyRsp, GetInfoReq, GetInfoRsp, GetspecReq, GetspecRsp, HANDSHAKE, HANDSHAKE_CLI,
    HandshakeProc,
};
use plugin_api::{Dict, Errno, log};
use std::sync::Arc;

/// `op` of the one event there is: how far a rebalance has come.
const REBALANCE_ENDS: i32 = 0;

/// The program on one of the two listeners.
#[derive(Debug)]
pub struct Handshake {
    daemon: Arc<Daemon>,
    is_local: bool,
}

impl Handshake {
    /// For the unix socket, where volfiles alone are asked for.
    #[must_use]
    pub fn local(daemon: Arc<Daemon>) -> Self {
        Self { daemon, is_local: true }
    }

    /// For TCP.
    #[must_use]
    pub fn remote(daemon: Arc<Daemon>) -> Self {
        Self { daemon, is_local: false }
    }

    async fn getspec(&self, request: GetspecReq, peer: String) -> GetspecRsp {
        let (daemon, is_local) = (self.daemon.clone(), self.is_local);
        let named = String::from_utf8_lossy(&request.key).into_owned();
        let read = on_blocking_thread(async move {
            // A caller that does not say is as old as can be, unless it says nothing of versions at all.
            let level = request.xdata.uint("max-op-version").and_then(|level| u32::try_from(level).ok());
            let is_trusted = is_local || is_local_end(&peer);
            spec::answer(&daemon, &request.key, is_trusted, level.unwrap_or(u32::MAX))
        });
        match read.await.unwrap_or(Err(Errno::EIO)) {
            Ok(text) => match i32::try_from(text.len()) {
                Ok(op_ret) => {
                    let xdata = spec::beside(&self.daemon, &named);
                    GetspecRsp { op_ret, op_errno: 0, spec: text.into(), xdata }
                }
                Err(_) => GetspecRsp { op_ret: -1, op_errno: Errno::EFBIG.raw(), ..GetspecRsp::default() },
            },
            Err(errno) => {
                log!(Warn, "no volfile for this key", key = shown(&named), errno = errno);
                GetspecRsp { op_ret: -1, op_errno: errno.raw(), ..GetspecRsp::default() }
            }
        }
    }

    fn volume_info(&self, request: &Dict) -> GetInfoRsp {
        const WANTS_ID: i64 = 1;
        let volume = request.str("volname").and_then(|name| self.daemon.volume(name));
        match volume {
            Some(stored) if request.int("flags").unwrap_or(0) & WANTS_ID != 0 => {
                let dict = Dict::new().with("volume_id", stored.volume.id.to_string());
                GetInfoRsp { dict, ..GetInfoRsp::default() }
            }
            Some(_) => GetInfoRsp { op_ret: -1, op_errno: Errno::EINVAL.raw(), ..GetInfoRsp::default() },
            None => GetInfoRsp { op_ret: -1, op_errno: NO_VOLUME, ..GetInfoRsp::default() },
        }
    }

    fn snapshots(&self, request: &Dict) -> GetInfoRsp {
        match request.str("volname").and_then(|name| self.daemon.volume(name)) {
            Some(_) => GetInfoRsp { dict: Dict::new().with("snap-count", 0), ..GetInfoRsp::default() },
            None => GetInfoRsp { op_ret: -1, op_errno: NO_VOLUME, ..GetInfoRsp::default() },
        }
    }

    async fn answer(&self, call: &Call, procedure: HandshakeProc) -> Result<Reply, Reply> {
        Ok(match procedure {
            HandshakeProc::Getspec => {
                let request = call.arguments::<GetspecReq>()?;
                call.reply(&self.getspec(request, call.peer.name().to_owned()).await)
            }
            HandshakeProc::EventNotify => {
                let request = call.arguments::<EventNotifyReq>()?;
                let (daemon, peer) = (self.daemon.clone(), call.peer.name().to_owned());
                let told = async move {
                    request.op == REBALANCE_ENDS && rebalance::told(&daemon, &peer, &request.dict)
                };
                let (op_ret, op_errno) = match on_blocking_thread(told).await {
                    Some(true) => (0, 0),
                    _ => (-1, Errno::EINVAL.raw()),
                };
                call.reply(&EventNotifyRsp { op_ret, op_errno, ..EventNotifyRsp::default() })
            }
            HandshakeProc::GetVolumeInfo => {
                call.reply(&self.volume_info(&call.arguments::<GetInfoReq>()?.dict))
            }
            HandshakeProc::GetSnapshotInfo => {
                call.reply(&self.snapshots(&call.arguments::<GetInfoReq>()?.dict))
            }
            _ => call.no_such_procedure(),
        })
    }
}

impl Program for Handshake {
    fn program(&self) -> gluster_xdr::Program {
        if self.is_local { HANDSHAKE_CLI } else { HANDSHAKE }
    }

    async fn call(&self, call: Call) -> Reply {
        match HandshakeProc::from_number(call.procedure) {
            Some(procedure) if !self.is_local || procedure == HandshakeProc::Getspec => {
                self.answer(&call, procedure).await.into()
            }
            _ => call.no_such_procedure(),
        }
    }
}
