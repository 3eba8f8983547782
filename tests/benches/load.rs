//! What opening plugins costs: 60 libraries of their own, as a daemon with everything on has. `cargo bench -p tests --bench
//! load`; the measure is 50 ms for all, in the quietest of a few processes, since a library is opened once in each.

#![forbid(unsafe_code)]

use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use host::loader::Loader;
use tests::built::{file, place};

/// How many plugins.
const PLUGINS: usize = 60;
/// How many processes open all of them.
const ROUNDS: usize = 7;
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

/// Opens all below `dir`, and says how long that took.
fn load(dir: &Path) -> Duration {
    let loader = Loader::new(vec![dir.to_path_buf()]);
    loader.attach(plugin_testkit::attach());
    let start = Instant::now();
    for at in 0..PLUGINS {
        let root = loader.file(&place(dir, &name(at))).unwrap_or_else(|error| panic!("{error}"));
        let declared = root.xlator().into_option().map(|module| module.declare());
        assert!(declared.is_some_and(|declared| declared.type_name == "bench/pass"));
    }
    start.elapsed()
}

fn main() {
    if let Some(dir) = std::env::var_os("LOAD_FROM") {
        println!("{}", load(dir.as_ref()).as_micros());
        return;
    }
    let dir = tempfile::tempdir().expect("a temporary folder");
    folder(dir.path());
    let own = std::env::current_exe().expect("/proc is mounted");
    let round = |_| {
        let done = Command::new(&own).env("LOAD_FROM", dir.path()).output().expect("it runs");
        let micros = String::from_utf8_lossy(&done.stdout).trim().parse().expect("it says how long");
        Duration::from_micros(micros)
    };
    let mut took: Vec<Duration> = (0..ROUNDS).map(round).collect();
    took.sort();
    println!(
        "load of {PLUGINS} plugins: {:.1?}, at worst {:.1?} (at most {LIMIT:?})",
        took[0],
        took[ROUNDS - 1]
    );
    assert!(took[0] <= LIMIT || cfg!(debug_assertions), "loading took {:?}", took[0]);
}
