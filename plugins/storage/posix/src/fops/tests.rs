//! The fops on a brick, without a graph: descriptors are anonymous.

use plugin_api::fop::*;
use plugin_api::{Dict, Errno, Fd, FileType, Gfid, Iatt, Inode, IoBuf, Loc, Value};

use super::{Answer, Call, data, dir, entry, inode, xattr};
use crate::caller::Caller;
use crate::testing::{TestBrick, brick, brick_with, set_behind, user};

fn call(brick: &TestBrick) -> Call<'_> {
    Call { brick: &brick.brick, caller: user(), key: None }
}

fn at(parent: Gfid, name: &str) -> Loc {
    Loc { parent_gfid: parent, name: IoBuf::from(name.to_owned()), ..Loc::default() }
}

fn of(gfid: Gfid) -> Loc {
    Loc { gfid, ..Loc::default() }
}

fn fd(gfid: Gfid, kind: FileType) -> Fd {
    Fd::anonymous(Inode::new(gfid, kind), 2)
}

fn file_fd(gfid: Gfid) -> Fd {
    fd(gfid, FileType::Regular)
}

fn errno<T>(answer: Answer<T>) -> Errno {
    FopError::from(answer.err().expect("it fails")).errno
}

fn lookup(brick: &TestBrick, loc: Loc, xdata: Dict) -> Answer<Looked> {
    entry::lookup(&call(brick), &Lookup { loc, xdata })
}

#[test]
fn a_lookup_finds_by_name_and_by_gfid_and_hides_what_is_ours() {
    let brick = brick();
    let dir = brick.mkdir(Gfid::ROOT, "d");
    let file = brick.mkfile(dir, "f");
    let named = lookup(&brick, at(dir, "f"), Dict::new()).unwrap();
    assert_eq!((named.iatt.gfid, named.post_parent.gfid), (file, dir));
    let nameless = lookup(&brick, of(file), Dict::new()).unwrap();
    assert_eq!((nameless.iatt, nameless.post_parent), (named.iatt, Iatt::default()));
    assert_eq!(errno(lookup(&brick, at(dir, "none"), Dict::new())), Errno::ENOENT);
    assert_eq!(errno(lookup(&brick, at(Gfid::ROOT, ".glusterfs"), Dict::new())), Errno::EPERM);
    assert_eq!(errno(lookup(&brick, at(brick.fresh_gfid(), "f"), Dict::new())), Errno::ESTALE);
    assert_eq!(errno(lookup(&brick, of(brick.fresh_gfid()), Dict::new())), Errno::ENOENT);
    assert_eq!(errno(lookup(&brick, of(Gfid::NULL), Dict::new())), Errno::EINVAL);
    for name in ["..", "a/b", "a\0b"] {
        assert!(lookup(&brick, at(Gfid::ROOT, name), Dict::new()).is_err());
    }
    assert_eq!(errno(lookup(&brick, at(file, "below a file"), Dict::new())), Errno::ENOTDIR);
}

#[test]
fn a_file_without_a_name_is_found_only_when_asked_for() {
    let brick = brick();
    let file = brick.mkfile(Gfid::ROOT, "f");
    let _open = brick.open_file(file, 0).unwrap();
    let gone = Unlink { loc: at(Gfid::ROOT, "f"), flags: 0, xdata: Dict::new() };
    entry::unlink(&call(&brick), &gone).unwrap();
    assert_eq!(errno(lookup(&brick, of(file), Dict::new())), Errno::ENOENT);
    let found = lookup(&brick, of(file), Dict::new().with("unlinked-lookup", 1)).unwrap();
    assert_eq!(found.iatt.nlink, 0);
}

fn mkdir(brick: &TestBrick, name: &str, xdata: Dict) -> Answer<Made> {
    entry::mkdir(&call(brick), &Mkdir { loc: at(Gfid::ROOT, name), mode: 0o755, umask: 0, xdata })
}

