//! What daemons say to each other about being peers: 1239873 version 1 and 1238437 version 2.

use plugin_api::{Dict, Gfid};

use crate::cli::MAX_TEXT;
use crate::dict::{Counted, Serialized};
use crate::{Lossy, Program, Text, UuidWords};

/// The op-version handshake.
pub const MGMT_HANDSHAKE: Program = Program::new(1_239_873, 1, "Gluster MGMT Handshake");
/// The friend program.
pub const PEER: Program = Program::new(1_238_437, 2, "GlusterD svc peer");

numbers! {
    /// Procedures of the op-version handshake.
    pub enum MgmtHandshakeProc {
        Versions = 1 "MGMT_HNDSK_VERSIONS", VersionsAck = 2 "MGMT_HNDSK_VERSIONS_ACK",
    }
}

numbers! {
    /// Procedures of the friend program.
    pub enum PeerProc {
        ProbeQuery = 1 "PROBE_QUERY", FriendAdd = 2 "FRIEND_ADD", FriendRemove = 3 "FRIEND_REMOVE",
        FriendUpdate = 4 "FRIEND_UPDATE",
    }
}

/// The longest name of a host.
const MAX_HOST: usize = 1024;

record! {
    /// Either step of the op-version handshake.
    pub struct MgmtHandshakeReq { hndsk: Dict as Serialized }

    /// Its answer.
    pub struct MgmtHandshakeRsp { op_ret: i32, op_errno: i32, hndsk: Dict as Serialized }

    /// Who are you?
    pub struct ProbeReq { uuid: Gfid as UuidWords, hostname: String as Text<MAX_HOST>, port: i32 }

    /// The one with this uuid.
    pub struct ProbeRsp {
        uuid: Gfid as UuidWords, hostname: String as Text<MAX_HOST>, port: i32, op_ret: i32, op_errno: i32,
        op_errstr: String as Lossy<MAX_TEXT>,
    }

    /// Be my peer; these are my volumes.
    pub struct FriendAddReq {
        uuid: Gfid as UuidWords, hostname: String as Text<MAX_HOST>, port: i32, vols: Dict as Counted,
    }

    /// Whether.
    pub struct FriendAddRsp {
        uuid: Gfid as UuidWords, hostname: String as Text<MAX_HOST>, op_ret: i32, op_errno: i32, port: i32,
    }

    /// Be no peer of mine any more. The incumbent sends a friend-add with an empty dict; the bytes behind are ignored.
    pub struct UnfriendReq { uuid: Gfid as UuidWords, hostname: String as Text<MAX_HOST>, port: i32 }

    /// So be it.
    pub struct UnfriendRsp {
        uuid: Gfid as UuidWords, hostname: String as Text<MAX_HOST>, op_ret: i32, op_errno: i32, port: i32,
    }

    /// These are my peers.
    pub struct FriendUpdateReq { uuid: Gfid as UuidWords, friends: Dict as Counted, port: i32 }

    /// Noted.
    pub struct FriendUpdateRsp { uuid: Gfid as UuidWords, op: i32, op_ret: i32, op_errno: i32 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_unfriend_with_the_incumbents_extra_word_is_read() {
        let sent = FriendAddReq { hostname: "box".into(), port: 24007, ..FriendAddReq::default() };
        let got: UnfriendReq = crate::decode(&crate::encode(&sent).into()).unwrap();
        assert_eq!((got.hostname.as_str(), got.port), ("box", 24007));
    }
}
