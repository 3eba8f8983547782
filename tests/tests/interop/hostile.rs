//! Bytes that no honest program sends: the daemon and its bricks must still answer afterwards, and not have grown.

use std::time::Duration;
use tests::cluster::Cluster;
use tests::process::Process;
use tests::rpc::{self, CLI, DUMP, FOPS, HANDSHAKE, PORTMAP, Reply, Stream, Xdr, call, dict, record};

/// How much a process may grow over claims of a thousand times as much.
const SLACK_KIB: u64 = 48 << 10;

type Connect<'a> = &'a dyn Fn() -> Box<dyn Stream>;

/// Runs `attack` and then asks whether the process still answers, and what it took.
fn withstands(process: &Process, connect: Connect<'_>, attack: impl FnOnce()) {
    process.forget_peak();
    let before = process.peak_kib();
    attack();
    assert!(process.is_alive(), "{} has ended", process.name());
    assert!(rpc::answers(&mut *connect()), "{} does not answer any more", process.name());
    let grown = process.peak_kib().saturating_sub(before);
    assert!(grown < SLACK_KIB, "{} grew by {grown} KiB", process.name());
}

/// Sends bytes on a connection of their own; a reply, if one comes, must come soon.
fn one(connect: Connect<'_>, bytes: &[u8]) -> Reply {
    let mut stream = connect();
    rpc::send(&mut *stream, bytes);
    rpc::receive(&mut *stream, Duration::from_millis(300))
}

