//! Fops of a client that is in.

use std::sync::atomic::Ordering;

use gluster_xdr::fop::*;
use plugin_api::{Dict, Errno, Gfid, IoBuf};

use crate::rig::{Brick, Session, run, until};

const ID: Gfid = Gfid([0xab; 16]);

async fn create(client: &Session, name: &'static str, flags: u32) -> CreateRsp {
    let xdata = Dict::new().with("gfid-req", ID);
    let request = CreateReq { pargfid: Gfid::ROOT, flags, bname: name.into(), xdata, ..CreateReq::default() };
    client.fop(Proc::Create, &request).await
}

async fn write(client: &Session, fd: i64, gfid: Gfid, data: &'static [u8]) -> PrePostRsp {
    let head =
        WriteReq { gfid, fd, size: u32::try_from(data.len()).unwrap(), flag: 1, ..WriteReq::default() };
    let payload = IoBuf::from_static(data).into();
    let results = client.raw(Proc::Write.number(), gluster_xdr::encode(&head), payload).await.unwrap();
    gluster_xdr::decode(&results).unwrap()
}

async fn read(client: &Session, fd: i64, gfid: Gfid, size: u32) -> (ReadRsp, IoBuf) {
    let request = ReadReq { gfid, fd, size, ..ReadReq::default() };
    let results =
        client.raw(Proc::Read.number(), gluster_xdr::encode(&request), Default::default()).await.unwrap();
    ReadRsp::with_payload(&results).unwrap()
}

#[test]
fn a_file_is_made_written_read_listed_and_removed() {
    let brick = Brick::up("/whole", &[]);
    run(async {
        let client = brick.client().await;
        let root: PrePostRsp =
            client.fop(Proc::Lookup, &LookupReq { gfid: Gfid::ROOT, ..LookupReq::default() }).await;
        assert_eq!((root.op_ret, root.pre.ino), (0, 1));

        let made = create(&client, "file", 0o302).await;
        assert_eq!((made.op_ret, made.fd, made.stat.gfid), (0, 0, ID));
        assert_eq!(made.xdata.gfid("gfid-req"), Some(ID), "xdata of the answer is the brick's");

        let written = write(&client, 0, ID, b"hello").await;
        assert_eq!((written.op_ret, written.post.size), (5, 5));
        let (head, data) = read(&client, 0, ID, 3).await;
        assert_eq!((head.op_ret, head.op_errno, &data[..]), (3, 0, &b"hel"[..]));
        let (head, data) = read(&client, 0, ID, 4096).await;
        assert_eq!((head.op_ret, head.op_errno, &data[..]), (5, Errno::ENOENT.raw(), &b"hello"[..]));

        let dir: OpenRsp =
            client.fop(Proc::Opendir, &OpendirReq { gfid: Gfid::ROOT, ..OpendirReq::default() }).await;
        assert_eq!(dir.fd, 1, "files and directories share the numbers");
        let request = ReaddirReq { gfid: Gfid::ROOT, fd: 1, size: 4096, ..ReaddirReq::default() };
        let list: ReaddirpRsp = client.fop(Proc::Readdirp, &request).await;
        assert_eq!((list.op_ret, list.op_errno), (1, Errno::ENOENT.raw()));
        assert_eq!((&list.entries[0].name[..], list.entries[0].iatt.gfid), (&b"file"[..], ID));

        let gone: PrePostRsp = client
            .fop(
                Proc::Unlink,
                &UnlinkReq { pargfid: Gfid::ROOT, bname: "file".into(), ..UnlinkReq::default() },
            )
            .await;
        assert_eq!(gone.op_ret, 0);
        for number in [0, 1] {
            let released: CommonRsp =
                client.fop(Proc::Release, &FdReq { fd: number, ..FdReq::default() }).await;
            assert_eq!(released.op_ret, 0);
        }
        let (head, data) = read(&client, 0, ID, 3).await;
        assert_eq!((head.op_ret, head.op_errno, data.len()), (-1, Errno::EBADF.raw(), 0));
    });
}

