//! What is read without a child, and what is not.
#![allow(clippy::unwrap_used, reason = "helpers of tests")]

use std::sync::{Arc, Mutex};

use performance_quick_read::QuickRead;
use plugin_api::prelude::*;
use plugin_api::upcall;
use plugin_testkit::{Bench, Fake, Fault, Testkit, block_on, poll};

/// The file of a brick.
type File = Arc<Mutex<(Vec<u8>, i64)>>;

fn gfid(n: u8) -> Gfid {
    Gfid([n; 16])
}

fn shown(file: &File, n: u8) -> Iatt {
    let (bytes, time) = file.lock().unwrap().clone();
    let size = bytes.len() as u64;
    Iatt { gfid: gfid(n), mode: libc::S_IFREG, size, mtime: time, ctime: time, ..Iatt::default() }
}

/// A bench over a brick that has one file under every id.
fn bench(options: &[(&str, &str)]) -> (Bench, File) {
    let bench = Testkit::<QuickRead>::new()
        .option("cache-timeout", "60")
        .options(options)
        .child(Fake::answering())
        .start();
    let file: File = Arc::new(Mutex::new((b"hello".to_vec(), 5)));
    let on_disk = file.clone();
    bench.on::<kind::lookup>(move |args| {
        let iatt = shown(&on_disk, args.loc.target().0[0]);
        let mut found = Looked { iatt, ..Looked::default() };
        if args.xdata.uint("glusterfs.content").is_some_and(|most| iatt.size <= most) {
            found.xdata.set("glusterfs.content", on_disk.lock().unwrap().0.clone());
        }
        Ok(found)
    });
    let on_disk = file.clone();
    bench.on::<kind::stat>(move |args| {
        Ok(Attr { iatt: shown(&on_disk, args.loc.target().0[0]), ..Attr::default() })
    });
    bench.on::<kind::readv>(|_| Err(Errno::EIO.into()));
    (bench, file)
}

fn inode(n: u8) -> Inode {
    Inode::new(gfid(n), FileType::Regular)
}

fn look(bench: &Bench, inode: &Inode) {
    bench.call::<kind::lookup>(Lookup { loc: Loc::of(inode.clone()), xdata: Dict::new() }).unwrap();
}

fn read(bench: &Bench, inode: &Inode, offset: u64, size: usize) -> Option<(Vec<u8>, bool)> {
    let fd = Fd::new(inode.clone(), libc::O_RDONLY, 1);
    let read = bench.call::<kind::readv>(Readv { fd, size, offset, flags: 0, xdata: Dict::new() }).ok()?;
    Some((read.data.buffers().flat_map(|part| part.to_vec()).collect(), read.at_end))
}

fn write(inode: &Inode) -> Writev {
    let fd = Fd::new(inode.clone(), libc::O_RDWR, 1);
    Writev { fd, data: IoBuf::from("x").into(), offset: 0, flags: 0, xdata: Dict::new() }
}

#[test]
fn a_small_file_is_read_from_its_lookup() {
    let (bench, _) = bench(&[]);
    let inode = inode(1);
    look(&bench, &inode);
    assert_eq!(read(&bench, &inode, 0, 4096).unwrap(), (b"hello".to_vec(), true));
    assert_eq!(read(&bench, &inode, 1, 3).unwrap(), (b"ell".to_vec(), false));
    assert_eq!(read(&bench, &inode, 99, 3).unwrap(), (Vec::new(), true));
    assert_eq!(bench.calls(), ["lookup"]);
    bench.close();
}

#[test]
fn a_large_file_is_not_kept_and_a_direct_read_goes_down() {
    let (bench, _) = bench(&[("max-file-size", "4")]);
    let large = inode(1);
    look(&bench, &large);
    assert!(read(&bench, &large, 0, 4).is_none());
    bench.reconfigure(&[("max-file-size", "5"), ("cache-timeout", "60")]);
    look(&bench, &large);
    assert!(read(&bench, &large, 0, 4).is_some());
    let fd = Fd::new(large, libc::O_RDONLY | libc::O_DIRECT, 1);
    bench.call::<kind::readv>(Readv { fd, size: 4, offset: 0, flags: 0, xdata: Dict::new() }).unwrap_err();
}

#[test]
fn content_that_is_kept_is_not_asked_for_again_and_another_time_or_size_ends_it() {
    let (bench, file) = bench(&[]);
    let inode = inode(1);
    look(&bench, &inode);
    file.lock().unwrap().0 = b"never seen".to_vec();
    file.lock().unwrap().0.truncate(5);
    look(&bench, &inode);
    assert_eq!(read(&bench, &inode, 0, 9).unwrap().0, b"hello", "nothing says that it is another one");
    file.lock().unwrap().1 = 6;
    bench.call::<kind::stat>(Stat { loc: Loc::of(inode.clone()), xdata: Dict::new() }).unwrap();
    assert!(read(&bench, &inode, 0, 9).is_none(), "it is another one");
    look(&bench, &inode);
    assert_eq!(read(&bench, &inode, 0, 9).unwrap().0, b"never");
}

