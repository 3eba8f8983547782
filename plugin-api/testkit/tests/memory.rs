//! The brick in memory answers as a brick does.
#![forbid(unsafe_code)]

use plugin_api::prelude::*;
use plugin_testkit::{Bench, Caller, Failed, Fake, Script, Testkit};

/// Only looks on.
#[derive(Debug, Default)]
struct Pass;

#[xlator("debug/pass", unknown_fops = "pass")]
impl Xlator for Pass {}

fn bench() -> Bench {
    Testkit::<Pass>::new().child(Fake::memory()).start()
}

fn errno<T>(said: Result<T, Failed>) -> Option<Errno> {
    said.err().and_then(|failed| failed.errno())
}

fn replay(text: &str) -> Bench {
    let bench = bench();
    let script: Script = text.parse().unwrap_or_else(|error| panic!("{error}"));
    script.replay(&Caller::new(&bench, 1)).unwrap_or_else(|error| panic!("{error}"));
    bench
}

#[test]
fn names_move_by_the_rules_of_posix() {
    let bench = replay(
        r#"
        mkdir /a
        mkdir /a/b
        create /f as f
        link /f /a/g
        rename /f /a ! EISDIR
        rename /a /f ! ENOTDIR
        rename /a /a/b/c ! EINVAL
        mkdir /full
        create /full/x as x
        rename /a /full ! ENOTEMPTY
        rename /f /a/g
        readdirp / = "a f full"
        rename /f /h
        readdirp / = "a full h"
        rename /a /z
        readdirp /z = "b g"
        rmdir /z ! ENOTEMPTY
        unlink /z/b ! EISDIR
        rmdir /z/g ! ENOTDIR
        rmdir /z/b
        unlink /z/g
        rmdir /z
        readdirp / = "full h"
        "#,
    );
    assert_eq!(bench.fake().objects(), 4, "the root, full, full/x and h");
    bench.close();
}

#[test]
fn an_open_file_outlives_its_last_name() {
    let bench = bench();
    let caller = Caller::new(&bench, 1);
    let fd = caller.create(&caller.root(), "gone").unwrap();
    caller.write(&fd, 0, b"still here").unwrap();
    caller.unlink(&caller.root(), "gone").unwrap();
    assert_eq!(caller.read(&fd, 6, 10).unwrap(), b"here");
    assert_eq!(caller.fstat(&fd).unwrap().nlink, 0);
    assert_eq!(bench.fake().objects(), 2);
    drop(fd);
    assert_eq!(bench.fake().objects(), 1, "with the last descriptor it is gone");
    bench.close();
}

#[test]
fn attributes_follow_what_is_done() {
    let bench = bench();
    let at = |time: i64| {
        Caller::new(&bench, time.unsigned_abs()).identified(Identity { time, uid: 7, ..Identity::default() })
    };
    let folder = at(100).mkdir(&at(0).root(), "d").unwrap();
    let fd = at(110).create(&folder, "f").unwrap();
    at(120).write(&fd, 0, b"abc").unwrap();
    at(130).read(&fd, 0, 3).unwrap();
    let iatt = at(0).fstat(&fd).unwrap();
    assert_eq!(
        (iatt.atime, iatt.mtime, iatt.ctime, iatt.size, iatt.blocks, iatt.uid),
        (130, 120, 120, 3, 8, 7)
    );
    let (_, iatt) = at(0).lookup(&at(0).root(), "d").unwrap();
    assert_eq!((iatt.mtime, iatt.nlink, iatt.mode), (110, 2, 0o040_755));
    let xdata = Dict::new();
    let mut new = iatt;
    (new.mode, new.mtime) = (0o700, 5);
    let valid = set_attr::MODE | set_attr::MTIME;
    let changed = at(140)
        .ask::<kind::setattr>(Setattr { loc: Loc::of(folder.clone()), iatt: new, valid, xdata })
        .unwrap();
    assert_eq!(
        (changed.pre.mode, changed.post.mode, changed.post.mtime, changed.post.ctime),
        (0o040_755, 0o040_700, 5, 140)
    );
}

