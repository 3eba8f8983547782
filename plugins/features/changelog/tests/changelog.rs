//! The translator over a brick in memory, with journals on a real disk.
#![allow(clippy::unwrap_used, reason = "helpers of tests")]

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Instant;

use features_changelog::Changelog;
use plugin_api::fop::set_attr;
use plugin_api::prelude::*;
use plugin_testkit::{Bench, Caller, Fake, SOON, Testkit, poll};

const HEADER: &str = "GlusterFS Changelog | version: v1.2 | encoding : 2\n";

struct Lab {
    bench: Bench,
    dir: PathBuf,
    _tmp: tempfile::TempDir,
}

fn on<'a>(dir: &'a str, more: &[(&'a str, &'a str)]) -> Vec<(&'a str, &'a str)> {
    let options = [("changelog", "on"), ("changelog-dir", dir), ("rollover-time", "3600")];
    more.iter()
        .copied()
        .chain(options.into_iter().filter(|(key, _)| more.iter().all(|(k, _)| k != key)))
        .collect()
}

impl Lab {
    fn new(more: &[(&str, &str)]) -> Self {
        let tmp = tempfile::tempdir().unwrap();
        let dir = tmp.path().join("changelogs");
        let bench = start(&dir, more);
        Self { bench, dir, _tmp: tmp }
    }

    fn caller(&self) -> Caller<'_> {
        Caller::new(&self.bench, 1)
    }

    fn reconfigure(&self, more: &[(&str, &str)]) {
        self.bench.reconfigure(&on(self.dir.to_str().unwrap(), more));
    }

    /// The records of the journal that is being written.
    fn live(&self) -> String {
        records(&self.dir.join("CHANGELOG"))
    }

    fn barrier(&self, way: &str) {
        let data = Dict::new().with("barrier", Value::str(way));
        self.bench.send_down(&Event { kind: EventKind::VOLUME_BARRIER_OP, data });
    }
}

fn start(dir: &Path, more: &[(&str, &str)]) -> Bench {
    let options = on(dir.to_str().unwrap(), more);
    let bench = Testkit::<Changelog>::new().options(&options).child(Fake::memory()).start();
    bench.send_up(&Event::from(EventKind::CHILD_UP));
    bench
}

/// NULs read as `~`.
fn records(path: &Path) -> String {
    let text = String::from_utf8(fs::read(path).unwrap()).unwrap();
    text.strip_prefix(HEADER).expect("a header").replace('\0', "~")
}

fn index(dir: &Path) -> (PathBuf, Vec<PathBuf>) {
    let name = xattr(&dir.join("htime"), "trusted.glusterfs.current_htime");
    let path = dir.join("htime").join(name);
    let text = fs::read_to_string(&path).unwrap();
    let paths = text.split_terminator('\0').map(PathBuf::from).collect();
    (path, paths)
}

fn xattr(path: &Path, name: &str) -> String {
    let mut value = [0; 256];
    let length = rustix::fs::getxattr(path, name, &mut value[..]).unwrap();
    String::from_utf8(value[..length].to_vec()).unwrap()
}

fn chmod(caller: &Caller<'_>, fd: &Fd) {
    let iatt = Iatt { mode: 0o600, ..Iatt::default() };
    let args = Fsetattr { fd: fd.clone(), iatt, valid: set_attr::MODE, xdata: Dict::new() };
    caller.ask::<kind::fsetattr>(args).unwrap();
}

fn set_xattr(caller: &Caller<'_>, fd: &Fd, name: &'static str) {
    let xattrs = Dict::new().with(name, "value");
    let args = Fsetxattr { fd: fd.clone(), xattrs, flags: 0, xdata: Dict::new() };
    caller.ask::<kind::fsetxattr>(args).unwrap();
}

fn wait(what: &str, mut holds: impl FnMut() -> bool) {
    let end = Instant::now() + SOON;
    while !holds() {
        assert!(Instant::now() < end, "{what}");
        std::thread::yield_now();
    }
}

const ROOT: &str = "00000000-0000-0000-0000-000000000001";

