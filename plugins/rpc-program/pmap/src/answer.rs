//! Calls: what bricks and clients ask.

use std::net::{IpAddr, UdpSocket};

use gluster_xdr::pmap::{
    BrickByPortReq, BrickByPortRsp, PmapProc, PortByBrickReq, PortByBrickRsp, SignInReq, SignInRsp,
    SignOutReq, SignOutRsp,
};
use gluster_xdr::{Xdr, XdrError, decode, encode};
use plugin_api::rpc_program::{Answer, Call};
use plugin_api::{Errno, IoBuf, log};

use crate::Pmap;
use crate::table::Entry;

/// What the wire says for a failure.
const FAILED: i32 = -1;

impl Pmap {
    pub(crate) fn answer(&self, call: &Call) -> Answer {
        let answered = match PmapProc::from_number(call.procedure) {
            Some(PmapProc::PortByBrick) => {
                decode(&call.body).map(|request| reply(&self.port_by_brick(&request)))
            }
            Some(PmapProc::BrickByPort) => {
                decode(&call.body).map(|request| reply(&self.brick_by_port(&request)))
            }
            Some(PmapProc::SignIn) => decode(&call.body).map(|request| reply(&self.sign_in(call, &request))),
            Some(PmapProc::SignOut) => {
                decode(&call.body).map(|request| reply(&self.sign_out(call, &request)))
            }
            Some(PmapProc::Null | PmapProc::SignUp) | None => return Answer::NoSuchProcedure,
        };
        answered.unwrap_or_else(|e: XdrError| {
            log!(Warn, "arguments cannot be decoded", peer = call.peer, procedure = call.procedure, why = e);
            Answer::GarbageArguments
        })
    }

    fn port_by_brick(&self, request: &PortByBrickReq) -> PortByBrickRsp {
        match self.table().find(&request.brick) {
            Some(entry) => PortByBrickRsp { port: entry.port.into(), ..PortByBrickRsp::default() },
            // The client asks again in three seconds.
            None => PortByBrickRsp { op_ret: FAILED, ..PortByBrickRsp::default() },
        }
    }

    fn brick_by_port(&self, request: &BrickByPortReq) -> BrickByPortRsp {
        let table = self.table();
        match u16::try_from(request.port).ok().and_then(|port| table.at(port)) {
            Some(entry) => {
                BrickByPortRsp { brick: IoBuf::copy_from_slice(&entry.brick), ..BrickByPortRsp::default() }
            }
            None => BrickByPortRsp { op_ret: FAILED, ..BrickByPortRsp::default() },
        }
    }

    fn sign_in(&self, call: &Call, request: &SignInReq) -> SignInRsp {
        let refused = |errno: Errno| SignInRsp { op_ret: FAILED, op_errno: errno.raw() };
        if !is_of_this_machine(call) {
            log!(Warn, "sign-in from another machine refused", peer = call.peer);
            return refused(Errno::EACCES);
        }
        let Some(port) = u16::try_from(request.port).ok().filter(|port| *port > 0) else {
            return refused(Errno::EINVAL);
        };
        let entry =
            Entry { brick: request.brick.to_vec(), port, pid: request.pid, connection: call.connection };
        if !self.table().sign_in(entry.clone()) {
            return refused(Errno::ENOSPC);
        }
        log!(
            Info,
            "brick signed in",
            brick = String::from_utf8_lossy(&entry.brick).escape_debug(),
            port = port
        );
        self.tell("sign-in", &entry);
        SignInRsp::default()
    }

    fn sign_out(&self, call: &Call, request: &SignOutReq) -> SignOutRsp {
        if !is_of_this_machine(call) {
            log!(Warn, "sign-out from another machine refused", peer = call.peer);
            return SignOutRsp { op_ret: FAILED, op_errno: Errno::EACCES.raw() };
        }
        let gone = self.table().sign_out(&request.brick);
        if let Some(entry) = gone {
            log!(Info, "brick signed out", brick = String::from_utf8_lossy(&entry.brick).escape_debug());
            self.tell("sign-out", &entry);
        }
        SignOutRsp::default()
    }
}

fn reply<T: Xdr>(results: &T) -> Answer {
    Answer::Reply(encode(results).into())
}

