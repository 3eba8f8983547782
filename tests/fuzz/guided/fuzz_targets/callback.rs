//! What servers tell their clients; the first byte is the procedure's number.
#![no_main]

use gluster_xdr::callback::*;
use guided::{chosen, read};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let Some((number, args)) = chosen(data) else { return };
    match CallbackProc::from_number(number) {
        Some(CallbackProc::EventNotify) => read::<EventNotify>(&args),
        Some(CallbackProc::CacheInvalidation) => read::<CacheInvalidation>(&args),
        Some(CallbackProc::RecallLease) => read::<RecallLease>(&args),
        Some(CallbackProc::Statedump) => read::<Statedump>(&args),
        Some(CallbackProc::InodelkContention) => read::<InodelkContention>(&args),
        Some(CallbackProc::EntrylkContention) => read::<EntrylkContention>(&args),
        _ => {}
    }
});
