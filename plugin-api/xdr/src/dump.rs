//! The dump program, 123451501 version 1: what a listener serves, and whether it lives.

use crate::{List, Lossy, Program};

/// The program.
pub const DUMP: Program = Program::new(123_451_501, 1, "GF-DUMP");

numbers! {
    /// Procedures of the dump program; number 0 has no handler.
    pub enum DumpProc {
        Dump = 1 "DUMP", Ping = 2 "PING",
    }
}

record! {
    /// What do you serve? The number means nothing.
    pub struct DumpReq { gfs_id: u64 }

    /// This, in the order of registration.
    pub struct DumpRsp { gfs_id: u64, op_ret: i32, op_errno: i32, programs: Vec<ProgramEntry> as List }

    /// One program.
    pub struct ProgramEntry { name: String as Lossy<1024>, number: u64, version: u64 }
}

impl DumpRsp {
    /// Whether this version of a program is served.
    #[must_use]
    pub fn serves(&self, program: Program) -> bool {
        let (number, version) = (u64::from(program.number), u64::from(program.version));
        self.programs.iter().any(|entry| entry.number == number && entry.version == version)
    }
}

impl From<Program> for ProgramEntry {
    fn from(program: Program) -> Self {
        Self { name: program.name.to_owned(), number: program.number.into(), version: program.version.into() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_list_has_a_one_before_each_program_and_ends_with_a_zero() {
        let rsp = DumpRsp { programs: vec![DUMP.into()], ..DumpRsp::default() };
        let bytes = crate::encode(&rsp);
        assert_eq!(&bytes[16..32], b"\0\0\0\x01\0\0\0\x07GF-DUMP\0");
        assert_eq!(bytes[bytes.len() - 4..], [0; 4]);
        assert!(crate::decode::<DumpRsp>(&bytes.into()).unwrap().serves(DUMP));
    }

    #[test]
    fn a_list_without_an_end_is_refused() {
        let endless = crate::encode(&DumpRsp { programs: vec![DUMP.into()], ..DumpRsp::default() });
        let cut = plugin_api::IoBuf::copy_from_slice(&endless[..endless.len() - 4]);
        assert!(crate::decode::<DumpRsp>(&cut).is_err());
    }
}
