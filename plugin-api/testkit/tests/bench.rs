//! What a bench promises to the tests that use it.
#![forbid(unsafe_code)]

use plugin_api::prelude::*;
use plugin_testkit::{Fake, Testkit, block_on, fail_each_call};

/// Passes on, twice where it is asked to; dies where it is asked to.
#[derive(Debug, Default)]
struct Echo {
    twice: bool,
    brick: String,
}

#[xlator("debug/echo", unknown_fops = "pass")]
impl Xlator for Echo {
    fn options() -> Options {
        Options::new().bool("twice", "ask two times").default_value("off").text("say", "anything")
    }

    fn init(&mut self, cx: &InitCx<'_>) -> Result<(), InitError> {
        self.twice = cx.bool("twice")?;
        self.brick = cx.setting("brick-name");
        if cx.find("say") == Some("no") { Err(InitError("not today".to_owned())) } else { Ok(()) }
    }

    fn dump(&self, out: &mut String) {
        out.push_str(&self.brick);
    }

    async fn stat(&self, frame: &Frame, args: Stat) -> FopResult<Attr> {
        if self.twice {
            frame.child().stat(args.clone()).await?;
        }
        frame.child().stat(args).await
    }

    async fn statfs(&self, _frame: &Frame, _args: Statfs) -> FopResult<SpaceReply> {
        panic!("no space at all")
    }

    async fn fsync(&self, _frame: &Frame, _args: Fsync) -> FopResult<PrePost> {
        rt::sleep(std::time::Duration::from_millis(1)).await;
        Ok(PrePost::default())
    }
}

fn stat() -> Stat {
    Stat { loc: Loc::default(), xdata: Dict::new() }
}

fn statfs() -> Statfs {
    Statfs { loc: Loc::default(), xdata: Dict::new() }
}

fn errno<T>(reply: FopResult<T>) -> Option<Errno> {
    reply.err().map(|error| error.errno)
}

#[test]
fn a_fake_refuses_what_it_was_not_told_and_another_answers_everything() {
    let bench = Testkit::<Echo>::new().start();
    assert_eq!(errno(bench.call::<kind::stat>(stat())), Some(Errno::ENOSYS));
    bench.on::<kind::stat>(|_| Ok(Attr { iatt: Iatt { size: 7, ..Iatt::default() }, ..Attr::default() }));
    assert_eq!(bench.call::<kind::stat>(stat()).unwrap().iatt.size, 7);
    assert_eq!(bench.calls(), ["stat", "stat"]);

    let bench = Testkit::<Echo>::new().child(Fake::answering()).start();
    let fd = Fd::new(Inode::new(Gfid([2; 16]), FileType::Regular), 0, 1);
    let open = Open { loc: Loc::default(), flags: 0, fd: fd.clone(), xdata: Dict::new() };
    assert_eq!(bench.call::<kind::open>(open).unwrap().fd.inode().gfid(), Gfid([2; 16]));
}

#[test]
fn a_recorder_keeps_who_asked_for_what() {
    let bench = Testkit::<Echo>::new().child(Fake::recorder()).start();
    let frame = bench.frame(Identity { uid: 7, ..Identity::default() }, None);
    let xdata = Dict::new().with("key", 1);
    block_on(frame.child().stat(Stat { loc: Loc::default(), xdata })).unwrap();
    assert_eq!(bench.fake().args::<kind::stat>()[0].xdata.int("key"), Some(1));
    assert_eq!(bench.fake().identities()[0].uid, 7);
    bench.fake().forget();
    assert!(bench.calls().is_empty());
}

#[test]
fn every_call_to_a_child_fails_once() {
    let met = fail_each_call(Errno::EIO, Fake::answering, |fake| {
        let bench = Testkit::<Echo>::new().option("twice", "on").child(fake.clone()).start();
        let failed = errno(bench.call::<kind::stat>(stat()));
        assert_eq!(failed, (!fake.is_failing()).then_some(Errno::EIO));
    });
    assert_eq!(met, 2);
}

#[test]
fn translators_stand_over_translators() {
    let leaf = Fake::answering();
    let below = Testkit::<Echo>::new().option("twice", "on").child(leaf.clone());
    let bench = Testkit::<Echo>::new().option("twice", "on").child(below).start();
    bench.call::<kind::stat>(stat()).unwrap();
    assert_eq!(leaf.calls().len(), 4);
    assert_eq!(bench.handle().child_name(0), Some("test-0"));
    assert_eq!(bench.risen(EventKind::CHILD_UP).len(), 1, "the leaf heard that the graph is there");
}

#[test]
fn options_are_held_against_the_declaration() {
    let refused = |kit: Testkit<Echo>| kit.try_start().unwrap_err().to_string();
    let kit = Testkit::<Echo>::new;
    assert_eq!(refused(kit().option("twise", "on")), "test: option `twise` is not declared");
    assert_eq!(refused(kit().option("twice", "2.5")), "test: option `twice` is `2.5`, expected on or off");
    assert_eq!(refused(kit().named("e").option("say", "no")), "e: not today");
    let bench = kit().setting("brick-name", "/b").start();
    assert_eq!(bench.dump(), "/b");
    bench.try_reconfigure(&[("twice", "maybe")]).unwrap_err();
}

