//! Panic barriers: wherever a translator's code runs, it may panic, and its process lives on.
#![forbid(unsafe_code)]

use std::future::{pending, poll_fn};
use std::pin::pin;
use std::sync::Arc;
use std::task::Poll;

use abi_stable::std_types::RStr;
use plugin_api::prelude::*;
use plugin_api::rpc_program::ObserverImpl;
use plugin_testkit::{Bench, Fake, Testkit};

/// Goes off when it is dropped.
struct Bomb;

impl Drop for Bomb {
    fn drop(&mut self) {
        assert!(std::thread::panicking(), "a bomb was dropped");
    }
}

impl AsRef<[u8]> for Bomb {
    fn as_ref(&self) -> &[u8] {
        b"tick"
    }
}

fn goes_off(args: &Fstat) -> bool {
    assert!(args.fd.flags() != 7, "before it passes on");
    false
}

/// Panics in every way that a fop has.
#[derive(Debug, Default)]
struct Bombs {
    hasty: bool,
}

#[xlator("debug/bombs", unknown_fops = "pass")]
impl Xlator for Bombs {
    fn options() -> Options {
        Options::new().bool("hasty", "give a child's flush up after a poll").default_value("off")
    }

    fn init(&mut self, cx: &InitCx<'_>) -> Result<(), InitError> {
        self.hasty = cx.bool("hasty")?;
        Ok(())
    }

    fn stat(&self, _frame: &Frame, _args: Stat) -> FopResult<Attr> {
        panic!("without a future")
    }

    async fn fstat(&self, frame: &Frame, args: Fstat) -> FopResult<Attr> {
        if goes_off(&args) {
            return Err(Errno::EFBIG.into());
        }
        frame.child().fstat(args).await
    }

    async fn writev(&self, frame: &Frame, args: Writev) -> FopResult<Written> {
        if args.offset == 7 {
            return Err(Errno::EFBIG.into());
        }
        frame.child().writev(args).await
    }

    async fn statfs(&self, frame: &Frame, _args: Statfs) -> FopResult<SpaceReply> {
        assert!(frame.identity().uid != 0, "at the first poll");
        rt::yield_now().await;
        Ok(SpaceReply::default())
    }

    async fn fsync(&self, frame: &Frame, _args: Fsync) -> FopResult<PrePost> {
        rt::yield_now().await;
        assert!(frame.identity().uid != 0, "at a later poll");
        Ok(PrePost::default())
    }

    async fn flush(&self, frame: &Frame, args: Flush) -> FopResult<Done> {
        if self.hasty {
            let mut asked = pin!(frame.child().flush(args));
            poll_fn(|cx| Poll::Ready(asked.as_mut().poll(cx).is_pending())).await;
            return Ok(Done::default());
        }
        let _bomb = Bomb;
        pending::<()>().await;
        Ok(Done::default())
    }

    fn dump(&self, _out: &mut String) {
        panic!("in a dump")
    }
}

fn fd(flags: i32) -> Fd {
    Fd::new(Inode::new(Gfid([2; 16]), FileType::Regular), flags, 1)
}

fn bench() -> Bench {
    Testkit::<Bombs>::new().child(Fake::answering()).start()
}

#[track_caller]
fn is_a_fault<T>(bench: &Bench, answer: FopResult<T>, what: &str) {
    assert_eq!(answer.err().map(|error| error.errno), Some(Errno::EIO), "{what}");
    assert_eq!(bench.take_faults(), [what]);
}

#[test]
fn a_fop_that_panics_fails_with_eio_wherever_it_does() {
    let (bench, xdata) = (bench(), Dict::new());
    let stat = Stat { loc: Loc::default(), xdata: xdata.clone() };
    is_a_fault(&bench, bench.call::<kind::stat>(stat), "test in stat: without a future");
    let fstat = |flags| Fstat { fd: fd(flags), xdata: Dict::new() };
    is_a_fault(&bench, bench.call::<kind::fstat>(fstat(7)), "test in fstat: before it passes on");
    let statfs = Statfs { loc: Loc::default(), xdata: xdata.clone() };
    is_a_fault(&bench, bench.call::<kind::statfs>(statfs), "test in statfs: at the first poll");
    let fsync = Fsync { fd: fd(0), data_only: false, xdata };
    is_a_fault(&bench, bench.call::<kind::fsync>(fsync), "test in fsync: at a later poll");
    bench.call::<kind::fstat>(fstat(0)).expect("it serves");
}

#[test]
fn a_dump_that_panics_is_a_fault() {
    let bench = bench();
    assert_eq!(bench.dump(), "");
    assert_eq!(bench.take_faults(), ["test: it panicked: in a dump"]);
}

#[test]
fn a_fop_that_panics_as_it_is_given_up_is_a_fault_of_its_translator() {
    let below = Testkit::<Bombs>::new().child(Fake::answering());
    let bench = Testkit::<Bombs>::new().option("hasty", "on").child(below).start();
    bench.call::<kind::flush>(Flush { fd: fd(0), xdata: Dict::new() }).expect("the one above goes on");
    assert_eq!(bench.take_faults(), ["test-0: a bomb was dropped"]);
}

#[test]
fn what_a_plugin_hands_out_may_panic_as_it_goes() {
    let inode = Inode::new(Gfid([2; 16]), FileType::Regular);
    inode.object().ctx_or_insert_with(bench().handle().key(), || Bomb);
    drop(inode);
    let payload = IoBuf::from_owner(Bomb);
    assert_eq!(&payload[..], b"tick");
    drop(payload);
    let args =
        Writev { fd: fd(0), data: IoBuf::from_owner(Bomb).into(), offset: 7, flags: 0, xdata: Dict::new() };
    let answer = bench().call::<kind::writev>(args);
    assert_eq!(answer.err().map(|error| error.errno), Some(Errno::EFBIG));
}

/// Panics when it is told of something, and when it goes.
struct Observes(Bomb);

impl ObserverImpl for Observes {
    fn observed(&self, what: RStr<'_>, _data: &Dict) {
        panic!("{what} was too much for {:?}", self.0.as_ref())
    }
}

#[test]
fn who_is_called_back_may_panic_then_and_as_it_goes() {
    let observer = Arc::new(Observes(Bomb)).share();
    observer.observed("this".into(), &Dict::new());
    drop(observer);
}

#[test]
fn a_task_and_a_step_of_io_may_panic() {
    plugin_testkit::attach();
    rt::run_inline(async { panic!("in a task") });
    let (one, _other) = std::os::unix::net::UnixStream::pair().unwrap();
    one.set_nonblocking(true).unwrap();
    let watched = rt::Watched::new(one).unwrap();
    let step = |_: &_| -> std::io::Result<()> { panic!("in a step") };
    let stepped = plugin_testkit::block_on(watched.io(rt::Ready::Write, step));
    assert_eq!(stepped.unwrap_err().to_string(), "the I/O step panicked");
}
