//! What a process of its own costs: nanoseconds and wake-ups of a fop that an isolated translator answers by itself, and of
//! one that it passes on, beside the same translators in the host's process.
//!
//! `cargo bench -p tests --bench isolate`. Wake-ups are the voluntary context switches of all threads of both processes:
//! each is a thread that slept and was woken.

use std::fs;
use std::mem::ManuallyDrop;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Instant;

use host::cmdline::Request;
use host::loader::Loader;
use plugin_api::abi::graph::{Graph, Part};
use plugin_api::abi::root::XlatorModuleRef;
use plugin_api::fop::{Flush, Stat};
use plugin_api::options::OptionValues;
use plugin_api::{Dict, Fd, FileType, Gfid, Identity, Inode, Loc};
use tests::quiet::Quiet;

const FOPS: u32 = 20_000;
const ROUNDS: usize = 5;

/// A translator above a leaf, below a top that implements nothing.
fn graph(loader: &Loader, below: XlatorModuleRef, above: XlatorModuleRef) -> Arc<Graph> {
    let skip = loader.xlator("bench/skip").expect("built");
    let parts = vec![
        Part { name: "below".into(), module: below, children: vec![] },
        Part { name: "above".into(), module: above, children: vec![0] },
        Part { name: "top".into(), module: skip, children: vec![1] },
    ];
    let graph = Graph::link(parts, Box::new(Quiet), 0).expect("linked");
    for index in (0..3).rev() {
        graph.init(index, &OptionValues::default()).unwrap_or_else(|error| panic!("{error}"));
    }
    graph
}

/// The voluntary context switches of all threads of a process.
fn switches(pid: &str) -> u64 {
    let tasks = fs::read_dir(format!("/proc/{pid}/task")).into_iter().flatten().flatten();
    let of = |task: PathBuf| {
        let status = fs::read_to_string(task.join("status")).unwrap_or_default();
        let line = status.lines().find_map(|line| line.strip_prefix("voluntary_ctxt_switches:"));
        line.and_then(|number| number.trim().parse::<u64>().ok()).unwrap_or_default()
    };
    tasks.map(|task| of(task.path())).sum()
}

fn pids(graph: &Graph) -> Vec<String> {
    let dumps = (0..graph.len()).map(|index| graph.dump(index)).collect::<String>();
    dumps.lines().filter_map(|line| line.strip_prefix("isolate.pid=")).map(str::to_owned).collect()
}

/// Nanoseconds and wake-ups of a fop, of `at_once` that run beside each other.
fn measure(services: &host::services::Services, graph: &Arc<Graph>, stat: bool, at_once: u32) -> (f64, f64) {
    let mut pids = pids(graph);
    pids.push("self".to_owned());
    let all = || pids.iter().map(|pid| switches(pid)).sum::<u64>();
    let mut best = (f64::INFINITY, f64::INFINITY);
    for _ in 0..ROUNDS {
        let (before, start) = (all(), Instant::now());
        let runs: Vec<_> = (0..at_once)
            .map(|_| {
                let handle = graph.handle(2);
                services.runtime().spawn(async move {
                    let inode = Inode::new(Gfid([7; 16]), FileType::Regular);
                    let fd = Fd::new(inode.clone(), 0, 1);
                    for _ in 0..FOPS / at_once {
                        let frame = handle.frame(Identity::default());
                        if stat {
                            let stat = Stat { loc: Loc::of(inode.clone()), xdata: Dict::new() };
                            frame.child().stat(stat).await.expect("answered");
                        } else {
                            let flush = Flush { fd: fd.clone(), xdata: Dict::new() };
                            frame.child().flush(flush).await.expect("answered");
                        }
                    }
                })
            })
            .collect();
        services.runtime().block_on(async {
            for run in runs {
                run.await.expect("no panic");
            }
        });
        let per_fop = |n: f64| n / f64::from(FOPS);
        let took = per_fop(start.elapsed().as_secs_f64() * 1e9);
        #[allow(clippy::cast_precision_loss, reason = "far below 2^52")]
        let woken = per_fop((all() - before) as f64);
        best = (best.0.min(took), best.1.min(woken));
    }
    best
}

fn main() {
    let built = std::env::current_exe().expect("runs from a file");
    let built = built.parent().and_then(Path::parent).expect("target/<profile>/deps").to_owned();
    let folder = tempfile::tempdir().expect("a folder");
    for name in ["pass", "skip", "leaf"] {
        fs::copy(built.join(format!("libhop_{name}.so")), folder.path().join(format!("libbench_{name}.so")))
            .unwrap_or_else(|e| panic!("libhop_{name}.so: {e}; build the workspace first"));
    }
    let loader = Arc::new(Loader::new(vec![folder.path().to_owned()]).with_worker(built.join("mortar")));
    let Ok(Request::Serve(settings)) = host::cmdline::parse(["glusterd".into()]) else {
        panic!("a bare command line serves");
    };
    let services = ManuallyDrop::new(host::services::start(&settings, loader.clone()).expect("services"));
    let here = |name: &str| loader.xlator(name).expect("built");
    let apart = |name: &str| loader.isolated(name).expect("built").module;
    let cases = [
        ("answers, in the host", graph(&loader, here("bench/leaf"), here("bench/pass")), 0),
        ("answers, isolated", graph(&loader, apart("bench/leaf"), here("bench/pass")), 1),
        ("passes on, isolated", graph(&loader, here("bench/leaf"), apart("bench/pass")), 2),
    ];
    println!(
        "{:<26}{:<8}{:>10}{:>14}{:>14}",
        "a translator that …", "at once", "ns a fop", "wake-ups", "a round trip"
    );
    for (case, graph, trips) in &cases {
        for at_once in [1, 16] {
            for stat in [false, true] {
                let (took, woken) = measure(&services, graph, stat, at_once);
                let trip =
                    if *trips == 0 { "-".to_owned() } else { format!("{:.2}", woken / f64::from(*trips)) };
                let fop = if stat { "stat" } else { "flush" };
                println!("{case:<26}{at_once:<8}{took:>10.0}{woken:>14.2}{trip:>14}  {fop}");
            }
        }
    }
    for (_, graph, _) in &cases {
        graph.fini();
    }
}
