//! The port map, 34123456 version 1: which brick listens where.

use plugin_api::IoBuf;

use crate::{Opaque, Program};

/// The program; a client that finds it in a list knows that it talks to glusterd.
pub const PMAP: Program = Program::new(34_123_456, 1, "Gluster Portmap");

numbers! {
    /// Procedures of the port map.
    pub enum PmapProc {
        Null = 0 "NULL", PortByBrick = 1 "PORTBYBRICK", BrickByPort = 2 "BRICKBYPORT", SignUp = 3 "SIGNUP",
        SignIn = 4 "SIGNIN", SignOut = 5 "SIGNOUT",
    }
}

/// The longest name of a brick: a path.
const MAX_BRICK: usize = 4096;

record! {
    /// Where does this brick listen? The name is the brick's path, byte for byte as it signs in.
    pub struct PortByBrickReq { brick: IoBuf as Opaque<MAX_BRICK> }

    /// There; `op_ret` is −1 when no such brick has signed in.
    pub struct PortByBrickRsp { op_ret: i32, op_errno: i32, status: i32, port: i32 }

    /// Which brick listens there?
    pub struct BrickByPortReq { port: i32 }

    /// This one.
    pub struct BrickByPortRsp { op_ret: i32, op_errno: i32, status: i32, brick: IoBuf as Opaque<MAX_BRICK> }

    /// A brick says that it listens.
    pub struct SignInReq { brick: IoBuf as Opaque<MAX_BRICK>, port: i32, pid: i32 }

    /// Noted.
    pub struct SignInRsp { op_ret: i32, op_errno: i32 }

    /// A brick says that it goes.
    pub struct SignOutReq { brick: IoBuf as Opaque<MAX_BRICK>, port: i32, rdma_port: i32 }

    /// Noted.
    pub struct SignOutRsp { op_ret: i32, op_errno: i32 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sign_in_is_name_port_and_process() {
        let req = SignInReq { brick: "/b/1".into(), port: 49152, pid: 7 };
        assert_eq!(crate::encode(&req), *b"\0\0\0\x04/b/1\0\0\xc0\0\0\0\0\x07");
        assert_eq!(crate::decode(&crate::encode(&req).into()), Ok(req));
    }
}
