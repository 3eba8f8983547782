//! The SDK's side of a fop entry: builds the author's future in the frame's arena and polls it once, behind the panic
//! barrier.

use std::any::Any;
use std::cell::Cell;
use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::sync::atomic::Ordering;
use std::task::Poll;

use super::frame::{Frame, Out};
use crate::abi::frame::FrameHead;
use crate::abi::future::{DOWN, PENDING, RawFuture, WakerHeader, with_waker};
use crate::abi::node::{FopEntry, Node, UP, frame_of};
use crate::abi::root::FopSlot;
use crate::fop::{FopError, FopResult, FopType};
use crate::xlator::{GuardedFop, Pass, PassingFop, PlainFop, Xlator};
use crate::{Errno, for_each_fop};

/// What an entry is called with, typed.
struct Entry<F: FopType> {
    node: *const Node,
    head: *const FrameHead,
    waker: *const WakerHeader,
    args: *mut F::Args,
    out: *mut Out<F::Reply>,
    later: *mut RawFuture,
}

/// A fop under way: the author's future with what it borrows.
struct Running<Fut> {
    frame: Frame,
    future: Fut,
}

/// Whether a translator serves.
///
/// # Safety
/// The node lives through the call.
#[inline]
unsafe fn serves(node: *const Node) -> bool {
    // SAFETY: the caller's promise.
    unsafe { (*node).state.load(Ordering::Relaxed) == UP }
}

#[cold]
#[inline(never)]
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
    begin: impl FnOnce(&'static X, &'static Frame, F::Args) -> Fut,
) -> u8
where
    X: Xlator,
    F: FopType,
    Fut: Future<Output = FopResult<F::Reply>>,
{
    let node = entry.node;
    // SAFETY: the graph is pinned by the root of the call; the instance lives as long as the node, so it may be borrowed
    // for as long as its future runs.
    unsafe {
        if !serves(node) {
            return DOWN;
        }
        first_poll(entry, |frame, args| begin(&*(*node).instance.cast::<X>(), frame, args))
    }
}

