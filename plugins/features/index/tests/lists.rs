//! The lists in a graph: what a client counts puts files on them, and a healer takes them off.
#![allow(clippy::unwrap_used, reason = "helpers of tests")]

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use features_index::Index;
use plugin_api::prelude::*;
use plugin_testkit::{Bench, Testkit, block_on};

const FILE: Gfid = Gfid([2; 16]);
const BLAME: &str = "trusted.afr.v-client-1";
const DIRTY: &str = "trusted.afr.dirty";
const ZERO: [u8; 12] = [0; 12];
const ONE: [u8; 12] = [0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0];

struct Rig {
    bench: Bench,
    folder: tempfile::TempDir,
}

impl Rig {
    fn new() -> Self {
        Self::on(tempfile::tempdir().unwrap())
    }

    fn on(folder: tempfile::TempDir) -> Self {
        let bench = Testkit::<Index>::new()
            .option("index-base", folder.path().join("indices").to_str().unwrap())
            .option("xattrop-pending-watchlist", "trusted.afr.v-")
            .option("xattrop-dirty-watchlist", DIRTY)
            .start();
        Self { bench, folder }
    }

    fn entry(&self, list: &str) -> PathBuf {
        self.folder.path().join("indices").join(list).join(FILE.to_string())
    }

    /// Counts, with the answers that the brick will give.
    fn count(&self, asked: &Dict, xdata: Dict, answer: &Dict) {
        let reply = answer.clone();
        self.bench.on::<kind::xattrop>(move |_| Ok(Xattrs { xattrs: reply.clone(), xdata: Dict::new() }));
        let loc = Loc::of(Inode::new(FILE, FileType::Directory));
        self.bench.call::<kind::xattrop>(Xattrop { loc, op: 0, xattrs: asked.clone(), xdata }).unwrap();
    }

    fn id(&self, name: &str) -> Gfid {
        let loc = Loc::of(Inode::new(Gfid::ROOT, FileType::Directory));
        let args = Getxattr { loc, name: name.to_owned().into(), xdata: Dict::new() };
        self.bench.call::<kind::getxattr>(args).unwrap().xattrs.gfid(name).unwrap()
    }

    fn list(&self, name: &str) -> Inode {
        Inode::new(self.id(name), FileType::Directory)
    }

    fn names(&self, folder: &Inode) -> Vec<String> {
        let fd = self.bench.fd(folder.clone(), 0);
        let fd = self
            .bench
            .call::<kind::opendir>(Opendir { loc: Loc::of(folder.clone()), fd, xdata: Dict::new() })
            .unwrap()
            .fd;
        let (mut names, mut offset) = (Vec::new(), 0);
        loop {
            // So little room that every entry is an answer of its own.
            let args = Readdir { fd: fd.clone(), size: 1, offset, xdata: Dict::new() };
            let read = self.bench.call::<kind::readdir>(args).unwrap();
            for entry in &read.entries {
                names.push(String::from_utf8(entry.name.to_vec()).unwrap());
                offset = entry.offset;
            }
            if read.at_end {
                names.retain(|name| name != "." && name != "..");
                names.sort();
                return names;
            }
        }
    }

    fn unlink(&self, folder: &Inode, name: &str) -> Option<Errno> {
        let loc = Loc::entry(folder.clone(), name.to_owned().into());
        let reply = self.bench.call::<kind::unlink>(Unlink { loc, flags: 0, xdata: Dict::new() });
        reply.err().map(|error| error.errno)
    }
}

fn blame(value: [u8; 12]) -> Dict {
    Dict::new().with(BLAME, value.to_vec())
}

fn gone(path: &Path) -> bool {
    !path.exists()
}

#[test]
fn a_file_is_on_its_list_before_the_count_is_on_disk_and_goes_when_nothing_is_counted() {
    let rig = Rig::new();
    let entry = rig.entry("xattrop");
    let (seen, path) = (Arc::new(AtomicBool::new(false)), entry.clone());
    let note = Arc::clone(&seen);
    rig.bench.on::<kind::xattrop>(move |args| {
        note.store(path.exists(), Ordering::SeqCst);
        Ok(Xattrs { xattrs: args.xattrs, xdata: Dict::new() })
    });
    let loc = Loc::of(Inode::new(FILE, FileType::Regular));
    rig.bench.call::<kind::xattrop>(Xattrop { loc, op: 0, xattrs: blame(ONE), xdata: Dict::new() }).unwrap();
    assert!(seen.load(Ordering::SeqCst), "listed first");
    assert!(entry.exists());
    rig.count(&blame(ZERO), Dict::new(), &blame(ONE));
    assert!(entry.exists(), "reading a count changes nothing");
    let both = Dict::new().with(BLAME, ONE.to_vec()).with("trusted.afr.v-client-2", ZERO.to_vec());
    rig.count(&blame(ONE), Dict::new(), &both);
    assert!(entry.exists(), "one of two is not zero");
    rig.count(&blame(ONE), Dict::new(), &blame(ZERO));
    assert!(gone(&entry));
}

