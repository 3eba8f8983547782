//! What C does with a fop's arguments and answers by its number, and the entry that stands before each fop written in C.

use std::sync::atomic::Ordering;

use abi_stable::std_types::RResult;

use super::adopt::CInstance;
use crate::abi::future::{PENDING, READY, RawFuture, WakerHeader};
use crate::abi::node::{FopEntry, Node, UP};
use crate::fop::{FopError, FopType};
use crate::{Errno, for_each_fop};

type Answer<F> = RResult<<F as FopType>::Reply, FopError>;

/// Calls `$work::<kind>(…)` for the kind with this number; nothing for one that nobody knows.
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

        pub(super) unsafe extern "C" fn answer_drop(fop: u32, answer: *mut ()) {
            match fop {
                // SAFETY: as above, of its answer.
                $($code => unsafe { answer.cast::<Answer<crate::fop::kind::$name>>().drop_in_place() },)*
                _ => {}
            }
        }

        pub(super) unsafe extern "C" fn answer_error(fop: u32, out: *mut (), errno: i32) {
            let error = RResult::RErr(Errno::from_raw(errno).into());
            match fop {
                // SAFETY: by the table's contract `out` is room for an answer of this fop.
                $($code => unsafe { out.cast::<Answer<crate::fop::kind::$name>>().write(error_of(error)) },)*
                _ => {}
            }
        }

        pub(super) unsafe extern "C" fn answer_empty(fop: u32, out: *mut ()) -> bool {
            match fop {
                // SAFETY: as above.
                $($code => unsafe { Empty::<crate::fop::kind::$name>::write(out) },)*
                _ => false,
            }
        }

        /// What stands before a fop that is written in C.
        pub(super) fn guard(code: u32) -> Option<FopEntry> {
            match code {
                $($code => Some(FopEntry(guarded::<crate::fop::kind::$name>)),)*
                _ => None,
            }
        }
    };
}

for_each_fop!(by_number);

fn error_of<T>(error: RResult<(), FopError>) -> RResult<T, FopError> {
    match error {
        RResult::RErr(error) => RResult::RErr(error),
        RResult::ROk(()) => RResult::RErr(Errno::EIO.into()),
    }
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
        unsafe { out.cast::<Answer<F>>().write(RResult::ROk(F::Reply::default())) };
        true
    }
}

/// Taken where the reply has no default: the one above goes first where it fits.
impl<F> NothingToHold for Empty<F> {
    unsafe fn write(_: *mut ()) -> bool {
        false
    }
}

/// Refuses for a node that does not serve, calls the translator's own entry, and takes no answer that is none.
unsafe extern "C" fn guarded<F: FopType>(
    node: *const (),
    frame: *const (),
    waker: *const WakerHeader,
    args: *mut (),
    out: *mut (),
    later: *mut RawFuture,
) -> u8 {
    // SAFETY: by the entry's contract; the instance of such a node is a `CInstance`.
    let (known, instance) =
        unsafe { (&*node.cast::<Node>(), &*(*node.cast::<Node>()).instance.cast::<CInstance>()) };
    let refused = |errno: Errno| {
        // SAFETY: by the entry's contract `out` is room for the answer.
        unsafe { out.cast::<Answer<F>>().write(RResult::RErr(errno.into())) };
        READY
    };
    let entry = instance.entry(F::CODE).filter(|_| known.state.load(Ordering::Relaxed) == UP);
    let Some(entry) = entry else {
        // SAFETY: by the entry's contract `args` is moved out of.
        unsafe { args_drop(F::CODE, args) };
        return refused(Errno::ENOTCONN);
    };
    // SAFETY: what this was called with is handed on.
    match unsafe { (entry.0)(node, frame, waker, args, out, later) } {
        done @ (READY | PENDING) => done,
        other => {
            let what =
                format!("an entry in C answered {other}, which is neither MORTAR_READY nor MORTAR_PENDING");
            // SAFETY: a node of a live graph, and a text that lives through the call.
            unsafe { (known.fault)(node.cast(), F::CODE, what.as_ptr(), what.len()) };
            refused(Errno::EIO)
        }
    }
}