#[test]
fn a_gfid_is_looked_for_once_before_it_is_used() {
    let brick = Brick::up("/gfid", &[]);
    run(async {
        let maker = brick.client().await;
        create(&maker, "file", 0o302).await;
        let before = brick.seen.count("lookup");
        let stat = |gfid| {
            let client = &maker;
            async move { client.fop::<_, IattRsp>(Proc::Stat, &StatReq { gfid, ..StatReq::default() }).await }
        };
        assert_eq!(stat(ID).await.op_ret, 0);
        assert_eq!(brick.seen.count("lookup"), before, "what was made here is known");
        let unknown = stat(Gfid([9; 16])).await;
        assert_eq!((unknown.op_ret, unknown.op_errno), (-1, Errno::ESTALE.raw()));
        assert_eq!(brick.seen.count("lookup"), before + 1);
        assert_eq!(brick.seen.count("stat"), 1, "no fop runs on a file that is not there");
        assert_eq!(stat(Gfid::NULL).await.op_errno, Errno::EINVAL.raw());
    });
}

#[test]
fn descriptors_of_one_client_mean_nothing_to_another() {
    let brick = Brick::up("/fds", &[]);
    run(async {
        let (one, two) = (brick.client().await, brick.client().await);
        assert_eq!(create(&one, "file", 0o302).await.fd, 0);
        assert_eq!(write(&two, 0, ID, b"no").await.op_errno, Errno::EBADF.raw());
    });
}

#[test]
fn a_request_without_a_descriptor_acts_on_its_gfid() {
    let brick = Brick::up("/anonymous", &[]);
    run(async {
        let client = brick.client().await;
        create(&client, "file", 0o302).await;
        assert_eq!(write(&client, ANONYMOUS_FD, ID, b"data").await.op_ret, 4);
        assert_eq!(&read(&client, ANONYMOUS_FD, ID, 10).await.1[..], b"data");
        assert_eq!(read(&client, ANONYMOUS_FD, Gfid([9; 16]), 10).await.0.op_errno, Errno::ESTALE.raw());
        assert_eq!(read(&client, -1, ID, 10).await.0.op_errno, Errno::EBADF.raw());
    });
}

#[test]
fn creating_what_exists_opens_the_file_that_all_others_have_open() {
    let brick = Brick::up("/exists", &[]);
    run(async {
        let client = brick.client().await;
        assert_eq!(create(&client, "file", 0o302).await.fd, 0);
        let again = create(&client, "file", 0o102).await;
        assert_eq!((again.op_ret, again.fd), (0, 1));
        assert_eq!(brick.seen.count("open"), 1, "on the inode that is known");
        assert_eq!(create(&client, "file", 0o302).await.op_errno, Errno::EEXIST.raw());
    });
}

#[test]
fn who_removes_a_name_is_judged_by_the_file_behind_it() {
    let brick = Brick::up("/victim", &[]);
    run(async {
        let mut client = brick.client().await;
        create(&client, "file", 0o302).await;
        let looked_up = brick.seen.count("lookup");
        client.who.uid = 1000;
        client.who.pid = 5;
        let request = UnlinkReq { pargfid: Gfid::ROOT, bname: "file".into(), ..UnlinkReq::default() };
        let gone: PrePostRsp = client.fop(Proc::Unlink, &request).await;
        assert_eq!(gone.op_ret, 0);
        assert_eq!(brick.seen.count("lookup"), looked_up + 1);
        let stat: IattRsp = client.fop(Proc::Stat, &StatReq { gfid: ID, ..StatReq::default() }).await;
        assert_eq!(stat.op_errno, Errno::ENOENT.raw(), "who has it open keeps the one inode of the file");
        let _: CommonRsp = client.fop(Proc::Release, &FdReq::default()).await;
    });
}

#[test]
fn a_file_whose_last_name_goes_is_forgotten_and_the_client_is_not_told_how() {
    let brick = Brick::up("/gone", &[]);
    run(async {
        let client = brick.client().await;
        let fd = create(&client, "file", 0o302).await.fd;
        let request = UnlinkReq { pargfid: Gfid::ROOT, bname: "file".into(), ..UnlinkReq::default() };
        let _: CommonRsp =
            client.fop(Proc::Release, &FdReq { gfid: ID, fd: fd.cast_signed(), ..FdReq::default() }).await;
        assert!(brick.dump().contains("brick0.inodes=1\n"), "{}", brick.dump());
        let gone: PrePostRsp = client.fop(Proc::Unlink, &request).await;
        assert_eq!((gone.op_ret, gone.xdata.len()), (0, 0));
        assert!(brick.dump().contains("brick0.inodes=0\n"), "{}", brick.dump());
    });
}