#[test]
fn the_lists_of_changes_under_way_and_of_changes_missed_are_apart() {
    let rig = Rig::new();
    let dirty = |value: [u8; 12]| blame(ZERO).with(DIRTY, value.to_vec());
    rig.count(&dirty(ONE), Dict::new(), &dirty(ONE));
    assert!(rig.entry("dirty").exists() && gone(&rig.entry("xattrop")));
    rig.count(&dirty(ONE), Dict::new(), &dirty(ZERO));
    assert!(gone(&rig.entry("dirty")));
}

#[test]
fn what_cannot_be_listed_is_not_counted() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("indices"), "in the way").unwrap();
    let rig = Rig::on(folder);
    let loc = Loc::of(Inode::new(FILE, FileType::Regular));
    let args = Xattrop { loc, op: 0, xattrs: blame(ONE), xdata: Dict::new() };
    assert_eq!(rig.bench.call::<kind::xattrop>(args).unwrap_err().errno, Errno::ENOTDIR);
    assert!(!rig.bench.calls().contains(&"xattrop"));
}

#[test]
fn a_healer_reads_a_list_and_takes_off_what_is_not_there_any_more() {
    let rig = Rig::new();
    rig.count(&blame(ONE), Dict::new(), &blame(ONE));
    let list = rig.list("glusterfs.xattrop_index_gfid");
    let asked = Dict::new().with("glusterfs.index-ia-type-get-req", 1);
    let looked = rig.bench.call::<kind::lookup>(Lookup { loc: Loc::of(list.clone()), xdata: asked }).unwrap();
    assert_eq!((looked.iatt.gfid, looked.iatt.file_type()), (list.gfid(), FileType::Directory));
    assert_eq!(looked.xdata.uint("glusterfs.index-ia-type-get-rsp"), Some(1));
    assert_eq!(rig.names(&list), [FILE.to_string()]);
    rig.bench.on::<kind::getxattr>(|_| Ok(Xattrs { xattrs: blame(ONE), xdata: Dict::new() }));
    assert_eq!(rig.unlink(&list, &FILE.to_string()), Some(Errno::EBUSY), "it is there, and marked");
    assert!(rig.entry("xattrop").exists());
    rig.bench.on::<kind::getxattr>(|_| Err(Errno::ENOENT.into()));
    assert_eq!(rig.unlink(&list, &FILE.to_string()), None);
    assert_eq!(rig.names(&list), Vec::<String>::new());
    // Whoever knew that it was listed knows no more: it is listed anew.
    rig.count(&blame(ONE), Dict::new(), &blame(ONE));
    assert!(rig.entry("xattrop").exists());
}

#[test]
fn an_entry_taken_off_while_its_file_is_marked_anew_comes_back() {
    let rig = Rig::new();
    rig.count(&blame(ONE), Dict::new(), &blame(ONE));
    let list = rig.list("glusterfs.xattrop_index_gfid");
    let calls = std::sync::atomic::AtomicU32::new(0);
    rig.bench.on::<kind::getxattr>(move |_| match calls.fetch_add(1, Ordering::SeqCst) {
        0 => Err(Errno::ENOENT.into()),
        _ => Ok(Xattrs { xattrs: blame(ONE), xdata: Dict::new() }),
    });
    assert_eq!(rig.unlink(&list, &FILE.to_string()), Some(Errno::EBUSY));
    assert!(rig.entry("xattrop").exists());
}