#[test]
fn names_are_written_down_as_they_come_go_and_move() {
    let lab = Lab::new(&[]);
    let caller = lab.caller().identified(Identity { uid: 7, gid: 8, ..Identity::default() });
    let root = caller.root();
    let f = caller.create(&root, "f").unwrap().inode().gfid();
    let d = caller.mkdir(&root, "d").unwrap().gfid();
    let s = caller.symlink(&root, "s", "f").unwrap().gfid();
    caller.rename(caller.entry(&root, "f"), caller.entry(&root, "g")).unwrap();
    caller.unlink(&root, "g").unwrap();
    caller.rmdir(&root, "d").unwrap();
    assert_eq!(
        lab.live(),
        format!(
            "E{f}~23~33188~7~8~{ROOT}/f~E{d}~4~16877~7~8~{ROOT}/d~E{s}~7~{ROOT}/s~\
             E{f}~8~{ROOT}/f~{ROOT}/g~E{f}~5~{ROOT}/g~~~E{d}~6~{ROOT}/d~~~"
        )
    );
}

#[test]
fn a_failed_change_is_none() {
    let lab = Lab::new(&[]);
    lab.caller().unlink(&lab.caller().root(), "f").unwrap_err();
    assert_eq!(lab.live(), "");
}

#[test]
fn changes_of_an_inode_are_written_down_once_a_journal() {
    let lab = Lab::new(&[]);
    let caller = lab.caller();
    let fd = caller.create(&caller.root(), "f").unwrap();
    let gfid = fd.inode().gfid();
    let change = || {
        for _ in 0..3 {
            caller.write(&fd, 0, b"x").unwrap();
            chmod(&caller, &fd);
            set_xattr(&caller, &fd, "user.a");
        }
    };
    let once = format!("D{gfid}~M{gfid}~39~M{gfid}~36~");
    change();
    assert!(lab.live().ends_with(&format!("/f~{once}")), "{}", lab.live());
    lab.reconfigure(&[("changelog", "off")]);
    change();
    lab.reconfigure(&[]);
    change();
    assert_eq!(lab.live(), once);
}

#[test]
fn switched_off_it_gives_the_journal_its_place_and_on_again_it_begins_a_new_index() {
    let lab = Lab::new(&[]);
    let caller = lab.caller();
    let (first, none) = index(&lab.dir);
    assert!(none.is_empty());
    caller.mkdir(&caller.root(), "d").unwrap();
    lab.reconfigure(&[("changelog", "off")]);
    let (_, paths) = index(&lab.dir);
    let [path] = &paths[..] else { panic!("{paths:?}") };
    let seconds = path.extension().unwrap().to_str().unwrap();
    assert_eq!(xattr(&first, "trusted.glusterfs.htime"), format!("{seconds}:1"));
    assert!(records(path).ends_with("/d~"));
    let days = plugin_api::date::parts(seconds.parse().unwrap());
    let below = format!("{:04}/{:02}/{:02}/CHANGELOG.{seconds}", days[0], days[1], days[2]);
    assert_eq!(*path, lab.dir.join(below));
    caller.mkdir(&caller.root(), "unseen").unwrap();
    // Names of indexes are seconds.
    wait("the next second", || format!("HTIME.{}", now()) != first.file_name().unwrap().to_str().unwrap());
    lab.reconfigure(&[]);
    assert_ne!(index(&lab.dir).0, first);
    assert_eq!(lab.live(), "");
}

fn now() -> u64 {
    std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_secs()
}

#[test]
fn journals_turn_over_and_one_without_changes_has_no_file() {
    let lab = Lab::new(&[("rollover-time", "1")]);
    wait("an empty journal in the index", || !index(&lab.dir).1.is_empty());
    let (_, paths) = index(&lab.dir);
    assert!(paths[0].file_name().unwrap().to_str().unwrap().starts_with("changelog."));
    assert!(!paths[0].exists());
    lab.caller().mkdir(&lab.caller().root(), "d").unwrap();
    let full = |path: &PathBuf| path.to_str().unwrap().contains("/CHANGELOG.");
    // The index has a name before the journal has its place.
    wait("a journal with its change", || index(&lab.dir).1.iter().any(|path| full(path) && path.exists()));
    let (_, paths) = index(&lab.dir);
    assert!(records(paths.iter().find(|path| full(path)).unwrap()).ends_with("/d~"));
}

