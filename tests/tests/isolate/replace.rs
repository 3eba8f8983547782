//! A translator that runs apart is replaced while it serves: by another build, or by itself in the host's own process.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use plugin_api::Identity;
use tests::builds::{drop_in, install};
use tests::wait::wait_until;
use tokio::task::JoinHandle;

use crate::volume::{Volume, lives, services, stat};

const APART: &str = " option isolate yes\n";
const HERE: &str = "";

/// Which build answers.
fn mark(volume: &Volume) -> String {
    volume.stat().expect("nobody notices").xdata.str("mark").expect("it is marked").to_owned()
}

/// Calls that go on beside what a test does.
struct Load {
    stop: Arc<AtomicBool>,
    answered: Arc<AtomicU64>,
    tasks: Vec<JoinHandle<()>>,
}

impl Load {
    fn start(volume: &Volume) -> Self {
        let (stop, answered) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicU64::new(0)));
        let task = || {
            let (stop, answered, place) = (stop.clone(), answered.clone(), volume.top());
            services().runtime().spawn(async move {
                while !stop.load(Ordering::Relaxed) {
                    let frame = place.frame(Identity::default());
                    frame.child().stat(stat()).await.expect("nobody notices");
                    answered.fetch_add(1, Ordering::Relaxed);
                    tokio::task::yield_now().await;
                }
            })
        };
        let tasks = (0..4).map(|_| task()).collect();
        Self { stop, answered, tasks }
    }

    fn goes_on(&self) {
        let before = self.answered.load(Ordering::Relaxed);
        wait_until("the load going on", || self.answered.load(Ordering::Relaxed) > before + 8);
    }

    /// Ends it; fails where a call of it did.
    fn end(self) {
        self.stop.store(true, Ordering::Relaxed);
        self.tasks.into_iter().for_each(|task| services().runtime().block_on(task).unwrap());
    }
}

#[test]
fn new_builds_take_over_under_load_and_the_process_of_the_old_one_goes() {
    let volume = Volume::start("bench/marked", APART);
    let load = Load::start(&volume);
    assert_eq!(mark(&volume), "00000");
    for round in 1..=10 {
        load.goes_on();
        let before = volume.pid();
        install(volume.folder.path(), round);
        let changed = volume.take(APART).expect("it is taken");
        assert_eq!(changed.replaced.len(), 1, "{changed:?}");
        assert_eq!(mark(&volume), format!("{round:05}"));
        assert_ne!(volume.pid(), before);
        wait_until("the old process is gone", || !lives(before));
    }
    assert!(volume.take(APART).expect("it is taken").is_nothing());
    load.end();
    assert_eq!(volume.faults(), 0, "{}", volume.report());
    volume.stop();
}

#[test]
fn a_build_that_does_not_open_is_refused_and_the_old_process_serves_on() {
    let volume = Volume::start("bench/marked", APART);
    let (load, pid) = (Load::start(&volume), volume.pid());
    drop_in(volume.folder.path(), b"I am a text");
    let why = volume.take(APART).expect_err("no library");
    assert!(why.contains("not a library that can be opened"), "{why}");
    install(volume.folder.path(), 3);
    let why = volume.take(&format!("{APART} option fail on\n")).expect_err("it fails");
    assert!(why.contains("not today"), "{why}");
    load.goes_on();
    assert_eq!((mark(&volume), volume.pid()), ("00000".to_owned(), pid));
    load.end();
    volume.stop();
}

#[test]
fn isolate_is_switched_on_and_off_under_load() {
    let volume = Volume::start("bench/marked", HERE);
    let load = Load::start(&volume);
    for _ in 0..5 {
        load.goes_on();
        assert_eq!(volume.dumped("isolate.pid"), None);
        let changed = volume.take(APART).expect("it is taken");
        assert_eq!((changed.replaced.len(), changed.later.len()), (1, 0), "{changed:?}");
        let pid = volume.pid();
        load.goes_on();
        assert_eq!(mark(&volume), "00000");
        let changed = volume.take(HERE).expect("it is taken");
        assert_eq!((changed.replaced.len(), changed.later.len()), (1, 0), "{changed:?}");
        wait_until("no process is left", || !lives(pid));
    }
    load.end();
    assert_eq!(volume.faults(), 0, "{}", volume.report());
    volume.stop();
}
