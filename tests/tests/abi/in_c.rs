//! A translator in C, compiled by `cc` against mortar.h, loaded as any other.

use std::path::{Path, PathBuf};
use std::process::Command;

use host::loader::Loader;
use plugin_api::abi::root::XlatorModuleRef;
use plugin_api::fop::{Create, Fgetxattr, FopResult, Fsync, Readv, Writev, Written, kind};
use plugin_api::{Dict, Errno, EventKind, Fd, FileType, Gfid, Inode, IoBuf, Loc};
use plugin_testkit::{Bench, Fake, Testkit};
use tempfile::TempDir;
use tests::built::place;

/// The workspace's root.
fn workspace() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("tests lies in the workspace").to_path_buf()
}

/// Compiles a source against mortar.h.
fn compile(source: &Path, to: &Path) {
    let include = workspace().join("plugin-api/include");
    let flags = ["-std=c11", "-O1", "-g", "-Wall", "-Wextra", "-Wpedantic", "-Werror", "-fPIC", "-shared"];
    let compiler = std::env::var("CC").unwrap_or_else(|_| "cc".to_owned());
    let done =
        Command::new(compiler).args(flags).arg("-I").arg(include).arg("-o").arg(to).arg(source).output();
    let done = done.expect("a C compiler is there: rustc links with it");
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
}

/// A folder with the cookbook's translator in C, whose text may be changed before.
fn folder(change: impl FnOnce(String) -> String) -> TempDir {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let text = std::fs::read_to_string(workspace().join("plugin-api/cookbook/c-count/count.c"));
    let source = folder.path().join("count.c");
    std::fs::write(&source, change(text.expect("the cookbook is there"))).expect("the folder takes files");
    compile(&source, &place(folder.path(), "features/c-count"));
    folder
}

fn open(folder: &TempDir) -> Result<XlatorModuleRef, String> {
    let loader = Loader::new(vec![folder.path().to_path_buf()]);
    loader.attach(plugin_testkit::attach());
    loader.xlator("features/c-count").map_err(|error| error.to_string())
}

fn opened(folder: &TempDir) -> XlatorModuleRef {
    open(folder).unwrap_or_else(|error| panic!("{error}"))
}

fn file(bench: &Bench) -> Fd {
    let fd = Fd::new(Inode::new(Gfid::default(), FileType::Invalid), 2, 0);
    let loc = Loc::entry(Inode::new(Gfid::ROOT, FileType::Directory), "a".into());
    let create = Create { loc, flags: 2, mode: 0o644, umask: 0, fd: fd.clone(), xdata: Dict::new() };
    bench.call::<kind::create>(create).expect("memory makes files");
    fd
}

fn write(bench: &Bench, fd: &Fd, bytes: &[u8], offset: u64) -> FopResult<Written> {
    let data = IoBuf::copy_from_slice(bytes).into();
    bench.call::<kind::writev>(Writev { fd: fd.clone(), data, offset, flags: 0, xdata: Dict::new() })
}

fn written(bench: &Bench, fd: &Fd) -> Result<String, Errno> {
    let name = IoBuf::from("user.c-count.written");
    let asked = bench.call::<kind::fgetxattr>(Fgetxattr { fd: fd.clone(), name, xdata: Dict::new() });
    let told = asked.map_err(|error| error.errno)?;
    Ok(told.xattrs.str("user.c-count.written").unwrap_or_default().to_owned())
}

#[test]
fn it_declares_itself_and_takes_options() {
    let folder = folder(|source| source);
    let module = opened(&folder);
    let declared = module.declare();
    assert_eq!(declared.type_name, "features/c-count");
    assert_eq!(
        declared.options.find("limit").expect("declared").check("1 apple").unwrap_err(),
        "a size such as 128KB or 1GB"
    );
    assert_eq!(
        declared.options.find("delay").expect("declared").check("1001").unwrap_err(),
        "a value from 0 to 1000"
    );
    let kit = || Testkit::loaded(module).child(Fake::memory());
    let error = kit().option("limit", "13").try_start().expect_err("it refuses");
    assert_eq!(error.to_string(), "test: a limit of 13 brings bad luck");

    let bench = kit().option("limit", "4B").start();
    let fd = file(&bench);
    assert_eq!(write(&bench, &fd, b"12345", 0).unwrap_err().errno, Errno::EDQUOT);
    bench.reconfigure(&[("limit", "1KB")]);
    assert_eq!(write(&bench, &fd, b"12345", 0).unwrap().count, 5);
    let refused = bench.try_reconfigure(&[("limit", "13")]).expect_err("it refuses");
    assert_eq!(refused.to_string(), "test: a limit of 13 brings bad luck");
}

