//! What a hop costs: a chain of translators, each in a shared library of its own.
//!
//! `cargo bench -p tests --bench hop` prints nanoseconds (the quietest of many rounds) and, where valgrind is there,
//! instructions, for translators that pass a fop on, for those that would not if they were switched on, for those that look
//! at the answer, each with a leaf that answers at once and with one that suspends once, and for those that do not
//! implement it. The figure is the slope between a chain of 20 and a chain of none.

use std::future::Future;
use std::path::{Path, PathBuf};
use std::pin::pin;
use std::process::Command;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::time::Instant;

use host::loader::Loader;
use plugin_api::abi::graph::{Graph, Part};
use plugin_api::abi::host::PluginKind;
use plugin_api::fop::{Flush, Lookup, Readv, Stat, Writev};
use plugin_api::options::OptionValues;
use plugin_api::{Dict, Fd, FileType, Gfid, Identity, Inode, IoBuf, Loc, OwnedFrame};
use tests::quiet::Quiet;

const CHAIN: usize = 20;
const FOPS: u32 = 20_000;
const ROUNDS: usize = 30;

/// A chain of `length` copies of `link` above a leaf, under a top that only holds the first link.
struct Chain {
    graph: Arc<Graph>,
    top: usize,
}

impl Drop for Chain {
    fn drop(&mut self) {
        self.graph.fini();
    }
}

/// Folders of plugins, one for each place in a chain: a translator's library lies under its own name.
fn copies(built: &Path, folder: &Path) -> Vec<PathBuf> {
    let places = (0..CHAIN).map(|n| folder.join(n.to_string()));
    places
        .inspect(|place| {
            let to = place.join("xlator/bench");
            std::fs::create_dir_all(&to).expect("a folder");
            for name in ["pass", "off", "look", "skip", "leaf"] {
                let from = built.join(format!("libhop_{name}.so"));
                std::fs::copy(&from, to.join(format!("{name}.so")))
                    .unwrap_or_else(|e| panic!("{}: {e}; build the workspace first", from.display()));
            }
        })
        .collect()
}

fn chain(loaders: &[Arc<Loader>], link: &str, length: usize, suspend: bool) -> Chain {
    let module = |place: usize, name: &str| {
        let root = loaders[place].plugin(PluginKind::XLATOR, name).unwrap_or_else(|e| panic!("{e}"));
        root.xlator().into_option().expect("a translator")
    };
    let mut parts = vec![Part { name: "leaf".into(), module: module(0, "bench/leaf"), children: vec![] }];
    for n in 0..length {
        let module = module(n, &format!("bench/{link}"));
        parts.push(Part { name: format!("{link}{n}"), module, children: vec![parts.len() - 1] });
    }
    parts.push(Part { name: "top".into(), module: module(0, "bench/skip"), children: vec![parts.len() - 1] });
    let top = parts.len() - 1;
    let graph = Graph::link(parts, Box::new(Quiet), 0).expect("linked");
    let options: OptionValues = [("suspend", if suspend { "on" } else { "off" })].into_iter().collect();
    for index in (0..=top).rev() {
        graph.init(index, &options).expect("initialised");
    }
    Chain { graph, top }
}

fn drive<T>(work: impl Future<Output = T>) -> T {
    let mut work = pin!(work);
    let mut cx = Context::from_waker(Waker::noop());
    loop {
        if let Poll::Ready(done) = work.as_mut().poll(&mut cx) {
            return done;
        }
    }
}

type Fop = fn(&OwnedFrame, &Fd);

const FOP_KINDS: [(&str, Fop); 5] = [
    ("flush", |frame, fd| {
        drive(frame.child().flush(Flush { fd: fd.clone(), xdata: Dict::new() })).expect("answered");
    }),
    ("stat", |frame, fd| {
        let loc = Loc::of(fd.inode().clone());
        drive(frame.child().stat(Stat { loc, xdata: Dict::new() })).expect("answered");
    }),
    ("lookup", |frame, fd| {
        let loc = Loc::entry(fd.inode().clone(), IoBuf::from_static(b"name"));
        drive(frame.child().lookup(Lookup { loc, xdata: Dict::new() })).expect("answered");
    }),
    ("readv", |frame, fd| {
        let args = Readv { fd: fd.clone(), size: 4096, offset: 0, flags: 0, xdata: Dict::new() };
        drive(frame.child().readv(args)).expect("answered");
    }),
    ("writev", |frame, fd| {
        let data = IoBuf::from_static(&[0; 4096]).into();
        let args = Writev { fd: fd.clone(), data, offset: 0, flags: 0, xdata: Dict::new() };
        drive(frame.child().writev(args)).expect("answered");
    }),
];

