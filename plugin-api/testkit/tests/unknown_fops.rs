//! What becomes of a fop that an older translator has never heard of, on real data: it passes by, it is denied, or it is
//! done by fops that the translator knows.

#![forbid(unsafe_code)]

use abi_stable::prefix_type::PrefixTypeTrait;
use plugin_api::abi::root::{FopSlot, XlatorModule, XlatorModuleRef};
use plugin_api::fop::{FopResult, FopType, kind};
use plugin_api::prelude::*;
use plugin_api::sdk::module::{XlatorInfo, xlator_module};
use plugin_api::{Declaration, UnknownFops};
use plugin_testkit::{Bench, Fake, Testkit};

/// Keeps every byte of a file changed by a stream that depends on its place, as an encrypting translator does.
#[derive(Debug, Default)]
struct Scramble<const POLICY: u8>;

fn scrambled(bytes: &[u8], offset: u64) -> IoBuf {
    let key = |at: u64| u8::try_from((at ^ at >> 8 ^ 0x5a) & 0xff).expect("a byte");
    let changed: Vec<u8> = (offset..).zip(bytes).map(|(at, byte)| byte ^ key(at)).collect();
    changed.into()
}

impl<const POLICY: u8> Xlator for Scramble<POLICY> {
    async fn readv(&self, frame: &Frame, args: Readv) -> FopResult<Data> {
        let offset = args.offset;
        let read = frame.child().readv(args).await?;
        Ok(Data { data: scrambled(&read.data.to_iobuf(), offset).into(), ..read })
    }

    async fn writev(&self, frame: &Frame, args: Writev) -> FopResult<Written> {
        let data = scrambled(&args.data.to_iobuf(), args.offset).into();
        frame.child().writev(Writev { data, ..args }).await
    }
}

impl<const POLICY: u8> XlatorInfo for Scramble<POLICY> {
    const FOPS: &'static [FopSlot] = &[
        plugin_api::sdk::later::readv::<Scramble<POLICY>>(),
        plugin_api::sdk::later::writev::<Scramble<POLICY>>(),
    ];

    fn declaration() -> Declaration {
        Declaration {
            type_name: "test/scramble".into(),
            unknown_fops: UnknownFops(POLICY),
            ..Declaration::default()
        }
    }
}

/// The same translator as an old plugin-api built it, which knew the fops below `known`.
fn aged(module: XlatorModuleRef, known: u32) -> XlatorModuleRef {
    XlatorModule {
        state: module.state(),
        declaration: module.declaration(),
        known_fops: known,
        fops: module.fops(),
        create: module.create(),
        init: module.init(),
        reconfigure: module.reconfigure(),
        notify: module.notify(),
        client_disconnect: module.client_disconnect(),
        dump: module.dump(),
        fini: module.fini(),
        destroy: module.destroy(),
    }
    .leak_into_prefix()
}

const PASS: u8 = UnknownFops::PASS.0;
const DENY: u8 = UnknownFops::DENY.0;
const DECOMPOSE: u8 = UnknownFops::DECOMPOSE.0;

/// A translator from before all fops above 39 over a file system in memory, which knows them all.
fn bench<const POLICY: u8>() -> Bench {
    let old = aged(xlator_module::<Scramble<POLICY>>(), kind::readdirp::CODE);
    Testkit::loaded(old).child(Fake::memory()).start()
}

fn loc(name: &'static str) -> Loc {
    let mut loc = Loc::entry(Inode::new(Gfid::ROOT, FileType::Directory), name.into());
    loc.inode = abi_stable::std_types::ROption::RSome(Inode::new(Gfid::default(), FileType::Invalid));
    loc
}

fn create(bench: &Bench, name: &'static str) -> Fd {
    let loc = loc(name);
    let inode = Inode::new(Gfid::default(), FileType::Invalid);
    let fd = Fd::new(inode, 2, 0);
    let create = Create { loc, flags: 2, mode: 0o644, umask: 0, fd: fd.clone(), xdata: Dict::new() };
    bench.call::<kind::create>(create).expect("memory makes files");
    fd
}

fn write(bench: &Bench, fd: &Fd, bytes: &[u8]) {
    let data = IoBuf::copy_from_slice(bytes).into();
    let writev = Writev { fd: fd.clone(), data, offset: 0, flags: 0, xdata: Dict::new() };
    assert_eq!(bench.call::<kind::writev>(writev).expect("memory takes bytes").count, bytes.len() as u64);
}

