//! What users write and read, and how it lies on the brick.
#![allow(clippy::unwrap_used, reason = "helpers of tests")]

mod volume;

use plugin_api::prelude::*;
use plugin_testkit::{Caller, Fake, Fault, Testkit, block_on, fail_each_call, poll};
use volume::*;

#[test]
fn a_file_lies_on_the_brick_as_the_incumbent_has_it() {
    let bench = client(&Fake::memory());
    let caller = Caller::new(&bench, 1).identified(Identity { uid: 5, gid: 6, ..Identity::default() });
    let fd = caller.create(&caller.root(), "f").unwrap();
    assert_eq!(on_disk(&bench, &fd), (BLOCK, 0, 0));
    write(&caller, &fd, 0, &bytes(10 * MIB));
    let gfid = fd.inode().gfid();
    assert_eq!(blocks(&bench), [format!("{gfid}.1"), format!("{gfid}.2")]);
    assert_eq!(on_disk(&bench, &fd), (BLOCK, 10 * MIB, 20480));
    assert_eq!(below(&bench).fstat(&fd).unwrap().size, BLOCK);
    let last = block(&bench, &fd, 2).unwrap();
    assert_eq!((last.size, last.mode & 0o7777, last.uid, last.gid), (2 * MIB, 0o644, 0, 0));
    let (folder, _) = below(&bench).lookup(&caller.root(), ".shard").unwrap();
    assert_eq!(folder.gfid().to_string(), "be318638-e8a0-4c6d-977d-7a937aa84806");
}

#[test]
fn a_small_file_has_no_blocks_but_their_directory_is_there_once_a_client_has_written() {
    let bench = client(&Fake::memory());
    let caller = Caller::new(&bench, 1);
    let fd = caller.create(&caller.root(), "f").unwrap();
    assert!(below(&bench).lookup(&caller.root(), ".shard").is_err());
    write(&caller, &fd, 0, b"small");
    assert_eq!(content(&caller, &fd), b"small");
    assert_eq!(blocks(&bench), Vec::<String>::new());
    assert!(below(&bench).lookup(&caller.root(), ".shard").is_ok());
    bench.fake().forget();
    write(&caller, &fd, 0, b"again");
    assert!(!bench.calls().iter().any(|call| matches!(*call, "lookup" | "mkdir")));
}

#[test]
fn what_was_written_reads_back_across_blocks() {
    let bench = client(&Fake::memory().with_short_reads(3));
    let caller = Caller::new(&bench, 1);
    let fd = caller.create(&caller.root(), "f").unwrap();
    let mut model = bytes(9 * MIB);
    write(&caller, &fd, 0, &model);
    for offset in [BLOCK - 3, 2 * BLOCK - 1, 5, BLOCK] {
        let at = usize::try_from(offset).unwrap();
        model[at..at + 7].copy_from_slice(b"changed");
        write(&caller, &fd, offset, b"changed");
    }
    assert!(content(&caller, &fd) == model);
    assert_eq!(caller.read(&fd, 2 * BLOCK - 1, 7).unwrap(), b"changed");
}

#[test]
fn everybody_is_told_how_long_the_whole_file_is() {
    let bench = client(&Fake::memory());
    let caller = Caller::new(&bench, 1);
    let root = caller.root();
    let fd = caller.create(&root, "f").unwrap();
    let written = write(&caller, &fd, 0, &bytes(9 * MIB));
    let (inode, found) = caller.lookup(&root, "f").unwrap();
    let stat = caller.ask::<kind::stat>(Stat { loc: Loc::of(inode.clone()), xdata: Dict::new() }).unwrap();
    let chmod = Setattr {
        loc: Loc::of(inode),
        iatt: Iatt { mode: 0o600, ..Iatt::default() },
        valid: set_attr::MODE,
        xdata: Dict::new(),
    };
    let chmod = caller.ask::<kind::setattr>(chmod).unwrap();
    let folder = caller.opendir(&root).unwrap();
    let listing = Readdirp { fd: folder, size: 4096, offset: 0, xdata: Dict::new() };
    let listing = caller.ask::<kind::readdirp>(listing).unwrap();
    let entry = listing.entries.iter().find(|entry| &entry.name[..] == b"f").unwrap();
    assert!(entry.xattrs.is_empty() && stat.xdata.is_empty(), "only what was asked for is answered");
    let all = [written, found, stat.iatt, chmod.pre, chmod.post, entry.iatt, caller.fstat(&fd).unwrap()];
    assert_eq!(all.map(|iatt| (iatt.size, iatt.blocks)), [(9 * MIB, 9 * 2048); 7]);
}

