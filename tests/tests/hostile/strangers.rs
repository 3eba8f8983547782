//! Who has not signed in, and who should not get in.

use gluster_xdr::Program;
use gluster_xdr::fop::{LookupReq, LookupRsp, Proc};
use gluster_xdr::handshake::HANDSHAKE_BRICK;
use plugin_api::{Dict, Gfid, Value};

use crate::client::{id, on_object};
use crate::rig::Brick;

#[test]
fn a_stranger_is_refused_every_fop() {
    let mut brick = Brick::new();
    let (file, _) = brick.client().create(Gfid::ROOT, "file", id(1));
    brick.withstands(|brick| {
        let asked_in_vain = |client: &mut crate::client::Client| {
            let request = brick.request().with("remote-subvolume", "/nobody");
            assert_eq!(client.ask_in(&request).expect("an answer").op_ret, -1);
        };
        for after_a_refusal in [false, true] {
            for (procedure, request) in on_object(file, -2) {
                let mut stranger = brick.stranger();
                if after_a_refusal {
                    asked_in_vain(&mut stranger);
                }
                let outcome = stranger.raw(procedure, &request);
                assert!(outcome.words().is_none(), "{} for a stranger: {outcome:?}", procedure.name());
            }
        }
        for number in
            [0, 1_298_437, 14_398_633, 123_451_501, 1_238_463, 4_867_634, 34_123_456, 52_743_234, u32::MAX]
        {
            for version in [0, 1, 2, 400, u32::MAX] {
                for procedure in [0, 1, 2, 3, 4, 57, u32::MAX] {
                    for args in [&[][..], &[0; 64], &[0xff; 64]] {
                        let program = Program::new(number, version, "any");
                        let _ = brick.stranger().call(program, procedure, args);
                    }
                }
            }
        }
    });
}

#[test]
fn nobody_enters_the_graph_below_its_top() {
    let mut brick = Brick::new();
    brick.withstands(|brick| {
        for name in
            ["v-server", "v-posix", "v-locks", "v-access-control", "", "/", "..", "%s", &"x".repeat(60_000)]
        {
            let answer = brick.stranger().ask_in(&brick.request().with("remote-subvolume", name));
            assert!(answer.is_none_or(|answer| answer.op_ret == -1), "{}", &name[..name.len().min(20)]);
        }
    });
}

#[test]
fn a_password_is_not_guessed_around() {
    let mut brick = Brick::with(&[
        ("auth.addr.@.allow", "127.0.0.2"),
        ("auth.login.@.allow", "user"),
        ("auth.login.user.password", "pass-word"),
    ]);
    // The rig's own clients have the password.
    let brick_name = brick.name();
    brick.withstands(|brick| {
        let with = |user: Value, password: Value| {
            let mut request = brick.request();
            request.remove("username");
            request.remove("password");
            request.with("username", user).with("password", password)
        };
        let text = |text: &str| Value::from(text);
        for (user, password) in [
            (text(""), text("")),
            (text("user"), text("")),
            (text("user"), text("pass-wor")),
            (text("user"), text("pass-word ")),
            (text("user,"), text("pass-word")),
            (text("@"), text("127.0.0.2")),
            (text(&brick_name), text("user")),
            (text("user"), Value::Bytes(vec![0; 0].into())),
            (text("user"), Value::Bytes(vec![0xff; 9].into())),
            (text("USER"), text("pass-word")),
            (text("*"), text("*")),
            (text("user"), text(&"p".repeat(100_000))),
        ] {
            let request = with(user, password).with("trusted", "1").with("subdir-mount", "/");
            let answer = brick.stranger().ask_in(&request);
            assert!(answer.is_none_or(|answer| answer.op_ret == -1), "{request:?}");
        }
        let answer = brick.stranger().ask_in(&with(text("user"), text("pass-word")));
        assert_eq!(answer.map(|answer| answer.op_ret), Some(0));
    });
}

