//! The translator over a brick in memory: files that are made, committed and kept.
#![allow(clippy::unwrap_used, reason = "helpers of tests")]

use features_worm::Worm;
use plugin_api::fop::set_attr;
use plugin_api::prelude::*;

use plugin_testkit::{Bench, Caller, Failed, Fake, Testkit};

type Said<T> = Result<T, Failed>;

fn bench(options: &[(&str, &str)]) -> Bench {
    Testkit::<Worm>::new().options(options).child(Fake::memory()).start()
}

fn errno<T: std::fmt::Debug>(said: Said<T>) -> Option<Errno> {
    said.err().and_then(|failed| failed.errno())
}

fn chmod(caller: &Caller<'_>, fd: &Fd, mode: u32) -> Said<PrePost> {
    let iatt = Iatt { mode, ..Iatt::default() };
    caller.ask::<kind::fsetattr>(Fsetattr { fd: fd.clone(), iatt, valid: set_attr::MODE, xdata: Dict::new() })
}

fn keep_until(caller: &Caller<'_>, fd: &Fd, atime: i64) -> Said<PrePost> {
    let iatt = Iatt { atime, ..Iatt::default() };
    caller.ask::<kind::fsetattr>(Fsetattr {
        fd: fd.clone(),
        iatt,
        valid: set_attr::ATIME,
        xdata: Dict::new(),
    })
}

fn state(caller: &Caller<'_>, fd: &Fd) -> Option<String> {
    let name = IoBuf::from("trusted.reten_state".to_owned());
    let args = Fgetxattr { fd: fd.clone(), name, xdata: Dict::new() };
    let found = caller.ask::<kind::fgetxattr>(args).ok()?;
    let (_, value) = found.xattrs.iter().next()?;
    Some(String::from_utf8_lossy(value.as_bytes()?).trim_end_matches('\0').to_owned())
}

const FILES: [(&str, &str); 2] = [("worm-file-level", "on"), ("default-retention-period", "1000")];

#[test]
fn on_a_volume_that_is_written_once_the_maker_writes_and_nobody_else() {
    let bench = bench(&[("worm", "on")]);
    let caller = Caller::new(&bench, 1);
    let root = caller.root();
    let fd = caller.create(&root, "f").unwrap();
    caller.write(&fd, 0, b"once").unwrap();
    assert_eq!(errno(caller.open(fd.inode(), libc::O_RDWR)), Some(Errno::EROFS));
    caller.open(fd.inode(), libc::O_RDONLY).unwrap();
    assert_eq!(errno(caller.unlink(&root, "f")), Some(Errno::EROFS));
    let (old, new) = (caller.entry(&root, "f"), caller.entry(&root, "g"));
    assert_eq!(errno(caller.rename(old, new)), Some(Errno::EROFS));
    caller.mkdir(&root, "d").unwrap();
    assert_eq!(errno(caller.rmdir(&root, "d")), Some(Errno::EROFS));
    assert_eq!(caller.read(&fd, 0, 10).unwrap(), b"once");
}

#[test]
fn a_file_without_write_bits_is_kept() {
    let bench = bench(&FILES);
    let caller = Caller::new(&bench, 1);
    let root = caller.root();
    let fd = caller.create(&root, "f").unwrap();
    caller.write(&fd, 0, b"draft").unwrap();
    caller.write(&fd, 0, b"final").unwrap();
    assert_eq!(state(&caller, &fd), None);
    chmod(&caller, &fd, 0o444).unwrap();
    assert_eq!(state(&caller, &fd).unwrap(), "3/1000/180");
    let again = caller.open(fd.inode(), libc::O_RDWR).unwrap();
    assert_eq!(errno(caller.write(&again, 0, b"x")), Some(Errno::EROFS));
    assert_eq!(errno(caller.unlink(&root, "f")), Some(Errno::EROFS));
    caller.create(&root, "g").unwrap();
    let (old, new) = (caller.entry(&root, "g"), caller.entry(&root, "f"));
    assert_eq!(errno(caller.rename(old, new)), Some(Errno::EROFS), "nor is it replaced");
    assert_eq!(caller.read(&fd, 0, 10).unwrap(), b"final");
}