#[test]
fn what_a_killed_process_wrote_is_found_again() {
    let lab = Lab::new(&[]);
    lab.caller().mkdir(&lab.caller().root(), "d").unwrap();
    let copy = lab.dir.with_file_name("after");
    // As a kill leaves it: written, and not turned over.
    copy_tree(&lab.dir, &copy);
    let (first, _) = index(&copy);
    let _bench = start(&copy, &[]);
    let (again, paths) = index(&copy);
    assert_eq!(again, first, "the index goes on");
    assert!(records(&paths[0]).ends_with("/d~"));
    assert_eq!(records(&copy.join("CHANGELOG")), "");
}

#[test]
fn a_journal_that_a_kill_left_between_index_and_place_is_moved_there() {
    let lab = Lab::new(&[]);
    lab.caller().mkdir(&lab.caller().root(), "d").unwrap();
    let copy = lab.dir.with_file_name("after");
    copy_tree(&lab.dir, &copy);
    let (htime, _) = index(&copy);
    let place = copy.join("2026/11/22/CHANGELOG.1795371580");
    fs::write(&htime, format!("{}\0", place.display())).unwrap();
    let _bench = start(&copy, &[]);
    let (_, paths) = index(&copy);
    assert_eq!(paths, std::slice::from_ref(&place), "it is in the index once");
    assert!(records(&place).ends_with("/d~"));
    assert_eq!(xattr(&htime, "trusted.glusterfs.htime"), "1795371580:1");
}

fn copy_tree(from: &Path, to: &Path) {
    for folder in ["", "htime", "csnap"] {
        fs::create_dir_all(to.join(folder)).unwrap();
        for entry in fs::read_dir(from.join(folder)).unwrap().map(Result::unwrap) {
            if entry.file_type().unwrap().is_file() {
                fs::copy(entry.path(), to.join(folder).join(entry.file_name())).unwrap();
            }
        }
    }
    let name = xattr(&from.join("htime"), "trusted.glusterfs.current_htime");
    let flags = rustix::fs::XattrFlags::empty();
    rustix::fs::setxattr(to.join("htime"), "trusted.glusterfs.current_htime", name.as_bytes(), flags)
        .unwrap();
}

#[test]
fn new_names_wait_behind_a_barrier_and_the_snapshot_has_the_rest() {
    let lab = Lab::new(&[]);
    let caller = lab.caller();
    let root = caller.root();
    let fd = caller.create(&root, "f").unwrap();
    caller.write(&fd, 0, b"before").unwrap();
    lab.barrier("enable");
    assert_eq!(index(&lab.dir).1.len(), 1, "what was before is in its place");
    caller.write(&fd, 0, b"meanwhile").unwrap();
    let frame = lab.bench.frame(Identity::default(), None);
    let args = Unlink { loc: caller.entry(&root, "f"), flags: 0, xdata: Dict::new() };
    let mut held = frame.child().unlink(args);
    assert!(poll(&mut held).is_none());
    caller.lookup(&root, "f").unwrap();
    let gfid = fd.inode().gfid();
    assert_eq!(records(&lab.dir.join("csnap/CHANGELOG.SNAP")), format!("D{gfid}~"));
    lab.barrier("disable");
    poll(&mut held).expect("goes on").unwrap();
    assert_eq!(lab.live(), format!("D{gfid}~E{gfid}~5~{ROOT}/f~~~"));
    assert_eq!(records(&lab.dir.join("csnap/CHANGELOG.SNAP")), format!("D{gfid}~"));
}

#[test]
fn paths_of_what_is_deleted_are_written_down_on_demand() {
    let lab = Lab::new(&[("capture-del-path", "on")]);
    let caller = lab.caller();
    let d = caller.mkdir(&caller.root(), "d").unwrap();
    let xattrs = Dict::new().with("glusterfs.ancestry.path", "/up/d");
    let args = Setxattr { loc: Loc::of(d.clone()), xattrs, flags: 0, xdata: Dict::new() };
    caller.ask::<kind::setxattr>(args).unwrap();
    let f = caller.create(&d, "f").unwrap().inode().gfid();
    caller.unlink(&d, "f").unwrap();
    assert!(lab.live().ends_with(&format!("E{f}~5~{}/f~up/d/f~", d.gfid())), "{}", lab.live());
}

