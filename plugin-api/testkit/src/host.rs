//! The host of a bench: the table of functions that plugins are handed.
#![allow(unsafe_code, reason = "the host's side of the line")]

use std::cell::RefCell;
use std::collections::{BTreeMap, HashMap};
use std::future::Future;
use std::mem::MaybeUninit;
use std::pin::Pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, OnceLock, PoisonError};
use std::task::{Context, Poll};
use std::thread;
use std::time::{Duration, Instant};

use abi_stable::prefix_type::PrefixTypeTrait;
use abi_stable::std_types::{RResult, RStr, RString, RVec};
use plugin_api::abi::frame::{Arena, FrameHead, Wait};
use plugin_api::abi::future::{Later, RawFuture, WakerHeader, with_waker};
use plugin_api::abi::graph::Graph;
use plugin_api::abi::host::{self, Direction, HostApi, HostApiRef, IoStep, PluginKind, RawFd};
use plugin_api::abi::root::PluginRootRef;
use plugin_api::options::Options;
use plugin_api::{Client, Event};

use crate::count::FRAMES;
use crate::descriptors;
use crate::drive::to_its_end;

/// Makes the bench's host the host of this process, and answers it: for libraries that a test opens itself.
pub fn attach() -> HostApiRef {
    static TABLE: OnceLock<HostApiRef> = OnceLock::new();
    let table = TABLE.get_or_init(|| {
        HostApi {
            log,
            log_level,
            spawn,
            spawn_blocking: spawn,
            sleep,
            fd_watch,
            fd_unwatch,
            fd_poll,
            frame_take,
            frame_give,
            frame_wait,
            frame_waited,
            notify,
            client_gone,
            open_plugin,
            plugin_names,
            volume_options,
            setting,
            stop,
            extension,
        }
        .leak_into_prefix()
    });
    host::attach(*table);
    *table
}

thread_local! {
    static SETTINGS: RefCell<HashMap<String, String>> = RefCell::default();
}

/// Runs `work` with these settings of the process, which are what its thread sees in `init`.
pub(crate) fn with_settings<R>(settings: HashMap<String, String>, work: impl FnOnce() -> R) -> R {
    let before = SETTINGS.replace(settings);
    let done = work();
    SETTINGS.set(before);
    done
}

extern "C" fn setting(name: RStr<'_>) -> RString {
    SETTINGS.with_borrow(|settings| {
        settings.get(name.as_str()).map(|value| value.as_str().into()).unwrap_or_default()
    })
}

/// What each translator has written to the log, by its name.
static LOGGED: Mutex<BTreeMap<String, Vec<String>>> = Mutex::new(BTreeMap::new());

/// More lines of one translator are not kept.
const MOST_LINES: usize = 10_000;

/// The log records of a translator so far; give it a name of its own in a process that runs several tests.
#[must_use]
pub fn logged(xlator: &str) -> Vec<String> {
    let logged = LOGGED.lock().unwrap_or_else(PoisonError::into_inner);
    logged.get(xlator).cloned().unwrap_or_default()
}

/// Lets the log records of a translator go, and those that name nobody.
pub(crate) fn forget_logged(xlator: &str) {
    let mut logged = LOGGED.lock().unwrap_or_else(PoisonError::into_inner);
    logged.remove(xlator);
    logged.remove("");
}

extern "C" fn log(_level: u8, _target: RStr<'_>, xlator: RStr<'_>, message: RStr<'_>) {
    println!("{xlator}: {message}");
    let mut logged = LOGGED.lock().unwrap_or_else(PoisonError::into_inner);
    let lines = logged.entry(xlator.to_string()).or_default();
    if lines.len() < MOST_LINES {
        lines.push(message.to_string());
    }
}

extern "C" fn log_level(_target: RStr<'_>) -> u8 {
    3
}

unsafe extern "C" fn spawn(task: RawFuture) {
    // SAFETY: the table asks for futures with output `()`.
    let task = unsafe { Later::<()>::new(task) };
    // A panic in it was logged by its own library.
    thread::spawn(move || {
        let _ = to_its_end(task);
    });
}

extern "C" fn sleep(nanos: u64) -> RawFuture {
    RawFuture::boxed(Sleep { end: Instant::now() + Duration::from_nanos(nanos), asleep: false })
}

