//! Watched descriptors: one thread polls for all who wait.
#![allow(unsafe_code, reason = "asks the C library, and runs what a plugin put behind a pointer")]

use std::io::{PipeReader, PipeWriter, Read, Write};
use std::os::fd::AsRawFd;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};
use std::task::Waker;
use std::thread;

use plugin_api::abi::host::{IO_PENDING, IoStep};

/// What a plugin's handle points to.
struct Watched {
    fd: i32,
    id: u64,
}

struct Waiting {
    id: u64,
    fd: i32,
    events: i16,
    waker: Waker,
}

/// Who waits, and a pipe that tells the thread of it.
struct Poller {
    waiting: Mutex<Vec<Waiting>>,
    nudge: PipeWriter,
}

impl Poller {
    fn waiting(&self) -> MutexGuard<'_, Vec<Waiting>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn nudge(&self) {
        // A pipe that is full has said it already, and one that is broken has nobody to tell.
        let _ = (&self.nudge).write(&[0]);
    }
}

fn poller() -> std::io::Result<&'static Poller> {
    static POLLER: OnceLock<Poller> = OnceLock::new();
    if let Some(poller) = POLLER.get() {
        return Ok(poller);
    }
    let (nudged, nudge) = std::io::pipe()?;
    let made = Poller { waiting: Mutex::default(), nudge };
    if POLLER.set(made).is_ok() {
        let poller = POLLER.get().expect("just set");
        thread::Builder::new().name("descriptors".to_owned()).spawn(move || run(poller, nudged))?;
    }
    Ok(POLLER.get().expect("set by somebody"))
}

fn run(poller: &Poller, mut nudged: PipeReader) {
    loop {
        let mut asked: Vec<libc::pollfd> =
            vec![libc::pollfd { fd: nudged.as_raw_fd(), events: libc::POLLIN, revents: 0 }];
        let ids: Vec<(u64, i16)> = {
            let waiting = poller.waiting();
            asked.extend(waiting.iter().map(|one| libc::pollfd {
                fd: one.fd,
                events: one.events,
                revents: 0,
            }));
            waiting.iter().map(|one| (one.id, one.events)).collect()
        };
        let count = libc::nfds_t::try_from(asked.len()).expect("no more than there are descriptors");
        // SAFETY: `asked` has `count` entries and outlives the call.
        if unsafe { libc::poll(asked.as_mut_ptr(), count, -1) } < 0 {
            continue;
        }
        if asked[0].revents != 0 {
            let _ = nudged.read(&mut [0; 64]);
        }
        let ready: Vec<_> =
            ids.iter().zip(&asked[1..]).filter(|(_, asked)| asked.revents != 0).map(|(id, _)| id).collect();
        let woken = {
            let mut waiting = poller.waiting();
            let all = std::mem::take(&mut *waiting);
            let (woken, rest) = all.into_iter().partition(|one| ready.contains(&&(one.id, one.events)));
            *waiting = rest;
            woken
        };
        let woken: Vec<Waiting> = woken;
        woken.into_iter().for_each(|one| one.waker.wake());
    }
}

/// Watches a descriptor, which outlives the watch.
pub(crate) fn watch(fd: i32) -> std::io::Result<*const ()> {
    static NEXT: AtomicU64 = AtomicU64::new(0);
    poller()?;
    Ok(Box::into_raw(Box::new(Watched { fd, id: NEXT.fetch_add(1, Ordering::Relaxed) })).cast())
}

/// # Safety
/// `handle` is from [`watch`] and is given up.
pub(crate) unsafe fn unwatch(handle: *const ()) {
    // SAFETY: the caller's promise.
    let watched = unsafe { Box::from_raw(handle.cast_mut().cast::<Watched>()) };
    if let Ok(poller) = poller() {
        poller.waiting().retain(|one| one.id != watched.id);
        poller.nudge();
    }
}

/// # Safety
/// `handle` is from [`watch`]; `arg` is what `step` takes.
pub(crate) unsafe fn poll(
    handle: *const (),
    writing: bool,
    waker: &Waker,
    step: IoStep,
    arg: *mut (),
) -> isize {
    // SAFETY: the caller's promise; the step does not panic across the line.
    let (watched, done) = unsafe { (&*handle.cast::<Watched>(), (step.0)(arg)) };
    if done != -(libc::EAGAIN as isize) {
        return done;
    }
    let Ok(poller) = poller() else { return -(libc::EIO as isize) };
    let events = if writing { libc::POLLOUT } else { libc::POLLIN };
    let mut waiting = poller.waiting();
    waiting.retain(|one| (one.id, one.events) != (watched.id, events) || !one.waker.will_wake(waker));
    waiting.push(Waiting { id: watched.id, fd: watched.fd, events, waker: waker.clone() });
    drop(waiting);
    poller.nudge();
    IO_PENDING
}