fn read(bench: &Bench, fd: &Fd) -> Vec<u8> {
    let readv = Readv { fd: fd.clone(), size: 64 << 20, offset: 0, flags: 0, xdata: Dict::new() };
    bench.call::<kind::readv>(readv).expect("memory gives them back").data.to_iobuf().to_vec()
}

fn text(len: usize) -> Vec<u8> {
    (0..len).map(|at| b"all work and no play "[at % 21]).collect()
}

fn copy(
    bench: &Bench,
    fd_in: &Fd,
    offset_in: u64,
    fd_out: &Fd,
    offset_out: u64,
    len: usize,
) -> FopResult<Copied> {
    let (fd_in, fd_out) = (fd_in.clone(), fd_out.clone());
    let xdata = Dict::new();
    bench.call::<kind::copy_file_range>(CopyFileRange {
        fd_in,
        offset_in,
        fd_out,
        offset_out,
        len,
        flags: 0,
        xdata,
    })
}

fn zerofill(bench: &Bench, fd: &Fd, offset: u64, len: u64) -> FopResult<PrePost> {
    bench.call::<kind::zerofill>(Zerofill { fd: fd.clone(), offset, len, xdata: Dict::new() })
}

fn put(bench: &Bench, name: &'static str, content: &[u8]) -> FopResult<Made> {
    let data = IoBuf::copy_from_slice(content).into();
    let xattrs = Dict::new().with("user.made-by", IoBuf::from("put"));
    let (mode, umask, flags, offset, xdata) = (0o640, 0, 1, 0, Dict::new());
    bench.call::<kind::put>(Put { loc: loc(name), mode, umask, flags, data, offset, xattrs, xdata })
}

#[test]
fn a_translator_that_changes_data_and_lets_new_fops_pass_corrupts_files() {
    let bench = bench::<PASS>();
    let (one, two) = (create(&bench, "one"), create(&bench, "two"));
    write(&bench, &one, &text(1000));
    assert_eq!(copy(&bench, &one, 100, &two, 0, 500).unwrap().count, 500, "nobody sees anything wrong");
    assert_ne!(read(&bench, &two), &text(1000)[100..600]);
    zerofill(&bench, &one, 0, 1000).unwrap();
    assert_ne!(read(&bench, &one), [0; 1000]);
}

#[test]
fn a_translator_that_denies_new_fops_keeps_data_whole() {
    let bench = bench::<DENY>();
    let (one, two) = (create(&bench, "one"), create(&bench, "two"));
    write(&bench, &one, &text(1000));
    assert_eq!(copy(&bench, &one, 0, &two, 0, 500).unwrap_err().errno, Errno::EOPNOTSUPP);
    assert_eq!(zerofill(&bench, &one, 0, 10).unwrap_err().errno, Errno::EOPNOTSUPP);
    assert_eq!(put(&bench, "three", b"x").unwrap_err().errno, Errno::EOPNOTSUPP);
    assert_eq!(read(&bench, &one), text(1000));
    assert_eq!(read(&bench, &two), b"");
}

#[test]
fn a_copy_is_reads_and_writes_of_the_translator_that_does_not_know_it() {
    let bench = bench::<DECOMPOSE>();
    let (one, two) = (create(&bench, "one"), create(&bench, "two"));
    let content = text(300_000);
    write(&bench, &one, &content);
    let copied = copy(&bench, &one, 1000, &two, 0, 1 << 20).unwrap();
    assert_eq!((copied.count, copied.pre.size, copied.post.size), (299_000, 0, 299_000));
    assert_eq!(copied.source.size, 300_000);
    assert_eq!(read(&bench, &two), &content[1000..]);
    assert_eq!(copy(&bench, &one, 300_000, &two, 0, 10).unwrap().count, 0, "past the end there is nothing");
    assert_eq!(copy(&bench, &one, 0, &one, 10, 20).unwrap_err().errno, Errno::EINVAL, "they overlap");
    assert!(!bench.calls().contains(&"copy_file_range"));
}

#[test]
fn a_long_copy_answers_short_and_its_caller_goes_on() {
    let bench = bench::<DECOMPOSE>();
    let (one, two) = (create(&bench, "one"), create(&bench, "two"));
    let content = text((16 << 20) + 5);
    write(&bench, &one, &content);
    let copied = copy(&bench, &one, 0, &two, 0, content.len()).unwrap().count;
    assert_eq!(copied, 16 << 20);
    assert_eq!(copy(&bench, &one, copied, &two, copied, 100).unwrap().count, 5);
    assert_eq!(read(&bench, &two), content);
}