#[test]
fn an_old_file_is_committed_by_the_next_try_to_change_it_and_its_maker_goes_on() {
    let bench = bench(&[FILES[0], FILES[1], ("auto-commit-period", "1")]);
    let caller = Caller::new(&bench, 1);
    let fd = caller.create(&caller.root(), "f").unwrap();
    let made = Dict::new().with("trusted.start_time", "5");
    let args = Fsetxattr { fd: fd.clone(), xattrs: made, flags: 0, xdata: Dict::new() };
    caller.ask::<kind::fsetxattr>(args).unwrap();
    let again = caller.open(fd.inode(), libc::O_RDWR).unwrap();
    assert_eq!(errno(caller.write(&again, 0, b"x")), Some(Errno::EROFS));
    assert_eq!(state(&caller, &fd).unwrap(), "3/1000/1");
    caller.write(&fd, 0, b"x").unwrap();
}

#[test]
fn where_nothing_is_waited_for_a_file_is_committed_as_it_is_made() {
    let bench = bench(&[FILES[0], FILES[1], ("auto-commit-period", "0")]);
    let caller = Caller::new(&bench, 1);
    let fd = caller.create(&caller.root(), "f").unwrap();
    assert_eq!(state(&caller, &fd).unwrap(), "3/1000/0");
    caller.write(&fd, 0, b"once").unwrap();
    let again = caller.open(fd.inode(), libc::O_RDWR).unwrap();
    assert_eq!(errno(caller.write(&again, 0, b"x")), Some(Errno::EROFS));
}

#[test]
fn when_its_time_is_over_a_file_may_be_removed_and_not_changed() {
    let bench = bench(&FILES);
    let caller = Caller::new(&bench, 1);
    let root = caller.root();
    let fd = caller.create(&root, "f").unwrap();
    chmod(&caller, &fd, 0o400).unwrap();
    let now = caller.fstat(&fd).unwrap().atime - 1000;
    keep_until(&caller, &fd, now).unwrap();
    // Nobody has to say which file a name that goes away is of.
    let nameless = Loc { inode: None.into(), gfid: Gfid::NULL, ..caller.entry(&root, "f") };
    bench.reconfigure(&[FILES[0], ("worm-files-deletable", "off")]);
    let args = Unlink { loc: nameless, flags: 0, xdata: Dict::new() };
    assert_eq!(errno(caller.ask::<kind::unlink>(args)), Some(Errno::EROFS));
    assert_eq!(state(&caller, &fd).unwrap(), "1/0/0");
    bench.reconfigure(&[FILES[0], ("worm-files-deletable", "off")]);
    assert_eq!(errno(caller.unlink(&root, "f")), Some(Errno::EROFS));
    bench.reconfigure(&[FILES[0]]);
    caller.unlink(&root, "f").unwrap();
}

#[test]
fn an_enterprise_keeps_for_longer_and_never_for_less() {
    let bench = bench(&[FILES[0], FILES[1], ("retention-mode", "enterprise")]);
    let caller = Caller::new(&bench, 1);
    let fd = caller.create(&caller.root(), "f").unwrap();
    chmod(&caller, &fd, 0o400).unwrap();
    let until = caller.fstat(&fd).unwrap().atime;
    assert_eq!(errno(keep_until(&caller, &fd, until - 10)), Some(Errno::EROFS));
    keep_until(&caller, &fd, until + 1000).unwrap();
    assert!(state(&caller, &fd).unwrap().starts_with("11/"));
}

#[test]
fn the_cluster_s_own_processes_move_kept_files() {
    let bench = bench(&FILES);
    let caller = Caller::new(&bench, 1);
    let root = caller.root();
    let fd = caller.create(&root, "f").unwrap();
    chmod(&caller, &fd, 0o400).unwrap();
    let own = Caller::new(&bench, 2).identified(Identity { pid: -6, ..Identity::default() });
    own.write(&fd, 0, b"healed").unwrap();
    own.unlink(&root, "f").unwrap();
}
