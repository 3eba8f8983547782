//! The SDK's side of a fop entry: builds the author's future in the frame's arena and polls it once, behind the panic
//! barrier.

use std::alloc::Layout;
use std::any::Any;
use std::cell::Cell;
use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::sync::atomic::Ordering;
use std::task::Poll;

use abi_stable::std_types::RResult;

use super::frame::Frame;
use crate::abi::frame::{FrameHead, Origin};
use crate::abi::future::{PENDING, READY, RawFuture, WakerHeader, with_waker};
use crate::abi::node::{FopEntry, Node, UP, frame_of};
use crate::abi::root::FopSlot;
use crate::fop::{FopError, FopResult, FopType};
use crate::xlator::{PlainFop, Xlator};
use crate::{Errno, for_each_fop};

/// What an entry is called with, typed.
struct Entry<F: FopType> {
    node: *const Node,
    head: *const FrameHead,
    waker: *const WakerHeader,
    out: *mut RResult<F::Reply, FopError>,
    later: *mut RawFuture,
}

/// A fop under way: the author's future with what it borrows.
struct Running<Fut> {
    frame: Frame,
    origin: Origin,
    future: Fut,
}

fn node_of<F: FopType>(entry: &Entry<F>) -> &'static Node {
    // SAFETY: the graph is pinned by the root of the call; the reference does not outlive the entry or its future.
    unsafe { &*entry.node }
}

fn answer<F: FopType>(entry: &Entry<F>, result: FopResult<F::Reply>) -> u8 {
    // SAFETY: by the entry's contract `out` is room for the answer.
    unsafe { entry.out.write(result.into()) };
    READY
}

fn fault(node: *const Node, fop: u32, cause: Box<dyn Any + Send>) -> FopError {
    let what = panic_message(&*cause);
    // SAFETY: a node of a live graph, and the text lives through the call.
    unsafe { ((*node).fault)(node, fop, what.as_ptr(), what.len()) };
    // Dropping the payload may panic again.
    std::mem::forget(cause);
    Errno::EIO.into()
}

/// What a panic said.
pub(super) fn panic_message(cause: &(dyn Any + Send)) -> String {
    let text =
        cause.downcast_ref::<&str>().copied().or_else(|| cause.downcast_ref::<String>().map(String::as_str));
    text.unwrap_or("a panic without a message").to_owned()
}

/// How far a fop had come when it panicked.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Reached {
    /// The author's function was called: there is no future yet.
    Call,
    /// The future was polled.
    Poll,
    /// The answer is out, the future was being dropped.
    Drop,
}

/// Starts a fop of translator `X`: `begin` calls the author's `async fn`. One barrier around all of it; the answer goes
/// from the author's future straight to `out`.
#[inline]
unsafe fn start<X, F, Fut>(
    entry: Entry<F>,
    args: *mut F::Args,
    begin: impl FnOnce(&'static X, &'static Frame, F::Args) -> Fut,
) -> u8
where
    X: Xlator,
    F: FopType,
    Fut: Future<Output = FopResult<F::Reply>>,
{
    let node = node_of(&entry);
    if node.state.load(Ordering::Relaxed) != UP {
        // SAFETY: by the entry's contract, `args` is moved out of here.
        return unsafe { refuse(&entry, args) };
    }
    // SAFETY: the frame outlives the answer and the future.
    let arena = unsafe { &(*entry.head).arena };
    let layout = Layout::new::<Running<Fut>>();
    let (memory, origin) = arena.allocate(layout);
    let running = memory.cast::<Running<Fut>>();
    let reached = Cell::new(Reached::Call);
    let polled = catch_unwind(AssertUnwindSafe(|| {
        // SAFETY: `running` is fresh memory of its own layout. The instance lives as long as the node, and `frame` stays
        // where it is as long as the future does, so both may be borrowed for as long as it runs. `args` is moved out
        // of by the entry's contract, and `out` is room for the answer.
        unsafe {
            (&raw mut (*running).frame).write(Frame { head: entry.head, node: entry.node });
            (&raw mut (*running).origin).write(origin);
            let instance = &*node.instance.cast::<X>();
            (&raw mut (*running).future).write(begin(instance, &(*running).frame, args.read()));
            reached.set(Reached::Poll);
            if !poll_into::<F, Fut>(running, entry.waker, entry.out) {
                return PENDING;
            }
            reached.set(Reached::Drop);
            std::ptr::drop_in_place(&raw mut (*running).future);
        }
        READY
    }));
    match polled {
        Ok(READY) => {
            // SAFETY: done: nothing uses the memory any more.
            unsafe { arena.release(memory, layout, origin) };
            READY
        }
        Ok(_) => {
            let raw = RawFuture { state: running.cast(), poll: poll_later::<F, Fut>, drop: free::<Fut> };
            // SAFETY: by the entry's contract `later` is room for it.
            unsafe { entry.later.write(raw) };
            PENDING
        }
        // SAFETY: `running` is in the state that `reached` tells.
        Err(cause) => unsafe { panicked(&entry, running, reached.get(), cause) },
    }
}

