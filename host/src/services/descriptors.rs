//! Descriptors of plugins, watched by the event pool.

use std::os::fd::{AsRawFd, RawFd};
use std::sync::Arc;
use std::task::{Context, Poll};

use plugin_api::abi::host::{IO_PENDING, IoStep};
use tokio::io::Interest;
use tokio::io::unix::{AsyncFd, AsyncFdReadyGuard};

/// A descriptor that a plugin owns.
#[derive(Debug)]
struct Borrowed(RawFd);

impl AsRawFd for Borrowed {
    fn as_raw_fd(&self) -> RawFd {
        self.0
    }
}

/// What a plugin's handle points to.
#[derive(Debug)]
pub(super) struct Watched(AsyncFd<Borrowed>);

/// Watches `fd`, which outlives the watch.
pub(super) fn watch(fd: RawFd) -> std::io::Result<*const ()> {
    let _pool = super::shared().pool.enter();
    let interest = Interest::READABLE | Interest::WRITABLE;
    // SAFETY: the table's contract: the descriptor stays open until the watch has ended.
    let watched =
        unsafe { AsyncFd::register_with_interest(Borrowed(fd), interest) }.map_err(std::io::Error::from)?;
    Ok(Arc::into_raw(Arc::new(Watched(watched))).cast())
}

/// # Safety
/// `handle` is from [`watch`] and is given up.
pub(super) unsafe fn unwatch(handle: *const ()) {
    let _pool = super::shared().pool.enter();
    // SAFETY: the caller's promise.
    drop(unsafe { Arc::from_raw(handle.cast::<Watched>()) });
}

/// # Safety
/// `handle` is from [`watch`]; `arg` is what `step` takes.
pub(super) unsafe fn poll(
    handle: *const (),
    writing: bool,
    cx: &mut Context<'_>,
    step: IoStep,
    arg: *mut (),
) -> isize {
    // SAFETY: the caller's promise.
    let watched = unsafe { &(*handle.cast::<Watched>()).0 };
    loop {
        let ready: Poll<std::io::Result<AsyncFdReadyGuard<'_, Borrowed>>> =
            if writing { watched.poll_write_ready(cx) } else { watched.poll_read_ready(cx) };
        let mut guard = match ready {
            Poll::Pending => return IO_PENDING,
            Poll::Ready(Err(e)) => {
                return -isize::try_from(e.raw_os_error().unwrap_or(libc::EIO)).unwrap_or(5);
            }
            Poll::Ready(Ok(guard)) => guard,
        };
        // SAFETY: the caller's promise; the step does not panic across the line.
        let done = unsafe { (step.0)(arg) };
        if done != -(libc::EAGAIN as isize) {
            return done;
        }
        guard.clear_ready();
    }
}