fn work(chain: &Chain, fop: Fop, times: u32) {
    let handle = chain.graph.handle(chain.top);
    let fd = Fd::new(Inode::new(Gfid([7; 16]), FileType::Regular), 0, 1);
    let frame = handle.frame(Identity::default());
    for _ in 0..times {
        fop(&frame, &fd);
    }
}

fn quietest(chain: &Chain, fop: Fop) -> f64 {
    (0..ROUNDS)
        .map(|_| {
            let start = Instant::now();
            work(chain, fop, FOPS);
            start.elapsed().as_secs_f64() * 1e9 / f64::from(FOPS)
        })
        .fold(f64::INFINITY, f64::min)
}

const CASES: [(&str, &str, bool); 7] = [
    ("passes on, answered at once", "pass", false),
    ("passes on, suspended once", "pass", true),
    ("is switched off, answered at once", "off", false),
    ("is switched off, suspended once", "off", true),
    ("looks at the answer, at once", "look", false),
    ("looks at the answer, suspended once", "look", true),
    ("does not implement it", "skip", false),
];

fn main() {
    let built = std::env::current_exe().expect("runs from a file");
    let built = built.parent().and_then(Path::parent).expect("target/<profile>/deps").to_owned();
    let folder = tempfile::tempdir().expect("a folder");
    let places = copies(&built, folder.path());
    let loaders: Vec<_> = places.into_iter().map(|place| Arc::new(Loader::new(vec![place]))).collect();
    let Ok(host::cmdline::Request::Serve(settings)) = host::cmdline::parse(["glusterd".into()]) else {
        panic!("a bare command line serves");
    };
    let _services = host::services::start(&settings, loaders[0].clone()).expect("services");
    let host = plugin_api::abi::host::try_host().expect("started just now");
    loaders[1..].iter().for_each(|loader| loader.attach(host));

    let args: Vec<String> = std::env::args().collect();
    if let Some(at) = args.iter().position(|arg| arg == "--count") {
        // Under callgrind: one case, one length, so many fops.
        let number = |n: usize| args[at + n].parse::<usize>().expect("a number");
        let (_, link, suspend) = CASES[number(1)];
        let chain = chain(&loaders, link, number(2), suspend);
        work(&chain, FOP_KINDS[number(3)].1, u32::try_from(number(4)).expect("small"));
        return;
    }
    println!("{:<38}{:<8}{:>10}{:>16}", "a translator that …", "fop", "ns a hop", "instructions");
    for (case, (name, link, suspend)) in CASES.iter().enumerate() {
        for (kind, (fop_name, fop)) in FOP_KINDS.iter().enumerate() {
            let long = quietest(&chain(&loaders, link, CHAIN, *suspend), *fop);
            let none = quietest(&chain(&loaders, link, 0, *suspend), *fop);
            let per_hop = (long - none) / CHAIN as f64;
            let counted = instructions(case, kind).map_or("-".to_owned(), |n| format!("{n:.0}"));
            println!("{name:<38}{fop_name:<8}{per_hop:>10.1}{counted:>16}");
        }
    }
}

/// Instructions a hop by callgrind: the difference between many and few fops, between a long chain and none.
fn instructions(case: usize, kind: usize) -> Option<f64> {
    let run = |length: usize, fops: usize| -> Option<f64> {
        let out = tempfile::tempdir().ok()?;
        let file: PathBuf = out.path().join("callgrind.out");
        let done = Command::new("valgrind")
            .arg("--tool=callgrind")
            .arg(format!("--callgrind-out-file={}", file.display()))
            .arg(std::env::current_exe().ok()?)
            .args(["--count", &case.to_string(), &length.to_string(), &kind.to_string(), &fops.to_string()])
            .output()
            .ok()?;
        let text = std::fs::read_to_string(file).ok().filter(|_| done.status.success())?;
        let totals =
            text.lines().find_map(|line| line.strip_prefix("totals:").or(line.strip_prefix("summary:")))?;
        totals.trim().parse().ok()
    };
    let (few, many) = (100, 1100);
    let a_fop = |length| Some((run(length, many)? - run(length, few)?) / 1000.0);
    Some((a_fop(CHAIN)? - a_fop(0)?) / CHAIN as f64)
}
