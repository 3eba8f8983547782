//! What the host offers to every library: one table of functions, handed over once at load.

use std::sync::OnceLock;

use abi_stable::StableAbi;
use abi_stable::std_types::{RResult, RStr, RString, RVec};

use super::frame::Wait;
use super::future::{RawFuture, WakerHeader};
use super::root::PluginRootRef;
use crate::carry::Carry;
use crate::options::Options;
use crate::{Client, Event};

/// One attempt at I/O on a ready descriptor: bytes or another answer that is not negative, else a negated errno;
/// `-EAGAIN` means "not ready after all". Must not panic and must not block.
#[repr(transparent)]
#[derive(StableAbi, Debug, Clone, Copy)]
pub struct IoStep(pub unsafe extern "C" fn(arg: *mut ()) -> isize);

/// What `fd_poll` answers when the descriptor is not ready: the waker will be woken.
pub const IO_PENDING: isize = isize::MIN;

/// A descriptor that the host watches.
#[repr(transparent)]
#[derive(StableAbi, Debug, Clone, Copy)]
pub struct RawFd(pub *const ());

// SAFETY: the host's side of it is `Sync`.
unsafe impl Send for RawFd {}
// SAFETY: as above.
unsafe impl Sync for RawFd {}

/// Which way an event goes through a graph.
#[repr(u8)]
#[derive(StableAbi, Carry, Debug, Clone, Copy, PartialEq, Eq)]
pub enum Direction {
    /// To the parents.
    Up,
    /// To the children.
    Down,
}

/// The kinds of plugin beside each other in the plugin folder.
///
/// A number and no enum, so that a host may be asked for a kind that it does not know yet.
#[repr(transparent)]
#[derive(StableAbi, Debug, Clone, Copy, PartialEq, Eq)]
pub struct PluginKind(pub u8);

impl PluginKind {
    /// `xlator/<category>/<name>.so`
    pub const XLATOR: Self = Self(0);
    /// `rpc-transport/<name>.so`
    pub const TRANSPORT: Self = Self(1);
    /// `rpc-program/<name>.so`
    pub const PROGRAM: Self = Self(2);
    /// `auth/<name>.so`
    pub const AUTH: Self = Self(3);
}

/// The host's functions. All may be called from any thread, none blocks, none panics across the line.
///
/// Grows at its end within 1.x: what an older host lacks answers `None` from its accessor.
#[repr(C)]
#[derive(StableAbi, Debug)]
#[sabi(kind(Prefix(prefix_ref = HostApiRef)))]
#[sabi(missing_field(panic))]
pub struct HostApi {
    /// Writes a log record: level 1 error … 5 trace, target, translator (may be empty), message.
    pub log: extern "C" fn(level: u8, target: RStr<'_>, xlator: RStr<'_>, message: RStr<'_>),
    /// The highest level that anybody wants for `target`, 0 for none: asked before a record is put together.
    pub log_level: extern "C" fn(target: RStr<'_>) -> u8,
    /// Drives a future with output `()` to its end on the event pool.
    pub spawn: unsafe extern "C" fn(task: RawFuture),
    /// Polls a future with output `()` on a thread that may block, and goes on with it there until it is done.
    pub spawn_blocking: unsafe extern "C" fn(task: RawFuture),
    /// A future with output `()` that is done after so many nanoseconds.
    pub sleep: extern "C" fn(nanos: u64) -> RawFuture,
    /// Watches a non-blocking descriptor, which stays the caller's and must outlive the watch. Errors are errnos.
    pub fd_watch: extern "C" fn(fd: i32) -> RResult<RawFd, i32>,
    /// Ends the watch.
    pub fd_unwatch: unsafe extern "C" fn(fd: RawFd),
    /// Tries `step` when the descriptor is ready for reading (0) or writing (1). See [`IO_PENDING`].
    pub fd_poll: unsafe extern "C" fn(
        fd: RawFd,
        dir: u8,
        waker: *const WakerHeader,
        step: IoStep,
        arg: *mut (),
    ) -> isize,
    /// A frame with an empty identity: a [`FrameHead`](super::frame::FrameHead).
    pub frame_take: extern "C" fn() -> *mut (),
    /// Gives a frame back; every future in it is gone.
    pub frame_give: unsafe extern "C" fn(frame: *mut ()),
    /// The root of a call in `frame` waits, and wants to be woken when it is overdue. `wait` is null at first, and then what
    /// this has answered: null where nobody watches.
    pub frame_wait:
        unsafe extern "C" fn(frame: *const (), waker: *const WakerHeader, wait: *const Wait) -> *const Wait,
    /// The root of such a call has its answer, or is gone. One that was given up says so when its end has come.
    pub frame_waited: unsafe extern "C" fn(wait: *const Wait),
    /// Sends an event from a node to its parents or to its children.
    pub notify: unsafe extern "C" fn(from: *const (), direction: Direction, event: &Event),
    /// Tells every translator below a node that a client is gone.
    pub client_gone: unsafe extern "C" fn(node: *const (), client: &Client),
    /// Opens another plugin by kind and name. The error is a sentence.
    pub open_plugin: extern "C" fn(kind: PluginKind, name: RStr<'_>) -> RResult<PluginRootRef, RString>,
    /// The names of the plugins of a kind that are installed, as `open_plugin` takes them.
    pub plugin_names: extern "C" fn(kind: PluginKind) -> RVec<RString>,
    /// The options that the host takes for every volume of a volfile, beside those that its translator declares.
    pub volume_options: extern "C" fn() -> Options,
    /// A setting of this process by name (`brick-name`, `process-name`, `volfile-server`, `plugin-dirs` …), or empty.
    pub setting: extern "C" fn(name: RStr<'_>) -> RString,
    /// Ends the process in order, as if by signal; `status` is its exit status.
    pub stop: extern "C" fn(status: i32),
    /// A service that later versions or other plugins add: a static table, or null. See the id's own documentation.
    #[sabi(last_prefix_field)]
    pub extension: extern "C" fn(id: RStr<'_>) -> *const (),
}

static HOST: OnceLock<HostApiRef> = OnceLock::new();

/// Hands this library its host. The first one stays: a library is loaded by one host only.
pub fn attach(host: HostApiRef) {
    let _ = HOST.set(host);
}

/// The host of this library, or `None` before it was attached (a unit test without a testkit).
#[must_use]
pub fn try_host() -> Option<HostApiRef> {
    HOST.get().copied()
}

/// The host of this library.
///
/// # Panics
/// Before the library was attached.
pub(crate) fn host() -> HostApiRef {
    *HOST.get().expect("a library is attached before anything of it runs")
}
