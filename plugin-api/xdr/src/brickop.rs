//! Brick operations, 4867634 version 2: glusterd to the processes it started, over their unix sockets.

use plugin_api::{Dict, IoBuf};

use crate::cli::MAX_TEXT;
use crate::dict::Serialized;
use crate::{Lossy, Opaque, Program};

/// The program.
pub const BRICK_OPS: Program = Program::new(4_867_634, 2, "Gluster Brick operations");

numbers! {
    /// Procedures of the brick operations; a request's `op` repeats the number.
    pub enum BrickProc {
        Null = 0 "NULL", Terminate = 1 "TERMINATE", XlatorInfo = 2 "XLATOR_INFO", XlatorOp = 3 "XLATOR_OP",
        Status = 4 "STATUS", Op = 5 "OP", XlatorDefrag = 6 "XLATOR_DEFRAG", NodeProfile = 7 "NODE_PROFILE",
        NodeStatus = 8 "NODE_STATUS", VolumeBarrierOp = 9 "VOLUME_BARRIER_OP", BrickBarrier = 10 "BRICK_BARRIER",
        NodeBitrot = 11 "NODE_BITROT", Attach = 12 "ATTACH", DumpMetrics = 13 "DUMP_METRICS",
        SvcAttach = 14 "SVC_ATTACH", SvcDetach = 15 "SVC_DETACH",
    }
}

record! {
    /// An order. `input` is a serialized dict, but for [`BrickProc::SvcAttach`] the text of a volfile.
    pub struct BrickOpReq {
        name: IoBuf as Opaque<4096>, op: i32, input: IoBuf as Opaque<MAX_INPUT>, dict: Dict as Serialized,
    }

    /// What came of it.
    pub struct BrickOpRsp {
        op_ret: i32, op_errno: i32, output: Dict as Serialized, op_errstr: String as Lossy<MAX_TEXT>,
    }
}

const MAX_INPUT: usize = crate::record::LIMIT;
