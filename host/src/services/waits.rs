//! Waits: calls whose answer is not there yet, and the sweep that gives up those that are overdue.
//!
//! Nothing here looks at a clock while calls come and go: a sweep each second, as long as any call waits, stamps those that
//! it sees for the first time, and wakes the root of one whose time is up. The root then leaves the call to a task and
//! answers. A process in which nothing waits is not woken.

use std::cell::RefCell;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering, fence};
use std::task::Waker;
use std::time::Duration;

use plugin_api::abi::frame::{FrameHead, Wait};
use plugin_api::abi::future::{WakerHeader, with_waker};
use plugin_api::abi::node::Node;
use tokio::runtime::Handle;
use tokio::sync::Notify;

use super::lock;

/// A call that waits. Records are used again and never freed: a plugin may read one at any time.
#[repr(C)]
struct Record {
    // First: plugins know a record by it.
    wait: Wait,
    call: Mutex<Call>,
}

#[derive(Default)]
struct Call {
    /// The frame of a call that waits; null between calls, and once it was woken to be given up.
    frame: Frame,
    waker: Option<Waker>,
    /// When a sweep first saw it: monotonic nanoseconds, 0 for not yet.
    since: u64,
    /// Whether the frame's deadline is the default, counted from `since`.
    by_default: bool,
    /// What it is known by once it is overdue.
    overdue: Option<Overdue>,
}

/// A call that was overdue and has not come to its end.
#[derive(Debug, Clone, Copy)]
pub struct Overdue {
    /// Its number.
    pub unique: u64,
    /// The number of the fop that its root winds.
    pub fop: u32,
    /// Whom it waited for when its time was up, to compare and not to follow; null when that was not known.
    pub holder: *const Node,
    /// Monotonic nanoseconds when it was first seen waiting.
    since: u64,
}

// SAFETY: the pointer is compared, never followed.
unsafe impl Send for Overdue {}

impl Overdue {
    /// How long it has waited.
    #[must_use]
    pub fn age(&self) -> Duration {
        Duration::from_nanos(now().saturating_sub(self.since))
    }
}

struct Frame(*const FrameHead);

// SAFETY: read under the record's lock alone, and only while the call waits, which its frame outlives.
unsafe impl Send for Frame {}

impl Default for Frame {
    fn default() -> Self {
        Self(std::ptr::null())
    }
}

/// Every record there is.
static ALL: Mutex<Vec<&'static Record>> = Mutex::new(Vec::new());
/// Records that no thread keeps for its next calls.
static SPARE: Mutex<Vec<&'static Record>> = Mutex::new(Vec::new());
/// Records that a thread keeps.
const KEPT: usize = 64;

thread_local! {
    static KEPT_HERE: RefCell<Vec<&'static Record>> = const { RefCell::new(Vec::new()) };
}

/// Whether the sweep runs.
static ARMED: AtomicBool = AtomicBool::new(false);
static ARM: Notify = Notify::const_new();
/// Nanoseconds that a call may wait by default; 0 for ever.
static TIMEOUT: AtomicU64 = AtomicU64::new(0);
/// Calls that were overdue.
static OVERDUE: AtomicU64 = AtomicU64::new(0);
/// Those of them that have come to their end since.
static ENDED: AtomicU64 = AtomicU64::new(0);

/// How many calls were overdue since the process began, and how many of them have come to their end after that.
#[must_use]
pub fn overdue() -> (u64, u64) {
    (OVERDUE.load(Ordering::Relaxed), ENDED.load(Ordering::Relaxed))
}

/// The calls that were overdue and that somebody holds still.
#[must_use]
pub fn held() -> Vec<Overdue> {
    let records = lock(&ALL).clone();
    records.iter().filter_map(|record| lock(&record.call).overdue).collect()
}

/// Starts the sweep, which sleeps until a call waits.
pub(super) fn start(pool: &Handle, timeout: Duration) {
    TIMEOUT.store(u64::try_from(timeout.as_nanos()).unwrap_or(u64::MAX), Ordering::Relaxed);
    let tick = Duration::from_secs(1);
    pool.spawn(async move {
        loop {
            while ARMED.load(Ordering::SeqCst) {
                tokio::time::sleep(tick).await;
                if !sweep(tick) {
                    ARMED.store(false, Ordering::SeqCst);
                    fence(Ordering::SeqCst);
                    // A call that began to wait meanwhile has seen the sweep running.
                    if sweep(tick) {
                        ARMED.store(true, Ordering::SeqCst);
                    }
                }
            }
            ARM.notified().await;
        }
    });
}

fn now() -> u64 {
    // A deadline is monotonic nanoseconds, as plugins read them from the system's clock.
    let time = rustix::time::clock_gettime(rustix::time::ClockId::Monotonic);
    let (seconds, nanos) = (u64::try_from(time.tv_sec), u64::try_from(time.tv_nsec));
    seconds.unwrap_or_default() * 1_000_000_000 + nanos.unwrap_or_default()
}