#[test]
fn zeros_are_written_and_holes_are_zeros_within_the_file() {
    let bench = bench::<DECOMPOSE>();
    let one = create(&bench, "one");
    let mut content = text(200_000);
    write(&bench, &one, &content);
    assert_eq!(zerofill(&bench, &one, 10, 150_000).unwrap().post.size, 200_000);
    content[10..150_010].fill(0);
    let discard = Discard { fd: one.clone(), offset: 199_000, len: 5000, xdata: Dict::new() };
    bench.call::<kind::discard>(discard).unwrap();
    content[199_000..].fill(0);
    assert_eq!(read(&bench, &one), content);
    assert_eq!(zerofill(&bench, &one, 200_000, 7).unwrap().post.size, 200_007);
    assert_eq!(zerofill(&bench, &one, 0, 1 << 40).unwrap_err().errno, Errno::EOPNOTSUPP);
}

#[test]
fn a_put_is_a_create_a_write_and_its_attributes_or_nothing() {
    let bench = bench::<DECOMPOSE>();
    let made = put(&bench, "new", &text(1000)).unwrap();
    assert_eq!((made.iatt.size, made.iatt.mode & 0o7777), (1000, 0o640));
    let fd = Fd::new(Inode::new(made.iatt.gfid, FileType::Regular), 0, 0);
    assert_eq!(read(&bench, &fd), text(1000));
    let name = "user.made-by".into();
    let xattrs = bench.call::<kind::fgetxattr>(Fgetxattr { fd, name, xdata: Dict::new() }).unwrap().xattrs;
    assert_eq!(xattrs.str("user.made-by"), Some("put"));
    assert_eq!(put(&bench, "new", b"again").unwrap_err().errno, Errno::EEXIST);

    bench.on::<kind::fsetxattr>(|_| Err(Errno::ENOSPC.into()));
    assert_eq!(put(&bench, "half", b"y").unwrap_err().errno, Errno::ENOSPC);
    let gone = bench.call::<kind::lookup>(Lookup { loc: loc("half"), xdata: Dict::new() });
    assert_eq!(gone.unwrap_err().errno, Errno::ENOENT);
}

#[test]
fn names_with_attributes_are_names_and_lookups() {
    let bench = bench::<DECOMPOSE>();
    write(&bench, &create(&bench, "one"), b"12345");
    let fd = Fd::new(Inode::new(Gfid::ROOT, FileType::Directory), 0, 0);
    let readdirp = Readdirp { fd, size: 4096, offset: 0, xdata: Dict::new() };
    let entries = bench.call::<kind::readdirp>(readdirp).unwrap().entries;
    let seen: Vec<_> = entries.iter().map(|entry| (entry.name.to_vec(), entry.iatt.size)).collect();
    assert_eq!(seen, [(b".".to_vec(), 0), (b"..".to_vec(), 0), (b"one".to_vec(), 5)]);
    let calls = bench.calls();
    assert!(calls.ends_with(&["readdir", "lookup"]), "{calls:?}");
}

#[test]
fn data_is_sought_in_a_file_without_holes() {
    let bench = bench::<DECOMPOSE>();
    let one = create(&bench, "one");
    write(&bench, &one, b"12345");
    let seek = |offset, what| {
        let seek = Seek { fd: one.clone(), offset, what, xdata: Dict::new() };
        bench.call::<kind::seek>(seek).map(|sought| sought.offset).map_err(|error| error.errno)
    };
    assert_eq!((seek(2, 0), seek(2, 1), seek(5, 0)), (Ok(2), Ok(5), Err(Errno::ENXIO)));
}

#[test]
fn what_has_no_recipe_is_refused_and_what_is_known_goes_by() {
    let bench = bench::<DECOMPOSE>();
    let one = create(&bench, "one");
    let fallocate = Fallocate { fd: one.clone(), mode: 0, offset: 0, len: 10, xdata: Dict::new() };
    assert_eq!(bench.call::<kind::fallocate>(fallocate).unwrap_err().errno, Errno::EOPNOTSUPP);
    let fstat = bench.call::<kind::fstat>(Fstat { fd: one, xdata: Dict::new() });
    assert_eq!(fstat.unwrap().iatt.size, 0);
    assert_eq!(bench.calls().last(), Some(&"fstat"));
}