#[test]
fn it_counts_in_a_context_whether_its_child_answers_now_or_later() {
    let folder = folder(|source| source);
    let module = opened(&folder);
    let bench = Testkit::loaded(module).child(Fake::memory()).start();
    let fd = file(&bench);
    assert_eq!(written(&bench, &fd), Err(Errno::ENODATA));
    write(&bench, &fd, b"hello ", 0).unwrap();
    write(&bench, &fd, b"world", 6).unwrap();
    assert_eq!(written(&bench, &fd).as_deref(), Ok("11"));
    let read = Readv { fd: fd.clone(), size: 100, offset: 0, flags: 0, xdata: Dict::new() };
    assert_eq!(&bench.call::<kind::readv>(read).unwrap().data.to_iobuf()[..], b"hello world");
    bench.on::<kind::writev>(|_| Err(Errno::ENOSPC.into()));
    assert_eq!(write(&bench, &fd, b"more", 11).unwrap_err().errno, Errno::ENOSPC);
    assert_eq!(written(&bench, &fd).as_deref(), Ok("11"), "what failed is not counted");
    assert_eq!(bench.dump(), "written=11\nchild-ups=1\n");
    assert_eq!(bench.risen(EventKind::CHILD_UP).len(), 1, "it hands events on");
}

#[test]
fn a_future_of_its_own_waits_and_winds_and_so_does_one_above_it() {
    let folder = folder(|source| source);
    let module = opened(&folder);
    let below = Testkit::loaded(module).option("delay", "20").child(Fake::memory());
    let bench = Testkit::loaded(module).option("delay", "20").child(below).start();
    let fd = file(&bench);
    write(&bench, &fd, b"x", 0).unwrap();
    let start = std::time::Instant::now();
    bench.call::<kind::fsync>(Fsync { fd: fd.clone(), data_only: false, xdata: Dict::new() }).unwrap();
    assert!(start.elapsed().as_millis() >= 40, "both waited");
}

#[test]
fn what_it_holds_is_given_back() {
    let folder = folder(|source| source);
    let module = opened(&folder);
    let bench = Testkit::loaded(module).child(Fake::memory()).start();
    let fd = file(&bench);
    let inode = fd.inode().clone();
    for at in 0..100 {
        write(&bench, &fd, b"0123456789", at * 10).unwrap();
    }
    drop(fd);
    assert_eq!(inode.object().count(), 1, "no write keeps the file");
    drop(bench);
}

#[test]
fn one_compiled_against_another_header_is_refused_with_the_fop_that_differs() {
    let other = |from: &str, to: &str| {
        let (from, to) = (from.to_owned(), to.to_owned());
        open(&folder(move |source| {
            assert!(source.contains(&from), "the cookbook has {from}");
            source.replace(&from, &to)
        }))
        .expect_err("it does not fit")
    };
    let said = other(
        "    api = host;",
        "    static uint64_t changed[MORTAR_FOPS];\n    memcpy(changed, layouts, sizeof changed);\n    changed[MORTAR_FOP_WRITEV]++;\n    static struct mortar_plugin copy;\n    copy = plugin;\n    copy.layouts = changed;\n    api = host;\n    return &copy;",
    );
    assert!(said.contains("what fop `writev` carries is not what mortar.h of this version says"), "{said}");
    let said = other(".abi = MORTAR_ABI", ".abi = {2, 0}");
    assert!(
        said.ends_with("built for plugin-api 2.0, this host speaks 1.0; rebuild it with plugin-api 1.x"),
        "{said}"
    );
    let said = other(".needs = MORTAR_ABI", ".needs = {1, 7}");
    assert!(
        said.contains("needs plugin-api 1.7, this host speaks 1.0; run it in a host of 1.7 or later"),
        "{said}"
    );
    let said = other(".size = sizeof plugin", ".size = 16");
    assert!(said.contains("it hands over no whole `struct mortar_plugin`"), "{said}");
}
