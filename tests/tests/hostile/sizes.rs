//! Sizes, offsets, counts and lengths that nobody means.

use gluster_xdr::encode;
use gluster_xdr::fop::*;
use plugin_api::fop::Flock;
use plugin_api::{Dict, Gfid, IoBuf};

use crate::client::id;
use crate::rig::Brick;

const OFFSETS: [u64; 7] = [0, 1, 1 << 32, 1 << 62, i64::MAX.unsigned_abs(), 1 << 63, u64::MAX];
const SIZES: [u32; 5] = [0, 1, 1 << 20, 0x7fff_ffff, u32::MAX];

#[test]
fn sizes_and_offsets_of_every_kind_take_neither_time_nor_memory() {
    let mut brick = Brick::new();
    // The longest answer to a read has 64 MiB.
    brick.slack_kib = 192 << 10;
    let mut client = brick.client();
    let (file, opened) = client.create(Gfid::ROOT, "file", id(1));
    let folder: OpenRsp =
        client.done(Proc::Opendir, &OpendirReq { gfid: Gfid::ROOT, ..OpendirReq::default() });
    let none = Dict::new;
    brick.withstands(|_| {
        for fd in [opened, ANONYMOUS_FD] {
            for offset in OFFSETS {
                for size in SIZES {
                    for (procedure, request) in [
                        (
                            Proc::Read,
                            encode(&ReadReq { gfid: file, fd, offset, size, flag: 0, xdata: none() }),
                        ),
                        (
                            Proc::Write,
                            encode(&WriteReq { gfid: file, fd, offset, size, flag: 0, xdata: none() }),
                        ),
                        (
                            Proc::Rchecksum,
                            encode(&RchecksumReq {
                                gfid: file,
                                fd,
                                offset,
                                len: size,
                                flags: 0,
                                xdata: none(),
                            }),
                        ),
                        (
                            Proc::CopyFileRange,
                            encode(&CopyFileRangeReq {
                                gfid_in: file,
                                gfid_out: file,
                                fd_in: fd,
                                fd_out: fd,
                                off_in: offset,
                                off_out: offset ^ 1,
                                size,
                                flag: size,
                                xdata: none(),
                            }),
                        ),
                        (
                            Proc::Readdir,
                            encode(&ReaddirReq {
                                gfid: Gfid::ROOT,
                                fd: folder.fd,
                                offset,
                                size,
                                xdata: none(),
                            }),
                        ),
                        (
                            Proc::Readdirp,
                            encode(&ReaddirReq {
                                gfid: Gfid::ROOT,
                                fd: folder.fd,
                                offset,
                                size,
                                xdata: none(),
                            }),
                        ),
                    ] {
                        let _ = client.raw(procedure, &request);
                    }
                }
                for size in OFFSETS {
                    for (procedure, request) in [
                        (Proc::Discard, RangeReq { gfid: file, fd, offset, size, xdata: none() }),
                        (Proc::Zerofill, RangeReq { gfid: file, fd, offset, size, xdata: none() }),
                    ] {
                        // Zeros are written, so what the disk could take is left out.
                        if size < 1 << 33 || offset >= 1 << 62 || size >= 1 << 62 {
                            let _ = client.fop(procedure, &request);
                        }
                    }
                    for flags in [0, 1, 3, u32::MAX] {
                        if size != 1 << 32 && offset != 1 << 32 {
                            let request = FallocateReq { gfid: file, fd, flags, offset, size, xdata: none() };
                            let _ = client.fop(Proc::Fallocate, &request);
                        }
                    }
                }
                for what in [0, 1, 2, 3, 4, -1, i32::MAX] {
                    let _ = client.fop(Proc::Seek, &SeekReq { gfid: file, fd, offset, what, xdata: none() });
                }
                let _ = client.fop(Proc::Ftruncate, &FtruncateReq { gfid: file, fd, offset, xdata: none() });
                let _ = client.fop(Proc::Truncate, &TruncateReq { gfid: file, offset, xdata: none() });
            }
        }
        for offset in [1_u64 << 63, u64::MAX] {
            client.refused(Proc::Truncate, &TruncateReq { gfid: file, offset, xdata: none() }, "negative");
            let request = FtruncateReq { gfid: file, fd: opened, offset, xdata: none() };
            client.refused(Proc::Ftruncate, &request, "negative");
            let range = RangeReq { gfid: file, fd: opened, offset, size: 10, xdata: none() };
            client.refused(Proc::Zerofill, &range, "negative offset");
            client.refused(Proc::Discard, &range, "negative offset");
            let read = ReadReq { gfid: file, fd: opened, offset, size: 10, flag: 0, xdata: none() };
            client.refused(Proc::Read, &read, "negative offset");
        }
        for size in [u32::MAX, 0x7fff_ffff] {
            let write = WriteReq { gfid: file, fd: opened, offset: 0, size, flag: 0, xdata: none() };
            client.refused(Proc::Write, &write, "more than it brings");
        }
        let link = ReadlinkReq { gfid: file, size: u32::MAX, xdata: none() };
        client.refused(Proc::Readlink, &link, "of a file");
    });
}

