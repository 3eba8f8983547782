//! Turns: work that is put off until a thread has run a task as far as it goes, so that it is done once for all of it.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use crate::abi::turns::{PutOff, table};

/// Who has work at the end of a turn.
pub trait TurnEnd: Send + Sync + 'static {
    /// Does what was put off. Must not block.
    fn turn_ended(&self);
}

/// Has [`TurnEnd::turn_ended`] called when the turn of this thread ends, once however often it is asked for; false where no
/// turn is on: then it is to be done now.
pub fn at_end<T: TurnEnd>(who: &Arc<T>) -> bool {
    unsafe extern "C" fn ended<T: TurnEnd>(arg: *const ()) {
        // SAFETY: `arg` carries the count that was taken below.
        let who = unsafe { Arc::from_raw(arg.cast::<T>()) };
        let _ = catch_unwind(AssertUnwindSafe(|| who.turn_ended()));
    }
    let Some(table) = table() else { return false };
    let arg = Arc::as_ptr(who);
    // SAFETY: the argument is alive until the count below is taken, and then as long as it is put off: the turn is this
    // thread's.
    match unsafe { (table.put_off)(ended::<T>, arg.cast()) } {
        PutOff::No => return false,
        // SAFETY: from a live `Arc`; `ended` gives it back.
        PutOff::Yes => unsafe { Arc::increment_strong_count(arg) },
        PutOff::Already => {}
    }
    true
}

/// Runs `work` as one turn.
pub(crate) fn within<R>(work: impl FnOnce() -> R) -> R {
    struct Turn(extern "C" fn());
    impl Drop for Turn {
        fn drop(&mut self) {
            (self.0)();
        }
    }
    let _turn = table().map(|table| {
        (table.begin)();
        Turn(table.end)
    });
    work()
}