#[test]
fn a_directory_is_made_only_in_the_parent_that_the_client_saw() {
    let brick = brick();
    set_behind(&brick.path("."), "trusted.glusterfs.dht", b"layout");
    let asked = |seen: &[u8]| {
        Dict::new()
            .with("gfid-req", brick.fresh_gfid())
            .with("glusterfs.preop.parent.key", "trusted.glusterfs.dht")
            .with("trusted.glusterfs.dht", seen.to_vec())
            .with("trusted.afr.dirty", vec![0; 12])
            .with("some.request", "of another translator")
    };
    let refused = FopError::from(mkdir(&brick, "d", asked(b"other")).unwrap_err());
    assert_eq!((refused.errno, refused.xdata.int("glusterfs.preop.check.failed")), (Errno::EIO, Some(1)));
    assert!(!brick.path("d").exists());
    mkdir(&brick, "d", asked(b"layout")).unwrap();
    let mut xattrs = brick.xattrs("d");
    xattrs.sort();
    assert_eq!(xattrs, ["trusted.afr.dirty", "trusted.gfid", "trusted.glusterfs.mdata"]);
}

#[test]
fn making_needs_a_gfid() {
    let brick = brick();
    assert_eq!(errno(mkdir(&brick, "d", Dict::new())), Errno::EINVAL);
    assert_eq!(errno(mkdir(&brick, "d", Dict::new().with("gfid-req", Gfid::NULL))), Errno::EPERM);
    let raw = Dict::new().with("gfid-req", brick.fresh_gfid().0.to_vec());
    mkdir(&brick, "d", raw.clone()).expect("sixteen raw bytes are a gfid, too");
    assert_eq!(errno(mkdir(&brick, "d", raw)), Errno::EEXIST);
}

fn create(brick: &TestBrick, name: &str, flags: i32) -> Answer<Created> {
    let xdata = Dict::new().with("gfid-req", brick.fresh_gfid());
    let fd = file_fd(Gfid::NULL);
    entry::create(
        &call(brick),
        &Create { loc: at(Gfid::ROOT, name), flags, mode: 0o644, umask: 0, fd, xdata },
    )
}

#[test]
fn create_opens_what_is_there_unless_it_must_be_new() {
    let brick = brick();
    let made = create(&brick, "f", 0o102).unwrap();
    assert_eq!(made.xdata.gfid("gfid-req"), Some(made.iatt.gfid));
    std::fs::write(brick.path("f"), "x").unwrap();
    let again = create(&brick, "f", 0o102).unwrap();
    assert_eq!((again.iatt.gfid, again.iatt.size), (made.iatt.gfid, 1));
    assert_eq!(create(&brick, "f", 0o1102).unwrap().iatt.size, 0, "O_TRUNC");
    assert_eq!(errno(create(&brick, "f", 0o302)), Errno::EEXIST);
    assert_eq!(errno(create(&brick, "f", 0)), Errno::EEXIST, "no flags means a new file");
    brick.mkdir(Gfid::ROOT, "d");
    assert_eq!(errno(create(&brick, "d", 0o102)), Errno::EISDIR);
    std::os::unix::fs::symlink("/etc/passwd", brick.path("evil")).unwrap();
    set_behind(&brick.path("evil"), "trusted.gfid", &brick.fresh_gfid().0);
    assert_eq!(errno(create(&brick, "evil", 0o1102)), Errno::ELOOP);
}

