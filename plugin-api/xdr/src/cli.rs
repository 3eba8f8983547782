//! The program of the command line, 1238463 version 2.

use plugin_api::{Dict, IoBuf};

use crate::dict::Serialized;
use crate::{Lossy, Opaque, Program, Text};

/// The program on the daemon's unix socket: everything.
pub const CLI: Program = Program::new(1_238_463, 2, "GlusterD svc cli");

/// The same number on TCP: only what does not change anything, see [`CliProc::is_read_only`].
pub const CLI_READ_ONLY: Program = CLI.named("GlusterD svc cli read-only");

numbers! {
    /// Procedures of the command line's program.
    pub enum CliProc {
        Probe = 1 "PROBE", Deprobe = 2 "DEPROBE", ListFriends = 3 "LIST_FRIENDS", CreateVolume = 4 "CREATE_VOLUME",
        GetVolume = 5 "GET_VOLUME", GetNextVolume = 6 "GET_NEXT_VOLUME", DeleteVolume = 7 "DELETE_VOLUME",
        StartVolume = 8 "START_VOLUME", StopVolume = 9 "STOP_VOLUME", RenameVolume = 10 "RENAME_VOLUME",
        DefragVolume = 11 "DEFRAG_VOLUME", SetVolume = 12 "SET_VOLUME", AddBrick = 13 "ADD_BRICK",
        RemoveBrick = 14 "REMOVE_BRICK", ReplaceBrick = 15 "REPLACE_BRICK", LogRotate = 16 "LOG_ROTATE",
        Getspec = 17 "GETSPEC", PmapPortbybrick = 18 "PMAP_PORTBYBRICK", SyncVolume = 19 "SYNC_VOLUME",
        ResetVolume = 20 "RESET_VOLUME", FsmLog = 21 "FSM_LOG", GsyncSet = 22 "GSYNC_SET",
        ProfileVolume = 23 "PROFILE_VOLUME", Quota = 24 "QUOTA", TopVolume = 25 "TOP_VOLUME", Getwd = 26 "GETWD",
        StatusVolume = 27 "STATUS_VOLUME", StatusAll = 28 "STATUS_ALL", Mount = 29 "MOUNT", Umount = 30 "UMOUNT",
        HealVolume = 31 "HEAL_VOLUME", StatedumpVolume = 32 "STATEDUMP_VOLUME", ListVolume = 33 "LIST_VOLUME",
        ClrlocksVolume = 34 "CLRLOCKS_VOLUME", UuidReset = 35 "UUID_RESET", UuidGet = 36 "UUID_GET",
        CopyFile = 37 "COPY_FILE", SysExec = 38 "SYS_EXEC", Snap = 39 "SNAP", BarrierVolume = 40 "BARRIER_VOLUME",
        GetVolOpt = 41 "GET_VOL_OPT", Ganesha = 42 "GANESHA", Bitrot = 43 "BITROT", AttachTier = 44 "ATTACH_TIER",
        Tier = 45 "TIER", GetState = 46 "GET_STATE", ResetBrick = 47 "RESET_BRICK",
        RemoveTierBrick = 48 "REMOVE_TIER_BRICK", AddTierBrick = 49 "ADD_TIER_BRICK",
    }
}

impl CliProc {
    /// Whether the procedure is served on TCP too.
    #[must_use]
    pub const fn is_read_only(self) -> bool {
        use CliProc::*;
        matches!(self, ListFriends | GetVolume | Getwd | StatusVolume | Mount | Umount | ListVolume | UuidGet)
    }

    /// Whether the procedure is served to callers from a port of 1024 or above even where those are refused.
    #[must_use]
    pub const fn is_unprivileged(self) -> bool {
        matches!(self, Self::Getwd | Self::Mount | Self::Umount)
    }
}

record! {
    /// The request of every procedure but the few below.
    pub struct CliReq { dict: Dict as Serialized }

    /// The reply of every procedure but the few below.
    pub struct CliRsp { op_ret: i32, op_errno: i32, op_errstr: String as Lossy<MAX_TEXT>, dict: Dict as Serialized }