/// Whether the caller is a process of this machine: only its own bricks belong in its port map.
fn is_of_this_machine(call: &Call) -> bool {
    if call.is_local {
        return true;
    }
    let address = call.peer.rsplit_once(':').and_then(|(host, _)| host.parse::<IpAddr>().ok());
    // An address can be bound here exactly when it is one of ours.
    address.is_some_and(|address| address.is_loopback() || UdpSocket::bind((address, 0)).is_ok())
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use super::*;
    use abi_stable::std_types::RStr;
    use plugin_api::Dict;
    use plugin_api::rpc_program::{ObserverImpl, RpcProgram};

    /// Keeps what it hears, as lines.
    #[derive(Default)]
    struct Heard(Mutex<Vec<String>>);

    impl ObserverImpl for Heard {
        fn observed(&self, what: RStr<'_>, data: &Dict) {
            let brick = data.str("brick").unwrap_or_default();
            let line = format!("{what} {brick} {}", data.uint("port").unwrap_or_default());
            self.0.lock().unwrap().push(line);
        }
    }

    fn call(peer: &str, procedure: PmapProc, body: Vec<u8>) -> Call {
        Call {
            procedure: procedure.number(),
            body: body.into(),
            identity: plugin_api::Identity::default(),
            peer: peer.into(),
            connection: 5,
            is_local: false,
            more: Dict::new(),
        }
    }

    fn results<T: Xdr>(answer: Answer) -> T {
        let Answer::Reply(message) = answer else { panic!("no reply") };
        decode(&message.head).unwrap()
    }

    fn pmap() -> (Pmap, Arc<Heard>) {
        let heard = Arc::new(Heard::default());
        (Pmap::new(&Dict::new(), heard.clone().share()).unwrap(), heard)
    }

    const HERE: &str = "127.0.0.1:49151";

    fn sign_in(pmap: &Pmap, peer: &str, brick: &str, port: i32) -> SignInRsp {
        let request = SignInReq { brick: brick.to_owned().into(), port, pid: 1 };
        results(pmap.answer(&call(peer, PmapProc::SignIn, encode(&request))))
    }

    fn port_of(pmap: &Pmap, brick: &str) -> (i32, i32) {
        let request = PortByBrickReq { brick: brick.to_owned().into() };
        let rsp: PortByBrickRsp = results(pmap.answer(&call(HERE, PmapProc::PortByBrick, encode(&request))));
        (rsp.op_ret, rsp.port)
    }

    #[test]
    fn a_brick_is_found_from_sign_in_to_sign_out() {
        let (pmap, heard) = pmap();
        assert_eq!(port_of(&pmap, "/b/1"), (-1, 0));
        assert_eq!(sign_in(&pmap, HERE, "/b/1", 49152), SignInRsp::default());
        assert_eq!(port_of(&pmap, "/b/1"), (0, 49152));
        assert_eq!(port_of(&pmap, "/b/1/"), (-1, 0), "paths match byte for byte");
        let out = SignOutReq { brick: "/b/1".into(), port: 49152, rdma_port: 0 };
        let _: SignOutRsp = results(pmap.answer(&call(HERE, PmapProc::SignOut, encode(&out))));
        assert_eq!(port_of(&pmap, "/b/1"), (-1, 0));
        assert_eq!(*heard.0.lock().unwrap(), ["sign-in /b/1 49152", "sign-out /b/1 49152"]);
    }

    #[test]
    fn bricks_go_with_their_connection() {
        let (pmap, heard) = pmap();
        sign_in(&pmap, HERE, "/b/1", 49152);
        pmap.disconnected(4);
        assert_eq!(port_of(&pmap, "/b/1"), (0, 49152));
        pmap.disconnected(5);
        assert_eq!(port_of(&pmap, "/b/1"), (-1, 0));
        assert_eq!(heard.0.lock().unwrap().last().unwrap(), "gone /b/1 49152");
    }

    #[test]
    fn another_machine_cannot_sign_in_and_no_port_is_a_lie() {
        let (pmap, _) = pmap();
        assert_eq!(sign_in(&pmap, "192.0.2.1:1000", "/b/1", 49152).op_errno, Errno::EACCES.raw());
        for port in [0, -1, 65536] {
            assert_eq!(sign_in(&pmap, HERE, "/b/1", port).op_errno, Errno::EINVAL.raw());
        }
        assert_eq!(port_of(&pmap, "/b/1"), (-1, 0));
    }

    #[test]
    fn the_brick_of_a_port_is_answered() {
        let (pmap, _) = pmap();
        sign_in(&pmap, HERE, "/b/1", 49152);
        let ask = |port: i32| -> BrickByPortRsp {
            results(pmap.answer(&call(HERE, PmapProc::BrickByPort, encode(&BrickByPortReq { port }))))
        };
        assert_eq!((&ask(49152).brick[..], ask(49153).op_ret), (&b"/b/1"[..], -1));
    }

    #[test]
    fn arguments_that_are_none_and_procedures_that_are_not_are_told() {
        let (pmap, _) = pmap();
        assert!(matches!(
            pmap.answer(&call(HERE, PmapProc::SignIn, vec![0xff; 7])),
            Answer::GarbageArguments
        ));
        assert!(matches!(pmap.answer(&call(HERE, PmapProc::SignUp, vec![])), Answer::NoSuchProcedure));
    }
}