#[test]
fn a_pointer_file_gives_way_when_told() {
    let brick = brick();
    let data = brick.mkfile(Gfid::ROOT, "data");
    let pointer =
        Dict::new().with("gfid-req", brick.fresh_gfid()).with("trusted.glusterfs.dht.linkto", "v-client-1");
    let mknod = Mknod { loc: at(Gfid::ROOT, "name"), mode: 0o101_000, rdev: 0, umask: 0, xdata: pointer };
    entry::mknod(&call(&brick), &mknod).unwrap();
    let link = |xdata| Link { old: of(data), new: at(Gfid::ROOT, "name"), xdata };
    assert_eq!(errno(entry::link(&call(&brick), &link(Dict::new()))), Errno::EEXIST);
    let made = entry::link(&call(&brick), &link(Dict::new().with("force-replace", 1))).unwrap();
    assert_eq!((made.iatt.gfid, made.iatt.nlink), (data, 2));
    // Not so a file with data in it.
    brick.mkfile(Gfid::ROOT, "other");
    let other =
        Link { old: of(data), new: at(Gfid::ROOT, "other"), xdata: Dict::new().with("force-replace", 1) };
    assert_eq!(errno(entry::link(&call(&brick), &other)), Errno::EEXIST);
}

#[test]
fn the_cluster_makes_a_second_pointer_by_linking_the_first() {
    let brick = brick();
    let gfid = brick.mkfile(Gfid::ROOT, "one");
    let call = Call { caller: Caller { internal: true, ..user() }, ..call(&brick) };
    let xdata = Dict::new().with("gfid-req", gfid);
    let mknod = Mknod { loc: at(Gfid::ROOT, "two"), mode: 0o101_000, rdev: 0, umask: 0, xdata };
    assert_eq!(entry::mknod(&call, &mknod).unwrap().iatt.nlink, 2);
}

#[test]
fn an_unlink_tells_the_links_that_were() {
    let brick = brick();
    let gfid = brick.mkfile(Gfid::ROOT, "f");
    brick.link(&user(), gfid, &brick.at(Gfid::ROOT, "g")).unwrap();
    let unlink = |name, xdata| {
        entry::unlink(&call(&brick), &Unlink { loc: at(Gfid::ROOT, name), flags: 0, xdata }).unwrap().xdata
    };
    let asked = Dict::new().with("get-link-count", 1).with("gf_request_link_count", 1);
    let told = unlink("f", asked);
    assert_eq!((told.int("get-link-count"), told.int("gf_response_link_count")), (Some(2), Some(2)));
    assert_eq!(unlink("g", Dict::new()).int("get-link-count"), Some(0));
}

/// The answer of a read, whoever gives it.
fn read_now(begun: Answer<data::Reads>) -> plugin_api::fop::Data {
    match begun.unwrap() {
        data::Reads::Now(data) => data,
        data::Reads::Later(rest) => rest.read().unwrap(),
    }
}

#[test]
fn data_goes_through_descriptors_that_nobody_opened() {
    let brick = brick();
    let gfid = brick.mkfile(Gfid::ROOT, "f");
    let write = |bytes: &'static [u8], offset, xdata| {
        let data = IoBuf::from_static(bytes).into();
        data::writev(&call(&brick), &Writev { fd: file_fd(gfid), data, offset, flags: 0o100_001, xdata })
    };
    let asked = Dict::new().with("glusterfs.write-is-append", 1).with("glusterfs.open-fd-count", 1);
    let wrote = write(b"hello", 0, asked.clone()).unwrap();
    assert_eq!(wrote.count, 5);
    assert_eq!(wrote.xdata.int("glusterfs.write-is-append"), Some(1));
    assert_eq!(wrote.xdata.int("glusterfs.open-fd-count"), Some(0));
    assert_eq!(write(b"J", 0, asked).unwrap().xdata.int("glusterfs.write-is-append"), Some(0));
    let read = Readv { fd: file_fd(gfid), size: 100, offset: 0, flags: 0, xdata: Dict::new() };
    let read = read_now(data::readv(&call(&brick), &read));
    assert_eq!((&read.data.to_iobuf()[..], read.at_end), (&b"Jello"[..], true));
    write(b"!", 5, Dict::new().with("trusted.glusterfs.protect.writes", "yes")).unwrap();
    assert_eq!(errno(write(b"?", 5, Dict::new().with("glusterfs.avoid.overwrite", 1))), Errno::EBUSY);
    let dir =
        Readv { fd: fd(Gfid::ROOT, FileType::Directory), size: 1, offset: 0, flags: 0, xdata: Dict::new() };
    assert_eq!(errno(data::readv(&call(&brick), &dir).map(drop)), Errno::EISDIR);
    let closed = Fd::new(Inode::new(gfid, FileType::Regular), 2, 1);
    let read = Readv { fd: closed, size: 1, offset: 0, flags: 0, xdata: Dict::new() };
    assert_eq!(errno(data::readv(&call(&brick), &read).map(drop)), Errno::EBADFD);
}