#[test]
fn what_no_block_holds_reads_as_zeros() {
    let bench = client(&Fake::memory());
    let caller = Caller::new(&bench, 1);
    let fd = caller.create(&caller.root(), "f").unwrap();
    assert_eq!(truncate(&caller, &fd, 30 * MIB).size, 30 * MIB);
    assert_eq!(caller.read(&fd, 3 * MIB, 4096).unwrap(), [0; 4096], "no block is there");
    write(&caller, &fd, 25 * MIB, b"here");
    assert_eq!(blocks(&bench), [format!("{}.6", fd.inode().gfid())]);
    let read = caller.read(&fd, 25 * MIB - 2, 8).unwrap();
    assert_eq!(read, b"\0\0here\0\0");
    let mut expected = vec![0; usize::try_from(30 * MIB).unwrap()];
    let at = usize::try_from(25 * MIB).unwrap();
    expected[at..at + 4].copy_from_slice(b"here");
    assert_eq!(content(&caller, &fd), expected);
}

#[test]
fn what_is_cut_off_goes_and_does_not_come_back() {
    let bench = client(&Fake::memory());
    let caller = Caller::new(&bench, 1);
    let fd = caller.create(&caller.root(), "f").unwrap();
    let mut model = bytes(11 * MIB);
    write(&caller, &fd, 0, &model);
    for (size, left) in [(5 * MIB, 1), (4 * MIB, 0), (100, 0), (0, 0)] {
        truncate(&caller, &fd, size);
        assert_eq!(blocks(&bench).len(), left, "cut to {size}");
        assert_eq!(on_disk(&bench, &fd).1, size);
        truncate(&caller, &fd, 12 * MIB);
        model.truncate(usize::try_from(size).unwrap());
        model.resize(usize::try_from(12 * MIB).unwrap(), 0);
        assert!(content(&caller, &fd) == model, "after a cut to {size}");
    }
    assert_eq!(on_disk(&bench, &fd).2, below(&bench).fstat(&fd).unwrap().blocks, "nothing else takes room");
}

#[test]
fn room_is_made_and_given_back_in_every_block() {
    let bench = client(&Fake::memory());
    let caller = Caller::new(&bench, 1);
    let fd = caller.create(&caller.root(), "f").unwrap();
    let range = |offset, len| (fd.clone(), offset, len, Dict::new());
    let (fd, offset, len, xdata) = range(0, 9 * MIB);
    let make = Fallocate { fd: fd.clone(), mode: 0, offset, len, xdata };
    assert_eq!(caller.ask::<kind::fallocate>(make.clone()).unwrap().post.size, 9 * MIB);
    assert_eq!((blocks(&bench).len(), on_disk(&bench, &fd).2), (2, 9 * 2048));
    let keep = Fallocate { mode: libc::FALLOC_FL_KEEP_SIZE, ..make };
    assert_eq!(caller.ask::<kind::fallocate>(keep).unwrap_err().errno(), Some(Errno::EOPNOTSUPP));
    write(&caller, &fd, 0, &bytes(9 * MIB));
    let punch = Discard { fd: fd.clone(), offset: 3 * MIB, len: 100 * MIB, xdata: Dict::new() };
    assert_eq!(caller.ask::<kind::discard>(punch).unwrap().post.size, 9 * MIB);
    assert_eq!((blocks(&bench).len(), on_disk(&bench, &fd).2), (2, 3 * 2048));
    let zero = Zerofill { fd: fd.clone(), offset: 2 * MIB, len: 12 * MIB, xdata: Dict::new() };
    assert_eq!(caller.ask::<kind::zerofill>(zero).unwrap().post.size, 14 * MIB);
    let mut model = bytes(2 * MIB);
    model.resize(usize::try_from(14 * MIB).unwrap(), 0);
    assert!(content(&caller, &fd) == model);
}

#[test]
fn files_from_before_stay_in_one_piece() {
    let bench = client(&Fake::memory());
    let caller = Caller::new(&bench, 1);
    below(&bench).create(&caller.root(), "old").unwrap();
    let (inode, _) = caller.lookup(&caller.root(), "old").unwrap();
    let fd = caller.open(&inode, libc::O_RDWR).unwrap();
    write(&caller, &fd, 0, &bytes(5 * MIB));
    assert_eq!(below(&bench).fstat(&fd).unwrap().size, 5 * MIB);
    assert!(content(&caller, &fd) == bytes(5 * MIB));
    assert_eq!(truncate(&caller, &fd, 10).size, 10);
    let seek = Seek { fd: fd.clone(), offset: 0, what: 1, xdata: Dict::new() };
    assert_eq!(caller.ask::<kind::seek>(seek).unwrap().offset, 10);
    assert_eq!(blocks(&bench), Vec::<String>::new());
}

