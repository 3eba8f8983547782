//! The translator over a brick in memory: what it writes there, what it tells, and what it refuses.
#![allow(clippy::unwrap_used, reason = "helpers of tests")]

use std::sync::{Arc, Mutex};
use std::time::Duration;

use features_bitrot_stub::BitrotStub;
use plugin_api::prelude::*;
use plugin_testkit::{Bench, Caller, Failed, Fake, Testkit};

const VERSION: &str = "trusted.bit-rot.version";
const SIGNATURE: &str = "trusted.bit-rot.signature";
const BAD: &str = "trusted.bit-rot.bad-file";
const SET: &str = "trusted.glusterfs.set-signature";
const GET: &str = "trusted.glusterfs.get-signature";
const REOPEN: &str = "trusted.glusterfs.bit-rot.reopen-hint";
const QUARANTINE: Gfid = Gfid([0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 8]);

/// What the signer was told: which object, its version, and how to sign it.
type Told = Arc<Mutex<Vec<(Gfid, u64, i64)>>>;

struct Rig {
    bench: Bench,
    told: Told,
    brick: tempfile::TempDir,
}

impl Rig {
    fn new() -> Self {
        let brick = tempfile::tempdir().unwrap();
        std::fs::create_dir(brick.path().join(".glusterfs")).unwrap();
        let kit = Testkit::<BitrotStub>::new().option("bitrot", "on");
        let kit = kit.option("export", brick.path().to_str().unwrap());
        let bench = kit.child(Fake::memory()).start();
        let told = Told::default();
        let heard = told.clone();
        bench.on::<kind::ipc>(move |args| {
            let xdata = args.xdata;
            let event =
                (xdata.gfid("gfid").unwrap(), xdata.uint("version").unwrap(), xdata.int("sign").unwrap());
            heard.lock().unwrap().push(event);
            Ok(Done::default())
        });
        Self { bench, told, brick }
    }

    fn of(&self, pid: i32) -> Caller<'_> {
        Caller::new(&self.bench, 1).identified(Identity { pid, ..Identity::default() })
    }

    fn client(&self) -> Caller<'_> {
        self.of(1)
    }

    /// What the brick has, below the translator.
    fn on_disk(&self, inode: &Inode, name: &'static str) -> Option<Vec<u8>> {
        let frame = self.bench.handle().frame(Identity::default());
        let args = Lookup { loc: Loc::of(inode.clone()), xdata: Dict::new().with(name, 0) };
        let found = plugin_testkit::block_on(frame.child().lookup(args)).unwrap();
        found.xdata.get(name).and_then(Value::as_bytes).map(<[u8]>::to_vec)
    }

    fn version(&self, inode: &Inode) -> Option<u64> {
        let version = self.on_disk(inode, VERSION)?;
        Some(u64::from_ne_bytes(*version.first_chunk().unwrap()))
    }

    /// Waits until the signer was told so much.
    fn told(&self, count: usize) -> Vec<(Gfid, u64, i64)> {
        let end = std::time::Instant::now() + Duration::from_secs(10);
        loop {
            let told = self.told.lock().unwrap().clone();
            if told.len() >= count {
                return told;
            }
            assert!(std::time::Instant::now() < end, "the signer was told {told:?} only");
            std::thread::yield_now();
        }
    }
}

fn set(caller: &Caller<'_>, fd: &Fd, name: &'static str, value: impl Into<Value>) -> Result<Done, Failed> {
    let xattrs = Dict::new().with(name, value);
    caller.ask::<kind::fsetxattr>(Fsetxattr { fd: fd.clone(), xattrs, flags: 0, xdata: Dict::new() })
}

fn get(caller: &Caller<'_>, fd: &Fd, name: &str) -> Result<Vec<u8>, Failed> {
    let args = Fgetxattr { fd: fd.clone(), name: name.to_owned().into(), xdata: Dict::new() };
    let found = caller.ask::<kind::fgetxattr>(args)?;
    Ok(found.xattrs.get(name).and_then(Value::as_bytes).unwrap().to_vec())
}

