//! The handshake program, 14398633 version 2: what daemon and bricks serve to those who connect.

use plugin_api::{Dict, IoBuf};

use crate::cli::MAX_TEXT;
use crate::dict::{Counted, Serialized};
use crate::{Lossy, Opaque, Program};

/// The program as glusterd lists it on TCP.
pub const HANDSHAKE: Program = Program::new(14_398_633, 2, "Gluster Handshake");
/// The program as glusterd lists it on its unix socket, where only [`HandshakeProc::Getspec`] is served.
pub const HANDSHAKE_CLI: Program = HANDSHAKE.named("Gluster Handshake (CLI Getspec)");
/// The program as a brick lists it.
pub const HANDSHAKE_BRICK: Program = HANDSHAKE.named("GlusterFS Handshake");

numbers! {
    /// Procedures of the handshake program.
    pub enum HandshakeProc {
        Null = 0 "NULL", Setvolume = 1 "SETVOLUME", Getspec = 2 "GETSPEC", Ping = 3 "PING", SetLkVer = 4 "SET_LK_VER",
        EventNotify = 5 "EVENT_NOTIFY", GetVolumeInfo = 6 "GET_VOLUME_INFO", GetSnapshotInfo = 7 "GET_SNAPSHOT_INFO",
    }
}

/// The longest volfile: as much as a record holds.
const MAX_SPEC: usize = crate::record::LIMIT;

record! {
    /// A client introduces itself to a brick.
    ///
    /// The dict stays as it came: one that cannot be read (see [`crate::dict::decode`]) is answered with EINVAL and a
    /// text, not with an RPC error.
    pub struct SetvolumeReq { dict: IoBuf as Opaque<MAX_TEXT> }

    /// What the brick makes of it.
    pub struct SetvolumeRsp { op_ret: i32, op_errno: i32, dict: Dict as Counted }

    /// Asks for a volfile.
    pub struct GetspecReq { flags: u32, key: IoBuf as Opaque<65536>, xdata: Dict as Serialized }

    /// The volfile: `op_ret` is its length.
    pub struct GetspecRsp {
        op_ret: i32, op_errno: i32, spec: IoBuf as Opaque<MAX_SPEC>, xdata: Dict as Serialized,
    }

    /// Nothing but an outcome: the answer to both pings.
    pub struct CommonRsp { op_ret: i32, op_errno: i32, xdata: Dict as Serialized }

    /// A client of old agrees on a lock version.
    pub struct SetLkVerReq { uid: IoBuf as Opaque<4096>, lk_ver: i32 }

    /// The version, unchanged.
    pub struct SetLkVerRsp { op_ret: i32, op_errno: i32, lk_ver: i32 }

    /// A rebalance process reports.
    pub struct EventNotifyReq { op: i32, dict: Dict as Serialized }

    /// The report arrived.
    pub struct EventNotifyRsp { op_ret: i32, op_errno: i32, dict: Dict as Serialized }

    /// Asks for a volume's id, or for the snapshots of a volume.
    pub struct GetInfoReq { dict: Dict as Serialized }

    /// The answer.
    pub struct GetInfoRsp { op_ret: i32, op_errno: i32, op_errstr: String as Lossy<MAX_TEXT>, dict: Dict as Serialized }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_answer_to_a_ping_is_twelve_zero_bytes() {
        assert_eq!(crate::encode(&CommonRsp::default()), [0; 12]);
    }

    #[test]
    fn a_failed_getspec_has_neither_text_nor_xdata() {
        let rsp = GetspecRsp { op_ret: -1, op_errno: 2, ..GetspecRsp::default() };
        assert_eq!(crate::encode(&rsp), [0xff, 0xff, 0xff, 0xff, 0, 0, 0, 2, 0, 0, 0, 0, 0, 0, 0, 0]);
    }
}
