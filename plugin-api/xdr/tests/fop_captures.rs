//! A replicated mount of the incumbent, message by message: nothing is left over, and the same bytes go back.
//!
//! Each line of `captures/fops.hex` is a call (C) or a reply (R): program, procedure, body.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking, helpers included")]

use gluster_xdr::fop::*;
use gluster_xdr::handshake::{SetvolumeReq, SetvolumeRsp};
use gluster_xdr::{Reader, Xdr, encode};
use plugin_api::IoBuf;

#[test]
fn every_captured_fop_is_read_to_its_end_and_written_back() {
    let path = std::env::var("FOP_CAPTURES")
        .unwrap_or_else(|_| concat!(env!("CARGO_MANIFEST_DIR"), "/tests/captures/fops.hex").to_owned());
    let mut checked = 0;
    for line in std::fs::read_to_string(path).unwrap().lines() {
        let fields: Vec<&str> = line.split(' ').collect();
        let number = fields[2].parse().unwrap();
        let body: Vec<u8> = fields
            .get(3)
            .unwrap_or(&"")
            .as_bytes()
            .chunks(2)
            .map(|pair| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap())
            .collect();
        match (fields[1], fields[0]) {
            ("1298437", "C") => call(Proc::from_number(number).unwrap(), &body),
            ("1298437", "R") => reply(Proc::from_number(number).unwrap(), &body),
            ("14398633", "C") if number == 1 => same::<SetvolumeReq>(&body),
            ("14398633", "R") if number == 1 => same::<SetvolumeRsp>(&body),
            _ => continue,
        }
        checked += 1;
    }
    assert!(checked > 80, "only {checked} messages");
}

fn call(procedure: Proc, body: &[u8]) {
    match procedure {
        Proc::Stat => same::<StatReq>(body),
        Proc::Readlink => same::<ReadlinkReq>(body),
        Proc::Mknod => same::<MknodReq>(body),
        Proc::Mkdir => same::<MkdirReq>(body),
        Proc::Unlink => same::<UnlinkReq>(body),
        Proc::Rmdir => same::<RmdirReq>(body),
        Proc::Symlink => same::<SymlinkReq>(body),
        Proc::Rename => same::<RenameReq>(body),
        Proc::Link => same::<LinkReq>(body),
        Proc::Open => same::<OpenReq>(body),
        Proc::Read => same::<ReadReq>(body),
        Proc::Write => {
            let (head, payload) = WriteReq::with_payload(&IoBuf::copy_from_slice(body)).unwrap();
            assert_eq!(payload.len(), usize::try_from(head.size).unwrap());
            same::<WriteReq>(&body[..body.len() - payload.len()]);
        }
        Proc::Statfs => same::<StatfsReq>(body),
        Proc::Flush | Proc::Release | Proc::Releasedir => same::<FdReq>(body),
        Proc::Fsync => same::<FsyncReq>(body),
        Proc::Setxattr => same::<SetxattrReq>(body),
        Proc::Getxattr => same::<GetxattrReq>(body),
        Proc::Removexattr => same::<RemovexattrReq>(body),
        Proc::Opendir => same::<OpendirReq>(body),
        Proc::Fsyncdir => same::<FsyncdirReq>(body),
        Proc::Create => same::<CreateReq>(body),
        Proc::Ftruncate => same::<FtruncateReq>(body),
        Proc::Fstat => same::<FstatReq>(body),
        Proc::Lk => same::<LkReq>(body),
        Proc::Lookup => same::<LookupReq>(body),
        Proc::Inodelk => same::<InodelkReq>(body),
        Proc::Finodelk => same::<FinodelkReq>(body),
        Proc::Entrylk => same::<EntrylkReq>(body),
        Proc::Fxattrop => same::<FxattropReq>(body),
        Proc::Setattr => same::<SetattrReq>(body),
        Proc::Readdirp => same::<ReaddirReq>(body),
        Proc::Fallocate => same::<FallocateReq>(body),
        Proc::Discard => same::<RangeReq>(body),
        Proc::Seek => same::<SeekReq>(body),
        other => panic!("{} is not in this capture", other.name()),
    }
}

fn reply(procedure: Proc, body: &[u8]) {
    match procedure {
        Proc::Stat | Proc::Fstat => same::<IattRsp>(body),
        Proc::Readlink => same::<ReadlinkRsp>(body),
        Proc::Mknod | Proc::Mkdir | Proc::Symlink | Proc::Link => same::<MadeRsp>(body),
        Proc::Rename => same::<RenameRsp>(body),
        Proc::Open | Proc::Opendir => same::<OpenRsp>(body),
        Proc::Read => {
            let (head, payload) = ReadRsp::with_payload(&IoBuf::copy_from_slice(body)).unwrap();
            assert_eq!(i64::try_from(payload.len()), Ok(i64::from(head.op_ret.max(0))));
            same::<ReadRsp>(&body[..body.len() - payload.len()]);
        }
        Proc::Statfs => same::<StatfsRsp>(body),
        Proc::Lookup => same::<LookupRsp>(body),
        Proc::Getxattr | Proc::Fxattrop => same::<DictRsp>(body),
        Proc::Create => same::<CreateRsp>(body),
        Proc::Lk => same::<LkRsp>(body),
        Proc::Readdirp => same::<ReaddirpRsp>(body),
        Proc::Seek => same::<SeekRsp>(body),
        Proc::Unlink
        | Proc::Rmdir
        | Proc::Write
        | Proc::Fsync
        | Proc::Ftruncate
        | Proc::Setattr
        | Proc::Fallocate
        | Proc::Discard => same::<PrePostRsp>(body),
        _ => same::<CommonRsp>(body),
    }
}

/// Dicts come out reversed, so it takes two rounds to see the same bytes; an empty dict and none (count −1)
/// are read as one, and written as successes have it.
fn same<T: Xdr + std::fmt::Debug>(body: &[u8]) {
    let read = |bytes: &[u8]| {
        let buf = IoBuf::copy_from_slice(bytes);
        let mut r = Reader::new(&buf);
        let message =
            T::get(&mut r).unwrap_or_else(|e| panic!("{}: {e}: {bytes:02x?}", std::any::type_name::<T>()));
        assert_eq!(r.left(), 0, "{message:?}");
        message
    };
    let once = encode(&read(body));
    let twice = encode(&read(&once));
    assert_eq!(twice.len(), body.len(), "{:?}", read(body));
    let differ = |at: &usize| twice[*at] != body[*at];
    let stray =
        (0..body.len()).find(|at| differ(at) && !matches!((body[*at], twice[*at]), (0, 0xff) | (0xff, 0)));
    assert_eq!(stray, None, "{:?}", read(body));
}