#[test]
fn a_lock_that_waits_holds_nobody_up_and_ends_with_its_client() {
    let brick = Brick::up("/leaves", &[]);
    run(async {
        let client = brick.client().await;
        create(&client, "file", 0o302).await;
        let request = gluster_xdr::encode(&LkReq { gfid: ID, fd: 0, cmd: 2, kind: 1, ..LkReq::default() });
        let waiting = client.raw(Proc::Lk.number(), request, Default::default());
        until(|| brick.seen.count("lk") == 1).await;
        assert_eq!(write(&client, 0, ID, b"on").await.op_ret, 2, "while the lock waits");
        assert_eq!(brick.seen.flushed.load(Ordering::SeqCst), 0);
        client.client.disconnect();
        assert!(waiting.await.is_err());
        until(|| brick.seen.flushed.load(Ordering::SeqCst) == 1).await;
        assert_eq!(brick.seen.gone.load(Ordering::SeqCst), 1);
        assert!(brick.dump().contains("clientcount=0"), "{}", brick.dump());
    });
}

#[test]
fn procedures_that_bricks_do_not_have_are_unavailable() {
    let brick = Brick::up("/unavailable", &[]);
    run(async {
        let client = brick.client().await;
        for procedure in [Proc::Compound.number(), Proc::Put.number(), 57, u32::MAX] {
            let answer = client.raw(procedure, vec![0; 200], Default::default()).await;
            assert_eq!(
                answer,
                Err(gluster_rpc::CallError::Status(gluster_xdr::rpc::Status::ProcUnavail)),
                "{procedure}"
            );
        }
        let null: CommonRsp = client.fop(Proc::Null, &0_u32).await;
        assert_eq!(null.op_ret, 0);
    });
}

#[test]
fn a_file_that_nobody_uses_is_forgotten_with_its_last_name() {
    let brick = Brick::up("/forgotten", &[]);
    run(async {
        let mut client = brick.client().await;
        create(&client, "file", 0o302).await;
        let _: CommonRsp = client.fop(Proc::Release, &FdReq::default()).await;
        client.who.uid = 1000;
        let request = UnlinkReq { pargfid: Gfid::ROOT, bname: "file".into(), ..UnlinkReq::default() };
        let _: PrePostRsp = client.fop(Proc::Unlink, &request).await;
        let stat: IattRsp = client.fop(Proc::Stat, &StatReq { gfid: ID, ..StatReq::default() }).await;
        assert_eq!(stat.op_errno, Errno::ESTALE.raw());
    });
}

#[test]
fn a_server_that_stops_lets_its_graph_go_and_its_clients_hear_of_it() {
    let brick = Brick::up("/stops", &[]);
    run(async {
        let client = brick.client().await;
        create(&client, "file", 0o302).await;
        brick.graph.fini();
        until(|| !client.client.is_connected()).await;
        until(|| std::sync::Arc::strong_count(&brick.graph) == 1).await;
    });
}

#[test]
fn however_many_locks_a_client_waits_for_it_is_heard_and_missed_when_it_goes() {
    let brick = Brick::up("/waiters", &[("rpc.outstanding-rpc-limit", "4")]);
    run(async {
        let client = brick.client().await;
        create(&client, "file", 0o302).await;
        let request = gluster_xdr::encode(&LkReq { gfid: ID, fd: 0, cmd: 2, kind: 1, ..LkReq::default() });
        let mut waiting: Vec<_> =
            (0..5000).map(|_| client.raw(Proc::Lk.number(), request.clone(), Default::default())).collect();
        let mut refused = 0;
        for lock in waiting.split_off(4096) {
            let answer: LkRsp = gluster_xdr::decode(&lock.await.unwrap()).unwrap();
            assert_eq!((answer.op_ret, answer.op_errno), (-1, Errno::ENOLCK.raw()));
            refused += 1;
        }
        assert_eq!((refused, brick.seen.count("lk")), (904, 4096));
        client.client.disconnect();
        for lock in waiting {
            assert!(lock.await.is_err());
        }
        until(|| brick.seen.flushed.load(Ordering::SeqCst) == 1).await;
    });
}

#[test]
fn calls_behind_locks_that_wait_are_served() {
    let brick = Brick::up("/behind", &[("rpc.outstanding-rpc-limit", "2")]);
    run(async {
        let client = brick.client().await;
        create(&client, "file", 0o302).await;
        let request = gluster_xdr::encode(&LkReq { gfid: ID, fd: 0, cmd: 2, kind: 1, ..LkReq::default() });
        let _waiting: Vec<_> =
            (0..100).map(|_| client.raw(Proc::Lk.number(), request.clone(), Default::default())).collect();
        assert_eq!(write(&client, 0, ID, b"on").await.op_ret, 2);
        assert_eq!(brick.seen.count("lk"), 100);
    });
}
