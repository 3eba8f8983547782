//! The SDK's side of a fop entry: builds the author's future in the frame's arena and polls it once, behind the panic
//! barrier.

use std::alloc::Layout;
use std::any::Any;
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

/// Starts a fop of translator `X`: `begin` calls the author's `async fn`.
#[inline]
unsafe fn start<X, F, Fut>(
    entry: Entry<F>,
    args: F::Args,
    begin: impl FnOnce(&'static X, &'static Frame, F::Args) -> Fut,
) -> u8
where
    X: Xlator,
    F: FopType,
    Fut: Future<Output = FopResult<F::Reply>>,
{
    let node = node_of(&entry);
    if node.state.load(Ordering::Relaxed) != UP {
        return answer(&entry, Err(Errno::ENOTCONN.into()));
    }
    // SAFETY: the frame outlives the answer and the future.
    let arena = unsafe { &(*entry.head).arena };
    let layout = Layout::new::<Running<Fut>>();
    let (memory, origin) = arena.allocate(layout);
    let running = memory.cast::<Running<Fut>>();
    let begun = catch_unwind(AssertUnwindSafe(|| {
        // SAFETY: `running` is fresh memory of its own layout. The instance lives as long as the node, and `frame` stays
        // where it is as long as the future does, so both may be borrowed for as long as it runs.
        unsafe {
            (&raw mut (*running).frame).write(Frame { head: entry.head, node: entry.node });
            (&raw mut (*running).origin).write(origin);
            let instance = &*node.instance.cast::<X>();
            (&raw mut (*running).future).write(begin(instance, &(*running).frame, args));
        }
    }));
    if let Err(cause) = begun {
        // SAFETY: the future was not written, and nothing else in there needs dropping.
        unsafe { arena.release(memory, layout, origin) };
        let error = fault(entry.node, F::CODE, cause);
        return answer(&entry, Err(error));
    }
    // SAFETY: just written, and not polled elsewhere.
    match unsafe { step::<F, Fut>(running, entry.waker) } {
        Poll::Ready(result) => {
            // SAFETY: done: nothing borrows it any more.
            unsafe { free::<Fut>(running.cast()) };
            answer(&entry, result)
        }
        Poll::Pending => {
            let raw = RawFuture { state: running.cast(), poll: poll_later::<F, Fut>, drop: free::<Fut> };
            // SAFETY: by the entry's contract `later` is room for it.
            unsafe { entry.later.write(raw) };
            PENDING
        }
    }
}

/// Polls the author's future once; a panic is its answer.
unsafe fn step<F, Fut>(running: *mut Running<Fut>, waker: *const WakerHeader) -> Poll<FopResult<F::Reply>>
where
    F: FopType,
    Fut: Future<Output = FopResult<F::Reply>>,
{
    let polled = catch_unwind(AssertUnwindSafe(|| {
        // SAFETY: the future stays where it is until it is dropped, and one thread at a time polls it.
        with_waker(waker, |cx| unsafe { Pin::new_unchecked(&mut (*running).future) }.poll(cx))
    }));
    polled.unwrap_or_else(|cause| {
        // SAFETY: the frame was written before the future.
        let node = unsafe { (*running).frame.node };
        Poll::Ready(Err(fault(node, F::CODE, cause)))
    })
}

unsafe extern "C" fn poll_later<F, Fut>(state: *mut (), waker: *const WakerHeader, out: *mut ()) -> u8
where
    F: FopType,
    Fut: Future<Output = FopResult<F::Reply>>,
{
    // SAFETY: `state` is what `start` put into the future.
    match unsafe { step::<F, Fut>(state.cast(), waker) } {
        Poll::Ready(result) => {
            // SAFETY: `out` is room for the answer of fop `F`.
            unsafe { out.cast::<RResult<F::Reply, FopError>>().write(result.into()) };
            READY
        }
        Poll::Pending => PENDING,
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
unsafe fn start_plain<X, F>(entry: Entry<F>, args: F::Args) -> u8
where
    X: Xlator + PlainFop<F>,
    F: FopType,
{
    let node = node_of(&entry);
    if node.state.load(Ordering::Relaxed) != UP {
        return answer(&entry, Err(Errno::ENOTCONN.into()));
    }
    let frame = Frame { head: entry.head, node: entry.node };
    let answered = catch_unwind(AssertUnwindSafe(|| {
        // SAFETY: the instance lives as long as the node.
        unsafe { &*node.instance.cast::<X>() }.answer(&frame, args)
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
                            let args = args.cast::<crate::fop::$args>().read();
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
                            start_plain::<X, _>(entry, args.cast::<crate::fop::$args>().read())
                        }
                    }
                    FopSlot { code: $code, entry: FopEntry(entry::<X>) }
                }
            )*
        }
    };
}

for_each_fop!(entries);