/// Ends a fop that panicked: the fault is counted, the answer is `EIO` unless it was out already.
#[cold]
unsafe fn panicked<F, Fut>(
    entry: &Entry<F>,
    running: *mut Running<Fut>,
    reached: Reached,
    cause: Box<dyn Any + Send>,
) -> u8
where
    F: FopType,
{
    let error = fault(entry.node, F::CODE, cause);
    // SAFETY: what was reached says what there is to drop; then the memory goes back.
    unsafe {
        if reached == Reached::Poll {
            free::<Fut>(running.cast());
        } else {
            (*entry.head).arena.release(running.cast(), Layout::new::<Running<Fut>>(), (*running).origin);
        }
    }
    if reached == Reached::Drop { READY } else { answer(entry, Err(error)) }
}

/// Refuses a fop for a translator that does not serve.
#[cold]
unsafe fn refuse<F: FopType>(entry: &Entry<F>, args: *mut F::Args) -> u8 {
    // SAFETY: the caller's promise: `args` is moved out of.
    let args = unsafe { args.read() };
    let _ = catch_unwind(AssertUnwindSafe(|| drop(args)));
    answer(entry, Err(Errno::ENOTCONN.into()))
}

/// Polls the author's future once; whether it was ready and its answer written.
#[inline]
unsafe fn poll_into<F, Fut>(
    running: *mut Running<Fut>,
    waker: *const WakerHeader,
    out: *mut RResult<F::Reply, FopError>,
) -> bool
where
    F: FopType,
    Fut: Future<Output = FopResult<F::Reply>>,
{
    // SAFETY: the future stays where it is until it is dropped, and one thread at a time polls it; `out` is room for the
    // answer.
    with_waker(waker, |cx| unsafe {
        match Pin::new_unchecked(&mut (*running).future).poll(cx) {
            Poll::Ready(Ok(reply)) => out.write(RResult::ROk(reply)),
            Poll::Ready(Err(error)) => out.write(RResult::RErr(error)),
            Poll::Pending => return false,
        }
        true
    })
}

unsafe extern "C" fn poll_later<F, Fut>(state: *mut (), waker: *const WakerHeader, out: *mut ()) -> u8
where
    F: FopType,
    Fut: Future<Output = FopResult<F::Reply>>,
{
    let running = state.cast::<Running<Fut>>();
    let out = out.cast::<RResult<F::Reply, FopError>>();
    // SAFETY: `state` is what `start` put into the future, and `out` is room for the answer of fop `F`.
    match catch_unwind(AssertUnwindSafe(|| unsafe { poll_into::<F, Fut>(running, waker, out) })) {
        Ok(true) => READY,
        Ok(false) => PENDING,
        Err(cause) => {
            // SAFETY: as above; the frame was written before the future, which is dropped by its owner.
            unsafe { out.write(RResult::RErr(fault((*running).frame.node, F::CODE, cause))) };
            READY
        }
    }
}

