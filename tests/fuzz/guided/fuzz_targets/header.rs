//! RPC headers and the credentials in them.
#![no_main]

use gluster_xdr::fop::CommonRsp;
use gluster_xdr::rpc::{Credential, Message, decode_reply};
use libfuzzer_sys::fuzz_target;
use plugin_api::IoBuf;

fuzz_target!(|data: &[u8]| {
    let record = IoBuf::copy_from_slice(data);
    if let Ok(Message::Call(call)) = Message::decode(&record)
        && let Ok(credential) = Credential::from_raw(&call.auth)
    {
        // A short one is filled with zeros, so the bound is a credential, not what came.
        assert!(credential.groups.iter().count() <= 100);
        assert!(credential.lk_owner.len() <= 400);
    }
    let _ = decode_reply::<CommonRsp>(&record);
});
