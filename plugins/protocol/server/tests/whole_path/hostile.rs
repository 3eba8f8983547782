//! Requests that nobody's client sends.

use gluster_xdr::fop::*;
use plugin_api::{Errno, Gfid, IoBuf};

use crate::rig::{Brick, Session, run};

async fn is_alive(client: &Session) {
    let root: PrePostRsp =
        client.fop(Proc::Lookup, &LookupReq { gfid: Gfid::ROOT, ..LookupReq::default() }).await;
    assert_eq!(root.op_ret, 0);
}

/// The outcome words of any reply.
async fn outcome(client: &Session, procedure: Proc, args: Vec<u8>) -> (i32, i32) {
    let results = client.raw(procedure.number(), args, Default::default()).await.unwrap();
    gluster_xdr::decode::<CommonRsp>(&IoBuf::from([&results[..8], &[0; 12]].concat()))
        .map(|outcome| (outcome.op_ret, outcome.op_errno))
        .unwrap()
}

#[test]
fn a_directory_looked_up_in_itself_is_itself_and_above_it_is_nothing() {
    let brick = Brick::up("/itself", &[]);
    run(async {
        let client = brick.client().await;
        let look =
            |name| LookupReq { pargfid: Gfid::ROOT, bname: IoBuf::from_static(name), ..Default::default() };
        let itself: PrePostRsp = client.fop(Proc::Lookup, &look(b".")).await;
        assert_eq!((itself.op_ret, itself.pre.gfid), (0, Gfid::ROOT));
        let above: PrePostRsp = client.fop(Proc::Lookup, &look(b"..")).await;
        assert_eq!((above.op_ret, above.op_errno), (-1, Errno::EPERM.raw()));
    });
}

#[test]
fn names_that_would_walk_reach_no_brick() {
    let brick = Brick::up("/names", &[]);
    run(async {
        let client = brick.client().await;
        let bad: [(&'static [u8], Errno); 8] = [
            (b"..", Errno::EPERM),
            (b".", Errno::EPERM),
            (b"a/b", Errno::EPERM),
            (b"/etc/passwd", Errno::EPERM),
            (b"../../etc", Errno::EPERM),
            (b"a\0b", Errno::EINVAL),
            (&[b'x'; 256], Errno::ENAMETOOLONG),
            (&[b'x'; 60_000], Errno::ENAMETOOLONG),
        ];
        let p = Gfid::ROOT;
        for (name, errno) in bad {
            let n = || IoBuf::from_static(name);
            let good = || IoBuf::from("good");
            let requests = [
                (
                    Proc::Lookup,
                    gluster_xdr::encode(&LookupReq { pargfid: p, bname: n(), ..Default::default() }),
                ),
                (
                    Proc::Mknod,
                    gluster_xdr::encode(&MknodReq { pargfid: p, bname: n(), ..Default::default() }),
                ),
                (
                    Proc::Mkdir,
                    gluster_xdr::encode(&MkdirReq { pargfid: p, bname: n(), ..Default::default() }),
                ),
                (
                    Proc::Unlink,
                    gluster_xdr::encode(&UnlinkReq { pargfid: p, bname: n(), ..Default::default() }),
                ),
                (
                    Proc::Rmdir,
                    gluster_xdr::encode(&RmdirReq { pargfid: p, bname: n(), ..Default::default() }),
                ),
                (
                    Proc::Symlink,
                    gluster_xdr::encode(&SymlinkReq { pargfid: p, bname: n(), ..Default::default() }),
                ),
                (
                    Proc::Create,
                    gluster_xdr::encode(&CreateReq { pargfid: p, bname: n(), ..Default::default() }),
                ),
                (
                    Proc::Namelink,
                    gluster_xdr::encode(&NamelinkReq { pargfid: p, bname: n(), ..Default::default() }),
                ),
                (
                    Proc::Rename,
                    gluster_xdr::encode(&RenameReq {
                        oldgfid: p,
                        newgfid: p,
                        oldbname: n(),
                        newbname: good(),
                        ..Default::default()
                    }),
                ),
                (
                    Proc::Rename,
                    gluster_xdr::encode(&RenameReq {
                        oldgfid: p,
                        newgfid: p,
                        oldbname: good(),
                        newbname: n(),
                        ..Default::default()
                    }),
                ),
                (
                    Proc::Link,
                    gluster_xdr::encode(&LinkReq {
                        oldgfid: p,
                        newgfid: p,
                        newbname: n(),
                        ..Default::default()
                    }),
                ),
            ];
            for (procedure, request) in requests {
                if procedure == Proc::Lookup && name == b"." {
                    continue; // The directory itself.
                }
                let before = brick.seen.fops.lock().unwrap().len();
                let answer = outcome(&client, procedure, request).await;
                assert_eq!(answer, (-1, errno.raw()), "{} of {}", procedure.name(), name.escape_ascii());
                assert_eq!(brick.seen.fops.lock().unwrap().len(), before, "{}", procedure.name());
            }
        }
        is_alive(&client).await;
    });
}

#[test]
fn zeros_and_ones_of_every_length_in_every_procedure_do_no_harm() {
    let brick = Brick::up("/lengths", &[]);
    run(async {
        let client = brick.client().await;
        for procedure in 0..60 {
            for byte in [0, 0xff, 1, 0x7f] {
                for length in [0, 3, 4, 16, 17, 40, 52, 64, 200, 1000] {
                    // Whatever the answer: one comes, and the next call is served.
                    let _ = client.raw(procedure, vec![byte; length], Default::default()).await;
                }
            }
        }
        is_alive(&client).await;
    });
}

#[test]
fn a_read_takes_no_memory_on_the_clients_word() {
    let brick = Brick::up("/huge", &[]);
    run(async {
        let client = brick.client().await;
        let read = |size| {
            gluster_xdr::encode(&ReadReq { gfid: Gfid::ROOT, fd: ANONYMOUS_FD, size, ..Default::default() })
        };
        assert_eq!(outcome(&client, Proc::Read, read(u32::MAX)).await.0, 0);
        assert_eq!(outcome(&client, Proc::Read, read(0)).await, (-1, Errno::EINVAL.raw()));
    });
}

#[test]
fn a_write_that_claims_more_than_it_brings_is_refused() {
    let brick = Brick::up("/claims", &[]);
    run(async {
        let client = brick.client().await;
        let head = WriteReq { gfid: Gfid::ROOT, fd: ANONYMOUS_FD, size: 1 << 30, ..WriteReq::default() };
        let answer =
            client.raw(Proc::Write.number(), gluster_xdr::encode(&head), IoBuf::from("x").into()).await;
        assert!(answer.is_err(), "garbage arguments");
        is_alive(&client).await;
    });
}
