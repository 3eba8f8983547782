//! Getting in, and staying out.

use gluster_rpc::CallError;
use gluster_xdr::callback::{CallbackProc, InodelkContention};
use gluster_xdr::dump::{DUMP, DumpProc, DumpReq, DumpRsp};
use gluster_xdr::fop::{IattRsp, LookupReq, MadeRsp, MkdirReq, PrePostRsp, Proc, StatReq};
use gluster_xdr::handshake::{GetspecReq, GetspecRsp, HANDSHAKE_BRICK, HandshakeProc};
use gluster_xdr::rpc::Status;
use plugin_api::{Dict, Errno, Event, EventKind, Gfid};

use crate::rig::{Brick, run, until};

#[test]
fn programs_are_listed_as_the_incumbents_bricks_list_them() {
    let brick = Brick::up("/list", &[]);
    run(async {
        let client = brick.connect().await.client;
        let list: DumpRsp =
            client.call(DUMP, DumpProc::Dump.number(), &DumpReq { gfs_id: 0xcaed }).await.unwrap();
        let names: Vec<_> = list.programs.iter().map(|p| (p.name.as_str(), p.number, p.version)).collect();
        assert_eq!(
            names,
            [
                ("GlusterFS 4.x v1", 1_298_437, 400),
                ("GF-DUMP", 123_451_501, 1),
                ("GlusterFS Handshake", 14_398_633, 2)
            ]
        );
    });
}

#[test]
fn a_client_that_signs_in_is_told_what_it_needs() {
    let brick = Brick::up("/welcome", &[]);
    run(async {
        let answer = brick.connect().await.set_volume(&brick.request()).await;
        assert_eq!((answer.op_ret, answer.op_errno), (0, 0));
        assert_eq!((answer.dict.str("ERROR"), answer.dict.str("child_up")), (Some("Success"), Some("1")));
        assert_eq!(answer.dict.str("volume-id"), Some("07070707-0707-0707-0707-070707070707"));
        assert_eq!(answer.dict.str("process-uuid").map(str::len), Some(36));
        assert!(answer.dict.contains("clnt-lk-version"));
    });
}

#[test]
fn who_does_not_say_what_is_needed_stays_out() {
    let brick = Brick::up("/refusals", &[]);
    run(async {
        let client = brick.connect().await;
        let without = |key: &str| {
            let mut request = brick.request();
            request.remove(key);
            request
        };
        let cases = [
            (without("remote-subvolume"), Errno::EINVAL, "No remote-subvolume option specified"),
            (brick.request().with("remote-subvolume", "/other"), Errno::ENOENT, "Brick not found"),
            (without("process-uuid"), Errno::EINVAL, "UUID not specified"),
            (brick.request().with("volume-id", "x"), Errno::EINVAL, "Volume-ID different"),
            (without("fops-version"), Errno::EINVAL, "version mismatch"),
            (brick.request().with("fops-version", "330"), Errno::EINVAL, "version mismatch"),
            (brick.request().with("subdir-mount", "/no"), Errno::ENOENT, "subdirectory for mount \"/no\""),
            (brick.request().with("subdir-mount", "/../etc"), Errno::ENOENT, "subdirectory for mount"),
        ];
        for (request, errno, text) in cases {
            let answer = client.set_volume(&request).await;
            assert_eq!((answer.op_ret, answer.op_errno), (-1, errno.raw()), "{text}");
            assert!(answer.dict.str("ERROR").unwrap().starts_with(text), "{:?}", answer.dict);
        }
        let answer = client.set_volume_raw(vec![0xff; 8]).await;
        assert_eq!((answer.op_ret, answer.op_errno), (-1, Errno::EINVAL.raw()));
        let stat =
            client.raw(Proc::Stat.number(), gluster_xdr::encode(&StatReq::default()), Default::default());
        assert_eq!(stat.await, Err(CallError::Status(Status::GarbageArgs)), "a stranger's fop");
    });
}

#[test]
fn nobody_gets_in_before_the_brick_is_up_and_clients_hear_of_its_state() {
    let brick = Brick::start("/updown", &[]);
    run(async {
        let client = brick.connect().await;
        let refused = client.set_volume(&brick.request()).await;
        assert_eq!((refused.op_ret, refused.op_errno), (-1, Errno::EAGAIN.raw()));
        brick.tell(EventKind::PARENT_UP);
        assert_eq!(client.set_volume(&brick.request()).await.op_ret, 0);
        brick.child_tells(EventKind::CHILD_DOWN);
        brick.child_tells(EventKind::CHILD_DOWN);
        brick.child_tells(EventKind::CHILD_UP);
        let expected = [CallbackProc::ChildDown.number(), CallbackProc::ChildUp.number()];
        until(|| client.heard.lock().unwrap().len() == 2).await;
        let heard: Vec<_> = client.heard.lock().unwrap().iter().map(|(number, _)| *number).collect();
        assert_eq!(heard, expected);
        brick.child_tells(EventKind::CHILD_DOWN);
        let refused = brick.connect().await.set_volume(&brick.request()).await;
        assert_eq!(refused.dict.str("ERROR"), Some("Not received child_up for this xlator"));
    });
}

