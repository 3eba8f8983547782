//! Record marks, RPC headers, credentials.

use fuzz::{Room, bytes, mutated, within};
use gluster_xdr::record::{Assembler, LIMIT, framed};
use gluster_xdr::rpc::{Credential, Message, decode_reply, encode_call, encode_reply};
use gluster_xdr::{cli, fop};
use plugin_api::{Dict, IoBuf};
use proptest::prelude::*;
use proptest::sample::Index;

const ROOM: Room = Room { fixed: 4 << 10, each_byte: 16 };

/// A call and a reply.
fn messages() -> Vec<Vec<u8>> {
    let request = cli::CliReq { dict: Dict::new().with("volname", "v").with("cmd-str", "volume info v") };
    let groups = Credential { uid: 1, gid: 2, ..Credential::default() };
    let call = encode_call(7, cli::CLI, cli::CliProc::GetVolume.number(), &groups, &request);
    vec![call, encode_reply(7, &cli::CliRsp { op_errstr: "no".into(), ..cli::CliRsp::default() })]
}

fn streams() -> Vec<Vec<u8>> {
    let framed: Vec<_> = messages().iter().map(|message| framed(message)).collect();
    vec![framed.concat(), framed[0].clone()]
}

/// All messages of a stream that comes in these pieces, until it ends or breaks.
fn assemble<'a>(pieces: impl Iterator<Item = &'a [u8]>) -> (Vec<Vec<u8>>, bool) {
    let (mut records, mut messages) = (Assembler::new(LIMIT), Vec::new());
    for piece in pieces {
        records.push(piece);
        loop {
            match records.next_record() {
                Ok(Some(message)) => messages.push(message.to_vec()),
                Ok(None) => break,
                Err(_) => return (messages, true),
            }
        }
    }
    (messages, false)
}

fn header(message: Vec<u8>) {
    let (len, message) = (message.len(), IoBuf::from(message));
    within(ROOM, len, || {
        if let Ok(Message::Call(call)) = Message::decode(&message)
            && let Ok(credential) = Credential::from_raw(&call.auth)
        {
            assert!(credential.groups.iter().count() <= len);
        }
        let _ = decode_reply::<fop::CommonRsp>(&message);
        let _ = decode_reply::<cli::CliRsp>(&message);
    });
}

proptest! {
    #[test]
    fn any_stream_is_cut_into_the_same_messages_however_it_comes(
        stream in prop_oneof![bytes(), mutated(streams())], at in any::<Index>(), step in 1..40_usize,
    ) {
        let (head, tail) = stream.split_at(at.index(stream.len() + 1));
        let whole = within(ROOM, stream.len(), || assemble([&stream[..]].into_iter()));
        prop_assert_eq!(&assemble([head, tail].into_iter()), &whole);
        prop_assert_eq!(&within(ROOM, stream.len(), || assemble(stream.chunks(step))), &whole);
    }

    #[test]
    fn any_header(message in prop_oneof![bytes(), mutated(messages())]) {
        header(message);
    }
}