/// Runs a fop that is a future of the SDK's own, as that of a translator.
///
/// # Safety
/// Called by an entry for fop `F` with what it was called with.
pub(crate) unsafe fn run<F, Fut>(
    node: *const (),
    frame: *const (),
    waker: *const WakerHeader,
    args: *mut (),
    out: *mut (),
    later: *mut RawFuture,
    begin: impl FnOnce(&'static Frame, F::Args) -> Fut,
) -> u8
where
    F: FopType,
    Fut: Future<Output = FopResult<F::Reply>>,
{
    let (node, head, args, out) = (node.cast(), frame_of(frame), args.cast(), out.cast());
    // SAFETY: the caller's promise.
    unsafe { first_poll(Entry::<F> { node, head, waker, args, out, later }, begin) }
}

/// Makes a fop's future in the arena and polls it once. One barrier around all of it.
#[inline]
unsafe fn first_poll<F, Fut>(entry: Entry<F>, begin: impl FnOnce(&'static Frame, F::Args) -> Fut) -> u8
where
    F: FopType,
    Fut: Future<Output = FopResult<F::Reply>>,
{
    let Entry { node, head, waker, args, out, later } = entry;
    // SAFETY: the frame outlives the answer and the future.
    let arena = unsafe { &(*head).arena };
    let (running, own) = arena.allocate::<Running<Fut>>();
    let made = Cell::new(false);
    let polled = catch_unwind(AssertUnwindSafe(|| {
        // SAFETY: `running` is fresh memory of its own layout. `frame` stays where it is as long as the future does, so it
        // may be borrowed for as long as it runs. `args` is moved out of by the entry's contract.
        unsafe {
            (&raw mut (*running).frame).write(Frame { head, node });
            (&raw mut (*running).future).write(begin(&(*running).frame, args.read()));
            made.set(true);
            let future = Pin::new_unchecked(&mut (*running).future);
            let polled = with_waker(waker, |cx| future.poll(cx));
            if polled.is_ready() {
                made.set(false);
                // Before the answer is written: the compiler then knows that a function that returned holds nothing.
                std::ptr::drop_in_place(&raw mut (*running).future);
            }
            polled
        }
    }));
    let answer = match polled {
        Ok(Poll::Ready(answer)) => answer,
        Ok(Poll::Pending) => {
            let raw = RawFuture { state: running.cast(), poll: poll_later::<F, Fut>, drop: free::<Fut> };
            // SAFETY: by the entry's contract `later` is room for it, and the frame lives.
            unsafe {
                (*head).waits_in(node);
                later.write(raw);
            }
            return PENDING;
        }
        Err(cause) => {
            let error = fault(node, F::CODE, cause);
            if made.get() {
                // SAFETY: the future was made, and it panicked before it was dropped.
                unsafe { drop_future(node, running) };
            }
            Err(error)
        }
    };
    // SAFETY: nothing uses the memory any more. What was allocated in the arena after it belonged to calls of this fop's
    // frame, which the future held, since they borrow the frame; so it is gone, too. `out` is room for the answer.
    unsafe {
        arena.rewind(running, own);
        Out::write(out, answer)
    }
}

unsafe extern "C" fn poll_later<F, Fut>(state: *mut (), waker: *const WakerHeader, out: *mut ()) -> u8
where
    F: FopType,
    Fut: Future<Output = FopResult<F::Reply>>,
{
    let running = state.cast::<Running<Fut>>();
    // SAFETY: `state` is what `start` put into the future, which stays where it is until it is dropped and is polled by
    // one thread at a time; `out` is room for the answer of fop `F`.
    unsafe {
        let Frame { head, node } = (*running).frame;
        (*head).set_current(node);
        let polled = catch_unwind(AssertUnwindSafe(|| {
            with_waker(waker, |cx| Pin::new_unchecked(&mut (*running).future).poll(cx))
        }));
        let answer = match polled {
            Ok(Poll::Ready(answer)) => answer,
            Ok(Poll::Pending) => {
                (*head).waits_in(node);
                return PENDING;
            }
            // The future is dropped by its owner.
            Err(cause) => Err(fault(node, F::CODE, cause)),
        };
        Out::write(out.cast::<Out<F::Reply>>(), answer)
    }
}

unsafe extern "C" fn free<Fut>(state: *mut ()) {
    let running = state.cast::<Running<Fut>>();
    // SAFETY: written by `start`, dropped once, here; then its memory goes back to where it came from.
    unsafe {
        let Frame { head, node } = (*running).frame;
        drop_future(node, running);
        (*head).arena.release(running);
    }
}

/// Drops the future of a fop; a panic in it is a fault of its own.
///
/// # Safety
/// It is there, and not used any more.
unsafe fn drop_future<Fut>(node: *const Node, running: *mut Running<Fut>) {
    // SAFETY: the caller's promise.
    let future = || unsafe { std::ptr::drop_in_place(&raw mut (*running).future) };
    if let Err(cause) = catch_unwind(AssertUnwindSafe(future)) {
        fault(node, 0, cause);
    }
}

/// Starts a fop that answers at once: no future, no arena.
#[inline]
unsafe fn start_plain<X, F>(entry: Entry<F>) -> u8
where
    X: Xlator + PlainFop<F>,
    F: FopType,
{
    let Entry { node, head, args, out, .. } = entry;
    // SAFETY: the graph is pinned by the root of the call.
    if !unsafe { serves(node) } {
        return DOWN;
    }
    let frame = Frame { head, node };
    let answered = catch_unwind(AssertUnwindSafe(|| {
        // SAFETY: the instance lives as long as the node, and `args` is moved out of by the entry's contract.
        unsafe { (*(*node).instance.cast::<X>()).answer(&frame, args.read()) }
    }));
    let answer = answered.unwrap_or_else(|cause| Err(fault(node, F::CODE, cause)));
    // SAFETY: `out` is room for the answer by the entry's contract.
    unsafe { Out::write(out, answer) }
}

/// Starts a fop that looks and passes on: the child answers in this translator's place, to who asked, so there is no
/// future and nothing to come back to.
#[inline]
unsafe fn start_passing<X, F>(entry: Entry<F>) -> u8
where
    X: Xlator + PassingFop<F>,
    F: FopType,
{
    let Entry { node, head, args, .. } = entry;
    // SAFETY: the graph is pinned by the root of the call.
    if !unsafe { serves(node) } {
        return DOWN;
    }
    let frame = Frame { head, node };
    let passed = catch_unwind(AssertUnwindSafe(|| {
        // SAFETY: the instance lives as long as the node, and nobody else looks at the arguments meanwhile.
        unsafe { (*(*node).instance.cast::<X>()).pass(&frame, &mut *args) }
    }));
    // SAFETY: the entry is this call's.
    unsafe { passed_on(entry, passed) }
}

/// Starts a fop that begins with guards: behind them it is a future.
#[inline]
unsafe fn start_guarded<X, F>(entry: Entry<F>) -> u8
where
    X: Xlator + GuardedFop<F>,
    F: FopType,
{
    let Entry { node, head, args, .. } = entry;
    // SAFETY: the graph is pinned by the root of the call.
    if !unsafe { serves(node) } {
        return DOWN;
    }
    let frame = Frame { head, node };
    let guarded = catch_unwind(AssertUnwindSafe(|| {
        // SAFETY: the instance lives as long as the node, and nobody else looks at the arguments meanwhile.
        unsafe { (*(*node).instance.cast::<X>()).guard(&frame, &mut *args) }
    }));
    // SAFETY: the entry is this call's, and what is behind the guards borrows the instance as long as it runs.
    unsafe {
        match guarded {
            Ok(Some(passed)) => passed_on(entry, Ok(passed)),
            Err(cause) => passed_on(entry, Err(cause)),
            Ok(None) => first_poll(entry, |frame, args| (*(*node).instance.cast::<X>()).rest(frame, args)),
        }
    }
}

/// Ends a fop as its `pass` or `guard` said.
#[inline]
unsafe fn passed_on<F: FopType>(entry: Entry<F>, passed: std::thread::Result<FopResult<Pass<'_, F>>>) -> u8 {
    let Entry { node, head, waker, args, out, later } = entry;
    let answer = match passed {
        // SAFETY: these are what the entry was called with.
        Ok(Ok(Pass::On(child))) => unsafe {
            return child.hand_on(F::CODE, head, waker, args.cast(), out.cast(), later);
        },
        Ok(Ok(Pass::Answer(reply))) => Ok(reply),
        Ok(Err(error)) => Err(error),
        Err(cause) => Err(fault(node, F::CODE, cause)),
    };
    // SAFETY: by the entry's contract the arguments are moved out of, and `out` is room for the answer.
    unsafe { passed_by::<F>(node, args, out, answer) }
}

/// Answers in place of the child, and drops what would have been passed on.
#[cold]
#[inline(never)]
unsafe fn passed_by<F: FopType>(
    node: *const Node,
    args: *mut F::Args,
    out: *mut Out<F::Reply>,
    answer: FopResult<F::Reply>,
) -> u8 {
    // SAFETY: the caller's promise.
    unsafe {
        if let Err(cause) = catch_unwind(AssertUnwindSafe(|| std::ptr::drop_in_place(args))) {
            fault(node, F::CODE, cause);
        }
        Out::write(out, answer)
    }
}

macro_rules! entry {
    ($kind:ident, $bound:path, $entry:ident => $start:expr) => {{
        unsafe extern "C" fn entry<X: $bound>(
            node: *const (),
            frame: *const (),
            waker: *const WakerHeader,
            args: *mut (),
            out: *mut (),
            later: *mut RawFuture,
        ) -> u8 {
            // SAFETY: by the entry's contract these are of this fop's types, and `args` is moved out of.
            unsafe {
                let $entry = Entry::<crate::fop::kind::$kind> {
                    node: node.cast(),
                    head: frame_of(frame),
                    waker,
                    args: args.cast(),
                    out: out.cast(),
                    later,
                };
                $start
            }
        }
        FopSlot { code: <crate::fop::kind::$kind as FopType>::CODE, entry: FopEntry(entry::<X>) }
    }};
}

/// What `PlainFop`, `PassingFop` and `GuardedFop` ask beside their trait.
trait Plain<F: FopType>: Xlator + PlainFop<F> {}
impl<F: FopType, X: Xlator + PlainFop<F>> Plain<F> for X {}
trait Passing<F: FopType>: Xlator + PassingFop<F> {}
impl<F: FopType, X: Xlator + PassingFop<F>> Passing<F> for X {}
trait Guarded<F: FopType>: Xlator + GuardedFop<F> {}
impl<F: FopType, X: Xlator + GuardedFop<F>> Guarded<F> for X {}

macro_rules! entries {
    ($($(#[$doc:meta])* $code:literal $name:ident $args:ident $reply:ident,)*) => {
        /// One entry a fop for translators that write it as an `async fn`.
        #[doc(hidden)]
        pub mod later {
            use super::*;
            $(
                #[must_use]
                pub const fn $name<X: Xlator>() -> FopSlot {
                    entry!($name, Xlator, entry => {
                        start::<X, _, _>(entry, |xlator, frame, args| xlator.$name(frame, args))
                    })
                }
            )*
        }

        /// One entry a fop for translators whose answer waits for nothing.
        #[doc(hidden)]
        pub mod plain {
            use super::*;
            $(
                #[must_use]
                pub const fn $name<X: Xlator + PlainFop<crate::fop::kind::$name>>() -> FopSlot {
                    entry!($name, Plain<crate::fop::kind::$name>, entry => start_plain::<X, _>(entry))
                }
            )*
        }

        /// One entry a fop for translators that look and pass on.
        #[doc(hidden)]
        pub mod passing {
            use super::*;
            $(
                #[must_use]
                pub const fn $name<X: Xlator + PassingFop<crate::fop::kind::$name>>() -> FopSlot {
                    entry!($name, Passing<crate::fop::kind::$name>, entry => start_passing::<X, _>(entry))
                }
            )*
        }

        /// One entry a fop for translators that look first, and may pass on then.
        #[doc(hidden)]
        pub mod guarded {
            use super::*;
            $(
                #[must_use]
                pub const fn $name<X: Xlator + GuardedFop<crate::fop::kind::$name>>() -> FopSlot {
                    entry!($name, Guarded<crate::fop::kind::$name>, entry => start_guarded::<X, _>(entry))
                }
            )*
        }
    };
}

for_each_fop!(entries);
