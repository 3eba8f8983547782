//! Turns: what plugins put off while a thread runs one task is done when it has.

use std::cell::{Cell, RefCell};
use std::future::{Future, poll_fn};
use std::pin::pin;

use plugin_api::abi::turns::{AtEnd, PutOff, Turns};

thread_local! {
    static DEPTH: Cell<usize> = const { Cell::new(0) };
    static DUE: RefCell<Vec<(AtEnd, *const ())>> = const { RefCell::new(Vec::new()) };
}

pub(super) static TABLE: Turns = Turns { begin, end, put_off };

/// A task every poll of which is a turn.
pub(super) async fn by_turns<R>(task: impl Future<Output = R>) -> R {
    let mut task = pin!(task);
    poll_fn(|cx| {
        begin();
        let polled = task.as_mut().poll(cx);
        end();
        polled
    })
    .await
}

extern "C" fn begin() {
    DEPTH.set(DEPTH.get() + 1);
}

extern "C" fn end() {
    let depth = DEPTH.get() - 1;
    DEPTH.set(depth);
    if depth > 0 {
        return;
    }
    let mut due = DUE.take();
    for (at_end, arg) in due.drain(..) {
        // SAFETY: whoever put it off keeps the argument until now, and each is taken out once.
        unsafe { at_end(arg) };
    }
    // Nothing was put off meanwhile: no turn is on. Its room serves the next turn.
    DUE.set(due);
}

/// # Safety
/// `at_end` takes `arg` once, on this thread.
unsafe extern "C" fn put_off(at_end: AtEnd, arg: *const ()) -> PutOff {
    if DEPTH.get() == 0 {
        return PutOff::No;
    }
    DUE.with_borrow_mut(|due| {
        if due.iter().any(|(_, known)| std::ptr::eq(*known, arg)) {
            return PutOff::Already;
        }
        due.push((at_end, arg));
        PutOff::Yes
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    unsafe extern "C" fn count(arg: *const ()) {
        // SAFETY: the tests put off nothing else.
        let counter = unsafe { &*arg.cast::<Cell<usize>>() };
        counter.set(counter.get() + 1);
    }

    fn put(counter: &Cell<usize>) -> PutOff {
        // SAFETY: it outlives the turn.
        unsafe { put_off(count, std::ptr::from_ref(counter).cast()) }
    }

    #[test]
    fn what_is_put_off_is_done_once_at_the_end_of_the_outermost_turn() {
        let (one, other) = (Cell::new(0), Cell::new(0));
        begin();
        assert_eq!(put(&one), PutOff::Yes);
        begin();
        assert_eq!((put(&one), put(&other)), (PutOff::Already, PutOff::Yes));
        end();
        assert_eq!((one.get(), other.get()), (0, 0));
        end();
        assert_eq!((one.get(), other.get()), (1, 1));
        begin();
        end();
        assert_eq!(one.get(), 1, "it was done");
    }

    #[test]
    fn outside_of_a_turn_nothing_is_put_off() {
        let counter = Cell::new(0);
        assert_eq!(put(&counter), PutOff::No);
        begin();
        end();
        assert_eq!(counter.get(), 0);
    }

    #[test]
    fn each_poll_of_a_task_is_a_turn() {
        let counter = Cell::new(0);
        let seen = RefCell::new(Vec::new());
        let mut task = pin!(by_turns(async {
            for _ in 0..2 {
                seen.borrow_mut().push((put(&counter), counter.get()));
                tokio::task::yield_now().await;
            }
        }));
        let mut cx = std::task::Context::from_waker(std::task::Waker::noop());
        while task.as_mut().poll(&mut cx).is_pending() {}
        assert_eq!((seen.take(), counter.get()), (vec![(PutOff::Yes, 0), (PutOff::Yes, 1)], 2));
    }
}
