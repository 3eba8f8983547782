//! What C does with a fop's arguments and answers by its number, and the entry that stands before each fop written in C.

use std::sync::atomic::Ordering;

use super::adopt::CInstance;
use crate::abi::frame::FrameHead;
use crate::abi::future::{DOWN, FAILED, PANICKED, PENDING, READY, RawFuture, UNKNOWN, WakerHeader};
use crate::abi::node::{FopEntry, Node, UP};
use crate::fop::{FopError, FopType};
use crate::{Errno, for_each_fop};

macro_rules! by_number {
    ($($(#[$doc:meta])* $code:literal $name:ident $args:ident $reply:ident,)*) => {
        pub(super) unsafe extern "C" fn args_copy(fop: u32, from: *const (), to: *mut ()) -> bool {
            match fop {
                // SAFETY: by the table's contract these are the arguments of this fop, and room for them.
                $($code => unsafe { to.cast::<crate::fop::$args>().write((*from.cast::<crate::fop::$args>()).clone()) },)*
                _ => return false,
            }
            true
        }

        pub(super) unsafe extern "C" fn args_drop(fop: u32, args: *mut ()) {
            match fop {
                // SAFETY: by the table's contract these are the arguments of this fop, and nobody uses them any more.
                $($code => unsafe { args.cast::<crate::fop::$args>().drop_in_place() },)*
                _ => {}
            }
        }

        pub(super) unsafe extern "C" fn answer_drop(fop: u32, code: u8, answer: *mut ()) {
            match (fop, code) {
                // SAFETY: FAILED says that this is an error.
                (_, FAILED) => unsafe { answer.cast::<FopError>().drop_in_place() },
                // SAFETY: READY says that this is the reply of this fop.
                $(($code, READY) => unsafe { answer.cast::<crate::fop::$reply>().drop_in_place() },)*
                _ => {}
            }
        }

        pub(super) unsafe extern "C" fn answer_empty(fop: u32, out: *mut ()) -> bool {
            match fop {
                // SAFETY: by the table's contract `out` is room for an answer of this fop.
                $($code => unsafe { Empty::<crate::fop::kind::$name>::write(out) },)*
                _ => false,
            }
        }

        /// What stands before a fop that is written in C.
        pub(super) fn guard(code: u32) -> Option<FopEntry> {
            match code {
                $($code => Some(FopEntry(guarded::<$code>)),)*
                _ => None,
            }
        }
    };
}

for_each_fop!(by_number);

pub(super) unsafe extern "C" fn answer_error(out: *mut (), number: i32) -> u8 {
    // SAFETY: by the table's contract `out` is room for an answer.
    unsafe { out.cast::<FopError>().write(Errno::from_raw(number).into()) };
    FAILED
}

/// Answers without anything in them, for the fops that have such.
struct Empty<F>(std::marker::PhantomData<F>);

trait NothingToHold {
    unsafe fn write(out: *mut ()) -> bool;
}

impl<F: FopType> Empty<F>
where
    F::Reply: Default,
{
    /// # Safety
    /// Room for an answer of `F`.
    unsafe fn write(out: *mut ()) -> bool {
        // SAFETY: the caller's promise.
        unsafe { out.cast::<F::Reply>().write(F::Reply::default()) };
        true
    }
}

/// Taken where the reply has no default: the one above goes first where it fits.
impl<F> NothingToHold for Empty<F> {
    unsafe fn write(_: *mut ()) -> bool {
        false
    }
}

/// A fop in C that waits.
struct Waiting {
    later: RawFuture,
    node: *const Node,
    head: *const FrameHead,
    fop: u32,
}

/// Refuses for a node that does not serve, and calls the translator's own entry.
unsafe extern "C" fn guarded<const CODE: u32>(
    node: *const (),
    frame: *const (),
    waker: *const WakerHeader,
    args: *mut (),
    out: *mut (),
    later: *mut RawFuture,
) -> u8 {
    let (at, head) = (node.cast::<Node>(), frame.cast::<FrameHead>());
    // SAFETY: by the entry's contract; the instance of such a node is a `CInstance`.
    let instance = unsafe { &*(*at).instance.cast::<CInstance>() };
    // SAFETY: as above.
    let serves = unsafe { (*at).state.load(Ordering::Relaxed) } == UP;
    let Some(entry) = instance.entry(CODE).filter(|_| serves) else { return DOWN };
    // SAFETY: what this was called with is handed on, and the frame outlives the answer.
    unsafe {
        let code = (entry.0)(node, frame, waker, args, out, later);
        match code {
            PENDING => {
                let waiting = Waiting { later: later.read(), node: at, head, fop: CODE };
                (*head).waits_in(at);
                // One box, and so C need not say whose code runs, nor be believed about its answers.
                let state = Box::into_raw(Box::new(waiting)).cast();
                later.write(RawFuture { state, poll: poll_waiting, drop: drop_waiting });
                PENDING
            }
            UNKNOWN | DOWN => code,
            code => believed(at, CODE, code, out),
        }
    }
}

unsafe extern "C" fn poll_waiting(state: *mut (), waker: *const WakerHeader, out: *mut ()) -> u8 {
    // SAFETY: from `guarded`; one thread at a time polls it, and the frame outlives it.
    unsafe {
        let waiting = &mut *state.cast::<Waiting>();
        (*waiting.head).set_current(waiting.node);
        let code = (waiting.later.poll)(waiting.later.state, waker, out);
        if code == PENDING {
            (*waiting.head).waits_in(waiting.node);
            return PENDING;
        }
        believed(waiting.node, waiting.fop, code, out)
    }
}

unsafe extern "C" fn drop_waiting(state: *mut ()) {
    // SAFETY: from `guarded`, dropped once.
    drop(unsafe { Box::from_raw(state.cast::<Waiting>()) });
}

/// An answer, or `EIO` and a fault where it is none.
///
/// # Safety
/// A node of a live graph, and room for an answer.
unsafe fn believed(node: *const Node, fop: u32, code: u8, out: *mut ()) -> u8 {
    if matches!(code, READY | FAILED) {
        return code;
    }
    if code != PANICKED {
        let what = format!("code in C answered {code}, which is no answer");
        // SAFETY: the caller's promise; the text lives through the call.
        unsafe { ((*node).fault)(node, fop, what.as_ptr(), what.len()) };
    }
    // SAFETY: the caller's promise.
    unsafe { answer_error(out, libc::EIO) }
}