#[test]
fn addresses_and_passwords_decide_who_gets_in() {
    let options = [
        ("auth.addr./auth.allow", "10.0.0.1"),
        ("auth.login./auth.allow", "user"),
        ("auth.login.user.password", "secret"),
    ];
    let brick = Brick::up("/auth", &options);
    run(async {
        let client = brick.connect().await;
        let login = |password: &str| brick.request().with("username", "user").with("password", password);
        let refused = client.set_volume(&brick.request()).await;
        assert_eq!((refused.op_ret, refused.op_errno), (-1, Errno::EACCES.raw()));
        assert_eq!(refused.dict.str("ERROR"), Some("Authentication failed"));
        assert_eq!(client.set_volume(&login("guess")).await.op_ret, -1);
        assert_eq!(client.set_volume(&login("secret")).await.op_ret, 0);
        assert!(!brick.dump().contains("secret"), "a dump holds no passwords");
    });
}

#[test]
fn a_change_of_the_lists_disconnects_who_may_not_stay() {
    let brick = Brick::up("/dynamic", &[]);
    run(async {
        let client = brick.client().await;
        brick.reconfigure(&[("auth.addr./dynamic.allow", "10.0.0.1")]);
        until(|| !client.client.is_connected()).await;
        assert_eq!(brick.connect().await.set_volume(&brick.request()).await.op_errno, Errno::EACCES.raw());
    });
}

#[test]
fn root_of_an_untrusted_client_is_squashed_where_the_volume_says_so() {
    let brick = Brick::up("/squash", &[("root-squash", "on"), ("anonuid", "4242")]);
    run(async {
        let client = brick.client().await;
        let _: IattRsp = client.fop(Proc::Stat, &StatReq { gfid: Gfid::ROOT, ..StatReq::default() }).await;
        assert_eq!(brick.seen.last_uid("stat"), Some(4242));
    });
}

#[test]
fn a_client_may_take_a_folder_for_its_root() {
    let brick = Brick::up("/subdir", &[]);
    run(async {
        let whole = brick.client().await;
        let make = |parent, name: &'static str| MkdirReq {
            pargfid: parent,
            bname: name.into(),
            ..MkdirReq::default()
        };
        let folder: MadeRsp = whole.fop(Proc::Mkdir, &make(Gfid::ROOT, "folder")).await;
        let inner: MadeRsp = whole.fop(Proc::Mkdir, &make(folder.stat.gfid, "inner")).await;
        let client = brick.connect().await;
        assert_eq!(client.set_volume(&brick.request().with("subdir-mount", "/folder/")).await.op_ret, 0);
        let root: PrePostRsp =
            client.fop(Proc::Lookup, &LookupReq { gfid: Gfid::ROOT, ..LookupReq::default() }).await;
        assert_eq!((root.pre.gfid, root.pre.ino), (Gfid::ROOT, 1));
        let found: PrePostRsp = client
            .fop(
                Proc::Lookup,
                &LookupReq { pargfid: Gfid::ROOT, bname: "inner".into(), ..LookupReq::default() },
            )
            .await;
        assert_eq!(found.pre.gfid, inner.stat.gfid);
        let stat: IattRsp = client.fop(Proc::Stat, &StatReq { gfid: Gfid::ROOT, ..StatReq::default() }).await;
        assert_eq!(stat.stat.gfid, Gfid::ROOT);
    });
}

#[test]
fn a_brick_has_no_volfiles() {
    let brick = Brick::up("/spec", &[]);
    run(async {
        let client = brick.connect().await.client;
        let answer: GetspecRsp = client
            .call(
                HANDSHAKE_BRICK,
                HandshakeProc::Getspec.number(),
                &GetspecReq { xdata: Dict::new(), ..GetspecReq::default() },
            )
            .await
            .unwrap();
        assert_eq!((answer.op_ret, answer.op_errno), (-1, Errno::ENOSYS.raw()));
        let unknown = client.call::<_, GetspecRsp>(HANDSHAKE_BRICK, 5, &GetspecReq::default()).await;
        assert_eq!(unknown, Err(CallError::Status(Status::ProcUnavail)));
    });
}

#[test]
fn a_client_hears_that_somebody_waits_for_its_lock_and_others_do_not() {
    let brick = Brick::up("/upcall", &[]);
    run(async {
        let holder = brick.client().await;
        let other = brick.connect().await;
        assert_eq!(other.set_volume(&brick.request().with("process-uuid", "other")).await.op_ret, 0);
        let data = Dict::new()
            .with("upcall", 3)
            .with("client-uid", brick.request().str("process-uuid").unwrap())
            .with("gfid", Gfid::ROOT);
        brick.child_tells(Event { kind: EventKind::UPCALL, data });
        until(|| !holder.heard.lock().unwrap().is_empty()).await;
        let (number, args) = holder.heard.lock().unwrap()[0].clone();
        assert_eq!(number, CallbackProc::InodelkContention.number());
        assert_eq!(gluster_xdr::decode::<InodelkContention>(&args).unwrap().gfid, Gfid::ROOT);
        assert!(other.heard.lock().unwrap().is_empty());
    });
}
