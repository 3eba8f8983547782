//! What opening plugins costs: 60 libraries of their own, as a daemon with everything on has. `cargo bench -p tests --bench
//! load`; the measure is 50 ms for all.

#![forbid(unsafe_code)]

use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use host::loader::Loader;
use tests::built::{file, place};

/// How many plugins.
const PLUGINS: usize = 60;
/// How long opening all of them may take.
const LIMIT: Duration = Duration::from_millis(50);

fn name(at: usize) -> String {
    format!("bench/p{at:02}")
}

/// A folder of plugins that are copies of one: to the dynamic linker and to the loader each is a library of its own.
fn folder(dir: &Path) {
    for at in 0..PLUGINS {
        fs::copy(file("libhop_pass.so"), place(dir, &name(at))).expect("the temporary folder takes files");
    }
}

fn main() {
    let dir = tempfile::tempdir().expect("a temporary folder");
    folder(dir.path());
    let loader = Loader::new(vec![dir.path().to_path_buf()]);
    loader.attach(plugin_testkit::attach());
    let start = Instant::now();
    let mut slowest = Duration::ZERO;
    for at in 0..PLUGINS {
        let one = Instant::now();
        let root = loader.file(&place(dir.path(), &name(at))).unwrap_or_else(|error| panic!("{error}"));
        let declared = root.xlator().into_option().map(|module| module.declare());
        assert!(declared.is_some_and(|declared| declared.type_name == "bench/pass"));
        slowest = slowest.max(one.elapsed());
    }
    let all = start.elapsed();
    println!("load of {PLUGINS} plugins: {all:.1?}, the slowest {slowest:.1?} (at most {LIMIT:?} for all)");
    assert!(all <= LIMIT || cfg!(debug_assertions), "loading took {all:?}");
}
