//! The folder `.gfid` over a brick in memory.
#![allow(clippy::unwrap_used, reason = "helpers of tests")]

use features_gfid_access::GfidAccess;
use plugin_api::prelude::*;
use plugin_testkit::{Bench, Caller, Fake, Testkit, block_on};

fn bench() -> Bench {
    Testkit::<GfidAccess>::new().child(Fake::memory()).start()
}

fn wind<F: FopType>(bench: &Bench, args: F::Args) -> Result<F::Reply, Errno> {
    let frame = bench.frame(Identity::default(), None);
    block_on(frame.child().wind::<F>(args)).map_err(|error| error.errno)
}

/// What a lookup of a name finds, and the inode that stands for it from then on.
fn look(bench: &Bench, parent: &Inode, name: &str) -> Result<(Inode, Iatt), Errno> {
    let fresh = Inode::new(Gfid::NULL, FileType::Invalid);
    let loc =
        Loc { inode: Some(fresh.clone()).into(), ..Loc::entry(parent.clone(), IoBuf::from(name.to_owned())) };
    let found = wind::<kind::lookup>(bench, Lookup { loc, xdata: Dict::new() })?;
    fresh.link(found.iatt.gfid, found.iatt.file_type());
    Ok((fresh, found.iatt))
}

fn by_id(bench: &Bench, root: &Inode, gfid: Gfid) -> Result<(Inode, Iatt), Errno> {
    let (folder, _) = look(bench, root, ".gfid")?;
    look(bench, &folder, &gfid.to_string())
}

fn set(bench: &Bench, inode: &Inode, name: &str, value: &[u8]) -> Result<(), Errno> {
    let xattrs = Dict::new().with(name.to_owned(), value.to_vec());
    let args = Setxattr { loc: Loc::of(inode.clone()), xattrs, flags: 0, xdata: Dict::new() };
    wind::<kind::setxattr>(bench, args).map(drop)
}

fn get(bench: &Bench, inode: &Inode, name: &str) -> Option<Vec<u8>> {
    let name = IoBuf::from(name.to_owned());
    let args = Getxattr { loc: Loc::of(inode.clone()), name: name.clone(), xdata: Dict::new() };
    let got = wind::<kind::getxattr>(bench, args).ok()?;
    got.xattrs.get(std::str::from_utf8(&name).unwrap())?.as_bytes().map(<[u8]>::to_vec)
}

#[test]
fn a_file_is_the_same_by_its_id_and_a_directory_has_another_id_there() {
    let bench = bench();
    let caller = Caller::new(&bench, 1);
    let root = caller.root();
    let dir = caller.mkdir(&root, "d").unwrap();
    let file = caller.create(&root, "f").unwrap().inode().clone();
    assert_eq!(by_id(&bench, &root, file.gfid()).unwrap().1.gfid, file.gfid());
    let (there, iatt) = by_id(&bench, &root, dir.gfid()).unwrap();
    assert!(iatt.is_dir() && iatt.gfid != dir.gfid() && iatt.ino == iatt.gfid.ino());
    set(&bench, &there, "user.a", b"1").unwrap();
    assert_eq!(get(&bench, &dir, "user.a").as_deref(), Some(&b"1"[..]));
    let attr = wind::<kind::stat>(&bench, Stat { loc: Loc::of(there), xdata: Dict::new() }).unwrap();
    assert_eq!(attr.iatt.gfid, iatt.gfid, "the kernel knows it by that id");
}

#[test]
fn what_is_made_in_a_directory_reached_by_its_id_is_made_there() {
    let bench = bench();
    let caller = Caller::new(&bench, 1);
    let root = caller.root();
    let dir = caller.mkdir(&root, "d").unwrap();
    let (there, _) = by_id(&bench, &root, dir.gfid()).unwrap();
    caller.create(&there, "f").unwrap();
    assert_eq!(caller.names(&dir).unwrap(), ["f"]);
    assert_eq!(caller.names(&there).unwrap(), ["f"]);
    caller.rename(caller.entry(&there, "f"), caller.entry(&root, "g")).unwrap();
    assert!(caller.names(&dir).unwrap().is_empty());
}

#[test]
fn the_folder_lists_as_empty_and_nothing_is_made_in_it_or_goes() {
    let bench = bench();
    let caller = Caller::new(&bench, 1);
    let root = caller.root();
    caller.create(&root, "f").unwrap();
    let (folder, _) = look(&bench, &root, ".gfid").unwrap();
    assert!(caller.names(&folder).unwrap().is_empty());
    assert_eq!(caller.names(&root).unwrap(), ["f"]);
    assert!(caller.mkdir(&folder, "x").is_err() && caller.create(&folder, "x").is_err());
    assert!(caller.rmdir(&root, ".gfid").is_err());
    assert!(caller.rename(caller.entry(&root, "f"), caller.entry(&folder, "f")).is_err());
    assert!(caller.rename(caller.entry(&root, ".gfid"), caller.entry(&root, "g")).is_err());
    for name in ["nonsense", "00000000-0000-0000-0000-000000000000"] {
        assert_eq!(look(&bench, &folder, name).unwrap_err(), Errno::ENOENT);
    }
    let gone = Gfid([0x4b; 16]);
    assert_eq!(look(&bench, &folder, &gone.to_string()).unwrap_err(), Errno::ENOENT);
}

#[test]
fn an_order_makes_an_object_with_the_id_that_it_says() {
    let bench = bench();
    let caller = Caller::new(&bench, 1);
    let root = caller.root();
    let dir = caller.mkdir(&root, "d").unwrap();
    let (there, _) = by_id(&bench, &root, dir.gfid()).unwrap();
    let id = "0d19fa22-c17b-4f5c-8a0e-5a2f0e3d9b11";
    let mut order = [5_u32, 6].map(u32::to_be_bytes).concat();
    order.extend(format!("{id}\0").as_bytes());
    order.extend((libc::S_IFREG | 0o640).to_be_bytes());
    order.extend(b"f\0");
    order.extend([libc::S_IFREG | 0o640, 0, 0].map(u32::to_be_bytes).concat());
    set(&bench, &there, "glusterfs.gfid.newfile", &order).unwrap();
    let (_, iatt) = caller.lookup(&dir, "f").unwrap();
    assert_eq!((iatt.gfid.to_string().as_str(), iatt.uid, iatt.gid, iatt.mode & 0o777), (id, 5, 6, 0o640));
    assert_eq!(set(&bench, &there, "glusterfs.gfid.newfile", &order[..20]).unwrap_err(), Errno::EINVAL);
    assert!(set(&bench, &there, "glusterfs.gfid.heal", format!("{id}\0f\0").as_bytes()).is_ok());
}
