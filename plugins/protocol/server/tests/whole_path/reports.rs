//! Reports about clients, inodes and descriptors.

use gluster_xdr::fop::*;
use plugin_api::{Dict, Gfid};

use crate::rig::{Brick, Session, run};

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