#[test]
fn an_answer_says_which_object_is_gone_with_its_last_name() {
    let brick = brick();
    let gone = |loc: Loc| {
        let args = Unlink { loc, flags: 0, xdata: Dict::new() };
        entry::unlink(&call(&brick), &args).unwrap().xdata.gfid(GONE)
    };
    let file = brick.mkfile(Gfid::ROOT, "f");
    let link = Link { old: of(file), new: at(Gfid::ROOT, "g"), xdata: Dict::new() };
    entry::link(&call(&brick), &link).unwrap();
    assert_eq!(gone(at(Gfid::ROOT, "f")), None, "it has another name");
    assert_eq!(gone(at(Gfid::ROOT, "g")), Some(file));
    let open = brick.mkfile(Gfid::ROOT, "open");
    let held = brick.open_file(open, 0).unwrap();
    assert_eq!(gone(at(Gfid::ROOT, "open")), None, "somebody reads it");
    drop(held);
    let (moved, replaced) = (brick.mkfile(Gfid::ROOT, "moved"), brick.mkfile(Gfid::ROOT, "replaced"));
    let args = Rename { old: at(Gfid::ROOT, "moved"), new: at(Gfid::ROOT, "replaced"), xdata: Dict::new() };
    let renamed = entry::rename(&call(&brick), &args).unwrap();
    assert_eq!((renamed.iatt.gfid, renamed.xdata.gfid(GONE)), (moved, Some(replaced)));
    let dir = brick.mkdir(Gfid::ROOT, "d");
    let args = Rmdir { loc: at(Gfid::ROOT, "d"), flags: 0, xdata: Dict::new() };
    assert_eq!(entry::rmdir(&call(&brick), &args).unwrap().xdata.gfid(GONE), Some(dir));
}

#[test]
fn a_checksum_says_which_kind_it_is() {
    let brick = brick_with(|options| options.fips_checksum = true);
    let gfid = brick.mkfile(Gfid::ROOT, "f");
    let ask = Dict::new().with("check-zero-filled", 1);
    let sum = Rchecksum { fd: file_fd(gfid), offset: 0, len: 4096, xdata: ask };
    let sum = data::rchecksum(&call(&brick), &sum).unwrap();
    assert_eq!(
        (sum.strong.len(), sum.xdata.int("fips-mode-rchecksum"), sum.xdata.int("buf-has-zeroes")),
        (32, Some(1), Some(1))
    );
}