    /// `peer status`, `pool list`; flags 1 leave the daemon itself out, 2 list it too.
    pub struct ListFriendsReq { flags: i32, dict: Dict as Serialized }

    /// The peers.
    pub struct ListFriendsRsp { op_ret: i32, op_errno: i32, friends: Dict as Serialized }

    /// `system:: fsm log`.
    pub struct FsmLogReq { name: IoBuf as Opaque<4096> }

    /// The history of a peer's state machine.
    pub struct FsmLogRsp {
        op_ret: i32, op_errno: i32, op_errstr: String as Lossy<MAX_TEXT>, fsm_log: Dict as Serialized,
    }

    /// `system:: getwd`.
    pub struct GetwdReq { unused: i32 }

    /// The daemon's working folder.
    pub struct GetwdRsp { op_ret: i32, op_errno: i32, wd: String as Text<4096> }

    /// `system:: mount`.
    pub struct MountReq { label: IoBuf as Opaque<4096>, dict: Dict as Serialized }

    /// Where it was mounted.
    pub struct MountRsp { op_ret: i32, op_errno: i32, path: IoBuf as Opaque<4096> }

    /// `system:: umount`.
    pub struct UmountReq { lazy: i32, path: IoBuf as Opaque<4096> }

    /// Whether it was.
    pub struct UmountRsp { op_ret: i32, op_errno: i32 }
}

/// The most that a text for people may take.
pub const MAX_TEXT: usize = 1 << 20;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rpc::{Credential, Message, decode_reply, encode_call, encode_reply};

    #[test]
    fn the_call_of_a_volume_start_has_the_incumbents_bytes() {
        // `gluster volume start r3`: cred 24 bytes, body 76, dict of 3 pairs in 71 bytes.
        let dict = Dict::new().with("volname", "r3").with("flags", 0).with("cmd-str", "volume start r3");
        let procedure = CliProc::StartVolume.number();
        let call = encode_call(2, CLI, procedure, &Credential::default(), &CliReq { dict });
        let Message::Call(call) = Message::decode(&call.into()).unwrap() else { panic!("no call") };
        assert_eq!((call.auth.body.len(), call.args.len(), call.args[3]), (24, 76, 71));
        let keys: Vec<_> =
            crate::decode::<CliReq>(&call.args).unwrap().dict.iter().map(|(k, _)| k.clone()).collect();
        assert_eq!(
            keys.iter().map(plugin_api::Key::as_str).collect::<Vec<_>>(),
            ["cmd-str", "flags", "volname"]
        );
    }

    #[test]
    fn the_reply_of_a_refused_start_has_the_incumbents_length() {
        let dict = Dict::new()
            .with("cmd-str", "volume start r3")
            .with("flags", "0")
            .with("volname", "r3")
            .with("originator_uuid", vec![7; 16])
            .with("is_synctasked", 1)
            .with("vol-id", "3a5d397a-92a1-4225-b9d1-b6cfa80704c4");
        let op_errstr = "Volume r3 already started".to_owned();
        let sent = CliRsp { op_ret: -1, op_errno: 30800, op_errstr, dict };
        let record = IoBuf::from(encode_reply(2, &sent));
        assert_eq!(record.len() - 24, 232);
        let (xid, got): (u32, CliRsp) = decode_reply(&record).unwrap();
        assert_eq!((xid, got.op_ret, got.op_errno, got.op_errstr), (2, -1, 30800, sent.op_errstr));
    }

    #[test]
    fn an_empty_dict_is_an_opaque_of_no_bytes() {
        assert_eq!(crate::encode(&ListFriendsReq { flags: 1, dict: Dict::new() }), [0, 0, 0, 1, 0, 0, 0, 0]);
    }

    #[test]
    fn a_request_whose_dict_is_cut_is_refused_by_the_name_of_its_field() {
        let hostile = IoBuf::from(vec![0, 0, 0, 4, 0x7f, 0xff, 0xff, 0xff]);
        let e = crate::decode::<CliReq>(&hostile).unwrap_err();
        assert_eq!(e.field, "CliReq.dict");
    }
}