fn signature(version: u64) -> Value {
    let mut sent = [[1, 0, 0, 0, 0, 0, 0, 0], version.to_ne_bytes(), 4_u64.to_ne_bytes()].concat();
    sent.extend_from_slice(b"hash\0");
    Value::bytes(sent)
}

/// The names in a directory, as the scrubber reads them.
fn names(caller: &Caller<'_>, dir: &Inode) -> Vec<String> {
    let fd = caller.opendir(dir).unwrap();
    let args = Readdir { fd, size: 4096, offset: 0, xdata: Dict::new() };
    let read = caller.ask::<kind::readdir>(args).unwrap();
    assert!(read.at_end);
    read.entries.iter().map(|entry| String::from_utf8_lossy(&entry.name).into_owned()).collect()
}

fn refused<T: std::fmt::Debug>(said: Result<T, Failed>) -> Option<Errno> {
    said.unwrap_err().errno()
}

#[test]
fn a_version_is_on_the_disk_before_the_first_change_and_changes_once_an_opening() {
    let rig = Rig::new();
    let client = rig.client();
    let fd = client.create(&client.root(), "f").unwrap();
    let inode = fd.inode().clone();
    assert_eq!(rig.version(&inode), None);
    client.write(&fd, 0, b"one").unwrap();
    assert_eq!(rig.version(&inode), Some(2));
    client.write(&fd, 3, b"two").unwrap();
    let other = client.open(&inode, libc::O_RDWR).unwrap();
    client.write(&other, 3, b"two").unwrap();
    assert_eq!(rig.version(&inode), Some(2));
    drop(fd);
    client.read(&other, 0, 10).unwrap();
    drop(other);
    assert_eq!(rig.told(1), [(inode.gfid(), 2, 1)], "once, when the last lets go");
    let again = client.open(&inode, libc::O_RDWR).unwrap();
    assert_eq!(rig.version(&inode), Some(2), "who only opens changes nothing");
    client.write(&again, 0, b"new").unwrap();
    assert_eq!(rig.version(&inode), Some(3));
    drop(again);
    assert_eq!(rig.told(2)[1], (inode.gfid(), 3, 1));
    let args = Truncate { loc: Loc::of(inode.clone()), offset: 1, xdata: Dict::new() };
    client.ask::<kind::truncate>(args).unwrap();
    assert_eq!(rig.version(&inode), Some(4));
    assert_eq!(rig.told(3)[2], (inode.gfid(), 4, 1));
}

#[test]
fn a_change_is_not_made_when_its_version_cannot_be_written() {
    let rig = Rig::new();
    let client = rig.client();
    let fd = client.create(&client.root(), "f").unwrap();
    rig.bench.on::<kind::fsetxattr>(|_| Err(Errno::ENOSPC.into()));
    assert_eq!(refused(client.write(&fd, 0, b"one")), Some(Errno::ENOSPC));
    assert_eq!(client.fstat(&fd).unwrap().size, 0);
}

#[test]
fn the_signer_signs_what_an_object_is_and_nothing_older() {
    let rig = Rig::new();
    let (client, signer) = (rig.client(), rig.of(-8));
    let fd = client.create(&client.root(), "f").unwrap();
    let inode = fd.inode().clone();
    client.write(&fd, 0, b"one").unwrap();
    let mine = signer.open(&inode, 0).unwrap();
    assert_eq!(refused(set(&signer, &mine, SET, signature(2))), Some(Errno::EINVAL), "it is open");
    drop(fd);
    assert_eq!(refused(get(&signer, &mine, GET)), Some(Errno::ENODATA));
    set(&signer, &mine, SET, signature(2)).unwrap();
    assert_eq!(rig.on_disk(&inode, SIGNATURE).unwrap(), b"\x01\x02\0\0\0\0\0\0\0hash");
    assert_eq!(get(&signer, &mine, GET).unwrap()[0], 0);
    let fd = client.open(&inode, libc::O_RDWR).unwrap();
    client.write(&fd, 0, b"two").unwrap();
    drop(fd);
    assert_eq!(
        get(&signer, &mine, GET).unwrap()[..16],
        *b"\x01\0\0\0\0\0\0\0\x02\0\0\0\0\0\0\0",
        "it is stale"
    );
    assert_eq!(refused(set(&signer, &mine, SET, signature(2))), Some(Errno::EINVAL));
    assert_eq!(
        refused(set(&signer, &mine, SET, Value::bytes(b"no signature".to_vec()))),
        Some(Errno::EINVAL)
    );
}

