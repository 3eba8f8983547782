//! Reports about clients, inodes and descriptors: statedumps, and orders of the daemon.

use gluster_xdr::fop::*;
use plugin_api::{Dict, Errno, Gfid};

use crate::rig::{Brick, Session, run, until};

const ID: Gfid = Gfid([0xcd; 16]);

async fn make(client: &Session) {
    let xdata = Dict::new().with("gfid-req", ID);
    let request =
        CreateReq { pargfid: Gfid::ROOT, flags: 0o302, bname: "f".into(), xdata, ..Default::default() };
    let made: CreateRsp = client.fop(Proc::Create, &request).await;
    assert_eq!((made.op_ret, made.fd), (0, 0));
}

async fn open(client: &Session) -> i64 {
    let opened: OpenRsp = client.fop(Proc::Open, &OpenReq { gfid: ID, flags: 2, ..Default::default() }).await;
    assert_eq!(opened.op_ret, 0);
    opened.fd
}

/// Reads through the descriptor that stands for none.
async fn peek(client: &Session) {
    let request = ReadReq { gfid: ID, fd: ANONYMOUS_FD, size: 10, ..Default::default() };
    client.raw(Proc::Read.number(), gluster_xdr::encode(&request), Default::default()).await.unwrap();
}

async fn release(client: &Session, fd: i64) {
    let _: CommonRsp = client.fop(Proc::Release, &FdReq { fd, ..Default::default() }).await;
}

/// The section of a statedump in which the file is, without its heading.
fn section(dump: &str) -> Option<(&str, Vec<&str>)> {
    let line = format!("gfid={ID}");
    let mut sections = dump.split("\n[").filter_map(|section| section.split_once("]\n"));
    let (heading, rest) = sections.find(|(_, rest)| rest.starts_with(&line))?;
    Some((heading, rest.lines().take_while(|line| !line.is_empty()).collect()))
}

#[test]
fn a_statedump_counts_the_descriptors_of_all_clients_and_no_anonymous_ones() {
    let brick = Brick::up("/counted", &[]);
    run(async {
        let (one, two) = (brick.client().await, brick.client().await);
        make(&one).await;
        let second = open(&two).await;
        peek(&two).await;
        let dump = brick.dump();
        let (heading, lines) = section(&dump).unwrap();
        assert_eq!(heading, "conn.0.bound_xl./counted.active.2", "{dump}");
        assert_eq!(
            lines[..4],
            [&*format!("gfid={ID}"), "nlookup=0", "fd-count=2", "active-fd-count=2"],
            "{dump}"
        );
        assert!(lines.contains(&"ia_type=1"), "{dump}");
        release(&one, 0).await;
        assert!(section(&brick.dump()).unwrap().1.contains(&"fd-count=1"));
        release(&two, second).await;
        let dump = brick.dump();
        let (heading, lines) = section(&dump).unwrap();
        assert_eq!((heading, lines[2]), ("conn.0.bound_xl./counted.lru.1", "fd-count=0"), "{dump}");
        assert!(dump.contains("\nconn.0.bound_xl./counted.lru_size=1\n"), "{dump}");
    });
}

#[test]
fn what_a_client_calls_itself_adds_no_lines_to_a_statedump() {
    let brick = Brick::up("/forger", &[]);
    run(async {
        let session = brick.connect().await;
        let name = "x\n[conn.9.bound_xl./forger.active.1]\ngfid=1";
        let request = brick.request().with("process-uuid", name).with("process-name", name);
        assert_eq!(session.set_volume(&request).await.op_ret, 0);
        let dump = brick.dump();
        assert!(dump.contains("client0.uid=x\\n[conn.9") && !dump.contains("\n[conn.9"), "{dump}");
        assert!(dump.contains("\nclient0.name=unknown\n"), "{dump}");
    });
}

#[test]
fn the_daemon_is_told_who_is_connected() {
    let brick = Brick::up("/asked", &[]);
    run(async {
        assert_eq!(brick.order(2).await.unwrap().uint("clientcount"), Some(0));
        let fuse = brick.client().await;
        let healer = brick.connect().await;
        let request = brick.request().with("process-name", "glustershd").with("opversion", "100000");
        assert_eq!(healer.set_volume(&request).await.op_ret, 0);
        make(&fuse).await;
        let said = brick.order(2).await.unwrap();
        assert_eq!(said.uint("clientcount"), Some(2));
        assert!(said.str("client0.hostname").is_some_and(|host| host.starts_with("127.0.0.1:")));
        assert!(said.uint("client0.bytesread").unwrap() > said.uint("client1.bytesread").unwrap());
        assert!(said.uint("client0.byteswrite").unwrap() > 0);
        assert_eq!(
            (said.uint("client0.opversion"), said.uint("client1.opversion")),
            (Some(1), Some(100_000))
        );
        let kinds = brick.order(128).await.unwrap();
        assert_eq!((kinds.uint("client-count"), kinds.str("client1.name")), (Some(2), Some("glustershd")));
        assert_eq!((kinds.uint("fuse-count"), kinds.uint("glustershd-count")), (Some(1), Some(1)));
    });
}

#[test]
fn the_daemon_is_told_what_is_known_open_and_allocated() {
    let brick = Brick::up("/tables", &[("inode-lru-limit", "321")]);
    run(async {
        let client = brick.client().await;
        make(&client).await;
        release(&client, open(&client).await).await;
        let inodes = brick.order(4).await.unwrap();
        let of = |key: &str| inodes.uint(&format!("conn0.itable.{key}"));
        assert_eq!(
            (inodes.uint("conncount"), of("lru_limit"), of("lru_size")),
            (Some(1), Some(321), Some(0))
        );
        assert_eq!((of("active_size"), of("active1.ia_type")), (Some(2), Some(1)));
        assert_eq!(inodes.str("conn0.itable.active1.gfid"), Some(&*ID.to_string()));
        let fds = brick.order(8).await.unwrap();
        let of = |key: &str| fds.uint(&format!("conn0.fdtable.{key}"));
        assert_eq!((fds.uint("conncount"), of("openfds"), of("firstfree")), (Some(1), Some(1), Some(1)));
        assert_eq!(of("fdentry0.flags"), Some(0o302));
        assert!(brick.order(1).await.unwrap().uint("mallinfo.uordblks").unwrap() > 0);
    });
}

#[test]
fn calls_under_way_are_counted_with_those_that_wait_for_locks() {
    let brick = Brick::up("/calls", &[]);
    run(async {
        let count = async || brick.order(16).await.unwrap().uint("callpool.count");
        assert_eq!(count().await, Some(0));
        let client = brick.client().await;
        make(&client).await;
        let request = gluster_xdr::encode(&LkReq { gfid: ID, fd: 0, cmd: 2, kind: 1, ..LkReq::default() });
        let _waiting = [(); 3].map(|()| client.raw(Proc::Lk.number(), request.clone(), Default::default()));
        until(|| brick.seen.count("lk") == 3).await;
        assert_eq!(count().await, Some(3));
    });
}

#[test]
fn what_is_not_known_is_refused_and_not_shown_as_nothing() {
    let mut brick = Brick::up("/refused", &[]);
    run(async {
        assert_eq!(brick.order(32).await.unwrap_err(), Errno::EOPNOTSUPP);
        assert_eq!(brick.order(0).await.unwrap_err(), Errno::EOPNOTSUPP);
        brick.name.push_str("/other");
        assert_eq!(brick.order(2).await.unwrap_err(), Errno::ENOENT);
    });
}
