//! The dump program, which every service has: what is served here, and the answer to pings.

use std::sync::Weak;

use gluster_xdr::dump::{DUMP, DumpProc, DumpReq, DumpRsp};
use gluster_xdr::handshake::CommonRsp;

use super::service::Inner;
use super::{Call, Program, Reply};

/// Lists the programs of its service, in the order of registration.
pub(super) struct Dump {
    pub(super) service: Weak<Inner>,
}

impl Program for Dump {
    fn program(&self) -> gluster_xdr::Program {
        DUMP
    }

    async fn call(&self, call: Call) -> Reply {
        match DumpProc::from_number(call.procedure) {
            Some(DumpProc::Ping) => call.reply(&CommonRsp::default()),
            Some(DumpProc::Dump) => match call.arguments::<DumpReq>() {
                Ok(_) => call.reply(&self.list()),
                Err(refusal) => refusal,
            },
            None => call.no_such_procedure(),
        }
    }
}

impl Dump {
    fn list(&self) -> DumpRsp {
        let programs = self.service.upgrade().map(|service| service.programs());
        let listed =
            programs.iter().flat_map(|programs| programs.iter()).filter(|program| program.is_listed());
        DumpRsp { programs: listed.map(|program| program.program().into()).collect(), ..DumpRsp::default() }
    }
}
