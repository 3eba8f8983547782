//! The enforcer in a graph: who may do what, and what it learns from answers.
#![allow(clippy::unwrap_used, reason = "helpers of tests")]

use features_access_control::Translator;
use gluster_acl::{ACCESS_TEXT, ACCESS_XATTR, Acl, DEFAULT_XATTR, Perm};
use plugin_api::OwnedFrame;
use plugin_api::prelude::*;
use plugin_testkit::{Bench, Testkit, block_on};

const FOLDER: Gfid = Gfid([1; 16]);
const FILE: Gfid = Gfid([2; 16]);

/// The name of a list, and the list.
type List = (&'static str, fn() -> Acl);

/// A brick with a folder of root's and a file of user 10, group 20.
fn brick(folder_mode: u32, file_mode: u32, lists: &'static [List]) -> Bench {
    let bench = Testkit::<Translator>::new().start();
    bench.on::<kind::lookup>(move |args| {
        let gfid = if args.loc.name.is_empty() { args.loc.target() } else { FILE };
        let (uid, gid, mode) = if gfid == FOLDER { (0, 0, folder_mode) } else { (10, 20, file_mode) };
        let iatt = Iatt { gfid, uid, gid, mode, ..Iatt::default() };
        let mut xdata = Dict::new();
        for (key, list) in lists.iter().filter(|(key, _)| args.xdata.contains(key)) {
            let wanted = if *key == DEFAULT_XATTR { FOLDER } else { FILE };
            if gfid == wanted {
                xdata.set(*key, Value::Bytes(IoBuf::from(list().encode())));
            }
        }
        Ok(Looked { iatt, xdata, ..Looked::default() })
    });
    bench
}

fn folder() -> Inode {
    Inode::new(FOLDER, FileType::Directory)
}

fn file() -> Inode {
    Inode::new(FILE, FileType::Regular)
}

fn who(bench: &Bench, uid: u32, gid: u32) -> OwnedFrame {
    bench.frame(Identity { uid, gid, pid: 1, ..Identity::default() }, None)
}

fn open(frame: &OwnedFrame, inode: &Inode, flags: i32) -> Result<(), Errno> {
    let fd = Fd::new(inode.clone(), flags, 1);
    let args = Open { loc: Loc::of(inode.clone()), flags, fd, xdata: Dict::new() };
    outcome(block_on(frame.child().open(args)))
}

fn outcome<T>(reply: FopResult<T>) -> Result<(), Errno> {
    reply.map(drop).map_err(|error| error.errno)
}

#[test]
fn opening_needs_permission_and_root_and_the_cluster_need_none() {
    let bench = brick(0o40_755, 0o100_640, &[]);
    bench.on::<kind::open>(|args| Ok(Opened { fd: args.fd, xdata: Dict::new() }));
    let inode = file();
    assert_eq!(open(&who(&bench, 10, 0), &inode, libc::O_RDWR), Ok(()));
    assert_eq!(open(&who(&bench, 11, 20), &inode, libc::O_RDONLY), Ok(()));
    assert_eq!(open(&who(&bench, 11, 20), &inode, libc::O_WRONLY), Err(Errno::EACCES));
    assert_eq!(open(&who(&bench, 11, 0), &inode, libc::O_RDONLY), Err(Errno::EACCES));
    assert_eq!(open(&who(&bench, 0, 0), &inode, libc::O_RDWR), Ok(()));
    let heal = bench.frame(Identity { uid: 11, pid: -6, ..Identity::default() }, None);
    assert_eq!(open(&heal, &inode, libc::O_RDWR), Ok(()));
    let lookups = bench.calls().iter().filter(|call| **call == "lookup").count();
    assert_eq!(lookups, 1, "what is enforced is looked up once");
}

#[test]
fn a_named_user_opens_what_the_mode_would_refuse() {
    fn list() -> Acl {
        Acl { users: vec![(11, Perm::READ)], mask: Some(Perm::READ), ..Acl::from_mode(0o600) }
    }
    let bench = brick(0o40_755, 0o100_640, &[(ACCESS_XATTR, list)]);
    bench.on::<kind::open>(|args| Ok(Opened { fd: args.fd, xdata: Dict::new() }));
    let inode = file();
    assert_eq!(open(&who(&bench, 11, 0), &inode, libc::O_RDONLY), Ok(()));
    assert_eq!(open(&who(&bench, 11, 0), &inode, libc::O_RDWR), Err(Errno::EACCES));
    assert_eq!(
        open(&who(&bench, 12, 20), &inode, libc::O_RDONLY),
        Err(Errno::EACCES),
        "the group has nothing"
    );
}

#[test]
fn a_lookup_by_name_needs_search_permission_and_asks_for_the_lists() {
    let bench = brick(0o40_700, 0o100_644, &[]);
    let loc = Loc { inode: Some(file()).into(), ..Loc::entry(folder(), IoBuf::from("f".to_owned())) };
    let args = Lookup { loc, xdata: Dict::new() };
    let denied = block_on(who(&bench, 11, 0).child().lookup(args.clone()));
    assert_eq!(outcome(denied), Err(Errno::EACCES));
    assert_eq!(outcome(block_on(who(&bench, 0, 0).child().lookup(args))), Ok(()));
    let nameless = Lookup { loc: Loc::of(folder()), xdata: Dict::new() };
    assert_eq!(outcome(block_on(who(&bench, 11, 0).child().lookup(nameless))), Ok(()));
}

#[test]
fn names_are_added_and_removed_by_those_who_may_write_the_folder() {
    let bench = brick(0o41_777, 0o100_644, &[]);
    bench.on::<kind::unlink>(|_| Ok(Removed::default()));
    bench.on::<kind::mkdir>(|args| {
        assert_eq!(args.mode, 0o750, "the umask applies");
        Ok(Made::default())
    });
    let parent = folder();
    let victim =
        Loc { inode: Some(file()).into(), ..Loc::entry(parent.clone(), IoBuf::from("f".to_owned())) };
    let unlink = |uid| {
        let args = Unlink { loc: victim.clone(), flags: 0, xdata: Dict::new() };
        outcome(block_on(who(&bench, uid, 0).child().unlink(args)))
    };
    assert_eq!(unlink(11), Err(Errno::EACCES), "the folder is sticky");
    assert_eq!(unlink(10), Ok(()));
    let loc = Loc::entry(parent, IoBuf::from("d".to_owned()));
    let args = Mkdir { loc, mode: 0o777, umask: 0o027, xdata: Dict::new() };
    assert_eq!(outcome(block_on(who(&bench, 11, 0).child().mkdir(args))), Ok(()));
}

#[test]
fn a_new_file_gets_the_folders_default_list_instead_of_the_umask() {
    fn list() -> Acl {
        Acl { users: vec![(11, Perm::ALL)], mask: Some(Perm::ALL), ..Acl::from_mode(0o770) }
    }
    let bench = brick(0o40_777, 0o100_644, &[(DEFAULT_XATTR, list)]);
    bench.on::<kind::mknod>(|args| {
        assert_eq!(args.mode, 0o100_660);
        let set = args.xdata.get(ACCESS_XATTR).and_then(Value::as_bytes).unwrap();
        let access = Acl::decode(set).unwrap().unwrap();
        assert_eq!((access.mask, access.users), (Some(Perm::READ | Perm::WRITE), vec![(11, Perm::ALL)]));
        assert!(!args.xdata.contains(DEFAULT_XATTR), "only folders hand it on");
        Ok(Made::default())
    });
    let loc = Loc::entry(folder(), IoBuf::from("n".to_owned()));
    let args = Mknod { loc, mode: 0o100_666, rdev: 0, umask: 0o077, xdata: Dict::new() };
    assert_eq!(outcome(block_on(who(&bench, 12, 0).child().mknod(args))), Ok(()));
}

#[test]
fn a_list_is_shown_and_set_as_text_too() {
    let bench = brick(0o40_755, 0o100_044, &[]);
    bench.on::<kind::setxattr>(|args| {
        let list = args.xattrs.get(ACCESS_XATTR).and_then(Value::as_bytes).map(Acl::decode);
        assert!(matches!(list, Some(Ok(Some(_)))), "it lies on disk as others set it: {:?}", args.xattrs);
        Ok(Done::default())
    });
    let loc = || Loc::of(file());
    let owner = who(&bench, 10, 20);
    let shown = || {
        let name = IoBuf::from(ACCESS_TEXT.to_owned());
        let got =
            block_on(owner.child().getxattr(Getxattr { loc: loc(), name, xdata: Dict::new() })).unwrap();
        got.xattrs.str(ACCESS_TEXT).unwrap().to_owned()
    };
    assert_eq!(shown(), "u::---,g::r--,o::r--", "who may not read the file may read its list");
    let set = |text: &str| {
        let xattrs = Dict::new().with(ACCESS_TEXT, Value::str(text));
        let args = Setxattr { loc: loc(), xattrs, flags: 0, xdata: Dict::new() };
        outcome(block_on(owner.child().setxattr(args)))
    };
    assert_eq!(set("u::rw-,u:nobody:r--"), Err(Errno::EINVAL));
    assert_eq!(set("u::rw-,u:30:r--,g::---,m::r--,o::---"), Ok(()));
}

#[test]
fn a_list_that_is_set_counts_from_then_on() {
    let bench = brick(0o40_755, 0o100_600, &[]);
    bench.on::<kind::setxattr>(|_| Ok(Done::default()));
    bench.on::<kind::open>(|args| Ok(Opened { fd: args.fd, xdata: Dict::new() }));
    let inode = file();
    assert_eq!(open(&who(&bench, 11, 0), &inode, libc::O_RDONLY), Err(Errno::EACCES));
    let acl = Acl { users: vec![(11, Perm::READ)], mask: Some(Perm::READ), ..Acl::from_mode(0o600) };
    let set = |uid| {
        let xattrs = Dict::new().with(ACCESS_XATTR, Value::Bytes(IoBuf::from(acl.encode())));
        let args = Setxattr { loc: Loc::of(inode.clone()), xattrs, flags: 0, xdata: Dict::new() };
        outcome(block_on(who(&bench, uid, 0).child().setxattr(args)))
    };
    assert_eq!(set(11), Err(Errno::EPERM));
    assert_eq!(set(10), Ok(()));
    assert_eq!(open(&who(&bench, 11, 0), &inode, libc::O_RDONLY), Ok(()));
}

#[test]
fn only_owners_change_the_mode() {
    let bench = brick(0o40_755, 0o100_666, &[]);
    bench.on::<kind::setattr>(|args| {
        let post = Iatt { uid: 10, gid: 20, mode: 0o100_000 | args.iatt.mode & 0o7777, ..Iatt::default() };
        Ok(PrePost { post, ..PrePost::default() })
    });
    let inode = file();
    let chmod = |uid, gid, mode| {
        let iatt = Iatt { mode, ..Iatt::default() };
        let args = Setattr { loc: Loc::of(inode.clone()), iatt, valid: set_attr::MODE, xdata: Dict::new() };
        block_on(who(&bench, uid, gid).child().setattr(args)).map(|reply| reply.post.mode & 0o7777)
    };
    assert_eq!(chmod(11, 20, 0o600).unwrap_err().errno, Errno::EPERM);
    assert_eq!(chmod(10, 21, 0o2755).unwrap(), 0o755, "set-gid is for members");
    assert_eq!(chmod(10, 20, 0o2755).unwrap(), 0o2755);
}
