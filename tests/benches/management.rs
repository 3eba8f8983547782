//! The daemon's start and its answers, ours beside the incumbent's, turn by turn with the incumbent's own CLI.
//!
//! `cargo bench -p tests --bench management`. Needs root and Debian's glusterfs-server; `MORTAR_STACK_SERVER` names another
//! stack than `target/stage/sbin`. Milliseconds; the median and the quietest of each, then theirs divided by ours.

use std::time::Instant;

use rustix::process::Signal;
use tests::cluster::Cluster;
use tests::stack::Stack;

const STARTS: usize = 7;
const QUERIES: usize = 25;

/// One figure of one stack: milliseconds, in the order they were taken.
#[derive(Default)]
struct Times(Vec<f64>);

impl Times {
    fn take(&mut self, work: impl FnOnce()) {
        let start = Instant::now();
        work();
        self.0.push(start.elapsed().as_secs_f64() * 1e3);
    }

    fn quietest(&self) -> f64 {
        self.0.iter().copied().fold(f64::INFINITY, f64::min)
    }

    fn median(&self) -> f64 {
        let mut sorted = self.0.clone();
        sorted.sort_by(f64::total_cmp);
        sorted[sorted.len() / 2]
    }
}

/// What is measured, for one stack.
struct Run {
    cluster: Cluster,
    start: Times,
    info: Times,
    list: Times,
}

impl Run {
    fn of(server: Stack) -> Option<Self> {
        let cluster = Cluster::of(server, Stack::system())?;
        cluster.start_daemon();
        cluster.create("v");
        cluster.gluster("volume start v").ok();
        Some(Self { cluster, start: Times::default(), info: Times::default(), list: Times::default() })
    }

    /// From exec to the first answer, with a volume in the store whose bricks run.
    fn restart(&mut self) {
        self.cluster.end_all("glusterd", Signal::TERM);
        let cluster = &self.cluster;
        self.start.take(|| {
            cluster.start_daemon();
            cluster.gluster("volume list").ok();
        });
    }

    fn query(&mut self) {
        let cluster = &self.cluster;
        self.info.take(|| drop(cluster.gluster("volume info v").ok()));
        self.list.take(|| drop(cluster.gluster("volume list").ok()));
    }
}

fn main() {
    let (Some(mut theirs), Some(mut ours)) = (Run::of(Stack::system()), Run::of(Stack::server())) else {
        println!("not root: no sandbox can be made, nothing was measured");
        return;
    };
    for _ in 0..STARTS {
        theirs.restart();
        ours.restart();
    }
    for _ in 0..QUERIES {
        theirs.query();
        ours.query();
    }
    println!("{:<30}{:>20}{:>20}{:>10}", "ms: median (quietest)", "theirs", "ours", "ratio");
    let rows = [
        ("start to the first answer", &theirs.start, &ours.start),
        ("volume info", &theirs.info, &ours.info),
        ("volume list", &theirs.list, &ours.list),
    ];
    for (name, theirs, ours) in rows {
        let shown = |times: &Times| format!("{:.0} ({:.0})", times.median(), times.quietest());
        let ratio = theirs.median() / ours.median();
        println!("{name:<30}{:>20}{:>20}{ratio:>10.2}", shown(theirs), shown(ours));
    }
}
