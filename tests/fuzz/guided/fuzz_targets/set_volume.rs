//! SETVOLUME: the request, the dict in it, and the vote on who sent it. Who does not know the password is never let in.
#![no_main]

use auth_login::Login;
use gluster_xdr::handshake::SetvolumeReq;
use gluster_xdr::{decode, dict};
use libfuzzer_sys::fuzz_target;
use plugin_api::IoBuf;
use plugin_api::auth::{Applicant, Authenticator, Vote};
use plugin_api::options::OptionValues;

const USER: &str = "user";
const PASSWORD: &str = "a password that nobody guesses";

fuzz_target!(|data: &[u8]| {
    let Ok(request) = decode::<SetvolumeReq>(&IoBuf::copy_from_slice(data)) else { return };
    let Ok(request) = dict::decode(&request.dict) else { return };
    let brick = request.str("remote-subvolume").unwrap_or("/b/1").to_owned();
    let options: OptionValues = [
        (format!("auth.login.{brick}.allow").as_str(), USER),
        (format!("auth.login.{USER}.password").as_str(), PASSWORD),
    ]
    .into_iter()
    .collect();
    let peer = "172.16.0.1:49151".into();
    let who = Applicant { brick: brick.as_str().into(), peer, request, ..Applicant::default() };
    if Login::vote(&options, &who) == Vote::Accept {
        assert_eq!(who.request.str("password"), Some(PASSWORD));
    }
});
