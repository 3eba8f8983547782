//! Extended attributes that are commands, paths, or the brick's own.

use gluster_xdr::fop::*;
use plugin_api::{Dict, Gfid, IoBuf, Value};

use crate::client::id;
use crate::rig::Brick;

fn paths(brick: &Brick) -> Vec<String> {
    let outside = brick.path("outside");
    vec![
        outside.join("secret").display().to_string(),
        outside.join("new").display().to_string(),
        "../outside/secret".to_owned(),
        "../outside/new".to_owned(),
        "..".to_owned(),
        "a/../../../outside/new".to_owned(),
        "%s%n%x".to_owned(),
        "x".repeat(5000),
        String::new(),
    ]
}

/// Keys of commands that take, or took, a path or a name.
const COMMANDS: [&str; 14] = [
    "trusted.io-stats-dump",
    "trusted.glusterfs.io-stats-dump",
    "glusterfs.file.",
    "glusterfs.get-content",
    "glusterfs.content",
    "glusterfs.xattrop-entry-create",
    "glusterfs.xattrop-entry-delete",
    "glusterfs.xattrop-purge-index",
    "glusterfs.namespace",
    "glusterfs.gfidtopath",
    "glusterfs.ancestry.path",
    "glusterfs.lockinfo",
    "trusted.glusterfs.volume-mark",
    "glusterfs.entry.self-heal",
];

#[test]
fn no_xattr_reads_or_writes_a_file_by_its_path() {
    let mut brick = Brick::new();
    let (file, fd) = brick.client().create(Gfid::ROOT, "file", id(1));
    brick.withstands(|brick| {
        let mut client = brick.client();
        for path in paths(brick) {
            for command in COMMANDS {
                for name in [command.to_owned(), format!("{command}{path}"), format!("{command}.{path}")] {
                    for gfid in [Gfid::ROOT, file] {
                        let dict = Dict::new().with(name.clone(), path.as_str());
                        for (procedure, outcome) in [
                            (
                                Proc::Setxattr,
                                client.fop(
                                    Proc::Setxattr,
                                    &SetxattrReq { gfid, dict: dict.clone(), ..SetxattrReq::default() },
                                ),
                            ),
                            (
                                Proc::Getxattr,
                                client.fop(
                                    Proc::Getxattr,
                                    &GetxattrReq {
                                        gfid,
                                        namelen: 1,
                                        name: name.clone().into(),
                                        xdata: dict.clone(),
                                    },
                                ),
                            ),
                            (
                                Proc::Lookup,
                                client.fop(
                                    Proc::Lookup,
                                    &LookupReq { gfid, xdata: dict.clone(), ..LookupReq::default() },
                                ),
                            ),
                            (
                                Proc::Xattrop,
                                client.fop(
                                    Proc::Xattrop,
                                    &XattropReq {
                                        gfid,
                                        dict: Dict::new()
                                            .with("trusted.afr.dirty", Value::Bytes(vec![0; 12].into())),
                                        xdata: dict.clone(),
                                        flags: 0,
                                    },
                                ),
                            ),
                            (
                                Proc::Fsetxattr,
                                client.fop(
                                    Proc::Fsetxattr,
                                    &FsetxattrReq { gfid, fd, dict, ..FsetxattrReq::default() },
                                ),
                            ),
                        ] {
                            let shown = format!("{outcome:?}");
                            // A value that the client sent comes back; a file's content does not.
                            assert!(
                                !shown.contains("secret\\0") || path.contains("secret"),
                                "{} of {name} answers a file",
                                procedure.name()
                            );
                        }
                    }
                }
            }
        }
    });
}

#[test]
fn what_makes_a_brick_what_it_is_cannot_be_set_or_removed() {
    let mut brick = Brick::new();
    let (file, fd) = brick.client().create(Gfid::ROOT, "file", id(1));
    brick.withstands(|brick| {
        let mut client = brick.client();
        for key in ["trusted.gfid", "trusted.glusterfs.volume-id"] {
            for gfid in [Gfid::ROOT, file] {
                let dict = Dict::new().with(key, Value::Bytes(vec![9; 16].into()));
                let _ = client
                    .fop(Proc::Setxattr, &SetxattrReq { gfid, dict: dict.clone(), ..SetxattrReq::default() });
                let request = FsetxattrReq { gfid, fd, dict: dict.clone(), ..FsetxattrReq::default() };
                let _ = client.fop(Proc::Fsetxattr, &request);
                for flags in 0..8 {
                    let request = XattropReq { gfid, flags, dict: dict.clone(), xdata: Dict::new() };
                    let _ = client.fop(Proc::Xattrop, &request);
                }
                let name = IoBuf::from(key);
                let request = RemovexattrReq { gfid, name: name.clone(), xdata: Dict::new() };
                let _ = client.fop(Proc::Removexattr, &request);
                let request = FremovexattrReq { gfid, fd, name: name.clone(), xdata: Dict::new() };
                let _ = client.fop(Proc::Fremovexattr, &request);
                let all = Dict::new().with(key, "");
                let request = RemovexattrReq { gfid, name: IoBuf::new(), xdata: all };
                let _ = client.fop(Proc::Removexattr, &request);
            }
        }
    });
    let value = |path: &str, key: &str| {
        let mut value = [0; 64];
        let len = rustix::fs::getxattr(brick.path(path), key, &mut value).expect("it is there");
        value[..len].to_vec()
    };
    assert_eq!(value("brick", "trusted.gfid"), Gfid::ROOT.0);
    assert_eq!(value("brick/file", "trusted.gfid"), file.0);
    assert_eq!(value("brick", "trusted.glusterfs.volume-id")[..4], [0x1f, 0x28, 0x04, 0x0f]);
}

