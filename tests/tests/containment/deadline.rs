//! A translator that never answers: the call is given up, its holder is named, and the rest is served.

use std::time::Duration;

use plugin_api::fop::{FopType, Ipc, Lk, Statfs, kind};
use plugin_api::{Dict, Errno, Fd, FileType, Gfid, Inode, Loc};
use tests::wait::wait_until;

use crate::rig::{Chain, stat};
use crate::volume::{Volume, wait};

fn statfs() -> Statfs {
    Statfs { loc: Loc { gfid: Gfid::ROOT, ..Loc::default() }, xdata: Dict::new() }
}

fn release(chain: &Chain) {
    let frame = chain.frame();
    let asked = Ipc { op: 0, xdata: Dict::new() };
    chain.run(async move { frame.child().ipc(asked).await.unwrap() });
}

#[test]
fn a_call_that_nobody_answers_times_out_and_names_its_holder_while_others_are_served() {
    const HELD: usize = 8;
    let chain = Chain::new(&["bench/leaf", "bad/never-answers", "performance/io-threads"]);
    let load = chain.load(4);
    let overdue_before = host::services::overdue();
    let calls: Vec<_> = (0..HELD)
        .map(|_| {
            let frame = chain.frame();
            chain.spawn(async move {
                let held = frame.child().statfs(statfs()).await.map(drop);
                // The frame itself is as good as before.
                let after = frame.child().stat(stat()).await.map(drop);
                (held, after)
            })
        })
        .collect();
    for call in calls {
        let (held, after) = chain.run(async move { call.await.unwrap() });
        assert_eq!(held.unwrap_err().errno, Errno::ETIMEDOUT);
        assert_eq!(after, Ok(()));
    }
    let faults = chain.faults();
    assert_eq!(faults.len(), HELD, "{faults:?}");
    for fault in &faults {
        assert_eq!((fault.xlator.as_str(), fault.fop), ("never-answers", kind::statfs::CODE), "{fault:?}");
        assert!(fault.what.starts_with("has not answered call "), "{fault:?}");
    }
    let answered = load.answered();
    wait_until("the load going on", || load.answered() > answered);
    load.end();

    // What was given up is driven to its end all the same; its answer goes nowhere.
    release(&chain);
    wait_until("the end of what was given up", || {
        let (overdue, ended) = host::services::overdue();
        overdue >= overdue_before.0 + HELD as u64 && ended == overdue
    });
}

#[test]
fn a_statedump_says_how_many_calls_are_held_and_by_whom_until_they_end() {
    let volume = Volume::with("bad/never-answers", "");
    let calls: Vec<_> = (0..3).map(|_| volume.spawn::<kind::statfs>(statfs())).collect();
    for call in calls {
        assert_eq!(wait(call).unwrap_err().errno, Errno::ETIMEDOUT);
    }
    let (dump, _) = volume.reports();
    let (above, bad) = dump.split_once("[xlator.bad.never-answers.bad]").expect("its section");
    assert!(bad.contains("\nheld=3\nheld.oldest=statfs, call "), "{dump}");
    assert!(!above.contains("\nheld="), "{dump}");
    let count = |dump: &str, key: &str| -> u64 {
        dump.lines().find_map(|line| line.strip_prefix(key)).expect("a count").parse().expect("a number")
    };
    let (overdue, ended) = ("calls.overdue=", "calls.overdue-ended=");
    assert!(count(&dump, overdue) >= count(&dump, ended) + 3, "{dump}");
    volume.call::<kind::ipc>(Ipc { op: 0, xdata: Dict::new() }).expect("it lets go");
    wait_until("the end of what was held", || {
        let dump = volume.reports().0;
        !dump.contains("\nheld=") && count(&dump, ended) >= 3
    });
}

#[test]
fn a_frame_that_was_left_to_a_call_is_replaced_before_its_identity_changes() {
    let chain = Chain::new(&["bench/leaf", "bad/never-answers"]);
    let mut frame = chain.frame();
    let (before, after) = chain.run(async move {
        let before = frame.unique();
        assert_eq!(frame.child().statfs(statfs()).await.unwrap_err().errno, Errno::ETIMEDOUT);
        frame.identity_mut().uid = 7;
        assert_eq!(frame.child().stat(stat()).await.map(drop), Ok(()));
        (before, frame.unique())
    });
    assert_ne!(before, after, "the held call still reads who asked");
    release(&chain);
}

#[test]
fn who_waits_for_a_lock_waits_as_long_as_it_takes() {
    let chain = Chain::new(&["bench/leaf", "bad/never-answers"]);
    let frame = chain.frame();
    let fd = Fd::new(Inode::new(Gfid([7; 16]), FileType::Regular), 0, 1);
    let args =
        Lk { fd, cmd: plugin_api::fop::LockCmd::SetWait, flock: Default::default(), xdata: Dict::new() };
    let call = chain.spawn(async move { frame.child().lk(args).await.map(drop) });
    // A call with a deadline that began after it is given up before.
    let other = chain.frame();
    let held = chain.run(async move { other.child().statfs(statfs()).await.map(drop) });
    assert_eq!(held.unwrap_err().errno, Errno::ETIMEDOUT);
    std::thread::sleep(Duration::from_secs(2));
    assert!(!call.is_finished());
    release(&chain);
    let answer = chain.run(async move { call.await.unwrap() });
    assert_eq!(answer.unwrap_err().errno, Errno::EOPNOTSUPP, "the leaf knows no locks");
}