#[test]
fn attributes_are_set_and_symlinks_keep_their_mode() {
    let brick = brick();
    let gfid = brick.mkfile(Gfid::ROOT, "f");
    let to = Iatt { mode: 0o600, uid: 5, gid: 6, mtime: 981_158_400, atime: 7, ..Iatt::default() };
    let valid = set_attr::MODE | set_attr::UID | set_attr::GID | set_attr::ATIME | set_attr::MTIME;
    let set = |loc, valid| {
        inode::setattr(&call(&brick), &Setattr { loc, iatt: to, valid, xdata: Dict::new() }).unwrap()
    };
    let done = set(of(gfid), valid);
    assert_eq!((done.pre.uid, done.post.uid, done.post.gid), (1000, 5, 6));
    assert_eq!((done.post.mode & 0o7777, done.post.mtime, done.post.atime), (0o600, 981_158_400, 7));
    let on_disk = std::fs::metadata(brick.path("f")).unwrap();
    assert_eq!(std::os::unix::fs::MetadataExt::mtime(&on_disk), 981_158_400);
    let ask = Dict::new().with("dht-get-mode-in-xattr", 0);
    let changed =
        Setattr { loc: of(gfid), iatt: Iatt { mode: 0o640, ..to }, valid: set_attr::MODE, xdata: ask };
    let answer = inode::setattr(&call(&brick), &changed).unwrap().xdata;
    assert_eq!(
        answer.int("dht-get-mode-in-xattr"),
        Some(0o100_640),
        "what is asked for is told of the file as it is now"
    );
    let outside = tempfile::NamedTempFile::new().unwrap();
    let target = outside.path().to_str().unwrap().to_owned();
    let kind = crate::make::Kind::Symlink(target.as_bytes());
    let (link, _) = brick.make_kind(Gfid::ROOT, "l", kind, 0o777).unwrap();
    let before = std::fs::metadata(outside.path()).unwrap();
    set(of(link), valid);
    let after = std::fs::metadata(outside.path()).unwrap();
    assert_eq!(before.permissions(), after.permissions(), "what a symlink points to is left alone");
    assert_eq!(before.modified().unwrap(), after.modified().unwrap());
    assert_eq!(set(of(Gfid::ROOT), 0).post.ctime, user().time.sec);
}

#[test]
fn xattrs_come_and_go_with_the_attributes_beside_them() {
    let brick = brick();
    let gfid = brick.mkfile(Gfid::ROOT, "f");
    let set =
        Setxattr { loc: of(gfid), xattrs: Dict::new().with("user.a", vec![1]), flags: 0, xdata: Dict::new() };
    let done = xattr::setxattr(&call(&brick), &set).unwrap();
    for key in ["dht-get-iatt-in-xattr", "virt-gf-prestat", "virt-gf-poststat"] {
        assert!(matches!(done.xdata.get(key), Some(Value::Iatt(iatt)) if iatt.gfid == gfid), "{key}");
    }
    let get = |name: &str| {
        let name = IoBuf::from(name.to_owned());
        xattr::getxattr(&call(&brick), &Getxattr { loc: of(gfid), name, xdata: Dict::new() })
    };
    assert_eq!(get("user.a").unwrap().xattrs.get("user.a").unwrap().as_bytes(), Some(&[1][..]));
    assert!(get("trusted.gfid").unwrap().xattrs.is_empty());
    assert_eq!(errno(get("trusted.glusterfs.mdata")), Errno::ENODATA);
    assert_eq!(errno(get("trusted.glusterfs.x.xtime")), Errno::ENODATA);
    assert_eq!(errno(get("user.none")), Errno::ENODATA);
    assert_eq!(get("glusterfs.gfidtopath").unwrap().xattrs.str("glusterfs.gfidtopath"), Some("/f"));
    assert_eq!(get("").unwrap().xattrs.len(), 1);
    let bulk = Dict::new().with("user.a", 0).with("user.none", 0).with("trusted.gfid", 0);
    let remove = Removexattr { loc: of(gfid), name: IoBuf::new(), xdata: bulk };
    xattr::removexattr(&call(&brick), &remove).unwrap();
    assert_eq!(errno(get("user.a")), Errno::ENODATA);
    assert_eq!(lookup(&brick, at(Gfid::ROOT, "f"), Dict::new()).unwrap().iatt.gfid, gfid);
}

#[test]
fn a_heal_brings_xattrs_and_takes_away_the_others() {
    let brick = brick();
    let gfid = brick.mkfile(Gfid::ROOT, "f");
    for name in ["user.old", "user.kept", "trusted.afr.x"] {
        set_behind(&brick.path("f"), name, b"1");
    }
    let xdata = Dict::new().with("sync_backend_xattrs", 1);
    let xattrs = Dict::new().with("user.kept", vec![2]);
    xattr::setxattr(&call(&brick), &Setxattr { loc: of(gfid), xattrs, flags: 0, xdata }).unwrap();
    let left = brick.xattrs("f");
    assert!(left.contains(&"trusted.afr.x".into()) && left.contains(&"user.kept".into()));
    assert!(!left.contains(&"user.old".into()));
}

