//! An allocator that counts, thread by thread, and the promise it is for: memory follows bytes, not claims.
#![allow(unsafe_code, reason = "a global allocator")]

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;

thread_local! {
    static NOW: Cell<isize> = const { Cell::new(0) };
    static PEAK: Cell<isize> = const { Cell::new(0) };
}

struct Counting;

#[global_allocator]
static COUNTING: Counting = Counting;

fn count(taken: usize, given_back: usize) {
    let signed = |bytes: usize| isize::try_from(bytes).unwrap_or(isize::MAX);
    // A thread that is ending has its cells no more, and nobody measures it.
    let _ = NOW.try_with(|now| {
        now.set(now.get() + signed(taken) - signed(given_back));
        let _ = PEAK.try_with(|peak| peak.set(peak.get().max(now.get())));
    });
}

// SAFETY: everything is handed to the system's allocator as it came; counting allocates nothing.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        count(layout.size(), 0);
        // SAFETY: the caller's promise.
        unsafe { System.alloc(layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        count(layout.size(), 0);
        // SAFETY: the caller's promise.
        unsafe { System.alloc_zeroed(layout) }
    }

    unsafe fn dealloc(&self, memory: *mut u8, layout: Layout) {
        count(0, layout.size());
        // SAFETY: the caller's promise.
        unsafe { System.dealloc(memory, layout) }
    }

    unsafe fn realloc(&self, memory: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        // Both are there for a moment.
        count(size, 0);
        count(0, layout.size());
        // SAFETY: the caller's promise.
        unsafe { System.realloc(memory, layout, size) }
    }
}

/// How much memory a reader may hold at its peak.
#[derive(Debug, Clone, Copy)]
pub struct Room {
    /// Whatever it is given.
    pub fixed: usize,
    /// For each byte of input.
    pub each_byte: usize,
}

/// Runs `work` on `len` bytes of input.
///
/// # Panics
/// When its thread held more memory meanwhile than there is room for.
pub fn within<R>(room: Room, len: usize, work: impl FnOnce() -> R) -> R {
    let before = NOW.get();
    PEAK.set(before);
    let done = work();
    let taken = usize::try_from(PEAK.get() - before).unwrap_or(0);
    let allowed = room.fixed + room.each_byte * len;
    assert!(taken <= allowed, "{taken} bytes of memory for {len} bytes of input, {allowed} were allowed");
    done
}

#[cfg(test)]
mod tests {
    use super::*;

    const ROOM: Room = Room { fixed: 100, each_byte: 2 };

    #[test]
    fn what_is_given_back_counts_at_its_peak() {
        within(ROOM, 1000, || drop(vec![0_u8; 2000]));
        within(ROOM, 1000, || (0..10).for_each(|_| drop(vec![0_u8; 2000])));
    }

    #[test]
    #[should_panic(expected = "bytes of memory for 1000 bytes of input, 2100 were allowed")]
    fn more_than_the_room_is_too_much() {
        within(ROOM, 1000, || drop(Vec::<u8>::with_capacity(3000)));
    }
}