#[test]
fn the_signer_is_told_again_when_it_asks_for_it() {
    let rig = Rig::new();
    let (client, signer) = (rig.client(), rig.of(-8));
    let fd = client.create(&client.root(), "f").unwrap();
    let inode = fd.inode().clone();
    drop(fd);
    // It was there before anybody watched: it counts as changed.
    let mine = signer.open(&inode, libc::O_RDWR).unwrap();
    set(&signer, &mine, REOPEN, 1_u32).unwrap();
    assert_eq!(rig.version(&inode), Some(2));
    drop(mine);
    assert_eq!(rig.told(1), [(inode.gfid(), 2, 2)]);
    // It has waited, and nothing has changed.
    let mine = signer.open(&inode, libc::O_RDWR).unwrap();
    set(&signer, &mine, REOPEN, 0_u32).unwrap();
    drop(mine);
    assert_eq!(rig.told(2)[1], (inode.gfid(), 2, 2));
    assert_eq!(rig.version(&inode), Some(2));
}

#[test]
fn a_bad_object_is_not_read_nor_changed_and_is_listed_until_it_is_gone() {
    let rig = Rig::new();
    let (client, scrubber) = (rig.client(), rig.of(-9));
    let root = client.root();
    let fd = client.create(&root, "f").unwrap();
    client.write(&fd, 0, b"one").unwrap();
    let inode = fd.inode().clone();
    assert_eq!(refused(set(&client, &fd, BAD, 1)), Some(Errno::EINVAL));
    let mine = scrubber.open(&inode, 0).unwrap();
    set(&scrubber, &mine, BAD, 1).unwrap();
    assert_eq!(rig.on_disk(&inode, BAD).unwrap(), b"1\0");
    let entry = rig.brick.path().join(".glusterfs/quarantine").join(inode.gfid().to_string());
    assert!(entry.exists());
    assert_eq!(refused(client.read(&fd, 0, 3)), Some(Errno::EIO));
    assert_eq!(refused(client.write(&fd, 0, b"x")), Some(Errno::EIO));
    assert_eq!(refused(client.open(&inode, 0)), Some(Errno::EIO));
    let args = Truncate { loc: Loc::of(inode.clone()), offset: 0, xdata: Dict::new() };
    assert_eq!(refused(client.ask::<kind::truncate>(args)), Some(Errno::EIO));
    let args = Lookup { loc: client.entry(&root, "f"), xdata: Dict::new() };
    assert_eq!(client.ask::<kind::lookup>(args).unwrap().xdata.int("glusterfs.bad-inode"), Some(1));
    let dir = Inode::new(QUARANTINE, FileType::Directory);
    let args = Lookup { loc: Loc::of(dir.clone()), xdata: Dict::new() };
    assert!(client.ask::<kind::lookup>(args).unwrap().iatt.is_dir());
    assert_eq!(names(&client, &dir), [inode.gfid().to_string()]);
    let nobody = Caller::new(&rig.bench, 1).identified(Identity { uid: 7, pid: 1, ..Identity::default() });
    assert_eq!(refused(nobody.opendir(&dir)), Some(Errno::EPERM));
    client.unlink(&root, "f").unwrap();
    assert!(!entry.exists() && names(&client, &dir).is_empty());
}

