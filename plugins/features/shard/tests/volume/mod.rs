//! A volume in memory, as its users see it and as it lies on the brick.
#![allow(dead_code, clippy::unwrap_used, reason = "helpers of several tests")]

use std::time::{Duration, Instant};

use features_shard::Shard;
use plugin_api::prelude::*;
use plugin_testkit::{Bench, Caller, Fake, Testkit};

pub(crate) const MIB: u64 = 1 << 20;
pub(crate) const BLOCK: u64 = 4 * MIB;
const BLOCK_SIZE: &str = "trusted.glusterfs.shard.block-size";
const FILE_SIZE: &str = "trusted.glusterfs.shard.file-size";

/// A client of a brick.
pub(crate) fn client(brick: &Fake) -> Bench {
    Testkit::<Shard>::new().option("shard-block-size", "4MB").child(brick.clone()).start()
}

/// Who sees blocks as the files that they are.
pub(crate) fn below(bench: &Bench) -> Caller<'_> {
    Caller::new(bench, 99).identified(Identity { pid: -1, ..Identity::default() })
}

/// What lies in the directory of blocks, but for that of removed files.
pub(crate) fn blocks(bench: &Bench) -> Vec<String> {
    let caller = below(bench);
    let Ok((folder, _)) = caller.lookup(&caller.root(), ".shard") else { return Vec::new() };
    let mut names = caller.names(&folder).unwrap();
    names.retain(|name| name != ".remove_me");
    names.sort();
    names
}

/// What lies in the directory of removed files.
pub(crate) fn removed(bench: &Bench) -> Vec<String> {
    let caller = below(bench);
    let (folder, _) = caller.lookup(&caller.root(), ".shard").unwrap();
    let Ok((folder, _)) = caller.lookup(&folder, ".remove_me") else { return Vec::new() };
    caller.names(&folder).unwrap()
}

/// A block as a file of its own.
pub(crate) fn block(bench: &Bench, file: &Fd, number: u64) -> Option<Iatt> {
    let caller = below(bench);
    let (folder, _) = caller.lookup(&caller.root(), ".shard").unwrap();
    caller.lookup(&folder, &format!("{}.{number}", file.inode().gfid())).ok().map(|(_, iatt)| iatt)
}

/// Bytes of a block, and bytes and units of the whole file, by the xattrs on the brick.
pub(crate) fn on_disk(bench: &Bench, file: &Fd) -> (u64, u64, u64) {
    let get = |name: &'static str| {
        let (loc, xdata) = (Loc::of(file.inode().clone()), Dict::new());
        let args = Getxattr { loc, name: name.into(), xdata };
        let xattrs = below(bench).ask::<kind::getxattr>(args).unwrap().xattrs;
        let bytes = xattrs.get(name).unwrap().as_bytes().unwrap().to_vec();
        bytes.chunks(8).map(|word| u64::from_be_bytes(word.try_into().unwrap())).collect::<Vec<_>>()
    };
    let size = get(FILE_SIZE);
    assert_eq!((size.len(), size[1], size[3]), (4, 0, 0));
    (get(BLOCK_SIZE)[0], size[0], size[2])
}

/// Bytes that tell where they lie.
pub(crate) fn bytes(len: u64) -> Vec<u8> {
    (0..251).cycle().take(usize::try_from(len).unwrap()).collect()
}

pub(crate) fn write(caller: &Caller<'_>, fd: &Fd, offset: u64, bytes: &[u8]) -> Iatt {
    let (count, iatt) = caller.write(fd, offset, bytes).unwrap();
    assert_eq!(count, bytes.len());
    iatt
}

pub(crate) fn truncate(caller: &Caller<'_>, fd: &Fd, offset: u64) -> Iatt {
    let args = Ftruncate { fd: fd.clone(), offset, xdata: Dict::new() };
    caller.ask::<kind::ftruncate>(args).unwrap().post
}

/// All of a file.
pub(crate) fn content(caller: &Caller<'_>, fd: &Fd) -> Vec<u8> {
    let size = caller.fstat(fd).unwrap().size;
    let read = caller.read(fd, 0, usize::try_from(size + 1000).unwrap()).unwrap();
    assert_eq!(read.len() as u64, size, "it reads as long as it is");
    read
}

/// Waits for what is done beside the fops.
pub(crate) fn wait(what: &str, is_so: impl Fn() -> bool) {
    let end = Instant::now() + Duration::from_secs(10);
    while !is_so() {
        assert!(Instant::now() < end, "{what}");
        std::thread::sleep(Duration::from_millis(2));
    }
}
