//! The results of every procedure of the file operation program, as a client reads them; the first byte chooses.
#![no_main]

use gluster_xdr::fop::*;
use guided::{chosen, read};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let Some((number, results)) = chosen(data) else { return };
    match number {
        0 => read::<CommonRsp>(&results),
        1 => read::<CreateRsp>(&results),
        2 => read::<DictRsp>(&results),
        3 => read::<GetactivelkRsp>(&results),
        4 => read::<IattRsp>(&results),
        5 => read::<LeaseRsp>(&results),
        6 => read::<LkRsp>(&results),
        7 => read::<LookupRsp>(&results),
        8 => read::<MadeRsp>(&results),
        9 => read::<OpenRsp>(&results),
        10 => read::<PrePostRsp>(&results),
        11 => read::<RchecksumRsp>(&results),
        12 => read::<ReaddirRsp>(&results),
        13 => read::<ReaddirpRsp>(&results),
        14 => read::<ReadlinkRsp>(&results),
        15 => read::<RenameRsp>(&results),
        16 => read::<SeekRsp>(&results),
        17 => read::<StatfsRsp>(&results),
        18 => {
            if let Ok((_, payload)) = ReadRsp::with_payload(&results) {
                assert!(payload.len() <= results.len());
            }
        }
        _ => {}
    }
});