/// Looks at every call that waits, and wakes the overdue; whether any call waits.
fn sweep(tick: Duration) -> bool {
    let records = lock(&ALL).clone();
    let now = now();
    let mut overdue = Vec::new();
    let mut waiting = false;
    for record in records {
        let mut call = lock(&record.call);
        if !call.frame.0.is_null() {
            waiting = true;
            if let Some(age) = call.overdue_for(now, tick) {
                call.remember();
                call.forget_frame();
                if record.wait.overdue.swap(age, Ordering::Relaxed) == 0 {
                    OVERDUE.fetch_add(1, Ordering::Relaxed);
                }
                overdue.extend(call.waker.clone());
            }
        }
    }
    overdue.into_iter().for_each(Waker::wake);
    waiting
}

impl Call {
    /// Keeps what a report says of it, while its frame is there.
    fn remember(&mut self) {
        // SAFETY: the call waits, as in `overdue_for`.
        let head = unsafe { &*self.frame.0 };
        let (fop, holder) = (head.fop.load(Ordering::Relaxed), head.waiting.load(Ordering::Relaxed));
        self.overdue = Some(Overdue { unique: head.unique, fop, holder, since: self.since });
    }

    /// Lets the frame go, which may be used for another call.
    fn forget_frame(&mut self) {
        let frame = std::mem::take(&mut self.frame);
        // SAFETY: null, or the frame of a call that waits, as in `overdue_for`.
        if let Some(head) = unsafe { frame.0.as_ref() }
            && self.by_default
        {
            head.deadline.store(0, Ordering::Relaxed);
        }
    }

    /// How long it has waited, when that is too long.
    fn overdue_for(&mut self, now: u64, tick: Duration) -> Option<u64> {
        if self.since == 0 {
            self.since = now;
        }
        // SAFETY: the call waits, and its frame outlives that: `waited` takes the record's lock.
        let head = unsafe { &*self.frame.0 };
        let mut deadline = head.deadline.load(Ordering::Relaxed);
        if deadline == 0 {
            let timeout = TIMEOUT.load(Ordering::Relaxed);
            deadline = if timeout == 0 { u64::MAX } else { self.since.saturating_add(timeout) };
            // Calls that fork off this one from now on are due with it.
            head.deadline.store(deadline, Ordering::Relaxed);
            self.by_default = true;
        }
        // A call waits for those that were forked off it: they are given up first, and by name.
        let turns = FORKS.saturating_sub(head.depth);
        let grace = u64::try_from((tick * turns).as_nanos()).unwrap_or(u64::MAX);
        (now >= deadline.saturating_add(grace)).then(|| now.saturating_sub(self.since).max(1))
    }
}

/// Forks of forks that are given up one after the other, a sweep apart.
const FORKS: u32 = 2;

pub(super) unsafe extern "C" fn wait(
    frame: *const (),
    waker: *const WakerHeader,
    wait: *const Wait,
) -> *const Wait {
    let frame = frame.cast::<FrameHead>();
    // SAFETY: null, or one of ours, which are never freed.
    let known = unsafe { wait.cast::<Record>().as_ref() };
    // SAFETY: the table's contract: the frame of a call that runs.
    let never =
        || TIMEOUT.load(Ordering::Relaxed) == 0 && unsafe { &*frame }.deadline.load(Ordering::Relaxed) == 0;
    let record = match known {
        Some(record) => record,
        None if never() => return std::ptr::null(),
        None => take(),
    };
    with_waker(waker, |cx| {
        let mut call = lock(&record.call);
        call.frame = Frame(frame);
        if !call.waker.as_ref().is_some_and(|known| known.will_wake(cx.waker())) {
            let before = call.waker.replace(cx.waker().clone());
            drop(call);
            drop(before);
        }
    });
    fence(Ordering::SeqCst);
    if !ARMED.load(Ordering::Relaxed) && !ARMED.swap(true, Ordering::SeqCst) {
        ARM.notify_one();
    }
    (&raw const *record).cast()
}

pub(super) unsafe extern "C" fn waited(wait: *const Wait) {
    // SAFETY: the table's contract: one of ours, which are never freed.
    let record = unsafe { &*wait.cast::<Record>() };
    let mut call = lock(&record.call);
    call.forget_frame();
    let before = std::mem::take(&mut *call);
    if record.wait.overdue.swap(0, Ordering::Relaxed) != 0 {
        ENDED.fetch_add(1, Ordering::Relaxed);
    }
    drop(call);
    drop(before);
    keep(record);
}

fn take() -> &'static Record {
    let kept = KEPT_HERE.try_with(|kept| kept.borrow_mut().pop()).ok().flatten();
    kept.or_else(|| lock(&SPARE).pop()).unwrap_or_else(|| {
        let wait = Wait { overdue: AtomicU64::new(0) };
        let record: &Record = Box::leak(Box::new(Record { wait, call: Mutex::default() }));
        lock(&ALL).push(record);
        record
    })
}

fn keep(record: &'static Record) {
    let kept = KEPT_HERE.try_with(|kept| {
        let mut kept = kept.borrow_mut();
        let room = kept.len() < KEPT;
        if room {
            kept.push(record);
        }
        room
    });
    if kept != Ok(true) {
        lock(&SPARE).push(record);
    }
}