#[test]
fn counters_are_added_and_read() {
    let brick = brick();
    let gfid = brick.mkfile(Gfid::ROOT, "f");
    let count = |op, operand: &[u8]| {
        let xattrs = Dict::new().with("trusted.afr.v-client-0", operand.to_vec());
        let args = Xattrop { loc: of(gfid), op, xattrs, xdata: Dict::new().with("get-size", 1) };
        xattr::xattrop(&call(&brick), &args).map(|reply| {
            assert_eq!(reply.xdata.int("get-size"), Some(0));
            reply.xattrs.get("trusted.afr.v-client-0").map(|value| value.as_bytes().unwrap().to_vec())
        })
    };
    assert_eq!(count(0, &[0; 12]).unwrap(), Some(vec![0; 12]));
    assert!(!brick.xattrs("f").iter().any(|name| name.starts_with("trusted.afr")), "reading writes nothing");
    assert_eq!(count(0, &[0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0]).unwrap().unwrap()[..4], [0, 0, 0, 1]);
    assert_eq!(count(0, &[0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0]).unwrap().unwrap()[..4], [0, 0, 0, 2]);
    assert_eq!(count(4, &[9; 12]).unwrap().unwrap()[..4], [0, 0, 0, 2]);
    assert_eq!(errno(count(2, &[9; 12])), Errno::EINVAL);
    assert_eq!(errno(count(0, &[9; 5])), Errno::EINVAL);
    assert_eq!(errno(count(0, &[9; 8])), Errno::ERANGE);
    let own = Dict::new().with("trusted.gfid", vec![1; 16]);
    let args = Xattrop { loc: of(gfid), op: 4, xattrs: own, xdata: Dict::new() };
    assert_eq!(errno(xattr::xattrop(&call(&brick), &args)), Errno::EPERM);
}

#[test]
fn directories_are_read_through_descriptors_that_nobody_opened() {
    let brick = brick();
    for n in 0..50 {
        brick.mkfile(Gfid::ROOT, &format!("f{n}"));
    }
    let (mut names, mut offset) = (Vec::new(), 0);
    loop {
        let fd = fd(Gfid::ROOT, FileType::Directory);
        let read = Readdirp { fd, size: 1000, offset, xdata: Dict::new().with("trusted.glusterfs.mdata", 0) };
        let read = dir::readdirp(&call(&brick), &read).unwrap();
        for entry in &read.entries {
            offset = entry.offset;
            names.push(entry.name.to_vec());
            if entry.name.starts_with(b"f") {
                assert_eq!(
                    entry.xattrs.get("trusted.glusterfs.mdata").unwrap().as_bytes().unwrap().len(),
                    57
                );
            }
        }
        if read.at_end {
            break;
        }
    }
    assert_eq!(names.len(), 52);
}

#[test]
fn a_file_is_put_whole_or_not_at_all() {
    let brick = brick();
    let put = |name: &str, offset| {
        let xdata = Dict::new().with("gfid-req", brick.fresh_gfid());
        let data = IoBuf::from_static(b"content").into();
        let xattrs = Dict::new().with("user.tag", vec![1]);
        let loc = at(Gfid::ROOT, name);
        entry::put(&call(&brick), &Put { loc, mode: 0o600, umask: 0, flags: 0, data, offset, xattrs, xdata })
    };
    assert_eq!(put("f", 0).unwrap().iatt.size, 7);
    assert!(brick.xattrs("f").contains(&"user.tag".into()));
    assert_eq!(errno(put("g", u64::MAX)), Errno::EFBIG);
    assert!(!brick.path("g").exists());
}
