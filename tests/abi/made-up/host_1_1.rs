//! The host of a made-up 1.1, which has a fop 59: loads what 1.0 built and what 1.1 builds, and runs them on real data.

mod loader;

use loader::Loader;
use plugin_api::abi::root::XlatorModuleRef;
use plugin_api::fop::{Create, Fill, FopResult, Readv, Stat, Statfs, Writev, kind};
use plugin_api::{Dict, Errno, Fd, FileType, Gfid, Inode, IoBuf, Loc};
use plugin_testkit::{Bench, Fake, Testkit};

fn main() {
    let folder = std::env::args().nth(1).expect("a folder of plugins");
    let loader = Loader::new(folder.into());
    let open = |name: &str| loader.xlator(name).unwrap_or_else(|error| panic!("{error}"));
    let over = |module| Testkit::loaded(module).child(Fake::memory()).start();

    a_new_fop_does_what_it_says(&over(open("abi/newer")));
    passing_corrupts(&over(open("abi/scramble-pass")));
    denying_refuses(&over(open("abi/scramble-deny")));
    decomposing_keeps_data_right(&over(open("abi/scramble-decompose")));
    the_newer_one_has_it_all(open("abi/newer"));
    the_newer_one_has_it_all(open("abi/modest"));
    let refused = loader.xlator("abi/two").expect_err("another major").to_string();
    assert!(refused.ends_with("built for plugin-api 2.0.0, this host speaks 1.1; rebuild it with plugin-api 1.x"), "{refused}");
}

fn file(bench: &Bench) -> Fd {
    let fd = Fd::new(Inode::new(Gfid::default(), FileType::Invalid), 2, 0);
    let loc = Loc::entry(Inode::new(Gfid::ROOT, FileType::Directory), "a".into());
    let create = Create { loc, flags: 2, mode: 0o644, umask: 0, fd: fd.clone(), xdata: Dict::new() };
    bench.call::<kind::create>(create).expect("memory makes files");
    let data = IoBuf::from("all work and no play").into();
    let writev = Writev { fd: fd.clone(), data, offset: 0, flags: 0, xdata: Dict::new() };
    bench.call::<kind::writev>(writev).expect("memory takes bytes");
    fd
}

fn read(bench: &Bench, fd: &Fd) -> Vec<u8> {
    let readv = Readv { fd: fd.clone(), size: 1 << 20, offset: 0, flags: 0, xdata: Dict::new() };
    bench.call::<kind::readv>(readv).expect("memory gives them back").data.to_iobuf().to_vec()
}

/// Fills four bytes with an `x`.
fn fill(bench: &Bench, fd: &Fd) -> FopResult<()> {
    let fill = Fill { fd: fd.clone(), offset: 4, len: 4, byte: u32::from(b'x'), xdata: Dict::new() };
    bench.call::<kind::fill>(fill).map(drop)
}

fn a_new_fop_does_what_it_says(bench: &Bench) {
    let fd = file(bench);
    fill(bench, &fd).expect("everybody knows it");
    assert_eq!(read(bench, &fd), b"all xxxx and no play");
}

fn passing_corrupts(bench: &Bench) {
    let fd = file(bench);
    fill(bench, &fd).expect("it goes by");
    assert_ne!(read(bench, &fd), b"all xxxx and no play", "what lies below is no text of this translator's");
}

fn denying_refuses(bench: &Bench) {
    let fd = file(bench);
    assert_eq!(fill(bench, &fd).expect_err("denied").errno, Errno::EOPNOTSUPP);
    assert_eq!(read(bench, &fd), b"all work and no play");
}

fn decomposing_keeps_data_right(bench: &Bench) {
    let fd = file(bench);
    fill(bench, &fd).expect("it is done by writes");
    assert_eq!(read(bench, &fd), b"all xxxx and no play");
    assert!(!bench.calls().contains(&"fill"));
}

fn the_newer_one_has_it_all(module: XlatorModuleRef) {
    let bench = Testkit::loaded(module).child(Fake::answering()).start();
    let statfs = Statfs { loc: Loc::default(), xdata: Dict::new() };
    assert_eq!(bench.call::<kind::statfs>(statfs).expect("it answers").space.files, 1);
    let stat = Stat { loc: Loc::default(), xdata: Dict::new() };
    assert_eq!(bench.call::<kind::stat>(stat).expect("it answers").xdata.int("newer"), Some(1));
}
