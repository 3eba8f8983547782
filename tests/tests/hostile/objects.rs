//! Ids and descriptors that are nobody's, not of that kind, or another's; devices.

use gluster_xdr::encode;
use gluster_xdr::fop::*;
use plugin_api::Gfid;

use crate::client::{id, on_object, wish};
use crate::rig::Brick;

const NO_SUCH_FD: [i64; 8] = [0, 1, 77, -1, -3, i64::MAX, i64::MIN, 1 << 32];

#[test]
fn ids_that_are_nobodys_or_of_another_kind_harm_no_fop() {
    let mut brick = Brick::new();
    let mut client = brick.client();
    let (file, fd) = client.create(Gfid::ROOT, "file", id(1));
    let dir = client.mkdir(Gfid::ROOT, "dir", id(2));
    let link = client.symlink("link", "file", id(3));
    brick.withstands(|brick| {
        for gfid in [Gfid::NULL, Gfid([0xff; 16]), id(99)] {
            for number in [ANONYMOUS_FD, 0, -7] {
                for (procedure, request) in on_object(gfid, number) {
                    // The whole volume's figures are asked for with any id; a lock that is let go may be nobody's.
                    let anybodys = [Proc::Statfs, Proc::Release, Proc::Releasedir, Proc::Icreate];
                    let mut other = brick.client();
                    let outcome = other.raw(procedure, &request);
                    assert!(
                        outcome.is_refusal() || anybodys.contains(&procedure),
                        "{} of {gfid} was done",
                        procedure.name()
                    );
                }
            }
        }
        for gfid in [Gfid::ROOT, file, dir, link] {
            for number in NO_SUCH_FD.into_iter().chain([fd, ANONYMOUS_FD]) {
                for (procedure, request) in on_object(gfid, number) {
                    let changes = [Proc::Setattr, Proc::Fsetattr, Proc::Release, Proc::Releasedir];
                    if !changes.contains(&procedure) {
                        let _ = client.raw(procedure, &request);
                    }
                }
            }
        }
    });
}

#[test]
fn a_descriptor_is_good_for_the_client_that_opened_it() {
    let mut brick = Brick::new();
    let mut owner = brick.client();
    let (file, fd) = owner.create(Gfid::ROOT, "file", id(1));
    brick.withstands(|brick| {
        let mut other = brick.client();
        for (procedure, request) in on_object(file, fd) {
            // Those that name a descriptor are longer than with none.
            let names_fd =
                request != on_object(file, fd + 1).into_iter().find(|(p, _)| *p == procedure).unwrap().1;
            if names_fd && ![Proc::Release, Proc::Releasedir].contains(&procedure) {
                let outcome = other.raw(procedure, &request);
                let errno = outcome.words().map(|words| words.1);
                assert_eq!(errno, Some(9), "{} on another's descriptor", procedure.name());
            }
        }
        let _ = other.fop(Proc::Release, &FdReq { gfid: file, fd, ..FdReq::default() });
    });
    let _: IattRsp = owner.done(Proc::Fstat, &FstatReq { gfid: file, fd, ..FstatReq::default() });
}

#[test]
fn a_device_and_a_fifo_are_never_opened() {
    let mut brick = Brick::new();
    let kinds = [0o020_666_u32, 0o060_660, 0o010_666, 0o140_666];
    brick.withstands(|brick| {
        let mut client = brick.client();
        for (at, mode) in (0..).zip(kinds) {
            let name = format!("node{at}");
            // 1:3 is /dev/null, 7:0 is the first loop device: major and minor as the incumbent packs them.
            let dev = if mode == 0o060_660 { 7 << 8 } else { (1 << 8) | 3 };
            let request = MknodReq {
                pargfid: Gfid::ROOT,
                bname: name.clone().into(),
                mode,
                dev,
                xdata: wish(id(50 + at)),
                ..MknodReq::default()
            };
            let made = client.fop(Proc::Mknod, &request);
            if made.is_refusal() {
                continue;
            }
            let node = made.read::<MadeRsp>().stat.gfid;
            for flags in [0, 1, 2, 0o100, 0o1000, 0o4000] {
                client.refused(Proc::Open, &OpenReq { gfid: node, flags, ..OpenReq::default() }, &name);
                let create = CreateReq {
                    pargfid: Gfid::ROOT,
                    bname: name.clone().into(),
                    flags: flags | 2,
                    mode: 0o644,
                    xdata: wish(id(90)),
                    ..CreateReq::default()
                };
                client.refused(Proc::Create, &create, &name);
            }
            client.refused(Proc::Opendir, &OpendirReq { gfid: node, ..OpendirReq::default() }, &name);
            let data = [
                Proc::Read,
                Proc::Write,
                Proc::Truncate,
                Proc::Ftruncate,
                Proc::Fallocate,
                Proc::Discard,
                Proc::Zerofill,
                Proc::Rchecksum,
                Proc::Fsync,
            ];
            for (procedure, request) in on_object(node, ANONYMOUS_FD) {
                let outcome = client.raw(procedure, &request);
                assert!(
                    outcome.is_refusal() || !data.contains(&procedure),
                    "{} of a node of mode {mode:o} was done",
                    procedure.name()
                );
            }
        }
    });
}

