//! Names that walk, and folders that are not where they were.

use std::fs;
use std::os::unix::fs::symlink;

use gluster_xdr::encode;
use gluster_xdr::fop::*;
use plugin_api::{Gfid, IoBuf};

use crate::client::{id, wish};
use crate::rig::Brick;

/// Every fop that takes a name, with the name `n` in the folder `p`, as first and as second one.
fn named(p: Gfid, n: &[u8], file: Gfid) -> Vec<(Proc, Vec<u8>)> {
    let n = || IoBuf::copy_from_slice(n);
    let other = || IoBuf::from_static(b"file");
    let linkname = || IoBuf::from_static(b"target");
    vec![
        (Proc::Lookup, encode(&LookupReq { pargfid: p, bname: n(), ..Default::default() })),
        (
            Proc::Mknod,
            encode(&MknodReq {
                pargfid: p,
                bname: n(),
                mode: 0o100_644,
                xdata: wish(id(201)),
                ..Default::default()
            }),
        ),
        (
            Proc::Mkdir,
            encode(&MkdirReq {
                pargfid: p,
                bname: n(),
                mode: 0o755,
                xdata: wish(id(202)),
                ..Default::default()
            }),
        ),
        (
            Proc::Symlink,
            encode(&SymlinkReq {
                pargfid: p,
                bname: n(),
                linkname: linkname(),
                xdata: wish(id(203)),
                ..Default::default()
            }),
        ),
        (
            Proc::Create,
            encode(&CreateReq {
                pargfid: p,
                bname: n(),
                flags: 2,
                mode: 0o644,
                xdata: wish(id(204)),
                ..Default::default()
            }),
        ),
        (Proc::Link, encode(&LinkReq { oldgfid: file, newgfid: p, newbname: n(), ..Default::default() })),
        (Proc::Namelink, encode(&NamelinkReq { pargfid: p, bname: n(), xdata: wish(file) })),
        (
            Proc::Rename,
            encode(&RenameReq {
                oldgfid: p,
                newgfid: Gfid::ROOT,
                oldbname: n(),
                newbname: other(),
                ..Default::default()
            }),
        ),
        (
            Proc::Rename,
            encode(&RenameReq {
                oldgfid: Gfid::ROOT,
                newgfid: p,
                oldbname: other(),
                newbname: n(),
                ..Default::default()
            }),
        ),
        (Proc::Unlink, encode(&UnlinkReq { pargfid: p, bname: n(), ..Default::default() })),
        (Proc::Rmdir, encode(&RmdirReq { pargfid: p, bname: n(), xflags: 0, ..Default::default() })),
        (Proc::Put, encode(&PutReq { pargfid: p, bname: n(), mode: 0o644, ..Default::default() })),
    ]
}

#[test]
fn a_name_that_walks_is_refused_by_every_fop_that_takes_one() {
    let mut brick = Brick::new();
    let (file, _) = brick.client().create(Gfid::ROOT, "file", id(1));
    let folder = brick.client().mkdir(Gfid::ROOT, "folder", id(2));
    let absolute = brick.path("outside/secret").display().to_string();
    let names = brick.names();
    brick.withstands(|brick| {
        let mut client = brick.client();
        let long = [b'x'; 256];
        let longer = [b'x'; 60_000];
        let bad: [&[u8]; 14] = [
            b"",
            b".",
            b"..",
            b"/",
            b"../outside/secret",
            b"../../outside/secret",
            b"folder/x",
            b"file/",
            b"./file",
            b"file\0",
            b"\0",
            absolute.as_bytes(),
            &long,
            &longer,
        ];
        for parent in [Gfid::ROOT, folder] {
            for name in bad {
                for (procedure, request) in named(parent, name, file) {
                    // A lookup without a name, or of `.`, is of the folder itself.
                    if procedure == Proc::Lookup && (name.is_empty() || name == b".") {
                        continue;
                    }
                    let outcome = client.raw(procedure, &request);
                    let name = name[..name.len().min(40)].escape_ascii();
                    assert!(outcome.is_refusal(), "{} of {name}", procedure.name());
                }
            }
        }
    });
    assert_eq!(brick.names(), names);
    assert!(brick.path("brick/file").is_file());
}

#[test]
fn the_bricks_own_folder_has_no_name_for_clients() {
    let mut brick = Brick::new();
    let (file, _) = brick.client().create(Gfid::ROOT, "file", id(1));
    brick.withstands(|brick| {
        let mut client = brick.client();
        for (procedure, request) in named(Gfid::ROOT, b".glusterfs", file) {
            let outcome = client.raw(procedure, &request);
            assert!(outcome.is_refusal(), "{} of .glusterfs: {:?}", procedure.name(), outcome.words());
        }
    });
    assert!(brick.path("brick/.glusterfs/00").is_dir());
    assert!(brick.path("brick/file").is_file());
}

#[test]
fn a_symbolic_link_is_no_folder_to_walk_through() {
    let mut brick = Brick::new();
    let outside = brick.path("outside").display().to_string();
    let (file, _) = brick.client().create(Gfid::ROOT, "file", id(1));
    let links = [
        brick.client().symlink("absolute", &outside, id(3)),
        brick.client().symlink("relative", "../outside", id(4)),
        brick.client().symlink("inside", "../..", id(5)),
    ];
    brick.withstands(|brick| {
        let mut client = brick.client();
        for link in links {
            for name in [&b"secret"[..], b"new", b"dir", b"outside"] {
                for (procedure, request) in named(link, name, file) {
                    let outcome = client.raw(procedure, &request);
                    assert!(outcome.is_refusal(), "{} through a link", procedure.name());
                }
            }
            let read = client.fop(Proc::Open, &OpenReq { gfid: link, ..OpenReq::default() });
            assert!(read.is_refusal(), "open of a link");
            assert!(client.fop(Proc::Opendir, &OpendirReq { gfid: link, ..Default::default() }).is_refusal());
            let request = TruncateReq { gfid: link, ..TruncateReq::default() };
            assert!(client.fop(Proc::Truncate, &request).is_refusal(), "truncate of a link");
        }
    });
}

#[test]
fn a_folder_that_was_swapped_for_a_link_leads_nowhere() {
    let mut brick = Brick::new();
    let (file, _) = brick.client().create(Gfid::ROOT, "file", id(1));
    let middle = brick.client().mkdir(Gfid::ROOT, "middle", id(2));
    let dir = brick.client().mkdir(middle, "dir", id(3));
    // Behind the brick's back: every way to `dir` by its name now leads out.
    fs::rename(brick.path("brick/middle"), brick.path("away")).unwrap();
    symlink("../outside", brick.path("brick/middle")).unwrap();
    brick.withstands(|brick| {
        let mut client = brick.client();
        for parent in [middle, dir] {
            for name in [&b"secret"[..], b"inner", b"new", b"dir"] {
                for (_, request) in
                    named(parent, name, file).into_iter().filter(|(procedure, _)| *procedure == Proc::Lookup)
                {
                    let found = client.raw(Proc::Lookup, &request);
                    let size = if found.is_refusal() { 0 } else { found.read::<LookupRsp>().stat.size };
                    assert!(size != 6 && size != 5, "a file outside was found");
                }
                for (procedure, request) in named(parent, name, file) {
                    // Whether it is done where the folder is now or refused: nothing outside is touched.
                    let _ = client.raw(procedure, &request);
                }
            }
        }
    });
}
