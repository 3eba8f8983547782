//! What goes wrong below a translator when a test says so, and what is left of a bench at its end.
#![forbid(unsafe_code)]

use std::thread;
use std::time::Duration;

use plugin_api::prelude::*;
use plugin_testkit::{Bench, Fake, Fault, Testkit, block_on, poll};

/// Notes which thread an answer came on.
#[derive(Debug, Default)]
struct Watch;

#[xlator("debug/watch", unknown_fops = "pass")]
impl Xlator for Watch {
    async fn stat(&self, frame: &Frame, args: Stat) -> FopResult<Attr> {
        let before = thread::current().id();
        let mut answer = frame.child().stat(args).await?;
        answer.xdata.set("moved", i32::from(thread::current().id() != before));
        Ok(answer)
    }
}

fn bench() -> Bench {
    Testkit::<Watch>::new().child(Fake::answering()).start()
}

fn stat() -> Stat {
    Stat { loc: Loc::default(), xdata: Dict::new() }
}

fn errno<T>(reply: FopResult<T>) -> Option<Errno> {
    reply.err().map(|error| error.errno)
}

#[test]
fn each_fault_is_of_its_own_call() {
    let bench = bench();
    bench.fake().fault(1, Fault::Fail(Errno::EIO));
    bench.fake().fault(2, Fault::Lose(Errno::ENOTCONN));
    let answers: Vec<_> = (0..4).map(|_| errno(bench.call::<kind::stat>(stat()))).collect();
    assert_eq!(answers, [None, Some(Errno::EIO), Some(Errno::ENOTCONN), None]);
    assert!(!bench.fake().is_failing());
    bench.close();
}

#[test]
fn a_lost_answer_was_done_all_the_same() {
    let bench = Testkit::<Watch>::new().child(Fake::memory()).start();
    bench.fake().fault(0, Fault::Lose(Errno::ENOTCONN));
    let root = Inode::new(Gfid::ROOT, FileType::Directory);
    let mkdir =
        || Mkdir { loc: Loc::entry(root.clone(), "d".into()), mode: 0o755, umask: 0, xdata: Dict::new() };
    assert_eq!(errno(bench.call::<kind::mkdir>(mkdir())), Some(Errno::ENOTCONN));
    assert_eq!(errno(bench.call::<kind::mkdir>(mkdir())), Some(Errno::EEXIST));
}

#[test]
fn an_answer_may_come_late_and_from_another_thread() {
    let bench = bench();
    for fault in [Fault::Elsewhere, Fault::Delay(Duration::from_millis(20))] {
        bench.fake().fault(0, fault);
        let frame = bench.frame(Identity::default(), None);
        let mut call = frame.child().stat(stat());
        assert!(poll(&mut call).is_none(), "{fault:?}: it is not there at once");
        let moved = thread::scope(|scope| scope.spawn(|| block_on(call)).join().unwrap());
        assert_eq!(moved.unwrap().xdata.int("moved"), Some(1), "it went on where it was polled last");
    }
}

#[test]
fn a_call_that_is_held_is_counted_and_let_go() {
    let bench = bench();
    bench.fake().always(Some(Fault::Hold));
    let frames = [bench.frame(Identity::default(), None), bench.frame(Identity::default(), None)];
    let mut calls: Vec<_> = frames.iter().map(|frame| frame.child().stat(stat())).collect();
    assert!(calls.iter_mut().all(|call| poll(call).is_none()));
    assert_eq!(bench.fake().held(), 2);
    bench.fake().release();
    assert!(calls.iter_mut().all(|call| poll(call).is_some_and(|answer| answer.is_ok())));
    assert_eq!(bench.fake().held(), 0);
}

#[test]
fn an_answer_may_wait_for_fini() {
    let bench = bench();
    bench.fake().fault(0, Fault::AfterFini);
    let frame = bench.frame(Identity::default(), None);
    let mut call = frame.child().stat(stat());
    assert!(poll(&mut call).is_none());
    bench.fake().release();
    assert!(poll(&mut call).is_none(), "only fini lets it go");
    bench.stop();
    block_on(call).unwrap();
    drop(frame);
    bench.close();
}

#[test]
fn a_call_that_is_never_answered_is_told_from_one_that_is() {
    let bench = bench();
    bench.fake().fault(0, Fault::Hold);
    let soon = Duration::from_millis(30);
    assert!(bench.ask::<kind::stat>(stat(), soon).is_none());
    assert!(bench.ask::<kind::stat>(stat(), soon).is_some_and(|answer| answer.is_ok()));
}

#[test]
#[should_panic(expected = "counts by frames or handles of the graph stay")]
fn a_frame_that_stays_is_a_leak() {
    let bench = bench();
    std::mem::forget(bench.frame(Identity::default(), None));
    bench.close();
}

#[test]
#[should_panic(expected = "bytes of payload stay")]
fn a_payload_that_stays_is_a_leak() {
    let bench = bench();
    let kept = bench.buffer(b"some");
    let text = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| bench.close()));
    drop(kept);
    std::panic::resume_unwind(text.unwrap_err());
}