#[test]
fn the_way_a_folder_is_written_gets_nobody_by_the_lists() {
    let mut brick = Brick::with(&[
        ("auth.addr.@.allow", "/open(127.0.0.1),/(127.0.0.1)"),
        ("auth.addr.@.reject", "/closed(127.0.0.1)"),
    ]);
    brick.client().mkdir(Gfid::ROOT, "open", id(1));
    brick.client().mkdir(Gfid::ROOT, "closed", id(2));
    brick.client().symlink("link", "closed", id(3));
    brick.withstands(|brick| {
        let mounts = |folder: &str| {
            let answer = brick.stranger().ask_in(&brick.request().with("subdir-mount", folder));
            answer.is_some_and(|answer| answer.op_ret == 0)
        };
        assert!(mounts("/open") && mounts("//open/") && mounts("/"));
        for folder in [
            "/closed",
            "closed",
            "//closed",
            "/closed/",
            "/closed//",
            "/./closed",
            "/open/../closed",
            "/closed/.",
            "/link",
            "/..",
            "/../outside",
            "/.glusterfs",
        ] {
            assert!(!mounts(folder), "{folder}");
        }
    });
}

#[test]
fn who_only_says_to_be_a_daemon_is_squashed_all_the_same() {
    let mut brick = Brick::with(&[("root-squash", "on"), ("anonuid", "4242"), ("anongid", "4242")]);
    brick.withstands(|brick| {
        for pid in [0, -1, -3, -6, i32::MIN] {
            let mut client = brick.client();
            client.who.pid = pid;
            // Root's own folder takes no files of others.
            let made = client.fop(
                Proc::Mkdir,
                &gluster_xdr::fop::MkdirReq {
                    pargfid: Gfid::ROOT,
                    mode: 0o755,
                    bname: "mine".into(),
                    xdata: crate::client::wish(id(9)),
                    ..Default::default()
                },
            );
            assert!(made.is_refusal(), "pid {pid} made a folder in root's");
        }
    });
    assert!(!brick.path("brick/mine").exists());
}

#[test]
fn what_a_stranger_writes_makes_no_lines_of_its_own_in_the_log() {
    let mut brick = Brick::new();
    brick.withstands(|brick| {
        let evil = "x\n[2026-01-01 00:00:00.000000] C forged %s%n\r\x1b[31m";
        let request = brick.request().with("process-uuid", evil).with("subdir-mount", evil);
        let _ = brick.stranger().ask_in(&request.clone().with("remote-subvolume", evil));
        let _ = brick.stranger().ask_in(&request.with("username", evil).with("volume-id", evil));
        let mut named = brick.request().with("process-uuid", evil).with("process-name", evil);
        named = named.with("client-version", evil);
        let _ = brick.stranger().ask_in(&named);
        for bytes in [&[0xff; 8][..], &[0; 8], evil.as_bytes()] {
            let _ = brick.stranger().call(HANDSHAKE_BRICK, 1, bytes);
        }
    });
    let log = brick.log();
    assert!(!log.lines().any(|line| line.starts_with("[2026-01-01") && line.contains("forged")), "{log}");
    assert!(!log.contains('\x1b'), "{log}");
}

#[test]
fn a_client_that_says_too_much_of_itself_is_not_believed() {
    let mut brick = Brick::new();
    brick.withstands(|brick| {
        let mut request = brick.request();
        for number in 0..5000 {
            request.set(format!("key{number}"), "v".repeat(100));
        }
        let _ = brick.stranger().ask_in(&request);
        let _ = brick.stranger().ask_in(&brick.request().with("process-uuid", "u".repeat(500_000)));
        let _ = brick.stranger().ask_in(&Dict::new());
        // Signing in again and again on one connection keeps one session.
        let mut client = brick.stranger();
        for number in 0..500 {
            let _ = client.ask_in(&brick.request().with("process-uuid", format!("client-{number}")));
        }
        let _: LookupRsp = client.done(Proc::Lookup, &LookupReq { gfid: Gfid::ROOT, ..LookupReq::default() });
    });
}