#[test]
fn another_client_sees_what_one_has_done() {
    let brick = Fake::memory();
    let (one, other) = (client(&brick), client(&brick));
    let (one, other) = (Caller::new(&one, 1), Caller::new(&other, 2));
    let fd = one.create(&one.root(), "f").unwrap();
    write(&one, &fd, 0, &bytes(9 * MIB));
    let (inode, found) = other.lookup(&other.root(), "f").unwrap();
    assert_eq!(found.size, 9 * MIB);
    let theirs = other.open(&inode, libc::O_RDWR).unwrap();
    assert!(content(&other, &theirs) == bytes(9 * MIB));
    // Blocks that the other one knows go, and come back as others.
    truncate(&one, &fd, 10);
    assert_eq!(other.fstat(&theirs).unwrap().size, 10);
    truncate(&one, &fd, 9 * MIB);
    assert_eq!(other.fstat(&theirs).unwrap().size, 9 * MIB);
    assert_eq!(other.read(&theirs, 5 * MIB, 3).unwrap(), [0; 3]);
    write(&other, &theirs, 5 * MIB, b"again");
    assert_eq!(one.read(&fd, 5 * MIB, 5).unwrap(), b"again");
}

#[test]
fn an_append_goes_to_the_end_of_the_whole_file() {
    let bench = client(&Fake::memory());
    let caller = Caller::new(&bench, 1);
    let fd = caller.create(&caller.root(), "f").unwrap();
    write(&caller, &fd, 0, &bytes(5 * MIB));
    let appends = caller.open(fd.inode(), libc::O_WRONLY | libc::O_APPEND).unwrap();
    write(&caller, &appends, 0, b"one");
    write(&caller, &appends, 0, b"two");
    assert_eq!(caller.read(&fd, 5 * MIB, 10).unwrap(), b"onetwo");
    assert_eq!(on_disk(&bench, &fd).1, 5 * MIB + 6);
}

#[test]
fn an_open_that_truncates_takes_all_blocks() {
    let bench = client(&Fake::memory());
    let caller = Caller::new(&bench, 1);
    let fd = caller.create(&caller.root(), "f").unwrap();
    write(&caller, &fd, 0, &bytes(9 * MIB));
    caller.open(fd.inode(), libc::O_WRONLY | libc::O_TRUNC).unwrap();
    assert_eq!((caller.fstat(&fd).unwrap().size, blocks(&bench).len()), (0, 0));
}

#[test]
fn the_time_of_a_write_is_shown_at_once_and_to_others_when_it_is_closed() {
    let bench = client(&Fake::memory());
    let at = |time| Caller::new(&bench, 1).identified(Identity { time, ..Identity::default() });
    let fd = at(1000).create(&at(1000).root(), "f").unwrap();
    write(&at(1000), &fd, 0, b"first block");
    let written = write(&at(2000), &fd, 5 * MIB, b"later block");
    let mtime = |caller: Caller<'_>| caller.fstat(&fd).unwrap().mtime;
    assert!(written.mtime > 0 && mtime(at(3000)) == written.mtime);
    assert_ne!(mtime(below(&bench)), written.mtime);
    at(3000).ask::<kind::flush>(Flush { fd: fd.clone(), xdata: Dict::new() }).unwrap();
    assert_eq!((mtime(below(&bench)), mtime(at(3000))), (written.mtime, written.mtime));
    // What a user sets counts.
    let iatt = Iatt { mtime: 7, ..Iatt::default() };
    write(&at(4000), &fd, 5 * MIB, b"later block");
    let set = Fsetattr { fd: fd.clone(), iatt, valid: set_attr::MTIME, xdata: Dict::new() };
    at(4000).ask::<kind::fsetattr>(set).unwrap();
    at(4000).ask::<kind::flush>(Flush { fd: fd.clone(), xdata: Dict::new() }).unwrap();
    assert_eq!((mtime(below(&bench)), mtime(at(4000))), (7, 7));
}