#[test]
fn what_the_cluster_does_to_names_for_itself_is_not_written_down() {
    let lab = Lab::new(&[]);
    let caller = lab.caller();
    let (root, internal) = (caller.root(), || Dict::new().with(INTERNAL_FOP, "yes"));
    let fd = caller.create(&root, "f").unwrap();
    let before = lab.live();
    let (old, new) = (Loc::of(fd.inode().clone()), caller.entry(&root, "g"));
    caller.ask::<kind::link>(Link { old: old.clone(), new, xdata: internal() }).unwrap();
    assert_eq!(lab.live(), before);
    // But this link is how a file is renamed that lies on another brick than its name.
    let [from, to] = [[1; 16], [2; 16]];
    let lengths = [2u32, 2].map(u32::to_ne_bytes).concat();
    let moved = [&from[..], &to, &lengths, b"f\0h\0", &[0; 4]].concat();
    let xdata = internal().with("changelog.rename-op", moved);
    caller.ask::<kind::link>(Link { old, new: caller.entry(&root, "h"), xdata: xdata.clone() }).unwrap();
    let gfid = fd.inode().gfid();
    let renamed = format!("E{gfid}~8~{}/f~{}/h~", Gfid(from), Gfid(to));
    assert_eq!(lab.live(), format!("{before}{renamed}"));
    // Or that its old name goes.
    caller.ask::<kind::unlink>(Unlink { loc: caller.entry(&root, "f"), flags: 0, xdata }).unwrap();
    assert_eq!(lab.live(), format!("{before}{renamed}{renamed}"));
}

#[test]
fn binary_journals_are_those_that_the_incumbent_writes() {
    use features_changelog::record::{Change, Encoding};
    let gfid = Gfid([
        0x20, 0x10, 0xd3, 0x96, 0xd9, 0x52, 0x42, 0x2a, 0x92, 0x7d, 0x3f, 0x5c, 0x67, 0xdb, 0x64, 0xde,
    ]);
    let name = IoBuf::from("bin".to_owned());
    let places = vec![(Gfid::ROOT, name)];
    let made = Change::Entry { gfid, fop: 23, made: Some([0o100_644, 0, 0]), places, deleted: None };
    let parts: [&[u8]; 7] = [
        b"E",
        &gfid.0,
        b"\0\x17\0\0\0\0",
        b"\xa4\x81\0\0\0",
        b"\0\0\0\0\0\0\0\0\0\0",
        &Gfid::ROOT.0,
        b"/bin\0",
    ];
    assert_eq!(made.record(Encoding::Binary), parts.concat());
    assert_eq!(
        Change::Metadata(gfid, 17).record(Encoding::Binary),
        [b"M", &gfid.0[..], b"\0\x11\0\0\0\0"].concat()
    );
    assert!(Encoding::Binary.header().ends_with("encoding : 1\n"));
}

#[test]
fn without_the_feature_there_are_folders_and_no_journal() {
    let lab = Lab::new(&[("changelog", "off")]);
    lab.caller().mkdir(&lab.caller().root(), "d").unwrap();
    assert!(lab.dir.join("htime").is_dir() && lab.dir.join("csnap").is_dir());
    assert!(!lab.dir.join("CHANGELOG").exists());
}

#[test]
fn switching_on_where_no_journal_can_be_is_refused() {
    let lab = Lab::new(&[("changelog", "off")]);
    let refused = lab.bench.try_reconfigure(&on("/proc/none", &[]));
    assert!(format!("{refused:?}").contains("no journal in /proc/none"), "{refused:?}");
    let caller = lab.caller();
    caller.mkdir(&caller.root(), "unseen").unwrap();
    assert!(!lab.dir.join("CHANGELOG").exists());
    lab.reconfigure(&[]);
    lab.bench.try_reconfigure(&on("/proc/none", &[])).unwrap_err();
    caller.mkdir(&caller.root(), "seen").unwrap();
    assert!(lab.live().ends_with("/seen~"), "the old folder goes on");
}
