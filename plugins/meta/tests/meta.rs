//! `.meta` in a graph: what is answered here, and what goes on to the volume.
#![allow(clippy::unwrap_used, reason = "helpers of tests")]

use meta::Meta;
use plugin_api::prelude::*;
use plugin_testkit::{Bench, Testkit, block_on};

/// A graph whose volume answers no lookup but says that it was asked.
fn started() -> Bench {
    let bench = Testkit::<Meta>::new().start();
    bench.on::<kind::lookup>(|_| Err(Errno::ENODEV.into()));
    bench
}

fn wind<F: FopType>(bench: &Bench, args: F::Args) -> Result<F::Reply, Errno> {
    let frame = bench.frame(Identity::default(), None);
    block_on(frame.child().wind::<F>(args)).map_err(|error| error.errno)
}

fn entry(parent: &Inode, name: &str) -> Loc {
    Loc::entry(parent.clone(), IoBuf::from(name.to_owned()))
}

/// The inode at a path below the root.
fn find(bench: &Bench, path: &str) -> Result<Inode, Errno> {
    let mut inode = Inode::new(Gfid::ROOT, FileType::Directory);
    for name in path.split('/') {
        let loc = entry(&inode, name);
        let found = wind::<kind::lookup>(bench, Lookup { loc, xdata: Dict::new() })?;
        inode = Inode::new(found.iatt.gfid, found.iatt.file_type());
    }
    Ok(inode)
}

fn open(bench: &Bench, inode: &Inode, flags: i32) -> Result<Fd, Errno> {
    let fd = Fd::new(inode.clone(), flags, 1);
    let args = Open { loc: Loc::of(inode.clone()), flags, fd, xdata: Dict::new() };
    wind::<kind::open>(bench, args).map(|opened| opened.fd)
}

fn read(bench: &Bench, fd: &Fd, size: usize, offset: u64) -> String {
    let args = Readv { fd: fd.clone(), size, offset, flags: 0, xdata: Dict::new() };
    let read = wind::<kind::readv>(bench, args).unwrap();
    String::from_utf8(read.data.to_iobuf().to_vec()).unwrap()
}

#[test]
fn one_name_of_the_root_is_answered_here_and_all_others_by_the_volume() {
    let bench = started();
    assert_eq!(find(&bench, ".meta").unwrap().file_type(), FileType::Directory);
    assert_eq!(find(&bench, ".metadata").unwrap_err(), Errno::ENODEV);
    assert_eq!(find(&bench, ".meta/nothing").unwrap_err(), Errno::ENOENT);
}

#[test]
fn the_same_name_in_another_folder_is_the_volumes() {
    let bench = started();
    let other = Inode::new(Gfid([7; 16]), FileType::Directory);
    let args = Lookup { loc: entry(&other, ".meta"), xdata: Dict::new() };
    assert_eq!(wind::<kind::lookup>(&bench, args).unwrap_err(), Errno::ENODEV);
}

#[test]
fn a_file_is_read_as_it_was_when_it_was_opened_though_its_size_is_told_as_nothing() {
    let bench = started();
    let version = find(&bench, ".meta/version").unwrap();
    let stat = Stat { loc: Loc::of(version.clone()), xdata: Dict::new() };
    let iatt = wind::<kind::stat>(&bench, stat).unwrap().iatt;
    assert_eq!((iatt.size, iatt.mode), (0, libc::S_IFREG | 0o444));
    let fd = open(&bench, &version, libc::O_RDONLY).unwrap();
    assert_eq!(read(&bench, &fd, 4096, 0), "{ \n  \"Package Version\": \"10.3\"\n}");
    assert_eq!(read(&bench, &fd, 3, 1), " \n ");
    assert_eq!(read(&bench, &fd, 3, 4000), "");
}

#[test]
fn a_folder_is_listed_in_steps_that_end() {
    let bench = started();
    let top = find(&bench, ".meta").unwrap();
    let fd = Fd::new(top.clone(), libc::O_RDONLY | libc::O_DIRECTORY, 1);
    let args = Opendir { loc: Loc::of(top), fd, xdata: Dict::new() };
    let fd = wind::<kind::opendir>(&bench, args).unwrap().fd;
    let (mut names, mut offset) = (Vec::new(), 0);
    loop {
        let args = Readdirp { fd: fd.clone(), size: 1, offset, xdata: Dict::new() };
        let read = wind::<kind::readdirp>(&bench, args).unwrap();
        offset = read.entries.last().unwrap().offset;
        names.extend(read.entries.iter().map(|entry| String::from_utf8(entry.name.to_vec()).unwrap()));
        if read.at_end {
            break;
        }
    }
    // There is no graph to be shown where nobody tells of one.
    assert_eq!(names, [".", "..", "cmdline", "frames", "logging", "process_uuid", "version"]);
}

#[test]
fn nothing_can_be_made_changed_or_taken_away_there() {
    let bench = started();
    let (top, version) = (find(&bench, ".meta").unwrap(), find(&bench, ".meta/version").unwrap());
    let mkdir = Mkdir { loc: entry(&top, "x"), mode: 0o755, umask: 0, xdata: Dict::new() };
    assert_eq!(wind::<kind::mkdir>(&bench, mkdir).unwrap_err(), Errno::EPERM);
    let unlink = Unlink {
        loc: Loc { inode: Some(version.clone()).into(), ..entry(&top, "version") },
        flags: 0,
        xdata: Dict::new(),
    };
    assert_eq!(wind::<kind::unlink>(&bench, unlink).unwrap_err(), Errno::EPERM);
    let other = Inode::new(Gfid([7; 16]), FileType::Directory);
    let rename = Rename { old: entry(&other, "a"), new: entry(&top, "a"), xdata: Dict::new() };
    assert_eq!(wind::<kind::rename>(&bench, rename).unwrap_err(), Errno::EPERM);
    assert_eq!(open(&bench, &version, libc::O_WRONLY).unwrap_err(), Errno::EPERM);
    assert_eq!(open(&bench, &top, libc::O_RDONLY).unwrap_err(), Errno::EISDIR);
    let truncate = Truncate { loc: Loc::of(version), offset: 0, xdata: Dict::new() };
    assert_eq!(wind::<kind::truncate>(&bench, truncate).unwrap_err(), Errno::EPERM);
}

#[test]
fn an_id_that_nobody_was_told_of_is_stale() {
    let bench = started();
    let known = find(&bench, ".meta").unwrap().gfid();
    let mut other = known;
    other.0[15] ^= 1;
    let stat = |gfid| Stat { loc: Loc::of(Inode::new(gfid, FileType::Directory)), xdata: Dict::new() };
    assert!(wind::<kind::stat>(&bench, stat(known)).is_ok());
    assert_eq!(wind::<kind::stat>(&bench, stat(other)).unwrap_err(), Errno::ESTALE);
}
