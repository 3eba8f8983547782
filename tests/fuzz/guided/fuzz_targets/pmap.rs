//! The messages of the port map; the first byte is the procedure's number.
#![no_main]

use gluster_xdr::pmap::*;
use guided::{chosen, read};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let Some((number, args)) = chosen(data) else { return };
    match PmapProc::from_number(number) {
        Some(PmapProc::PortByBrick) => {
            read::<PortByBrickReq>(&args);
            read::<PortByBrickRsp>(&args);
        }
        Some(PmapProc::BrickByPort) => {
            read::<BrickByPortReq>(&args);
            read::<BrickByPortRsp>(&args);
        }
        Some(PmapProc::SignIn) => {
            read::<SignInReq>(&args);
            read::<SignInRsp>(&args);
        }
        Some(PmapProc::SignOut) => {
            read::<SignOutReq>(&args);
            read::<SignOutRsp>(&args);
        }
        _ => {}
    }
});
