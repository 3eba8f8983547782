//! Where fops run, in a graph.
#![allow(clippy::unwrap_used, reason = "helpers of tests")]

use std::sync::{Arc, Mutex};
use std::thread::{self, ThreadId};

use performance_io_threads::IoThreads;
use plugin_api::prelude::*;
use plugin_testkit::{Bench, Testkit, block_on};

fn file() -> Fd {
    Fd::new(Inode::new(Gfid([2; 16]), FileType::Regular), libc::O_RDWR, 1)
}

fn bench(options: &[(&str, &str)]) -> (Bench, Arc<Mutex<Vec<ThreadId>>>) {
    watched(Testkit::new().options(options))
}

fn watched(kit: Testkit<IoThreads>) -> (Bench, Arc<Mutex<Vec<ThreadId>>>) {
    let bench = kit.start();
    let threads = Arc::new(Mutex::new(Vec::new()));
    let (syncs, writes) = (Arc::clone(&threads), Arc::clone(&threads));
    bench.on::<kind::fsync>(move |_| {
        syncs.lock().unwrap().push(thread::current().id());
        Ok(PrePost::default())
    });
    bench.on::<kind::writev>(move |args| {
        writes.lock().unwrap().push(thread::current().id());
        Ok(Written { count: args.len(), ..Written::default() })
    });
    (bench, threads)
}

fn sync(bench: &Bench) {
    let frame = bench.frame(Identity { uid: 7, ..Identity::default() }, None);
    let args = Fsync { fd: file(), data_only: false, xdata: Dict::new() };
    block_on(frame.child().fsync(args)).unwrap();
}

fn write(bench: &Bench, bytes: usize) {
    let data = IoBuf::from(vec![0; bytes]).into();
    let frame = bench.frame(Identity::default(), None);
    let args = Writev { fd: file(), data, offset: 0, flags: 0, xdata: Dict::new() };
    assert_eq!(block_on(frame.child().writev(args)).unwrap().count, bytes as u64);
}

#[test]
fn what_waits_for_the_disk_runs_on_a_worker_and_a_small_write_does_not() {
    let (bench, threads) = bench(&[]);
    sync(&bench);
    write(&bench, 128 * 1024);
    write(&bench, 1024 * 1024);
    let here = thread::current().id();
    let threads: Vec<_> = threads.lock().unwrap().iter().map(|id| *id == here).collect();
    assert_eq!(threads, [false, true, false]);
}

#[test]
fn passing_through_runs_everything_where_it_arrives() {
    let (bench, threads) = bench(&[("pass-through", "on")]);
    sync(&bench);
    assert_eq!(*threads.lock().unwrap(), [thread::current().id()]);
}

#[test]
fn a_client_of_a_volfile_server_has_no_use_for_workers_and_one_with_a_disk_below_has() {
    let client = || Testkit::new().setting("mode", "client");
    for (kit, passes) in [(client().setting("volfile-server", "h"), true), (client(), false)] {
        let (bench, threads) = watched(kit);
        sync(&bench);
        assert_eq!(threads.lock().unwrap()[0] == thread::current().id(), passes);
    }
}

#[test]
fn an_error_comes_back_from_the_worker() {
    let (bench, _) = bench(&[]);
    let frame = bench.frame(Identity::default(), None);
    let args = Fallocate { fd: file(), mode: 0, offset: 0, len: 1, xdata: Dict::new() };
    assert_eq!(block_on(frame.child().fallocate(args)).unwrap_err().errno, Errno::ENOSYS);
}

#[test]
fn more_fops_than_threads_all_end() {
    let (bench, threads) = bench(&[("thread-count", "2")]);
    thread::scope(|scope| {
        for _ in 0..16 {
            scope.spawn(|| sync(&bench));
        }
    });
    assert_eq!(threads.lock().unwrap().len(), 16);
}