#[test]
fn a_name_of_any_length_and_any_bytes_is_stored_or_refused() {
    let mut brick = Brick::new();
    let (file, fd) = brick.client().create(Gfid::ROOT, "file", id(1));
    brick.withstands(|brick| {
        let mut client = brick.client();
        for length in [0, 1, 127, 254, 255, 256, 1023, 4095, 4096, 8192, 60_000, 65_536, 65_537, 200_000] {
            for prefix in
                ["", "user.", "trusted.", "glusterfs.clrlk.", "glusterfs.clrlk.tposix.kall.", "glusterfs."]
            {
                let name = format!("{prefix}{}", "9".repeat(length));
                let key = || IoBuf::from(name.clone());
                let _ = client.fop(
                    Proc::Getxattr,
                    &GetxattrReq { gfid: file, namelen: u32::MAX, name: key(), xdata: Dict::new() },
                );
                let _ = client
                    .fop(Proc::Removexattr, &RemovexattrReq { gfid: file, name: key(), xdata: Dict::new() });
                let _ = client.fop(
                    Proc::Fgetxattr,
                    &FgetxattrReq { gfid: file, fd, namelen: 1, name: key(), xdata: Dict::new() },
                );
                let dict = Dict::new().with(name.clone(), "v").with("user.long", "v".repeat(length));
                for flags in [0, 1, 2, 3, u32::MAX] {
                    let request = SetxattrReq { gfid: file, flags, dict: dict.clone(), xdata: dict.clone() };
                    let _ = client.fop(Proc::Setxattr, &request);
                }
                let _ = client.fop(
                    Proc::Symlink,
                    &SymlinkReq {
                        pargfid: Gfid::ROOT,
                        bname: "long".into(),
                        linkname: key(),
                        xdata: crate::client::wish(id(60)),
                        ..SymlinkReq::default()
                    },
                );
            }
        }
        for name in ["user.a\0b", "trusted.\0", "\0", "user.\n\x1b[31m", "../x", "/etc/passwd", "user/x"] {
            client.refused(
                Proc::Removexattr,
                &RemovexattrReq { gfid: file, name: name.into(), xdata: Dict::new() },
                name,
            );
        }
        for nul in ["user.a\0b", "\0"] {
            let dict = Dict::new().with(nul, "v");
            client.refused(
                Proc::Setxattr,
                &SetxattrReq { gfid: file, dict, ..SetxattrReq::default() },
                "a key with a NUL",
            );
        }
    });
}

#[test]
fn commands_to_clear_locks_are_read_with_care() {
    let mut brick = Brick::new();
    let (file, _) = brick.client().create(Gfid::ROOT, "file", id(1));
    brick.withstands(|brick| {
        let mut client = brick.client();
        for rest in [
            "",
            ".",
            "t",
            "tposix",
            "tposix.k",
            "tposix.kall.",
            "tposix.kall.0",
            "tposix.kall.0,",
            "tposix.kall.,",
            "tposix.kall.-1,-1-18446744073709551616",
            "tposix.kall.99999999999999999999,1-2",
            "tentry.kall.../../x",
            "tinode.kblocked.0,0-0.0.0.0",
            "txxxx.kyyyy.zzzz",
            "tinode.kall.%n%n%n%s",
        ] {
            let name = IoBuf::from(format!("glusterfs.clrlk.{rest}"));
            for gfid in [file, Gfid::ROOT] {
                let request = GetxattrReq { gfid, namelen: 1, name: name.clone(), xdata: Dict::new() };
                let _ = client.fop(Proc::Getxattr, &request);
            }
        }
    });
}

#[test]
fn what_locks_keep_for_a_client_on_its_word_is_bounded() {
    let mut brick = Brick::new();
    let (file, _) = brick.client().create(Gfid::ROOT, "file", id(1));
    brick.withstands(|brick| {
        let mut client = brick.client();
        for number in 0..3000 {
            let dict = Dict::new()
                .with("glusterfs.lock-migration-meta-lock", number)
                .with("glusterfs.lockinfo", "x".repeat(20_000));
            let _ = client.fop(Proc::Setxattr, &SetxattrReq { gfid: file, dict, ..SetxattrReq::default() });
        }
    });
}
