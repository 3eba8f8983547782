//! The handshake program: how a client gets in.

mod auth;
mod sign_in;

use std::sync::Arc;

use gluster_rpc::{Call, Peer, Program, Reply};
use gluster_xdr::handshake::{
    CommonRsp, GetspecRsp, HANDSHAKE_BRICK, HandshakeProc, SetLkVerReq, SetLkVerRsp, SetvolumeReq,
    SetvolumeRsp,
};
use plugin_api::transport::Message;
use plugin_api::{Dict, Errno, log};

pub(crate) use self::auth::Authenticators;
use self::sign_in::Refusal;
use crate::door::Servers;
use crate::session::Session;

/// Serves the handshake of the bricks behind a door.
#[derive(Debug)]
pub(crate) struct Handshake(pub(crate) Arc<Servers>);

impl Program for Handshake {
    fn program(&self) -> gluster_xdr::Program {
        HANDSHAKE_BRICK
    }

    async fn call(&self, call: Call) -> Reply {
        match HandshakeProc::from_number(call.procedure) {
            Some(HandshakeProc::Null) => call.reply_raw(&Message::default()),
            Some(HandshakeProc::Setvolume) => self.set_volume(&call).await.into(),
            Some(HandshakeProc::Getspec) => call.reply(&no_spec()),
            Some(HandshakeProc::Ping) => call.reply(&CommonRsp::default()),
            Some(HandshakeProc::SetLkVer) => match call.arguments::<SetLkVerReq>() {
                Ok(request) => call.reply(&SetLkVerRsp { lk_ver: request.lk_ver, ..SetLkVerRsp::default() }),
                Err(refusal) => refusal,
            },
            _ => call.no_such_procedure(),
        }
    }

    fn disconnected(&self, peer: &Arc<Peer>) {
        if let Some(session) = peer.detach::<Session>() {
            session.server.leave(&session);
            session.server.events.disconnected(peer, &session);
        }
    }
}

impl Handshake {
    async fn set_volume(&self, call: &Call) -> Result<Reply, Reply> {
        let request: SetvolumeReq = call.arguments()?;
        let answer = match self.0.sign_in(&call.peer, &request.dict).await {
            Ok(session) => {
                let server = &session.server;
                log!(Info, xl: server.handle.name(), "accepted client", client = session.client.uid(),
                    peer = call.peer.name(), brick = server.bricks[session.brick].name);
                server.events.connected(&call.peer, &session);
                SetvolumeRsp { dict: welcome(&session, &call.peer), ..SetvolumeRsp::default() }
            }
            Err(Refusal { errno, text }) => {
                log!(Warn, "refused client", peer = call.peer.name(), why = text);
                let dict = Dict::new().with("ERROR", text);
                SetvolumeRsp { op_ret: -1, op_errno: errno.raw(), dict }
            }
        };
        Ok(call.reply(&answer))
    }
}

fn welcome(session: &Session, peer: &Peer) -> Dict {
    let mut dict = Dict::new()
        .with("ERROR", "Success")
        .with("child_up", 1_u32)
        .with("process-uuid", session.server.process_uuid.clone())
        // Older clients require it.
        .with("clnt-lk-version", 0_u32)
        .with("transport-ptr", peer.id());
    if let Some(volume_id) = session.server.bricks[session.brick].volume_id.get() {
        dict.set("volume-id", volume_id.clone());
    }
    dict
}

fn no_spec() -> GetspecRsp {
    GetspecRsp {
        op_ret: -1,
        op_errno: Errno::ENOSYS.raw(),
        spec: "bricks have no volfiles: ask glusterd".into(),
        ..GetspecRsp::default()
    }
}
