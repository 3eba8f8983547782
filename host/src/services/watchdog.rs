//! Watchdog: names translators that keep a thread for themselves, and takes those down whose library holds too much memory.
//!
//! A thread of its own that looks at the frames of calls: a visit that goes on from one look to the next, and for the limit,
//! is a translator that does not come back. It sleeps for good while no call is under way, and a call that comes then wakes
//! it.

use std::collections::{BTreeSet, HashMap};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Mutex, OnceLock, Weak};
use std::thread::{self, Thread};
use std::time::{Duration, Instant};

use plugin_api::abi::account::Account;
use plugin_api::abi::frame::FrameHead;
use plugin_api::abi::graph::{Fault, FaultKind, Graph};
use plugin_api::abi::node::Node;

use super::lock;

/// So many looks fall into the limit.
const LOOKS: u32 = 4;

/// A frame's memory, while it is there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
struct Watched(*mut FrameHead);

// SAFETY: only atomics of a frame are looked at, under the lock that it is taken out with before it is freed.
unsafe impl Send for Watched {}

static FRAMES: Mutex<BTreeSet<Watched>> = Mutex::new(BTreeSet::new());
static GRAPHS: Mutex<Vec<Weak<Graph>>> = Mutex::new(Vec::new());
static BUDGETS: Mutex<Vec<Budget>> = Mutex::new(Vec::new());
static THREAD: OnceLock<Thread> = OnceLock::new();
static ASLEEP: AtomicBool = AtomicBool::new(false);
static OVER: AtomicBool = AtomicBool::new(false);

/// What the library of a translator may hold.
struct Budget {
    graph: Weak<Graph>,
    volume: String,
    account: &'static Account,
    limit: u64,
}

/// A visit that was going on at the last look.
struct Visit {
    since: Instant,
    told: bool,
}

/// Starts to watch; a limit of 0 watches memory only.
pub(super) fn start(limit: Duration) {
    let watch = move || {
        let mut visits = HashMap::new();
        loop {
            wait(limit);
            if OVER.swap(false, Ordering::AcqRel) {
                take_down();
            }
            if !limit.is_zero() {
                look(limit, &mut visits);
            }
        }
    };
    match thread::Builder::new().name("watchdog".to_owned()).spawn(watch) {
        Ok(thread) => drop(THREAD.set(thread.thread().clone())),
        Err(error) => tracing::warn!(%error, "no thread for the watchdog: nobody is watched"),
    }
}

/// Calls of this graph are watched from now on.
pub fn watch(graph: &std::sync::Arc<Graph>) {
    let mut graphs = lock(&GRAPHS);
    graphs.retain(|graph| graph.strong_count() > 0);
    graphs.push(std::sync::Arc::downgrade(graph));
}

/// The library of a volume may hold this much from now on; nothing for all it can get. Volumes of one library share it, and
/// each is held to its own limit.
pub fn set_budget(
    graph: &std::sync::Arc<Graph>,
    volume: &str,
    account: &'static Account,
    limit: Option<u64>,
) {
    let mut budgets = lock(&BUDGETS);
    let graph = std::sync::Arc::downgrade(graph);
    budgets.retain(|other| {
        other.graph.strong_count() > 0 && !(other.volume == volume && other.graph.ptr_eq(&graph))
    });
    if let Some(limit) = limit {
        budgets.push(Budget { graph, volume: volume.to_owned(), account, limit });
    }
    arm(&budgets, account);
}

/// Lets a library say when it holds more than the least of its limits.
fn arm(budgets: &[Budget], account: &'static Account) {
    let own = budgets.iter().filter(|budget| std::ptr::eq(budget.account, account));
    let least = own.map(|budget| budget.limit).min();
    (account.limit)(least.unwrap_or(0), over);
}

/// In the middle of an allocation of whoever is over: all else is the watchdog's.
extern "C" fn over() {
    OVER.store(true, Ordering::Release);
    if let Some(thread) = THREAD.get() {
        thread.unpark();
    }
}

