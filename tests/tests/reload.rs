//! New builds of a plugin dropped in place while it serves: the next call takes the new one, nobody sees an error, and
//! nothing of the old ones stays but code.

#![forbid(unsafe_code)]
#![allow(clippy::unwrap_used, reason = "what fails here fails the test")]

use std::fs;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use host::cmdline::{self, Request};
use host::graph::activate::{Start, activate};
use host::graph::evolve::Changed;
use host::graph::{self, Running, Unknown, Wishes};
use host::loader::Loader;
use host::services::{self, Services};
use host::settings::Insertions;
use host::volfile;
use plugin_api::abi::host::try_host;
use plugin_api::fop::Stat;
use plugin_api::{Dict, FileType, Gfid, Identity, Inode, Loc};
use tempfile::TempDir;
use tests::builds::{install, overwrite_id};
use tests::built::{add_plugin, place, plugin_folder};

const VOLFILE: &str = "volume leaf\n type bench/leaf\n option suspend on\nend-volume\n\
                       volume marked\n type bench/marked\n subvolumes leaf\nend-volume\n";

/// A graph that serves, whose plugins a test replaces.
struct Bench {
    folder: TempDir,
    services: &'static Services,
    loader: Loader,
    running: Arc<Running>,
}

/// The host's services, which a process has once.
fn services() -> &'static Services {
    static SERVICES: OnceLock<Services> = OnceLock::new();
    SERVICES.get_or_init(|| {
        let words = ["glusterfsd", "-N", "-f", "/dev/null", "-l", "-"].map(Into::into);
        let Ok(Request::Serve(settings)) = cmdline::parse(words) else { panic!("a plain command line") };
        services::start(&settings, Arc::new(Loader::new(Vec::new()))).unwrap()
    })
}

impl Bench {
    fn start() -> Bench {
        let folder = plugin_folder(&["hop/leaf"]);
        fs::rename(place(folder.path(), "hop/leaf"), place(folder.path(), "bench/leaf")).unwrap();
        add_plugin(folder.path(), "bench/marked");
        let services = services();
        let loader = Loader::new(vec![folder.path().to_owned()]);
        loader.attach(try_host().unwrap());
        let start = Start { init_timeout: Duration::from_secs(30), fault_limit: 0 };
        let draft = draft(&loader, VOLFILE).unwrap();
        let running = Arc::new(services.runtime().block_on(activate(draft, start)).unwrap());
        Bench { folder, services, loader, running }
    }

    /// Puts a build into the folder, as `install` does.
    fn install(&self, mark: u32) {
        install(self.folder.path(), mark);
    }

    fn take(&self, text: &str) -> Result<Changed, String> {
        self.running.take(draft(&self.loader, text)?).map_err(|error| error.to_string())
    }

    /// The mark in the answer to one call.
    fn call(&self, inode: &Inode) -> String {
        let frame = self.running.graph().handle(self.running.graph().len() - 1).frame(Identity::default());
        let reply = self.services.runtime().block_on(frame.child().stat(stat(inode)));
        reply.expect("nobody notices").xdata.str("mark").expect("it is marked").to_owned()
    }
}

fn stat(inode: &Inode) -> Stat {
    Stat { loc: Loc::of(inode.clone()), xdata: Dict::new() }
}

fn inode(number: u8) -> Inode {
    Inode::new(Gfid([number; 16]), FileType::Regular)
}

fn draft(loader: &Loader, text: &str) -> Result<graph::Draft, String> {
    let plan = volfile::from_bytes("test.vol", text.as_bytes()).unwrap();
    let wishes =
        Wishes { top: None, insert: &Insertions::default(), options: &[], mount: None, process: None };
    graph::draft(plan, wishes, Unknown::Refused, loader).map_err(|error| error.to_string())
}

/// Bytes of this process that lie in memory.
fn resident() -> u64 {
    let status = fs::read_to_string("/proc/self/statm").unwrap();
    status.split(' ').nth(1).unwrap().parse::<u64>().unwrap() * 4096
}

