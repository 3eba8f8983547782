//! Frames: memory for calls, kept for the next ones.
//!
//! Each thread keeps a few. Calls often begin on one thread, which reads requests, and end on another, which reads answers:
//! what is too much for the one goes to the other through a list that all share.

use std::alloc::{Layout, handle_alloc_error};
use std::cell::RefCell;
use std::mem;
use std::ptr::null_mut;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

use super::{lock, watchdog};
use abi_stable::std_types::ROption;
use plugin_api::Identity;
use plugin_api::abi::frame::{Arena, FrameHead};
use rustix::mm::{MapFlags, ProtFlags, mmap_anonymous, munmap};

/// Bytes of a frame: its head, and an arena that holds the futures of a brick's whole graph.
const SIZE: usize = 16 * 1024;
/// Frames that a thread keeps; it takes and leaves half of them at a time.
const KEPT: usize = 32;
/// Frames in the list that all share. More than are on their way at a time goes back to the system.
const SHARED: usize = 512;

static NEXT: AtomicU64 = AtomicU64::new(1);

/// A frame that nobody uses.
struct Idle(*mut FrameHead);

// SAFETY: nobody else has it.
unsafe impl Send for Idle {}

static IDLE: Mutex<Vec<Idle>> = Mutex::new(Vec::new());

struct Kept(Vec<Idle>);

impl Drop for Kept {
    fn drop(&mut self) {
        share(mem::take(&mut self.0));
    }
}

thread_local! {
    static KEPT_HERE: RefCell<Kept> = const { RefCell::new(Kept(Vec::new())) };
}

/// Leaves frames to other threads; those that there are enough of are freed.
fn share(frames: Vec<Idle>) {
    let mut frames = frames.into_iter();
    {
        let mut idle = lock(&IDLE);
        let room = SHARED - idle.len();
        idle.extend(frames.by_ref().take(room));
    }
    frames.for_each(free);
}

/// One of this thread's frames, or of those that others have left.
fn kept() -> Option<Idle> {
    let take = |kept: &RefCell<Kept>| {
        let Kept(kept) = &mut *kept.borrow_mut();
        if kept.is_empty() {
            let mut idle = lock(&IDLE);
            let left = idle.len().saturating_sub(KEPT / 2);
            kept.extend(idle.drain(left..));
        }
        kept.pop()
    };
    KEPT_HERE.try_with(take).ok().flatten()
}

/// A frame with an empty identity and a fresh number.
pub(super) fn take() -> *mut FrameHead {
    let Idle(frame) = kept().unwrap_or_else(make);
    watchdog::call_begins();
    // SAFETY: a whole frame that nobody else has.
    unsafe {
        number(frame).store(NEXT.fetch_add(1, Ordering::Relaxed), Ordering::Relaxed);
        (*frame).arena.reset();
    }
    frame
}

fn arena(frame: *mut FrameHead) -> Arena {
    let start = frame.expose_provenance() + size_of::<FrameHead>();
    Arena::new(start, SIZE - size_of::<FrameHead>())
}

fn make() -> Idle {
    // SAFETY: new memory, which the system has zeroed. It comes in pages, so it is aligned for every future.
    let memory =
        unsafe { mmap_anonymous(null_mut(), SIZE, ProtFlags::READ | ProtFlags::WRITE, MapFlags::PRIVATE) };
    let Ok(memory) = memory else { handle_alloc_error(Layout::new::<[u8; SIZE]>()) };
    let frame = memory.cast::<FrameHead>();
    // SAFETY: fresh memory of the right size.
    unsafe { frame.write(FrameHead::new(arena(frame))) };
    watchdog::frame_made(frame);
    Idle(frame)
}

/// Keeps a frame whose call is done, or frees it.
///
/// # Safety
/// `frame` is from [`take`], and nothing uses it any more.
pub(super) unsafe fn give(frame: *mut FrameHead) {
    // SAFETY: the caller's promise. What the call held goes now, not with the next use.
    unsafe {
        number(frame).store(0, Ordering::Relaxed);
        (*frame).identity = Identity::default();
        (*frame).client = ROption::RNone;
        (*frame).deadline.store(0, Ordering::Relaxed);
        (*frame).depth = 0;
    }
    let keep = |kept: &RefCell<Kept>| {
        let Kept(kept) = &mut *kept.borrow_mut();
        kept.push(Idle(frame));
        if kept.len() > KEPT { kept.split_off(KEPT / 2) } else { Vec::new() }
    };
    // A thread that is ending keeps nothing.
    let much = KEPT_HERE.try_with(keep).unwrap_or_else(|_| vec![Idle(frame)]);
    if !much.is_empty() {
        share(much);
    }
}

/// The number of a frame, which the watchdog reads, too; 0 for one that nobody uses.
///
/// # Safety
/// `frame` is from `make`.
unsafe fn number<'a>(frame: *mut FrameHead) -> &'a AtomicU64 {
    // SAFETY: the caller's promise.
    unsafe { AtomicU64::from_ptr(&raw mut (*frame).unique) }
}

fn free(Idle(frame): Idle) {
    watchdog::frame_goes(frame);
    // SAFETY: made by `make`, and out of every list.
    unsafe {
        frame.drop_in_place();
        // What cannot be given back stays.
        let _ = munmap(frame.cast(), SIZE);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_frame_is_used_again_and_forgets_who_asked() {
        let first = take();
        // SAFETY: this test's own frame.
        unsafe {
            (*first).identity.uid = 7;
            give(first);
        }
        let again = take();
        assert_eq!(first, again);
        // SAFETY: as above.
        unsafe {
            assert_eq!((*again).identity.uid, 0);
            give(again);
        }
    }

    #[test]
    fn what_one_thread_gives_back_another_takes() {
        let taken: Vec<_> = (0..4 * KEPT).map(|_| Idle(take())).collect();
        let theirs: Vec<_> = taken.iter().map(|idle| idle.0.addr()).collect();
        let given = std::thread::spawn(move || {
            // SAFETY: this test's own frames.
            taken.into_iter().for_each(|Idle(frame)| unsafe { give(frame) });
        });
        given.join().unwrap();
        let again = take();
        assert!(theirs.contains(&again.addr()));
        // SAFETY: as above.
        unsafe { give(again) };
    }
}