#[test]
fn extended_attributes_are_made_replaced_counted_and_removed() {
    let bench = bench();
    let caller = Caller::new(&bench, 1);
    let fd = caller.create(&caller.root(), "f").unwrap();
    let set = |flags| {
        let xattrs = Dict::new().with("user.x", Value::bytes(b"1".to_vec()));
        errno(caller.ask::<kind::fsetxattr>(Fsetxattr { fd: fd.clone(), xattrs, flags, xdata: Dict::new() }))
    };
    assert_eq!(set(libc::XATTR_REPLACE), Some(Errno::ENODATA));
    assert_eq!((set(libc::XATTR_CREATE), set(libc::XATTR_CREATE)), (None, Some(Errno::EEXIST)));
    let count = || {
        let xattrs = Dict::new().with("trusted.n", Value::bytes(vec![0, 0, 0, 2]));
        let args = Fxattrop { fd: fd.clone(), op: 0, xattrs, xdata: Dict::new() };
        caller
            .ask::<kind::fxattrop>(args)
            .unwrap()
            .xattrs
            .get("trusted.n")
            .unwrap()
            .as_bytes()
            .unwrap()
            .to_vec()
    };
    assert_eq!((count(), count()), (vec![0, 0, 0, 2], vec![0, 0, 0, 4]));
    let wish = Dict::new().with("trusted.n", 0).with("trusted.none", 0);
    let found =
        caller.ask::<kind::lookup>(Lookup { loc: caller.entry(&caller.root(), "f"), xdata: wish }).unwrap();
    assert_eq!((found.xdata.len(), found.xdata.contains("trusted.n")), (1, true));
    let remove = || {
        let args = Fremovexattr { fd: fd.clone(), name: "user.x".into(), xdata: Dict::new() };
        errno(caller.ask::<kind::fremovexattr>(args))
    };
    assert_eq!((remove(), remove()), (None, Some(Errno::ENODATA)));
}

#[test]
fn locks_of_others_are_in_the_way_until_their_client_goes() {
    let bench = bench();
    let caller = Caller::new(&bench, 1);
    let fd = caller.create(&caller.root(), "f").unwrap();
    let clients = [Client::new("one", "h:1", true), Client::new("two", "h:2", true)];
    let lock = |who: usize, kind, start, len| {
        let owner = LkOwner::new(vec![u8::try_from(who).unwrap()].into());
        let caller = Caller::new(&bench, 1).from_client(&clients[who]);
        let flock = Flock { kind, start, len, owner, ..Flock::default() };
        let args = Lk { fd: fd.clone(), cmd: LockCmd::Set, flock, xdata: Dict::new() };
        errno(caller.ask::<kind::lk>(args))
    };
    assert_eq!(lock(0, LockKind::Write, 0, 100), None);
    assert_eq!(lock(1, LockKind::Read, 50, 10), Some(Errno::EAGAIN));
    assert_eq!(lock(0, LockKind::Unlock, 40, 30), None, "out of the middle");
    assert_eq!(lock(1, LockKind::Read, 50, 10), None);
    assert_eq!(lock(1, LockKind::Read, 90, 0), Some(Errno::EAGAIN));
    bench.disconnect(&clients[0]);
    assert_eq!(lock(1, LockKind::Read, 90, 0), None);
}

#[test]
fn a_listing_goes_on_where_it_stopped_though_names_went() {
    let bench = bench();
    let caller = Caller::new(&bench, 1);
    for n in 0..100 {
        caller.create(&caller.root(), &format!("file-{n:02}")).unwrap();
    }
    let fd = caller.opendir(&caller.root()).unwrap();
    let read = |offset| {
        let args = Readdir { fd: fd.clone(), size: 500, offset, xdata: Dict::new() };
        caller.ask::<kind::readdir>(args).unwrap()
    };
    let first = read(0);
    assert!(!first.at_end && first.entries.len() > 5);
    caller.unlink(&caller.root(), "file-00").unwrap();
    let next = read(first.entries.last().unwrap().offset);
    assert_eq!(next.entries[0].name[..], *format!("file-{:02}", first.entries.len() - 2).as_bytes());
    assert_eq!(caller.names(&caller.root()).unwrap().len(), 99);
}

#[test]
fn a_script_is_recorded_as_it_is_replayed() {
    let bench = bench();
    bench.fake().record();
    let text = "mkdir /d\ncreate /d/f as f\nwritev f 0 \"hello\"\nfsync f\n";
    text.parse::<Script>().unwrap().replay(&Caller::new(&bench, 1)).unwrap();
    let recorded = bench.fake().script();
    assert_eq!(
        recorded.to_string(),
        "mkdir /d\nlookup /d\ncreate /d/f as f\nwritev f 0 \"hello\"\nfsync f\n"
    );
    let other = self::bench();
    recorded.to_string().parse::<Script>().unwrap().replay(&Caller::new(&other, 2)).unwrap();
    let wrong: Script = "create /g as g\nreadv g 0 1 = \"x\"".parse().unwrap();
    let error = wrong.replay(&Caller::new(&other, 3)).unwrap_err();
    assert_eq!(error.to_string(), "line 2, `readv g 0 1 = \"x\"`: it answers \"\"");
}

#[test]
fn a_read_may_be_short_and_a_reader_goes_on() {
    let bench = Testkit::<Pass>::new().child(Fake::memory().with_short_reads(1)).start();
    let caller = Caller::new(&bench, 1);
    let fd = caller.create(&caller.root(), "f").unwrap();
    caller.write(&fd, 0, &[7; 4096]).unwrap();
    let lengths: Vec<_> = (0..20).map(|_| caller.read_once(&fd, 0, 4096).unwrap().data.len()).collect();
    assert!(lengths.contains(&2048) && lengths.contains(&4096), "{lengths:?}");
    assert_eq!(caller.read(&fd, 0, 5000).unwrap(), [7; 4096]);
}