#[test]
fn locks_of_every_range_and_kind_leave_the_brick_as_it_was() {
    let mut brick = Brick::new();
    let mut client = brick.client();
    let (file, fd) = client.create(Gfid::ROOT, "file", id(1));
    let ranges = [0, 1, 1 << 62, i64::MAX.unsigned_abs(), 1 << 63, u64::MAX];
    brick.withstands(|_| {
        for start in ranges {
            for len in ranges {
                for (cmd, kind) in [(1, 0), (1, 1), (1, 2), (0, 1), (7, 7), (u32::MAX, u32::MAX)] {
                    for volume in [&b""[..], b"\0", b"../x", &[b'v'; 60_000]] {
                        let flock = Flock { start, len, ..Flock::default() };
                        let volume = IoBuf::copy_from_slice(volume);
                        let request = InodelkReq {
                            gfid: file,
                            cmd,
                            kind,
                            flock: flock.clone(),
                            volume,
                            xdata: Dict::new(),
                        };
                        let _ = client.fop(Proc::Inodelk, &request);
                        let request = LkReq { gfid: file, fd, cmd, kind, flock, xdata: Dict::new() };
                        let _ = client.fop(Proc::Lk, &request);
                    }
                }
            }
        }
        for namelen in [0, 1, 255, u64::MAX] {
            for name in [&b""[..], b"..", b"a/b", b"\0", &[b'n'; 60_000]] {
                let name = IoBuf::copy_from_slice(name);
                let request = EntrylkReq {
                    gfid: Gfid::ROOT,
                    cmd: 2,
                    kind: 1,
                    namelen,
                    name: name.clone(),
                    volume: name,
                    xdata: Dict::new(),
                };
                let _ = client.fop(Proc::Entrylk, &request);
            }
        }
    });
}

#[test]
fn a_lock_owner_and_groups_of_any_length_are_refused_or_served() {
    let mut brick = Brick::new();
    let args = encode(&StatfsReq { gfid: Gfid::ROOT, ..StatfsReq::default() });
    brick.withstands(|brick| {
        // Version 3: flags, times, pid, uid, gid, then the groups and the owner with their counts.
        let body = |groups: u32, owner: u32, brought: usize| {
            let mut body = vec![0; 28];
            body.extend(groups.to_be_bytes());
            body.extend(owner.to_be_bytes());
            body.resize(body.len() + brought, 7);
            body
        };
        for flavour in [0, 1, 390_039, 390_040, u32::MAX] {
            for groups in [0, 1, 0x7fff_ffff, u32::MAX] {
                for owner in [0, 8, 1024, 1025, 0x7fff_ffff, u32::MAX] {
                    for brought in [0, 8, 352] {
                        let body = body(groups, owner, brought);
                        let true_length = u32::try_from(body.len()).expect("small");
                        for length in [true_length, 0, 401, u32::MAX] {
                            let _ = brick.stranger().call_as(flavour, length, &body, &args);
                        }
                    }
                }
            }
        }
    });
}

#[test]
fn a_dict_that_claims_more_than_it_brings_is_refused() {
    let mut brick = Brick::new();
    brick.withstands(|brick| {
        let mut client = brick.client();
        for count in [1, 2, 0x7fff_ffff, u32::MAX] {
            for length in [0, 4, 0x7fff_ffff, u32::MAX] {
                for procedure in [Proc::Setxattr, Proc::Xattrop] {
                    let mut args = Gfid::ROOT.0.to_vec();
                    args.extend([0; 4]);
                    // A dict: its length in bytes, its count, and the key of a first pair.
                    for word in [length, count, length, 0x7573_6572] {
                        args.extend(word.to_be_bytes());
                    }
                    let outcome = client.raw(procedure, &args);
                    assert!(outcome.is_refusal(), "{} with {count} pairs of {length}", procedure.name());
                }
            }
        }
        // Many pairs that are there: stored or refused, but answered.
        let mut dict = Dict::new();
        for number in 0..20_000 {
            dict.set(format!("user.{number}"), "");
        }
        let request = SetxattrReq { gfid: Gfid::ROOT, dict: dict.clone(), ..SetxattrReq::default() };
        let _ = client.fop(Proc::Setxattr, &request);
        let _ =
            client.fop(Proc::Lookup, &LookupReq { gfid: Gfid::ROOT, xdata: dict, ..LookupReq::default() });
    });
}

#[test]
fn the_same_fop_again_and_again_takes_no_more_memory() {
    let mut brick = Brick::new();
    let mut client = brick.client();
    let (file, fd) = client.create(Gfid::ROOT, "file", id(1));
    let calls: Vec<_> = crate::client::on_object(file, fd)
        .into_iter()
        .filter(|(p, _)| {
            ![Proc::Release, Proc::Releasedir, Proc::Open, Proc::Fsync, Proc::Icreate].contains(p)
        })
        .collect();
    brick.withstands(|_| {
        for _ in 0..200 {
            for (procedure, request) in &calls {
                let _ = client.raw(*procedure, request);
            }
        }
    });
}