/// The daemon's process with its TCP port and unix socket, and a brick's with its port.
fn on_every_listener(test: impl Fn(&Process, Connect<'_>)) {
    let Some(cluster) = Cluster::with_volume() else { return };
    let brick = cluster.wait_bricks_online("v", 2).remove(0);
    let daemon = cluster.daemon();
    let port: u16 = brick.option("--brick-port").expect("bricks are told").parse().expect("a number");
    test(&daemon, &|| Box::new(cluster.tcp(24007).expect("24007")));
    test(&daemon, &|| Box::new(cluster.unix("/run/glusterd.socket").expect("the CLI's socket")));
    test(&brick, &|| Box::new(cluster.tcp(port).expect("the brick's port")));
    assert_eq!(cluster.gluster("volume list").ok(), "v\n");
}

#[test]
fn a_bad_record_mark_costs_one_connection() {
    on_every_listener(|process, connect| {
        withstands(process, connect, || {
            for mark in [0_u32, 1, 3, 0x7fff_ffff, 0xffff_ffff, 0x8000_0000, 0x8000_0001, 0x8000_0010] {
                one(connect, &mark.to_be_bytes());
                one(connect, &Xdr::default().word(mark).raw(&[0xff; 512]).0);
                one(connect, &Xdr::default().word(mark).raw(&[0; 512]).0);
            }
        });
    });
}

#[test]
fn a_huge_length_is_not_believed() {
    on_every_listener(|process, connect| {
        withstands(process, connect, || {
            let head = call(1, DUMP, 1, &[]);
            let mut open = Vec::new();
            for _ in 0..16 {
                let mut stream = connect();
                rpc::send(&mut *stream, &Xdr::default().word(0xbfff_ffff).raw(&head).0);
                open.push(stream);
            }
            assert!(rpc::answers(&mut *connect()), "while 16 connections claim a GiB each");
        });
    });
}

#[test]
fn a_message_in_many_fragments_is_one_message() {
    on_every_listener(|_, connect| {
        let message = call(9, DUMP, 1, &[0; 8]);
        let (last, parts) = message.split_last().expect("it is not empty");
        let mut stream = connect();
        for byte in parts {
            rpc::send(&mut *stream, &Xdr::default().word(1).raw(&[*byte]).0);
        }
        rpc::send(&mut *stream, &Xdr::default().word(0x8000_0001).raw(&[*last]).0);
        assert!(rpc::receive(&mut *stream, Duration::from_secs(20)).results().is_some());
    });
}

#[test]
fn an_endless_row_of_fragments_is_cut() {
    on_every_listener(|process, connect| {
        withstands(process, connect, || {
            let mut stream = connect();
            let empty = Xdr::default().word(0).0.repeat(16_384);
            for _ in 0..16 {
                rpc::send(&mut *stream, &empty);
            }
        });
    });
}

#[test]
fn an_unknown_program_or_procedure_is_named_so() {
    on_every_listener(|process, connect| {
        withstands(process, connect, || {
            assert_eq!(one(connect, &record(&call(1, (99, 1), 1, &[]))).accept_status(), Some(1));
            assert_eq!(one(connect, &record(&call(1, (DUMP.0, 77), 1, &[]))).accept_status(), Some(2));
            for procedure in [99, 0x7fff_ffff, 0x8000_0000, u32::MAX] {
                assert_eq!(one(connect, &record(&call(1, DUMP, procedure, &[]))).accept_status(), Some(3));
            }
        });
    });
}

#[test]
fn truncated_calls_are_garbage_not_the_end() {
    on_every_listener(|process, connect| {
        withstands(process, connect, || {
            for arguments in [dict(&[("volname", "v"), ("flags", "2")]), vec![0xff; 64], vec![]] {
                for (program, procedure) in
                    [(HANDSHAKE, 2), (HANDSHAKE, 1), (PORTMAP, 1), (PORTMAP, 4), (CLI, 5)]
                {
                    let whole = call(1, program, procedure, &Xdr::default().opaque(&arguments).0);
                    for length in (0..whole.len()).step_by(7) {
                        let mut stream = connect();
                        rpc::send(&mut *stream, &record(&whole[..length]));
                    }
                }
            }
        });
    });
}

/// Dicts that lie about their counts and lengths.
fn lying_dicts() -> Vec<Vec<u8>> {
    let good = dict(&[("volname", "nobody"), ("flags", "2")]);
    let mut all = vec![vec![], vec![0], vec![0; 3], b"\x00\x00\x00\x01".to_vec()];
    for word in [-1_i32, i32::MIN, i32::MAX, 1 << 20, 0x0100_0000] {
        let with = |place: usize| {
            let mut bytes = good.clone();
            bytes[place..place + 4].copy_from_slice(&word.to_be_bytes());
            bytes
        };
        all.extend([with(0), with(4), with(8)]);
    }
    all.push(good[..good.len() - 1].to_vec());
    all
}

#[test]
fn a_dict_that_lies_is_an_error() {
    on_every_listener(|process, connect| {
        withstands(process, connect, || {
            for bytes in lying_dicts() {
                let arguments = Xdr::default().opaque(&bytes).0;
                for procedure in [3, 4, 5, 7, 8, 9, 27, 33] {
                    let list = [&Xdr::default().word(1).0[..], &arguments].concat();
                    one_quick(
                        connect,
                        &record(&call(1, CLI, procedure, if procedure == 3 { &list } else { &arguments })),
                    );
                }
                one_quick(connect, &record(&call(1, HANDSHAKE, 1, &arguments)));
                let getspec = Xdr::default().word(0).opaque(b"v").opaque(&bytes).0;
                one_quick(connect, &record(&call(1, HANDSHAKE, 2, &getspec)));
            }
        });
    });
}

/// Sends bytes and looks for a reply only for a moment.
fn one_quick(connect: Connect<'_>, bytes: &[u8]) {
    let mut stream = connect();
    rpc::send(&mut *stream, bytes);
    rpc::receive(&mut *stream, Duration::from_millis(20));
}

#[test]
fn an_opaque_longer_than_its_message_is_not_believed() {
    on_every_listener(|process, connect| {
        withstands(process, connect, || {
            for claimed in [64, 1 << 20, 1 << 29, 0x7fff_ffff, 0xffff_fffc, 0xffff_ffff] {
                let arguments = Xdr::default().word(claimed).raw(b"abcd").0;
                for (program, procedure) in [(CLI, 5), (CLI, 33), (HANDSHAKE, 1), (PORTMAP, 1), (FOPS, 27)] {
                    one_quick(connect, &record(&call(1, program, procedure, &arguments)));
                }
                let credential = Xdr::default().word(1).word(0).word(2).word(DUMP.0).word(DUMP.1).word(1);
                let credential = credential.word(390_039).word(claimed).raw(&[0; 32]).0;
                one_quick(connect, &record(&credential));
            }
        });
    });
}

#[test]
fn a_volfile_key_does_not_lead_out_of_the_state_folder() {
    let Some(cluster) = Cluster::with_volume() else { return };
    std::fs::write(cluster.view("/srv/secret.vol"), "volume secret\n").expect("scratch");
    let climb = "../".repeat(9);
    let keys = [
        format!("{climb}srv/secret"),
        format!("v/{climb}srv/secret"),
        format!("v.{climb}srv/secret"),
        format!("client_per_brick/v.{climb}srv/secret.vol"),
        format!("client_per_brick/{climb}srv/secret.vol"),
        "/srv/secret".to_owned(),
        "..".to_owned(),
        String::new(),
        "v\0x".to_owned(),
        "k".repeat(100_000),
    ];
    for key in keys {
        let arguments = Xdr::default().word(0).opaque(key.as_bytes()).opaque(&dict(&[])).0;
        let mut stream = cluster.tcp(24007).expect("24007");
        rpc::send(&mut stream, &record(&call(1, HANDSHAKE, 2, &arguments)));
        let reply = rpc::receive(&mut stream, Duration::from_secs(2));
        if let Some(results) = reply.results() {
            assert!(!results.windows(6).any(|window| window == b"secret"), "{key:?} led out");
        }
    }
    assert_eq!(cluster.gluster("volume list").ok(), "v\n");
}

/// Where the names below would lead, if they were followed.
const OUTSIDE: [&str; 3] = ["/srv/out", "/var/lib/glusterd/out", "/var/lib/glusterd/vols/a"];

#[test]
fn a_volume_name_does_not_lead_out_of_the_state_folder() {
    let Some(cluster) = Cluster::with_volume() else { return };
    if cluster.server().is_system() {
        return eprintln!("SKIPPED: the incumbent does follow such names");
    }
    let daemon = cluster.daemon();
    let connect: Connect<'_> = &|| Box::new(cluster.unix("/run/glusterd.socket").expect("the CLI's socket"));
    for name in
        ["../out", "../../../../srv/out", "..", ".", "a/b", "", "-x", "a b", "a\nb", &"n".repeat(70_000)]
    {
        let bricks = format!(" {} ", cluster.brick_name("w", 1));
        let request = dict(&[
            ("force", "1"),
            ("count", "1"),
            ("bricks", &bricks),
            ("transport", "tcp"),
            ("type", "0"),
            ("volname", name),
        ]);
        let mut stream = connect();
        rpc::send(&mut *stream, &record(&call(1, CLI, 4, &Xdr::default().opaque(&request).0)));
        rpc::receive(&mut *stream, Duration::from_secs(5));
        assert!(daemon.is_alive(), "ended by {:?}", name.get(..20));
        assert!(OUTSIDE.iter().all(|path| !cluster.view(path).exists()), "{name:?}");
    }
    assert_eq!(cluster.gluster("volume list").ok(), "v\n");
}

#[test]
fn many_connections_at_once_are_served_and_forgotten() {
    on_every_listener(|process, connect| {
        withstands(process, connect, || {
            let mut open: Vec<_> = (0..300).map(|_| connect()).collect();
            assert!(rpc::answers(&mut **open.last_mut().expect("there are some")));
        });
    });
}