#[test]
fn a_hundred_builds_dropped_in_place_under_load_are_not_noticed_and_memory_stays_flat() {
    let bench = Bench::start();
    let (stop, calls) = (AtomicBool::new(false), AtomicU64::new(0));
    let files: Vec<Inode> = (1..=16).map(inode).collect();
    let mut took = Vec::new();
    let mut flat = 0;
    std::thread::scope(|scope| {
        for _ in 0..3 {
            scope.spawn(|| {
                for file in files.iter().cycle() {
                    if stop.load(Ordering::SeqCst) {
                        return;
                    }
                    bench.call(file);
                    calls.fetch_add(1, Ordering::SeqCst);
                }
            });
        }
        for round in 0..100 {
            if round == 20 {
                flat = resident();
            }
            let mark = 1 + round % 2;
            bench.install(mark);
            let begun = Instant::now();
            let changed = bench.take(VOLFILE).unwrap();
            took.push(begun.elapsed());
            assert_eq!(changed.replaced.len(), 1, "round {round}");
            assert_eq!(bench.call(&files[0]), format!("{mark:05}"), "round {round}");
            let seen = calls.load(Ordering::SeqCst);
            while calls.load(Ordering::SeqCst) < seen + 3 {
                std::thread::yield_now();
            }
        }
        stop.store(true, Ordering::SeqCst);
    });
    let grown = resident().saturating_sub(flat);
    took.sort();
    println!(
        "{} calls; a reload took {:?} in the middle, {:?} at most; {} KiB more after 80 rounds",
        calls.load(Ordering::SeqCst),
        took[50],
        took[99],
        grown / 1024
    );
    // Each instance weighs a MiB and what it keeps on the files 64 KiB.
    assert!(grown < 8 << 20, "{} KiB more", grown / 1024);
    bench.running.stop();
}

#[test]
fn what_cannot_serve_leaves_the_old_build_in_its_place() {
    let bench = Bench::start();
    let (file, path) = (inode(1), place(bench.folder.path(), "bench/marked"));
    bench.install(7);
    let refused = VOLFILE.replace("bench/marked\n", "bench/marked\n option fail on\n");
    let why = bench.take(&refused).unwrap_err();
    assert_eq!(why, "volume `marked`, type bench/marked, does not start: not today");
    assert_eq!(bench.call(&file), "00000");
    let unknown = VOLFILE.replace("bench/marked\n", "bench/marked\n option colour red\n");
    assert!(bench.take(&unknown).unwrap_err().contains("knows no option `colour`"));
    let text = path.with_extension("new");
    fs::write(&text, "I am a text").unwrap();
    fs::rename(&text, &path).unwrap();
    assert!(bench.take(VOLFILE).unwrap_err().contains("not a library that can be opened"));
    assert_eq!(bench.call(&file), "00000");
    bench.install(8);
    bench.take(VOLFILE).unwrap();
    assert_eq!(bench.call(&file), "00008");
    bench.running.stop();
}

#[test]
fn the_same_build_in_a_new_file_is_nothing_new_and_one_written_over_the_old_is_refused() {
    let bench = Bench::start();
    let path = place(bench.folder.path(), "bench/marked");
    bench.install(0);
    bench.take(VOLFILE).unwrap();
    bench.install(0);
    assert!(bench.take(VOLFILE).unwrap().is_nothing());
    // Not by renaming: into the very file whose code runs. Only what no code lies in is changed here.
    let open = fs::OpenOptions::new().append(true).open(&path).unwrap();
    std::io::Write::write_all(&mut &open, b"more").unwrap();
    assert!(bench.take(VOLFILE).unwrap().is_nothing(), "the build in it is the same");
    bench.install(1);
    bench.take(VOLFILE).unwrap();
    overwrite_id(bench.folder.path(), 2);
    let why = bench.take(VOLFILE).unwrap_err();
    assert!(why.contains("it was overwritten while its code is in use"), "{why}");
    assert_eq!(bench.call(&inode(1)), "00001");
    bench.running.stop();
}