#[test]
fn a_write_ends_content_and_what_it_overtakes_is_not_kept() {
    let (bench, _) = bench(&[]);
    let inode = inode(1);
    look(&bench, &inode);
    bench.call::<kind::writev>(write(&inode)).unwrap();
    assert!(read(&bench, &inode, 0, 9).is_none());
    bench.fake().fault(0, Fault::Hold);
    let frame = bench.frame(Identity::default(), None);
    let mut late = frame.child().lookup(Lookup { loc: Loc::of(inode.clone()), xdata: Dict::new() });
    assert!(poll(&mut late).is_none(), "the child keeps it");
    bench.call::<kind::writev>(write(&inode)).unwrap();
    bench.fake().release();
    block_on(late).unwrap();
    assert!(read(&bench, &inode, 0, 9).is_none(), "it may be from before the write");
}

#[test]
fn what_is_looked_up_while_a_write_is_under_way_is_not_kept() {
    let (bench, _) = bench(&[]);
    let inode = inode(1);
    bench.fake().fault(0, Fault::Hold);
    let frame = bench.frame(Identity::default(), None);
    let mut late = frame.child().writev(write(&inode));
    assert!(poll(&mut late).is_none());
    look(&bench, &inode);
    bench.fake().release();
    block_on(late).unwrap();
    assert!(read(&bench, &inode, 0, 9).is_none());
}

#[test]
fn content_that_does_not_match_its_attributes_or_is_marked_is_not_kept() {
    for mark in ["sh-failed", "glusterfs.bad-inode", "short"] {
        let (bench, file) = bench(&[]);
        let file = file.clone();
        bench.on::<kind::lookup>(move |_| {
            let bytes = if mark == "short" { vec![1_u8] } else { file.lock().unwrap().0.clone() };
            let xdata = Dict::new().with("glusterfs.content", bytes).with(mark, 1);
            Ok(Looked { iatt: shown(&file, 1), xdata, ..Looked::default() })
        });
        let inode = inode(1);
        look(&bench, &inode);
        assert!(read(&bench, &inode, 0, 9).is_none(), "{mark}");
    }
}

#[test]
fn when_a_child_goes_or_others_change_the_file_it_does_not_count_any_more() {
    let (bench, _) = bench(&[]);
    let inode = inode(1);
    look(&bench, &inode);
    bench.send_up(&EventKind::SOME_DESCENDENT_DOWN.into());
    assert!(read(&bench, &inode, 0, 9).is_none());
    let (inode, other) = (self::inode(2), self::inode(3));
    look(&bench, &inode);
    look(&bench, &other);
    let data = Dict::new()
        .with(upcall::KIND, upcall::kind::CACHE_INVALIDATION)
        .with(upcall::GFID, gfid(2))
        .with(upcall::FLAGS, u64::from(upcall::flag::SIZE));
    bench.send_up(&Event { kind: EventKind::UPCALL, data });
    assert!(read(&bench, &inode, 0, 9).is_none());
    assert!(read(&bench, &other, 0, 9).is_some());
}

#[test]
fn without_time_to_live_nothing_is_read_from_what_is_kept() {
    let (bench, _) = bench(&[("cache-timeout", "0")]);
    let inode = inode(1);
    look(&bench, &inode);
    assert!(read(&bench, &inode, 0, 9).is_none());
}

#[test]
fn no_more_is_kept_than_there_is_room_for_and_what_was_read_stays() {
    let (bench, _) = bench(&[("cache-size", "50")]);
    let inodes: Vec<_> = (1..=40).map(inode).collect();
    for inode in &inodes {
        look(&bench, inode);
        read(&bench, &inodes[0], 0, 9).expect("it is read all the time");
    }
    let kept = inodes.iter().filter(|inode| read(&bench, inode, 0, 9).is_some()).count();
    assert_eq!(kept, 10);
    assert!(bench.dump().contains("bytes=50\n"), "{}", bench.dump());
    drop(inodes);
    assert!(bench.dump().contains("files=0\nbytes=0\n"), "{}", bench.dump());
    bench.close();
}

#[test]
fn a_small_file_that_was_read_as_a_whole_is_not_read_again() {
    let (bench, file) = bench(&[]);
    let on_disk = file.clone();
    bench.on::<kind::readv>(move |args| {
        let iatt = shown(&on_disk, 1);
        let bytes = on_disk.lock().unwrap().0.clone();
        let end = bytes.len().min(args.size);
        let data = IoBuf::from(bytes[..end].to_vec()).into();
        Ok(Data { data, iatt, at_end: end == bytes.len(), xdata: Dict::new() })
    });
    let inode = inode(1);
    read(&bench, &inode, 0, 3).unwrap();
    assert_eq!(read(&bench, &inode, 0, 9).unwrap().0, b"hello");
    assert_eq!(bench.calls(), ["readv", "readv"], "a part is not kept");
    assert_eq!(read(&bench, &inode, 0, 9).unwrap().0, b"hello");
    assert_eq!(bench.calls().len(), 2);
}

#[test]
fn a_lock_shows_what_its_last_holder_did() {
    let (bench, _) = bench(&[]);
    let inode = inode(1);
    look(&bench, &inode);
    let flock = Flock { kind: LockKind::Read, ..Flock::default() };
    let fd = Fd::new(inode.clone(), libc::O_RDWR, 1);
    bench.call::<kind::lk>(Lk { fd, cmd: LockCmd::Set, flock, xdata: Dict::new() }).unwrap();
    assert!(read(&bench, &inode, 0, 9).is_none());
}
