//! Translators as plugin-api 1.0 built them: they load and run in the host of today, for good.

use std::fs;
use std::path::{Path, PathBuf};

use host::loader::Loader;
use plugin_api::abi::root::XlatorModuleRef;
use plugin_api::fop::{Create, Fgetxattr, FopType, Fsync, Readv, Setattr, Writev, kind};
use plugin_api::{Dict, Errno, EventKind, Fd, FileType, Gfid, Iatt, Inode, IoBuf, Loc, UnknownFops};
use plugin_testkit::{Bench, Fake, Testkit};
use tempfile::TempDir;
use tests::built::place;

/// The policies that there is a kept translator of.
const KEPT: [(&str, UnknownFops); 3] =
    [("pass", UnknownFops::PASS), ("deny", UnknownFops::DENY), ("decompose", UnknownFops::DECOMPOSE)];

/// Where the kept plugins lie.
pub(crate) fn folder_of(version: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("abi").join(version)
}

fn installed() -> TempDir {
    let folder = tempfile::tempdir().expect("a temporary folder");
    install(folder.path());
    folder
}

/// Puts the kept plugins where a loader finds them.
pub(crate) fn install(folder: &Path) {
    for (policy, _) in KEPT {
        let kept = folder_of("1.0").join(format!("scramble-{policy}.so"));
        fs::copy(&kept, place(folder, &format!("abi/scramble-{policy}"))).unwrap_or_else(|error| {
            panic!(
                "{}: {error}; `make abi-record` makes those of a version that is not released",
                kept.display()
            )
        });
    }
}

fn open(folder: &TempDir, policy: &str) -> XlatorModuleRef {
    let loader = Loader::new(vec![folder.path().to_path_buf()]);
    loader.attach(plugin_testkit::attach());
    let module = loader.xlator(&format!("abi/scramble-{policy}"));
    module.unwrap_or_else(|error| panic!("what 1.0 built no longer loads: {error}"))
}

fn file(bench: &Bench) -> Fd {
    let fd = Fd::new(Inode::new(Gfid::default(), FileType::Invalid), 2, 0);
    let loc = Loc::entry(Inode::new(Gfid::ROOT, FileType::Directory), "a".into());
    let create = Create { loc, flags: 2, mode: 0o644, umask: 0, fd: fd.clone(), xdata: Dict::new() };
    bench.call::<kind::create>(create).expect("memory makes files");
    fd
}

fn write(bench: &Bench, fd: &Fd, bytes: &[u8], offset: u64) -> u64 {
    let data = IoBuf::copy_from_slice(bytes).into();
    let writev = Writev { fd: fd.clone(), data, offset, flags: 0, xdata: Dict::new() };
    bench.call::<kind::writev>(writev).expect("memory takes bytes").count
}

fn read(bench: &Bench, fd: &Fd) -> Vec<u8> {
    let readv = Readv { fd: fd.clone(), size: 1 << 20, offset: 0, flags: 0, xdata: Dict::new() };
    bench.call::<kind::readv>(readv).expect("memory gives them back").data.to_iobuf().to_vec()
}

#[test]
fn a_translator_that_1_0_built_declares_itself_and_takes_options() {
    let folder = installed();
    for (policy, unknown_fops) in KEPT {
        let module = open(&folder, policy);
        let declared = module.declare();
        assert_eq!((declared.doc.as_str(), declared.unknown_fops), ("kept from 1.0", unknown_fops));
        assert_eq!(module.known_fops(), kind::copy_file_range::CODE + 1, "what 1.0 knew");
        let key = declared.options.find("key").expect("declared");
        assert_eq!(key.check("256").unwrap_err(), "a value from 0 to 255");
        let error = Testkit::loaded(module).option("mood", "bad").try_start().expect_err("it refuses");
        assert_eq!(error.to_string(), "test: not in this mood");
    }
}

#[test]
fn a_translator_that_1_0_built_runs() {
    let folder = installed();
    let bench = Testkit::loaded(open(&folder, "deny")).child(Fake::memory()).start();
    let fd = file(&bench);
    assert_eq!((write(&bench, &fd, b"hello ", 0), write(&bench, &fd, b"world", 6)), (6, 5));
    assert_eq!(read(&bench, &fd), b"hello world");
    bench.reconfigure(&[("key", "91")]);
    assert_eq!(read(&bench, &fd), b"idmmn!vnsme", "every byte was kept with the other key");
    bench.reconfigure(&[("key", "90")]);

    let name = IoBuf::from("user.writes");
    let told = bench.call::<kind::fgetxattr>(Fgetxattr { fd: fd.clone(), name, xdata: Dict::new() });
    assert_eq!(told.expect("it answers at once").xattrs.uint("user.writes"), Some(2), "its context is there");
    let fsync = Fsync { fd: fd.clone(), data_only: false, xdata: Dict::new() };
    assert_eq!(bench.call::<kind::fsync>(fsync).expect("it waits, and winds as another").post.size, 11);
    assert_eq!(bench.dump(), "ups=1\nwritten=11\n");
    assert_eq!(bench.risen(EventKind::CHILD_UP).len(), 1);
    let inode = fd.inode().clone();
    drop(fd);
    assert_eq!(inode.object().count(), 1, "nothing keeps the file");
}

#[test]
fn a_panic_of_a_translator_that_1_0_built_ends_one_fop() {
    let folder = installed();
    let bench = Testkit::loaded(open(&folder, "pass")).child(Fake::memory()).start();
    let loc = Loc::of(Inode::new(Gfid::ROOT, FileType::Directory));
    let setattr = Setattr { loc, iatt: Iatt::default(), valid: 0, xdata: Dict::new() };
    assert_eq!(bench.call::<kind::setattr>(setattr).unwrap_err().errno, Errno::EIO);
    assert_eq!(bench.take_faults(), ["test in setattr: on purpose"]);
    let fd = file(&bench);
    write(&bench, &fd, b"x", 0);
    assert_eq!(read(&bench, &fd), b"x");
}