#[test]
fn a_panic_is_an_error_for_the_caller_and_a_fault_for_the_test() {
    let bench = Testkit::<Echo>::new().fault_limit(2).start();
    assert_eq!(errno(bench.call::<kind::statfs>(statfs())), Some(Errno::EIO));
    assert_eq!(errno(bench.call::<kind::statfs>(statfs())), Some(Errno::EIO));
    assert_eq!(errno(bench.call::<kind::statfs>(statfs())), Some(Errno::ENOTCONN), "it was marked down");
    assert_eq!(bench.take_faults(), ["test in statfs: no space at all"; 2]);
}

#[test]
#[should_panic(expected = "translators panicked: test in statfs: no space at all")]
fn a_panic_that_nobody_took_fails_the_test() {
    let bench = Testkit::<Echo>::new().start();
    let _ = bench.call::<kind::statfs>(statfs());
}

#[test]
fn sleeping_takes_no_runtime() {
    let bench = Testkit::<Echo>::new().alone().start();
    let fd = Fd::new(Inode::new(Gfid([2; 16]), FileType::Regular), 0, 1);
    bench.call::<kind::fsync>(Fsync { fd, data_only: false, xdata: Dict::new() }).unwrap();
}

#[test]
fn memory_keeps_names_content_and_attributes() {
    let bench = Testkit::<Echo>::new().child(Fake::memory()).start();
    let root = || Inode::new(Gfid::ROOT, FileType::Directory);
    let at = |name: &'static str| Loc::entry(root(), IoBuf::from(name));
    let none = Dict::new;
    bench.call::<kind::mkdir>(Mkdir { loc: at("d"), mode: 0o777, umask: 0o022, xdata: none() }).unwrap();
    let fd = Fd::new(Inode::new(Gfid::NULL, FileType::Regular), libc::O_RDWR, 1);
    let create = Create { loc: at("f"), flags: 0, mode: 0o644, umask: 0, fd, xdata: none() };
    let made = bench.call::<kind::create>(create.clone()).unwrap();
    assert_eq!(errno(bench.call::<kind::create>(create)), Some(Errno::EEXIST));

    let write = |offset, text: &'static str| {
        let data = IoBuf::from(text).into();
        bench
            .call::<kind::writev>(Writev { fd: made.fd.clone(), data, offset, flags: 0, xdata: none() })
            .unwrap()
    };
    assert_eq!((write(2, "cd").post.size, write(0, "ab").post.size), (4, 4));
    let read = Readv { fd: made.fd.clone(), size: 100, offset: 1, flags: 0, xdata: none() };
    let read = bench.call::<kind::readv>(read).unwrap();
    assert_eq!((&read.data.to_iobuf()[..], read.at_end), (&b"bcd"[..], true));

    let found = bench.call::<kind::lookup>(Lookup { loc: at("f"), xdata: none() }).unwrap();
    assert_eq!((found.iatt.gfid, found.iatt.size), (made.iatt.gfid, 4));
    let folder = Fd::new(root(), 0, 1);
    let entries = Readdirp { fd: folder, size: 4096, offset: 0, xdata: none() };
    let entries = bench.call::<kind::readdirp>(entries).unwrap().entries;
    let names: Vec<_> = entries.iter().map(|entry| (&entry.name[..], entry.iatt.mode)).collect();
    assert_eq!(names[..2], [(&b"."[..], 0o040_755), (b"..", 0o040_755)]);
    assert_eq!(names[2..], [(&b"d"[..], 0o040_755), (b"f", 0o100_644)]);

    let xattrs = none().with("user.x", "1");
    let of_file = || Loc::of(Inode::new(made.iatt.gfid, FileType::Regular));
    bench.call::<kind::setxattr>(Setxattr { loc: of_file(), xattrs, flags: 0, xdata: none() }).unwrap();
    let get = |name: &'static str| {
        let args = Getxattr { loc: of_file(), name: IoBuf::from(name), xdata: none() };
        bench.call::<kind::getxattr>(args).map(|reply| reply.xattrs.len())
    };
    assert_eq!((get("user.x"), errno(get("user.y"))), (Ok(1), Some(Errno::ENODATA)));

    bench.call::<kind::rename>(Rename { old: at("f"), new: at("g"), xdata: none() }).unwrap();
    assert_eq!(
        errno(bench.call::<kind::lookup>(Lookup { loc: at("f"), xdata: none() })),
        Some(Errno::ENOENT)
    );
    let rmdir = |name| bench.call::<kind::rmdir>(Rmdir { loc: at(name), flags: 0, xdata: none() });
    assert_eq!((errno(rmdir("g")), errno(rmdir("d"))), (Some(Errno::ENOTDIR), None));
}
