//! The host's event pool for plugins: tasks, time, and readiness of descriptors.

use std::future::Future;
use std::io;
use std::os::fd::{AsFd, AsRawFd};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use abi_stable::std_types::RResult;

use crate::Errno;
use crate::abi::future::{Later, RawFuture, with_header};
use crate::abi::host::{IO_PENDING, IoStep, RawFd, host};

pub use super::offload::offload;

use super::inline;

/// Runs a task on the event pool to its end.
pub fn spawn(task: impl Future<Output = ()> + Send + 'static) {
    // SAFETY: the output is `()`.
    unsafe { host().spawn()(RawFuture::boxed(task)) }
}

/// Runs a task on a thread that may block.
pub fn spawn_blocking(task: impl Future<Output = ()> + Send + 'static) {
    // SAFETY: the output is `()`.
    unsafe { host().spawn_blocking()(RawFuture::boxed(task)) }
}

/// Runs a task here as far as it goes without waiting, and the rest of it on the event pool.
pub fn run_inline(task: impl Future<Output = ()> + Send + 'static) {
    inline::run(task, spawn);
}

/// Is done after `duration`.
pub async fn sleep(duration: Duration) {
    let nanos = u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX);
    // SAFETY: the host's future has output `()`.
    let _ = unsafe { Later::<()>::new(host().sleep()(nanos)) }.await;
}

/// `work`, or `None` when it takes longer than `limit`. Only for work that may be dropped half done: never for a fop.
pub async fn timeout<T>(limit: Duration, work: impl Future<Output = T>) -> Option<T> {
    let mut work = std::pin::pin!(work);
    let mut end = std::pin::pin!(sleep(limit));
    std::future::poll_fn(move |cx| {
        if let Poll::Ready(value) = work.as_mut().poll(cx) {
            return Poll::Ready(Some(value));
        }
        end.as_mut().poll(cx).map(|()| None)
    })
    .await
}

/// Ends the process in order, as if by signal.
pub fn stop(status: i32) {
    host().stop()(status);
}

/// Awaits a future of another library whose output is a result.
pub(crate) async fn await_result<T>(raw: RawFuture) -> Result<T, Errno> {
    // SAFETY: callers pass futures whose tables document this output.
    match unsafe { Later::<RResult<T, i32>>::new(raw) }.await {
        Ok(done) => done.into_result().map_err(Errno::from_raw),
        Err(_) => Err(Errno::EIO),
    }
}

/// A non-blocking descriptor that the event pool watches.
#[derive(Debug)]
pub struct Watched<T: AsFd> {
    // Declared first: the watch ends before the descriptor is closed.
    watch: Watch,
    io: T,
}

#[derive(Debug)]
struct Watch(RawFd);

impl Drop for Watch {
    fn drop(&mut self) {
        // SAFETY: from `fd_watch`, ended once.
        unsafe { host().fd_unwatch()(self.0) }
    }
}

/// What a descriptor is to be ready for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ready {
    /// Reading, or accepting.
    Read = 0,
    /// Writing, or being connected.
    Write = 1,
}

impl<T: AsFd> Watched<T> {
    /// Watches `io`, which is in non-blocking mode.
    ///
    /// # Errors
    /// What the event pool says.
    pub fn new(io: T) -> io::Result<Self> {
        let watched = host().fd_watch()(io.as_fd().as_raw_fd()).into_result();
        let watch = Watch(watched.map_err(io::Error::from_raw_os_error)?);
        Ok(Self { watch, io })
    }

    /// What is watched.
    pub fn get_ref(&self) -> &T {
        &self.io
    }

    /// Tries `step` when the descriptor is ready, and again each time it says [`io::ErrorKind::WouldBlock`].
    pub fn poll_io<R>(
        &self,
        cx: &mut Context<'_>,
        ready: Ready,
        mut step: impl FnMut(&T) -> io::Result<R>,
    ) -> Poll<io::Result<R>> {
        struct Attempt<'a, R> {
            run: &'a mut dyn FnMut() -> io::Result<R>,
            outcome: Option<io::Result<R>>,
        }
        unsafe extern "C" fn attempt<R>(arg: *mut ()) -> isize {
            // SAFETY: `arg` is the attempt below, which lives through the call.
            let attempt = unsafe { &mut *arg.cast::<Attempt<'_, R>>() };
            let outcome = catch_unwind(AssertUnwindSafe(|| (attempt.run)()))
                .unwrap_or_else(|_| Err(io::Error::other("the I/O step panicked")));
            if outcome.as_ref().is_err_and(|e| e.kind() == io::ErrorKind::WouldBlock) {
                return -(libc::EAGAIN as isize);
            }
            attempt.outcome = Some(outcome);
            0
        }
        let mut run = || step(&self.io);
        let mut trying = Attempt { run: &mut run, outcome: None };
        let polled = with_header(cx, |waker| {
            // SAFETY: watched until `self` is dropped; `trying` lives through the call.
            unsafe {
                host().fd_poll()(
                    self.watch.0,
                    ready as u8,
                    waker,
                    IoStep(attempt::<R>),
                    (&raw mut trying).cast(),
                )
            }
        });
        match (polled, trying.outcome) {
            (IO_PENDING, _) => Poll::Pending,
            (_, Some(outcome)) => Poll::Ready(outcome),
            (errno, None) => {
                let errno = i32::try_from(-errno).unwrap_or(libc::EIO);
                Poll::Ready(Err(io::Error::from_raw_os_error(errno)))
            }
        }
    }

    /// As [`poll_io`](Self::poll_io), awaited.
    ///
    /// # Errors
    /// What `step` says, but for "would block".
    pub async fn io<R>(&self, ready: Ready, mut step: impl FnMut(&T) -> io::Result<R>) -> io::Result<R> {
        std::future::poll_fn(|cx| self.poll_io(cx, ready, &mut step)).await
    }
}

/// Lets others on this thread run, once.
pub async fn yield_now() {
    let mut yielded = false;
    std::future::poll_fn(|cx: &mut Context<'_>| {
        if std::mem::replace(&mut yielded, true) {
            return Poll::Ready(());
        }
        cx.waker().wake_by_ref();
        Poll::Pending
    })
    .await;
}

/// A future of any kind, pinned on the heap.
pub type BoxFuture<T> = Pin<Box<dyn Future<Output = T> + Send>>;