/// Wakes its task from a thread that sleeps for it.
struct Sleep {
    end: Instant,
    asleep: bool,
}

impl Future for Sleep {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let left = self.end.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Poll::Ready(());
        }
        // Who polls again with another waker is woken by this thread no more: a sleep is awaited by one task.
        if !std::mem::replace(&mut self.asleep, true) {
            let waker = cx.waker().clone();
            thread::spawn(move || {
                thread::sleep(left);
                waker.wake();
            });
        }
        Poll::Pending
    }
}

extern "C" fn fd_watch(fd: i32) -> RResult<RawFd, i32> {
    descriptors::watch(fd).map(RawFd).map_err(|e| e.raw_os_error().unwrap_or(libc::EIO)).into()
}

unsafe extern "C" fn fd_unwatch(fd: RawFd) {
    // SAFETY: the table's contract.
    unsafe { descriptors::unwatch(fd.0) }
}

unsafe extern "C" fn fd_poll(
    fd: RawFd,
    dir: u8,
    waker: *const WakerHeader,
    step: IoStep,
    arg: *mut (),
) -> isize {
    // SAFETY: the table's contract.
    with_waker(waker, |cx| unsafe { descriptors::poll(fd.0, dir == 1, cx.waker(), step, arg) })
}

/// A frame: its head, and the memory that its futures live in.
#[repr(C, align(64))]
struct Room {
    head: FrameHead,
    arena: [MaybeUninit<u8>; 16 * 1024],
}

extern "C" fn frame_take() -> *mut () {
    static NEXT: AtomicU64 = AtomicU64::new(1);
    let mut head = FrameHead::new(Arena::new(0, 0));
    head.unique = NEXT.fetch_add(1, Ordering::Relaxed);
    FRAMES.fetch_add(1, Ordering::Relaxed);
    let room = Box::into_raw(Box::new(Room { head, arena: [MaybeUninit::uninit(); 16 * 1024] }));
    // SAFETY: fresh, and nobody else has it.
    unsafe {
        let start = (&raw mut (*room).arena).expose_provenance();
        (*room).head.arena = Arena::new(start, size_of_val(&(*room).arena));
    }
    room.cast()
}

unsafe extern "C" fn frame_wait(_: *const (), _: *const WakerHeader, _: *const Wait) -> *const Wait {
    // Tests bound how long they wait.
    std::ptr::null()
}

unsafe extern "C" fn frame_waited(_: *const Wait) {}

unsafe extern "C" fn frame_give(frame: *mut ()) {
    FRAMES.fetch_sub(1, Ordering::Relaxed);
    // SAFETY: from `frame_take`, given back once, with every future in it gone.
    drop(unsafe { Box::from_raw(frame.cast::<Room>()) });
}

unsafe extern "C" fn notify(from: *const (), direction: Direction, event: &Event) {
    // SAFETY: the only graphs here are those that `Graph::link` made.
    unsafe { Graph::route(from.cast(), direction, event) }
}

unsafe extern "C" fn client_gone(node: *const (), client: &Client) {
    // SAFETY: as above.
    unsafe { Graph::client_gone_below(node.cast(), client) }
}

/// Finds other plugins by kind and name; the error is a sentence.
pub type Opener = Box<dyn Fn(PluginKind, &str) -> Result<PluginRootRef, String> + Send + Sync>;

static OPENER: OnceLock<Opener> = OnceLock::new();

/// As [`attach`], for a host in which plugins find others. The first opener stays.
pub fn attach_with(opener: Opener) -> HostApiRef {
    let _ = OPENER.set(opener);
    attach()
}

extern "C" fn open_plugin(kind: PluginKind, name: RStr<'_>) -> RResult<PluginRootRef, RString> {
    let opened = match OPENER.get() {
        Some(open) => open(kind, name.as_str()),
        None => Err(format!("there is no plugin `{name}` on a bench")),
    };
    opened.map_err(RString::from).into()
}

extern "C" fn plugin_names(_kind: PluginKind) -> RVec<RString> {
    RVec::new()
}

extern "C" fn volume_options() -> Options {
    Options::new()
}

extern "C" fn stop(status: i32) {
    println!("a plugin ends the process with {status}");
}

extern "C" fn extension(_id: RStr<'_>) -> *const () {
    std::ptr::null()
}