#[test]
fn changed_names_are_listed_by_folder_until_they_are_healed() {
    let rig = Rig::new();
    let names = |key: &'static str, name: &str| Dict::new().with(key, name);
    rig.count(&blame(ZERO), names("glusterfs.xattrop-entry-create", "a"), &blame(ONE));
    rig.count(&blame(ZERO), names("glusterfs.xattrop-entry-create", "b"), &blame(ONE));
    assert!(rig.entry("entry-changes").join("a").exists());
    rig.count(&blame(ZERO), names("glusterfs.xattrop-entry-delete", "a"), &blame(ONE));
    let list = rig.list("glusterfs.xattrop_entry_changes_gfid");
    assert_eq!(rig.names(&list), [FILE.to_string()]);
    let loc = Loc::entry(list.clone(), FILE.to_string().into());
    let found = rig.bench.call::<kind::lookup>(Lookup { loc: loc.clone(), xdata: Dict::new() }).unwrap();
    let folder = Inode::new(found.iatt.gfid, FileType::Directory);
    // Nobody below knows the folder.
    rig.bench.on::<kind::opendir>(|_| Err(Errno::ESTALE.into()));
    rig.bench.on::<kind::unlink>(|_| Err(Errno::ESTALE.into()));
    assert_eq!(rig.names(&folder), ["b"]);
    assert_eq!(rig.unlink(&folder, "b"), None);
    assert_eq!(rig.names(&folder), Vec::<String>::new());
    rig.bench.call::<kind::rmdir>(Rmdir { loc, flags: 0, xdata: Dict::new() }).unwrap();
    assert_eq!(rig.names(&list), Vec::<String>::new());
    rig.count(&blame(ZERO), names("glusterfs.xattrop-entry-create", "c"), &blame(ONE));
    rig.count(&blame(ZERO), Dict::new().with("glusterfs.xattrop-purge-index", 1), &blame(ONE));
    assert!(rig.entry("entry-changes").exists(), "another brick still misses something");
    rig.count(&blame(ZERO), Dict::new().with("glusterfs.xattrop-purge-index", 1), &blame(ZERO));
    assert!(gone(&rig.entry("entry-changes")));
}

#[test]
fn names_that_were_left_behind_go_when_a_healer_finds_nothing_counted_and_nobody_at_work() {
    let rig = Rig::new();
    let named = Dict::new().with("glusterfs.xattrop-entry-create", "a");
    rig.count(&blame(ZERO), named, &blame(ONE));
    let counts = |pending, dirty: [u8; 12]| blame(pending).with(DIRTY, dirty.to_vec());
    rig.count(&counts(ZERO, ZERO), Dict::new(), &counts(ONE, ZERO));
    assert!(rig.entry("entry-changes").join("a").exists(), "it is missed still");
    rig.count(&counts(ZERO, ZERO), Dict::new(), &counts(ZERO, ONE));
    assert!(rig.entry("entry-changes").join("a").exists(), "somebody who has named it is at work");
    rig.count(&counts(ZERO, ONE), Dict::new(), &counts(ZERO, ZERO));
    assert!(rig.entry("entry-changes").join("a").exists(), "who counts does not look");
    rig.count(&counts(ZERO, ZERO), Dict::new(), &counts(ZERO, ZERO));
    assert!(gone(&rig.entry("entry-changes")));
}

#[test]
fn a_name_that_would_walk_is_refused() {
    let rig = Rig::new();
    let loc = Loc::of(Inode::new(FILE, FileType::Directory));
    for name in ["..", "a/b", ""] {
        let xdata = Dict::new().with("glusterfs.xattrop-entry-create", name);
        let args = Xattrop { loc: loc.clone(), op: 0, xattrs: blame(ONE), xdata };
        assert!(rig.bench.call::<kind::xattrop>(args).is_err(), "{name:?}");
    }
    let list = rig.list("glusterfs.xattrop_index_gfid");
    assert!(rig.unlink(&list, "xattrop-base").is_some());
}

#[test]
fn whether_a_list_has_entries_is_told_with_lookups_and_failed_ones_too() {
    let rig = Rig::new();
    let ask = || {
        let xdata = Dict::new().with("link-count", "glusterfs.xattrop_index_count");
        rig.bench.call::<kind::lookup>(Lookup { loc: Loc::of(Inode::new(FILE, FileType::Regular)), xdata })
    };
    rig.bench.on::<kind::lookup>(|_| Ok(Looked::default()));
    assert_eq!(ask().unwrap().xdata.int("link-count"), Some(0));
    rig.count(&blame(ONE), Dict::new(), &blame(ONE));
    assert_eq!(ask().unwrap().xdata.int("link-count"), Some(1));
    rig.bench.on::<kind::lookup>(|_| Err(Errno::ENOENT.into()));
    assert_eq!(ask().unwrap_err().xdata.int("link-count"), Some(1));
}

#[test]
fn the_lists_are_for_the_cluster_and_for_root() {
    let rig = Rig::new();
    rig.count(&blame(ONE), Dict::new(), &blame(ONE));
    let list = rig.list("glusterfs.xattrop_index_gfid");
    let user = rig.bench.frame(Identity { uid: 1000, pid: 7, ..Identity::default() }, None);
    let loc = Loc::entry(list.clone(), FILE.to_string().into());
    let unlink = Unlink { loc, flags: 0, xdata: Dict::new() };
    assert_eq!(block_on(user.child().unlink(unlink)).unwrap_err().errno, Errno::EPERM);
    let lookup = Lookup { loc: Loc::of(list), xdata: Dict::new() };
    assert_eq!(block_on(user.child().lookup(lookup)).unwrap_err().errno, Errno::EPERM);
    assert!(rig.entry("xattrop").exists());
}