/// Marks those down that hold more than they may.
fn take_down() {
    let mut budgets = lock(&BUDGETS);
    let mut down = Vec::new();
    budgets.retain(|budget| {
        let held = (budget.account.held)();
        let is_over = held > budget.limit;
        if is_over && let Some(graph) = budget.graph.upgrade() {
            down.push((graph, budget.volume.clone(), budget.account, budget.limit));
        }
        !is_over
    });
    let mut accounts: Vec<_> = budgets.iter().map(|budget| budget.account).collect();
    accounts.dedup_by(|one, two| std::ptr::eq(*one, *two));
    accounts.into_iter().for_each(|account| arm(&budgets, account));
    drop(budgets);
    for (graph, volume, account, limit) in down {
        if let Some(index) = graph.find(&volume) {
            let what = format!("its library may hold {limit} bytes and has {account}");
            graph.blame(index, Fault { kind: FaultKind::Memory, fop: 0, what });
        }
    }
}

fn wait(limit: Duration) {
    if limit.is_zero() {
        return thread::park();
    }
    // Said before it is looked: a call that comes in between sees it, and wakes.
    ASLEEP.store(true, Ordering::SeqCst);
    let idle = lock(&FRAMES).iter().all(|frame| frame.unique().load(Ordering::SeqCst) == 0);
    if idle {
        thread::park();
        ASLEEP.store(false, Ordering::SeqCst);
    } else {
        ASLEEP.store(false, Ordering::SeqCst);
        thread::park_timeout(limit / LOOKS);
    }
}

/// A call begins.
#[inline]
pub(super) fn call_begins() {
    if ASLEEP.load(Ordering::Relaxed) {
        wake();
    }
}

#[cold]
fn wake() {
    if ASLEEP.swap(false, Ordering::SeqCst)
        && let Some(thread) = THREAD.get()
    {
        thread.unpark();
    }
}

/// A frame was made.
pub(super) fn frame_made(frame: *mut FrameHead) {
    lock(&FRAMES).insert(Watched(frame));
}

/// A frame is about to be freed.
pub(super) fn frame_goes(frame: *mut FrameHead) {
    lock(&FRAMES).remove(&Watched(frame));
}

fn look(limit: Duration, visits: &mut HashMap<(Watched, u64), Visit>) {
    let mut going_on = HashMap::new();
    let mut late = Vec::new();
    for frame in lock(&FRAMES).iter() {
        let unique = frame.unique().load(Ordering::Relaxed);
        // SAFETY: the frame is there while the lock is held; what is looked at are atomics.
        let (goes_on, node, fop) = unsafe {
            let head = frame.0;
            (
                (*head).arena.is_visit_going_on(),
                (*head).current.load(Ordering::Relaxed),
                (*head).fop.load(Ordering::Relaxed),
            )
        };
        if unique == 0 || !goes_on {
            continue;
        }
        let before = visits.remove(&(*frame, unique));
        let mut visit = before.unwrap_or_else(|| Visit { since: Instant::now(), told: false });
        let age = visit.since.elapsed();
        if age >= limit && !visit.told {
            visit.told = true;
            late.push((node, unique, fop, age));
        }
        going_on.insert((*frame, unique), visit);
    }
    *visits = going_on;
    // Without the lock: what comes now is the graph's.
    for (node, unique, fop, age) in late {
        tell(node, unique, fop, age);
    }
}

fn tell(node: *const Node, unique: u64, fop: u32, age: Duration) {
    let what = format!("has not come back from call {unique} for {:.1} s", age.as_secs_f64());
    let graphs: Vec<_> = lock(&GRAPHS).iter().filter_map(Weak::upgrade).collect();
    for graph in graphs {
        if graph.blame_node(node, Fault { kind: FaultKind::Stall, fop, what: what.clone() }).is_some() {
            return;
        }
    }
}

impl Watched {
    fn unique(&self) -> &AtomicU64 {
        // SAFETY: the frame is there while its list is locked, and its owner writes the number as an atomic, too.
        unsafe { AtomicU64::from_ptr(&raw mut (*self.0).unique) }
    }
}