#[test]
fn an_object_that_is_whole_again_is_served_again() {
    let rig = Rig::new();
    let (client, scrubber) = (rig.client(), rig.of(-9));
    let fd = client.create(&client.root(), "f").unwrap();
    client.write(&fd, 0, b"one").unwrap();
    let inode = fd.inode().clone();
    set(&scrubber, &scrubber.open(&inode, 0).unwrap(), BAD, 1).unwrap();
    assert_eq!(refused(client.read(&fd, 0, 3)), Some(Errno::EIO));
    // As an operator does, past this translator.
    let frame = rig.bench.handle().frame(Identity::default());
    let args = Removexattr { loc: Loc::of(inode.clone()), name: BAD.to_owned().into(), xdata: Dict::new() };
    plugin_testkit::block_on(frame.child().removexattr(args)).unwrap();
    drop(frame);
    assert_eq!(client.read(&fd, 0, 3).unwrap(), b"one");
    assert!(names(&client, &Inode::new(QUARANTINE, FileType::Directory)).is_empty());
}

#[test]
fn clients_neither_see_nor_set_what_is_written_on_objects() {
    let rig = Rig::new();
    let client = rig.client();
    let fd = client.create(&client.root(), "f").unwrap();
    client.write(&fd, 0, b"one").unwrap();
    for name in [VERSION, SIGNATURE, BAD, SET, GET, REOPEN] {
        assert_eq!(refused(set(&client, &fd, name, 1)), Some(Errno::EINVAL), "{name}");
        let (loc, xattrs) = (Loc::of(fd.inode().clone()), Dict::new().with(name, 1));
        let args = Setxattr { loc, xattrs, flags: 0, xdata: Dict::new() };
        assert_eq!(refused(rig.of(-8).ask::<kind::setxattr>(args)), Some(Errno::EINVAL), "{name}");
    }
    for name in [VERSION, SIGNATURE, BAD] {
        let args = Fremovexattr { fd: fd.clone(), name: name.to_owned().into(), xdata: Dict::new() };
        assert_eq!(refused(client.ask::<kind::fremovexattr>(args)), Some(Errno::EINVAL), "{name}");
    }
    assert_eq!(refused(get(&client, &fd, VERSION)), Some(Errno::EINVAL));
    let args = Fgetxattr { fd: fd.clone(), name: IoBuf::default(), xdata: Dict::new() };
    let all = client.ask::<kind::fgetxattr>(args).unwrap().xattrs;
    assert!(!all.contains(VERSION));
    let init = get(&client, &fd, "trusted.glusterfs.bit-rot.stub-init").unwrap();
    assert!(init[8..].starts_with(rig.brick.path().as_os_str().as_encoded_bytes()));
}

#[test]
fn what_is_switched_off_writes_nothing_and_keeps_its_names() {
    let rig = Rig::new();
    rig.bench.reconfigure(&[("bitrot", "off"), ("export", rig.brick.path().to_str().unwrap())]);
    let client = rig.client();
    let fd = client.create(&client.root(), "f").unwrap();
    client.write(&fd, 0, b"one").unwrap();
    assert_eq!(rig.version(fd.inode()), None);
    for caller in [&client, &rig.of(-9)] {
        assert_eq!(refused(set(caller, &fd, BAD, 1)), Some(Errno::EINVAL));
    }
    // What was written while it was on is not in lists, by which copies are made.
    let frame = rig.bench.handle().frame(Identity::default());
    let (loc, xattrs) = (Loc::of(fd.inode().clone()), Dict::new().with(VERSION, 1));
    let args = Setxattr { loc, xattrs, flags: 0, xdata: Dict::new() };
    plugin_testkit::block_on(frame.child().setxattr(args)).unwrap();
    drop(frame);
    let args = Fgetxattr { fd: fd.clone(), name: IoBuf::default(), xdata: Dict::new() };
    assert!(!client.ask::<kind::fgetxattr>(args).unwrap().xattrs.contains(VERSION));
    assert_eq!(client.read(&fd, 0, 3).unwrap(), b"one");
}
