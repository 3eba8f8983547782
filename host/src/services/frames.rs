//! Frames: memory for calls, kept by each thread for its next ones.

use std::alloc::{Layout, alloc, dealloc, handle_alloc_error};
use std::cell::RefCell;
use std::sync::atomic::{AtomicU64, Ordering};

use super::watchdog;
use abi_stable::std_types::ROption;
use plugin_api::Identity;
use plugin_api::abi::frame::{Arena, FrameHead};

/// Bytes of a frame: its head, and an arena that holds the futures of a brick's whole graph.
const SIZE: usize = 16 * 1024;
/// Frames that a thread keeps.
const KEPT: usize = 64;

static NEXT: AtomicU64 = AtomicU64::new(1);

struct Kept(Vec<*mut FrameHead>);

impl Drop for Kept {
    fn drop(&mut self) {
        for frame in self.0.drain(..) {
            free(frame);
        }
    }
}

thread_local! {
    static KEPT_HERE: RefCell<Kept> = const { RefCell::new(Kept(Vec::new())) };
}

const fn layout() -> Layout {
    // A cache line, which is also enough for every future.
    match Layout::from_size_align(SIZE, 64) {
        Ok(layout) => layout,
        Err(_) => panic!("a frame has a size"),
    }
}

/// A frame with an empty identity and a fresh number.
pub(super) fn take() -> *mut FrameHead {
    let kept = KEPT_HERE.try_with(|kept| kept.borrow_mut().0.pop()).ok().flatten();
    let frame = kept.unwrap_or_else(make);
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

fn make() -> *mut FrameHead {
    // SAFETY: the size is not zero.
    let memory = unsafe { alloc(layout()) };
    if memory.is_null() {
        handle_alloc_error(layout());
    }
    let frame = memory.cast::<FrameHead>();
    // SAFETY: fresh memory of the right size.
    unsafe { frame.write(FrameHead::new(arena(frame))) };
    watchdog::frame_made(frame);
    frame
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
    let kept = KEPT_HERE.try_with(|kept| {
        let kept = &mut kept.borrow_mut().0;
        let room = kept.len() < KEPT;
        if room {
            kept.push(frame);
        }
        room
    });
    if kept != Ok(true) {
        free(frame);
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

fn free(frame: *mut FrameHead) {
    watchdog::frame_goes(frame);
    // SAFETY: made by `make`, and out of every list.
    unsafe {
        frame.drop_in_place();
        dealloc(frame.cast(), layout());
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
}