#[test]
fn writes_at_the_same_time_count_once_each() {
    let bench = client(&Fake::memory());
    let caller = Caller::new(&bench, 1);
    let fd = caller.create(&caller.root(), "f").unwrap();
    write(&caller, &fd, 0, b"first");
    let frames = [bench.frame(Identity::default(), None), bench.frame(Identity::default(), None)];
    let writev = |offset| {
        let data = IoBuf::from(bytes(1000)).into();
        Writev { fd: fd.clone(), data, offset, flags: 0, xdata: Dict::new() }
    };
    // The later half is written, and its length not yet, when the earlier one comes.
    bench.fake().fault(1, Fault::Hold);
    let mut later = Box::pin(frames[0].child().writev(writev(1000)));
    assert!(poll(&mut later).is_none());
    let told = block_on(frames[1].child().fstat(Fstat { fd: fd.clone(), xdata: Dict::new() })).unwrap();
    assert_eq!(told.iatt.size, 2000);
    block_on(frames[1].child().writev(writev(0))).unwrap();
    bench.fake().release();
    block_on(later).unwrap();
    assert_eq!(on_disk(&bench, &fd).1, 2000);
}

#[test]
fn a_sync_reaches_the_blocks_that_were_written_since_the_last() {
    let bench = client(&Fake::memory());
    let caller = Caller::new(&bench, 1);
    let fd = caller.create(&caller.root(), "f").unwrap();
    write(&caller, &fd, 0, &bytes(9 * MIB));
    let sync = || {
        bench.fake().forget();
        let args = Fsync { fd: fd.clone(), data_only: false, xdata: Dict::new() };
        let answer = caller.ask::<kind::fsync>(args);
        (answer.is_ok(), bench.calls().iter().filter(|call| **call == "fsync").count())
    };
    // What a sync begins with.
    caller.ask::<kind::flush>(Flush { fd: fd.clone(), xdata: Dict::new() }).unwrap();
    bench.fake().fail_call(1, Errno::EIO);
    assert_eq!(sync(), (false, 3));
    assert_eq!(sync(), (true, 2), "the one that failed is tried again");
    assert_eq!(sync(), (true, 1));
}

#[test]
fn what_was_acknowledged_is_there_whichever_call_fails() {
    let met = fail_each_call(Errno::EIO, Fake::memory, |brick| {
        let bench = client(&brick);
        let caller = Caller::new(&bench, 1);
        let Ok(fd) = caller.create(&caller.root(), "f") else { return };
        let mut model = Vec::new();
        for offset in [BLOCK - 5, 2 * BLOCK - 5, 10] {
            let Ok((count, _)) = caller.write(&fd, offset, b"0123456789") else { continue };
            let at = usize::try_from(offset).unwrap();
            model.resize(model.len().max(at + count), 0);
            model[at..at + count].copy_from_slice(&b"0123456789"[..count]);
        }
        // The fault may be met only here.
        let Ok(read) = caller.read(&fd, 0, model.len()).or_else(|_| caller.read(&fd, 0, model.len())) else {
            return;
        };
        for (at, byte) in model.iter().enumerate().filter(|(_, byte)| **byte != 0) {
            assert_eq!(read.get(at), Some(byte), "byte {at}");
        }
    });
    assert!(met > 8, "{met}");
}

#[test]
fn what_cannot_be_done_to_blocks_is_refused() {
    let bench = client(&Fake::memory());
    let caller = Caller::new(&bench, 1);
    let fd = caller.create(&caller.root(), "f").unwrap();
    let seek = Seek { fd: fd.clone(), offset: 0, what: 0, xdata: Dict::new() };
    assert_eq!(caller.ask::<kind::seek>(seek).unwrap_err().errno(), Some(Errno::EOPNOTSUPP));
    let (fd_in, fd_out) = (fd.clone(), fd.clone());
    let copy =
        CopyFileRange { fd_in, offset_in: 0, fd_out, offset_out: 0, len: 1, flags: 0, xdata: Dict::new() };
    assert_eq!(caller.ask::<kind::copy_file_range>(copy).unwrap_err().errno(), Some(Errno::EOPNOTSUPP));
    let far = caller.write(&fd, u64::MAX - 3, b"far away").unwrap_err();
    assert_eq!(far.errno(), Some(Errno::EFBIG));
}

#[test]
fn a_block_size_that_the_incumbent_would_not_take_is_refused() {
    let start = |size: &str| {
        Testkit::<features_shard::Shard>::new()
            .option("shard-block-size", size)
            .child(Fake::memory())
            .try_start()
    };
    assert!(start("8MB").is_ok());
    for size in ["5MB", "2MB", "0"] {
        assert!(start(size).is_err(), "{size}");
    }
}
