//! A task that begins on its caller's thread, and costs the event pool nothing until there is something to go on with.

use std::future::Future;
use std::mem;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, Wake, Waker};

use super::turn;

type Task = Pin<Box<dyn Future<Output = ()> + Send>>;

/// Polls `task` once. If it waits then, whoever wakes it has `spawn` take it on: a thread of the event pool that brings
/// what was waited for goes on with the task itself, where a task that is handed over beforehand wakes another thread
/// only to be told to wait.
pub(crate) fn run(task: impl Future<Output = ()> + Send + 'static, spawn: fn(Task)) {
    let mut task: Task = Box::pin(task);
    let parked = Arc::new(Parked { place: Mutex::new(Place::Polled), spawn });
    let waker = Waker::from(parked.clone());
    let polled = turn::within(|| {
        catch_unwind(AssertUnwindSafe(|| task.as_mut().poll(&mut Context::from_waker(&waker))))
    });
    if matches!(polled, Ok(Poll::Pending)) {
        parked.park(task);
    }
}

/// Where a task waits for its first wake-up. It is dropped with the last waker: nobody could wake it any more.
struct Parked {
    place: Mutex<Place>,
    spawn: fn(Task),
}

enum Place {
    /// In the caller's hands.
    Polled,
    /// There, and it has been woken meanwhile.
    Woken,
    Waits(Task),
    /// The pool has it; what still wakes it from here comes late.
    Spawned,
}

impl Parked {
    fn park(&self, task: Task) {
        let mut place = self.place.lock().unwrap_or_else(PoisonError::into_inner);
        if let Place::Woken = *place {
            *place = Place::Spawned;
            drop(place);
            (self.spawn)(task);
        } else {
            *place = Place::Waits(task);
        }
    }
}

impl Wake for Parked {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        let mut place = self.place.lock().unwrap_or_else(PoisonError::into_inner);
        match mem::replace(&mut *place, Place::Spawned) {
            Place::Polled | Place::Woken => *place = Place::Woken,
            Place::Waits(task) => {
                drop(place);
                (self.spawn)(task);
            }
            Place::Spawned => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use std::cell::{Cell, RefCell};
    use std::future::poll_fn;

    use super::*;

    thread_local! {
        static SPAWNED: Cell<usize> = const { Cell::new(0) };
        static DONE: Cell<usize> = const { Cell::new(0) };
        static WAKERS: RefCell<Vec<Waker>> = const { RefCell::new(Vec::new()) };
    }

    /// Stands for the event pool: runs what it is given at once, which does not wait a second time here.
    fn spawn(mut task: Task) {
        SPAWNED.set(SPAWNED.get() + 1);
        assert!(task.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_ready());
    }

    /// Waits so many times, then is done.
    async fn waits(times: usize, keep: impl Fn(&Waker)) {
        let mut left = times;
        poll_fn(|cx| {
            keep(cx.waker());
            let over = left == 0;
            left = left.saturating_sub(1);
            if over { Poll::Ready(()) } else { Poll::Pending }
        })
        .await;
        DONE.set(DONE.get() + 1);
    }

    fn keep(waker: &Waker) {
        WAKERS.with_borrow_mut(|kept| kept.push(waker.clone()));
    }

    fn wake_all() {
        WAKERS.take().into_iter().for_each(Waker::wake);
    }

    #[test]
    fn a_task_that_waits_for_nothing_never_reaches_the_pool() {
        run(waits(0, |_| ()), spawn);
        assert_eq!((SPAWNED.get(), DONE.get()), (0, 1));
    }

    #[test]
    fn a_task_that_waits_reaches_the_pool_when_it_is_woken_and_once() {
        run(waits(1, keep), spawn);
        assert_eq!((SPAWNED.get(), DONE.get()), (0, 0));
        keep(&WAKERS.with_borrow(|kept| kept[0].clone()));
        wake_all();
        assert_eq!((SPAWNED.get(), DONE.get()), (1, 1));
    }

    #[test]
    fn a_wake_up_during_the_first_poll_is_not_lost() {
        run(waits(1, Waker::wake_by_ref), spawn);
        assert_eq!((SPAWNED.get(), DONE.get()), (1, 1));
    }

    #[test]
    fn a_task_that_nobody_can_wake_is_dropped() {
        struct Told;
        impl Drop for Told {
            fn drop(&mut self) {
                DONE.set(DONE.get() + 10);
            }
        }
        let told = Told;
        run(
            async move {
                waits(1, keep).await;
                drop(told);
            },
            spawn,
        );
        assert_eq!(DONE.get(), 0);
        WAKERS.take();
        assert_eq!((SPAWNED.get(), DONE.get()), (0, 10));
    }

    #[test]
    fn a_task_that_panics_is_over() {
        run(async { panic!("in a task") }, spawn);
        assert_eq!(SPAWNED.get(), 0);
    }
}