#[test]
fn an_id_that_a_client_wishes_for_is_not_one_that_is_taken() {
    let mut brick = Brick::new();
    let (file, fd) = brick.client().create(Gfid::ROOT, "file", id(1));
    let dir = brick.client().mkdir(Gfid::ROOT, "dir", id(2));
    brick.withstands(|brick| {
        let mut client = brick.client();
        for wished in [Gfid::ROOT, Gfid::NULL, file, dir] {
            let make = |name: &str| MkdirReq {
                pargfid: Gfid::ROOT,
                bname: name.to_owned().into(),
                mode: 0o755,
                xdata: wish(wished),
                ..MkdirReq::default()
            };
            // A folder's id a second time is what the incumbent's heals may send: it takes nothing from the first.
            let made = client.fop(Proc::Mkdir, &make("again"));
            assert!(made.is_refusal() || wished == dir, "mkdir with the id {wished}");
            let make = CreateReq {
                pargfid: Gfid::ROOT,
                bname: "again-file".into(),
                flags: 2,
                mode: 0o644,
                xdata: wish(wished),
                ..CreateReq::default()
            };
            let made = client.fop(Proc::Create, &make);
            // A second name of the same file is what a heal makes; a folder's or nobody's id is none.
            assert!(made.is_refusal() || wished == file, "create with the id {wished}");
        }
        for value in [&b""[..], b"x", &[7; 15], &[7; 17], &[7; 300]] {
            let xdata =
                plugin_api::Dict::new().with("gfid-req", plugin_api::Value::Bytes(value.to_vec().into()));
            let make = MkdirReq {
                pargfid: Gfid::ROOT,
                bname: "odd".into(),
                mode: 0o755,
                xdata,
                ..Default::default()
            };
            client.refused(Proc::Mkdir, &make, "with an id of an odd length");
        }
    });
    let stat: IattRsp = {
        let mut client = brick.client();
        client.done(Proc::Stat, &StatReq { gfid: dir, ..StatReq::default() })
    };
    assert_eq!((stat.stat.gfid, fd >= 0), (dir, true));
}

#[test]
fn a_fop_of_several_objects_takes_none_that_is_odd() {
    let mut brick = Brick::new();
    let mut client = brick.client();
    let (file, fd) = client.create(Gfid::ROOT, "file", id(1));
    brick.withstands(|_| {
        let odd = [Gfid::NULL, Gfid([0xff; 16]), Gfid::ROOT, file];
        for one in odd {
            for two in odd {
                let copy = CopyFileRangeReq {
                    gfid_in: one,
                    gfid_out: two,
                    fd_in: fd,
                    fd_out: -2,
                    size: u32::MAX,
                    ..CopyFileRangeReq::default()
                };
                let _ = client.raw(Proc::CopyFileRange, &encode(&copy));
                let link = LinkReq { oldgfid: one, newgfid: two, newbname: "l".into(), ..LinkReq::default() };
                let outcome = client.fop(Proc::Link, &link);
                assert!(outcome.is_refusal() || (one, two) == (file, Gfid::ROOT), "link of {one} in {two}");
                let lookup =
                    LookupReq { gfid: one, pargfid: two, bname: "nobody".into(), ..LookupReq::default() };
                client.refused(Proc::Lookup, &lookup, "a name that nobody has");
            }
        }
        for op in -1..40 {
            let _ = client.fop(Proc::Ipc, &IpcReq { op, ..IpcReq::default() });
        }
    });
}