unsafe extern "C" fn free<Fut>(state: *mut ()) {
    let running = state.cast::<Running<Fut>>();
    // SAFETY: written by `start`, dropped once, here; then its memory goes back to where it came from.
    unsafe {
        let (head, node, origin) = ((*running).frame.head, (*running).frame.node, (*running).origin);
        let dropped = catch_unwind(AssertUnwindSafe(|| std::ptr::drop_in_place(&raw mut (*running).future)));
        if let Err(cause) = dropped {
            fault(node, 0, cause);
        }
        (*head).arena.release(state.cast(), Layout::new::<Running<Fut>>(), origin);
    }
}

/// Starts a fop that answers at once: no future, no arena.
#[inline]
unsafe fn start_plain<X, F>(entry: Entry<F>, args: *mut F::Args) -> u8
where
    X: Xlator + PlainFop<F>,
    F: FopType,
{
    let node = node_of(&entry);
    if node.state.load(Ordering::Relaxed) != UP {
        // SAFETY: by the entry's contract, `args` is moved out of here.
        return unsafe { refuse(&entry, args) };
    }
    let frame = Frame { head: entry.head, node: entry.node };
    let answered = catch_unwind(AssertUnwindSafe(|| {
        // SAFETY: the instance lives as long as the node, and `args` is moved out of by the entry's contract.
        unsafe { (*node.instance.cast::<X>()).answer(&frame, args.read()) }
    }));
    answer(&entry, answered.unwrap_or_else(|cause| Err(fault(entry.node, F::CODE, cause))))
}

macro_rules! entries {
    ($($(#[$doc:meta])* $code:literal $name:ident $args:ident $reply:ident,)*) => {
        /// One entry a fop for translators that write it as an `async fn`.
        #[doc(hidden)]
        pub mod later {
            use super::*;
            $(
                #[must_use]
                pub const fn $name<X: Xlator>() -> FopSlot {
                    unsafe extern "C" fn entry<X: Xlator>(
                        node: *const (), frame: *const (), waker: *const WakerHeader,
                        args: *mut (), out: *mut (), later: *mut RawFuture,
                    ) -> u8 {
                        // SAFETY: by the entry's contract these are of fop type `$name`, and `args` is moved out of.
                        unsafe {
                            let entry = Entry::<crate::fop::kind::$name> {
                                node: node.cast(), head: frame_of(frame), waker, out: out.cast(), later,
                            };
                            let args = args.cast::<crate::fop::$args>();
                            start::<X, _, _>(entry, args, |xlator, frame, args| xlator.$name(frame, args))
                        }
                    }
                    FopSlot { code: $code, entry: FopEntry(entry::<X>) }
                }
            )*
        }

        /// One entry a fop for translators that write it as a plain `fn`.
        #[doc(hidden)]
        pub mod plain {
            use super::*;
            $(
                #[must_use]
                pub const fn $name<X: Xlator + PlainFop<crate::fop::kind::$name>>() -> FopSlot {
                    unsafe extern "C" fn entry<X: Xlator + PlainFop<crate::fop::kind::$name>>(
                        node: *const (), frame: *const (), waker: *const WakerHeader,
                        args: *mut (), out: *mut (), later: *mut RawFuture,
                    ) -> u8 {
                        // SAFETY: by the entry's contract these are of fop type `$name`, and `args` is moved out of.
                        unsafe {
                            let entry = Entry::<crate::fop::kind::$name> {
                                node: node.cast(), head: frame_of(frame), waker, out: out.cast(), later,
                            };
                            start_plain::<X, _>(entry, args.cast::<crate::fop::$args>())
                        }
                    }
                    FopSlot { code: $code, entry: FopEntry(entry::<X>) }
                }
            )*
        }
    };
}

for_each_fop!(entries);
