//! Every message there is, read from whatever came.

use std::fmt::Debug;

use fuzz::{Room, bytes, mutated, within};
use gluster_xdr::{Xdr, brickop, cli, decode, dump, encode, fop, handshake, mgmt, peer, pmap};
use plugin_api::{Dict, IoBuf};
use proptest::prelude::*;

const ROOM: Room = Room { fixed: 4 << 10, each_byte: 64 };

/// Reads a `T`, and what was read is written and read again.
fn read<T: Xdr + Debug>(bytes: &IoBuf) {
    if let Ok(message) = within(ROOM, bytes.len(), || decode::<T>(bytes)) {
        let again = IoBuf::from(encode(&message));
        decode::<T>(&again).unwrap_or_else(|error| panic!("{error}: {message:?}"));
    }
}

macro_rules! messages {
    ($($place:ident: $($name:ident)*;)*) => {
        /// Every message: how it is read, and an empty one.
        fn all() -> (Vec<fn(&IoBuf)>, Vec<Vec<u8>>) {
            let readers: Vec<fn(&IoBuf)> = vec![$($(read::<$place::$name>),*),*];
            (readers, vec![$($(encode(&$place::$name::default())),*),*])
        }
    };
}

messages! {
    brickop: BrickOpReq BrickOpRsp;
    cli: CliReq CliRsp FsmLogReq FsmLogRsp GetwdReq GetwdRsp ListFriendsReq ListFriendsRsp MountReq MountRsp UmountReq
        UmountRsp;
    dump: DumpReq DumpRsp;
    fop: AccessReq CommonRsp CopyFileRangeReq CreateReq CreateRsp DictRsp EntrylkReq FallocateReq FdReq FentrylkReq
        FgetxattrReq FinodelkReq FremovexattrReq FsetattrReq FsetxattrReq FstatReq FsyncReq FsyncdirReq FtruncateReq
        FxattropReq GetactivelkReq GetactivelkRsp GetxattrReq IattRsp IcreateReq InodelkReq IpcReq LeaseReq LeaseRsp
        LinkReq LkReq LkRsp LookupReq LookupRsp MadeRsp MkdirReq MknodReq NamelinkReq OpenReq OpenRsp OpendirReq PrePostRsp
        PutReq RangeReq RchecksumReq RchecksumRsp ReadReq ReadRsp ReaddirReq ReaddirRsp ReaddirpRsp ReadlinkReq
        ReadlinkRsp RemovexattrReq RenameReq RenameRsp RmdirReq SeekReq SeekRsp SetactivelkReq SetattrReq SetxattrReq
        StatReq StatfsReq StatfsRsp SymlinkReq TruncateReq UnlinkReq WriteReq XattropReq;
    handshake: CommonRsp EventNotifyReq EventNotifyRsp GetInfoReq GetInfoRsp GetspecReq GetspecRsp SetLkVerReq
        SetLkVerRsp SetvolumeReq SetvolumeRsp;
    mgmt: CheckRsp ClusterLockReq ClusterLockRsp CommitRsp LockReq LockRsp OpReq PostValidateReq;
    peer: FriendAddReq FriendAddRsp FriendUpdateReq FriendUpdateRsp MgmtHandshakeReq MgmtHandshakeRsp ProbeReq ProbeRsp
        UnfriendReq UnfriendRsp;
    pmap: BrickByPortReq BrickByPortRsp PortByBrickReq PortByBrickRsp SignInReq SignInRsp SignOutReq SignOutRsp;
}

/// What a mount of the incumbent sent and heard, and a command of its CLI.
fn captured() -> Vec<Vec<u8>> {
    let lines = include_str!("../../../../plugin-api/xdr/tests/captures/fops.hex").lines();
    let bodies = lines.map(|line| line.split(' ').nth(3).unwrap_or_default().as_bytes());
    let pair = |pair: &[u8]| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap();
    let mut bodies: Vec<Vec<u8>> = bodies.map(|body| body.chunks(2).map(pair).collect()).collect();
    bodies.retain(|body| body.len() < 2000);
    let dict = Dict::new().with("volname", "v").with("cmd-str", "volume info v").with("count", 2);
    bodies.push(encode(&cli::CliReq { dict: dict.clone() }));
    bodies.push(encode(&mgmt::OpReq { dict, ..mgmt::OpReq::default() }));
    bodies
}

fn read_as_everything(bytes: Vec<u8>) {
    let bytes = IoBuf::from(bytes);
    for read in all().0 {
        read(&bytes);
    }
    let payloads = within(ROOM, bytes.len(), || {
        let write = fop::WriteReq::with_payload(&bytes).map(|(_, payload)| payload);
        let read = fop::ReadRsp::with_payload(&bytes).map(|(_, payload)| payload);
        [write, read, fop::PutReq::with_payload(&bytes).map(|(_, payload)| payload)]
    });
    assert!(payloads.into_iter().flatten().all(|payload| payload.len() <= bytes.len()));
}

proptest! {
    #[test]
    fn any_bytes(bytes in bytes()) {
        read_as_everything(bytes);
    }

    #[test]
    fn a_message_with_changes(bytes in mutated([all().1, captured()].concat())) {
        read_as_everything(bytes);
    }
}
