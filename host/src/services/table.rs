//! The table of functions that every library is handed.

use std::time::Duration;

use abi_stable::prefix_type::PrefixTypeTrait;
use abi_stable::std_types::{RResult, RStr, RString, RVec};
use plugin_api::abi::c;
use plugin_api::abi::future::{Later, RawFuture, WakerHeader};
use plugin_api::abi::graph::Graph;
use plugin_api::abi::host::{Direction, HostApi, HostApiRef, IoStep, PluginKind, RawFd};
use plugin_api::abi::inspect::INSPECT;
use plugin_api::abi::root::PluginRootRef;
use plugin_api::abi::turns::TURNS;
use plugin_api::options::Options;
use plugin_api::{Client, Event};

use super::{descriptors, frames, inspect, shared, turns, waits};
use crate::graph::section;
use crate::logging::{self, Level, Record};

/// The table. Made once; libraries keep it for good.
pub(super) fn table() -> HostApiRef {
    HostApi {
        log,
        log_level,
        spawn,
        spawn_blocking,
        sleep,
        fd_watch,
        fd_unwatch,
        fd_poll,
        frame_take,
        frame_give,
        frame_wait: waits::wait,
        frame_waited: waits::waited,
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
}

fn level_of(level: u8) -> Level {
    match level {
        0 | 1 => Level::Error,
        2 => Level::Warning,
        3 => Level::Info,
        4 => Level::Debug,
        _ => Level::Trace,
    }
}

extern "C" fn log(level: u8, target: RStr<'_>, xlator: RStr<'_>, message: RStr<'_>) {
    logging::sink(&Record {
        level: level_of(level),
        graph: 0,
        xlator: if xlator.is_empty() { "plugin" } else { xlator.as_str() },
        target: target.as_str(),
        msg_id: None,
        message: message.as_str(),
    });
}

extern "C" fn log_level(_target: RStr<'_>) -> u8 {
    match logging::level() {
        Level::None | Level::Critical => 0,
        Level::Error => 1,
        Level::Warning | Level::Notice => 2,
        Level::Info => 3,
        Level::Debug => 4,
        Level::Trace => 5,
    }
}

async fn drive(task: RawFuture) {
    // SAFETY: the table asks for futures with output `()`. A panic in it has been logged by its own library.
    let _ = unsafe { Later::<()>::new(task) }.await;
}

unsafe extern "C" fn spawn(task: RawFuture) {
    shared().pool.spawn(turns::by_turns(drive(task)));
}

unsafe extern "C" fn spawn_blocking(task: RawFuture) {
    let pool = shared().pool.clone();
    shared().pool.spawn_blocking(move || pool.block_on(drive(task)));
}

extern "C" fn sleep(nanos: u64) -> RawFuture {
    let _pool = shared().pool.enter();
    RawFuture::boxed(tokio::time::sleep(Duration::from_nanos(nanos)))
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
    plugin_api::abi::future::with_waker(waker, |cx| unsafe {
        descriptors::poll(fd.0, dir == 1, cx, step, arg)
    })
}

extern "C" fn frame_take() -> *mut () {
    frames::take().cast()
}

unsafe extern "C" fn frame_give(frame: *mut ()) {
    // SAFETY: the table's contract.
    unsafe { frames::give(frame.cast()) }
}

unsafe extern "C" fn notify(from: *const (), direction: Direction, event: &Event) {
    // SAFETY: the table's contract; every graph of this process is one that `Graph::link` made.
    unsafe { Graph::route(from.cast(), direction, event) }
}

unsafe extern "C" fn client_gone(node: *const (), client: &Client) {
    // SAFETY: as above.
    unsafe { Graph::client_gone_below(node.cast(), client) }
}

extern "C" fn open_plugin(kind: PluginKind, name: RStr<'_>) -> RResult<PluginRootRef, RString> {
    shared().loader.plugin(kind, name.as_str()).map_err(|e| RString::from(e.to_string())).into()
}

extern "C" fn plugin_names(kind: PluginKind) -> RVec<RString> {
    shared().loader.names(kind).into_iter().map(RString::from).collect()
}

extern "C" fn volume_options() -> Options {
    section::declared().clone()
}

extern "C" fn setting(name: RStr<'_>) -> RString {
    shared().settings.get(name.as_str()).map_or_else(RString::new, |value| value.as_str().into())
}

extern "C" fn stop(status: i32) {
    shared().stop.send_replace(Some(status));
}

extern "C" fn extension(id: RStr<'_>) -> *const () {
    match id.as_str() {
        c::C_EXTENSION => std::ptr::from_ref(c::api()).cast(),
        INSPECT => std::ptr::from_ref(&inspect::TABLE).cast(),
        TURNS => std::ptr::from_ref(&turns::TABLE).cast(),
        _ => std::ptr::null(),
    }
}
