//! What users do not see, and may not touch.
#![allow(clippy::unwrap_used, reason = "helpers of tests")]

mod volume;

use plugin_api::prelude::*;
use plugin_testkit::{Caller, Fake};
use volume::*;

const FILE_SIZE: &str = "trusted.glusterfs.shard.file-size";

#[test]
fn the_directory_of_blocks_is_nobodys_to_see_or_to_name() {
    let bench = client(&Fake::memory());
    let caller = Caller::new(&bench, 1);
    let root = caller.root();
    let fd = caller.create(&root, "f").unwrap();
    write(&caller, &fd, 0, &bytes(9 * MIB));
    assert_eq!(caller.names(&root).unwrap(), ["f"]);
    let folder = below(&bench).lookup(&root, ".shard").unwrap().0;
    let block = format!("{}.1", fd.inode().gfid());
    let to = |parent: &Inode, name: &str| caller.entry(parent, name);
    let refused = [
        caller.lookup(&root, ".shard").map(drop),
        caller.lookup(&folder, &block).map(drop),
        caller.mkdir(&root, ".shard").map(drop),
        caller.mkdir(&folder, "d").map(drop),
        caller.create(&folder, "f").map(drop),
        caller.opendir(&folder).map(drop),
        caller.unlink(&folder, &block),
        caller.rmdir(&root, ".shard"),
        caller.rename(to(&root, "f"), to(&folder, "f")),
        caller.rename(to(&folder, &block), to(&root, "stolen")),
        caller.ask::<kind::stat>(Stat { loc: Loc::of(folder.clone()), xdata: Dict::new() }).map(drop),
    ];
    for (number, refused) in refused.into_iter().enumerate() {
        assert_eq!(refused.unwrap_err().errno(), Some(Errno::EPERM), "number {number}");
    }
    // The same names are anybody's elsewhere.
    let folder = caller.mkdir(&root, "folder").unwrap();
    caller.mkdir(&folder, ".shard").unwrap();
    assert_eq!(caller.names(&folder).unwrap(), [".shard"]);
}

#[test]
fn how_a_file_is_cut_is_nobodys_to_read_or_to_change() {
    let bench = client(&Fake::memory());
    let caller = Caller::new(&bench, 1);
    let fd = caller.create(&caller.root(), "f").unwrap();
    let loc = || Loc::of(fd.inode().clone());
    let mine = Dict::new().with("user.colour", b"green".to_vec());
    let set =
        |xattrs| caller.ask::<kind::setxattr>(Setxattr { loc: loc(), xattrs, flags: 0, xdata: Dict::new() });
    set(mine.clone()).unwrap();
    let own = Dict::new().with(FILE_SIZE, vec![0; 32]);
    assert_eq!(set(own).unwrap_err().errno(), Some(Errno::EPERM));
    let remove = Removexattr { loc: loc(), name: FILE_SIZE.into(), xdata: Dict::new() };
    assert_eq!(caller.ask::<kind::removexattr>(remove).unwrap_err().errno(), Some(Errno::EPERM));
    let get = |name: &'static str| {
        let args = Fgetxattr { fd: fd.clone(), name: name.into(), xdata: Dict::new() };
        caller.ask::<kind::fgetxattr>(args)
    };
    assert_eq!(get(FILE_SIZE).unwrap_err().errno(), Some(Errno::ENODATA));
    assert_eq!(get("").unwrap().xattrs, mine);
}
