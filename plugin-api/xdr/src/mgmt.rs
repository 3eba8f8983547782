//! The phases of an operation between daemons: 1238433, versions 2 and 3.

use plugin_api::{Dict, Gfid};

use crate::cli::MAX_TEXT;
use crate::dict::{Counted, Serialized};
use crate::{Lossy, Program, UuidWords};

/// The old phases.
pub const MGMT_V2: Program = Program::new(1_238_433, 2, "GlusterD svc mgmt");
/// The new phases.
pub const MGMT_V3: Program = Program::new(1_238_433, 3, "GlusterD svc mgmt v3");

numbers! {
    /// Procedures of version 2.
    pub enum MgmtV2Proc {
        ClusterLock = 1 "CLUSTER_LOCK", ClusterUnlock = 2 "CLUSTER_UNLOCK", StageOp = 3 "STAGE_OP",
        CommitOp = 4 "COMMIT_OP",
    }
}

numbers! {
    /// Procedures of version 3.
    pub enum MgmtV3Proc {
        Lock = 1 "LOCK", PreValidate = 2 "PRE_VALIDATE", BrickOp = 3 "BRICK_OP", Commit = 4 "COMMIT",
        PostValidate = 5 "POST_VALIDATE", Unlock = 6 "UNLOCK", PostCommit = 7 "POST_COMMIT",
    }
}

record! {
    /// Version 2: lock or unlock the cluster.
    pub struct ClusterLockReq { uuid: Gfid as UuidWords }

    /// Whether it was.
    pub struct ClusterLockRsp { uuid: Gfid as UuidWords, op_ret: i32, op_errno: i32 }

    /// An operation to check or to do: version 2's stage and commit, version 3's pre-validate, brick operation,
    /// commit and post-commit.
    pub struct OpReq { uuid: Gfid as UuidWords, op: i32, dict: Dict as Counted }

    /// The answer to a stage, a pre-validate, a brick operation or a post-validate: the text before the dict.
    pub struct CheckRsp {
        uuid: Gfid as UuidWords, op: i32, op_ret: i32, op_errno: i32, op_errstr: String as Lossy<MAX_TEXT>,
        dict: Dict as Counted,
    }

    /// The answer to a commit of either version or a post-commit: the dict before the text.
    pub struct CommitRsp {
        uuid: Gfid as UuidWords, op: i32, op_ret: i32, op_errno: i32, dict: Dict as Counted,
        op_errstr: String as Lossy<MAX_TEXT>,
    }

    /// Version 3: lock or unlock what the dict names.
    pub struct LockReq { uuid: Gfid as UuidWords, txn_id: Gfid as UuidWords, op: i32, dict: Dict as Counted }

    /// Whether it was.
    pub struct LockRsp {
        uuid: Gfid as UuidWords, txn_id: Gfid as UuidWords, dict: Dict as Serialized, op_ret: i32, op_errno: i32,
    }

    /// Version 3: the end of an operation, and how it went.
    pub struct PostValidateReq { uuid: Gfid as UuidWords, op: i32, op_ret: i32, dict: Dict as Counted }
}

numbers! {
    /// The operations that travel in `op`.
    pub enum Op {
        None = 0 "NONE", CreateVolume = 1 "CREATE_VOLUME", StartBrick = 2 "START_BRICK", StopBrick = 3 "STOP_BRICK",
        DeleteVolume = 4 "DELETE_VOLUME", StartVolume = 5 "START_VOLUME", StopVolume = 6 "STOP_VOLUME",
        DefragVolume = 7 "DEFRAG_VOLUME", AddBrick = 8 "ADD_BRICK", RemoveBrick = 9 "REMOVE_BRICK",
        ReplaceBrick = 10 "REPLACE_BRICK", SetVolume = 11 "SET_VOLUME", ResetVolume = 12 "RESET_VOLUME",
        SyncVolume = 13 "SYNC_VOLUME", LogRotate = 14 "LOG_ROTATE", GsyncSet = 15 "GSYNC_SET",
        ProfileVolume = 16 "PROFILE_VOLUME", Quota = 17 "QUOTA", StatusVolume = 18 "STATUS_VOLUME",
        Rebalance = 19 "REBALANCE", HealVolume = 20 "HEAL_VOLUME", StatedumpVolume = 21 "STATEDUMP_VOLUME",
        ListVolume = 22 "LIST_VOLUME", ClearlocksVolume = 23 "CLEARLOCKS_VOLUME",
        DefragBrickVolume = 24 "DEFRAG_BRICK_VOLUME", CopyFile = 25 "COPY_FILE", SysExec = 26 "SYS_EXEC",
        GsyncCreate = 27 "GSYNC_CREATE", Snap = 28 "SNAP", Barrier = 29 "BARRIER", Ganesha = 30 "GANESHA",
        Bitrot = 31 "BITROT", DetachTier = 32 "DETACH_TIER", TierMigrate = 33 "TIER_MIGRATE",
        ScrubStatus = 34 "SCRUB_STATUS", ScrubOndemand = 35 "SCRUB_ONDEMAND", ResetBrick = 36 "RESET_BRICK",
        MaxOpversion = 37 "MAX_OPVERSION", TierStartStop = 38 "TIER_START_STOP", TierStatus = 39 "TIER_STATUS",
        DetachTierStatus = 40 "DETACH_TIER_STATUS", DetachNotStarted = 41 "DETACH_NOT_STARTED",
        RemoveTierBrick = 42 "REMOVE_TIER_BRICK", AddTierBrick = 43 "ADD_TIER_BRICK",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_have_the_lengths_seen_between_daemons() {
        // A post-validate's answer: 88 bytes, its empty dict in four of them.
        assert_eq!(crate::encode(&CheckRsp::default()).len(), 88);
        assert_eq!(crate::encode(&CommitRsp::default()).len(), 88);
        // A lock's answer: an opaque of no bytes.
        assert_eq!(crate::encode(&LockRsp::default()).len(), 64 + 64 + 4 + 8);
    }
}
