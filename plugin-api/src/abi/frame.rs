//! What a frame is in memory: the call's identity and the arena its futures live in.

use std::alloc::Layout;
use std::cell::Cell;
use std::sync::atomic::{AtomicUsize, Ordering};

use abi_stable::StableAbi;
use abi_stable::std_types::{ROption, RVec};

use crate::carry::Carry;
use crate::{Client, LkOwner};

/// Who asks, as the caller's credential says. Frozen: what later versions know besides goes to the end of
/// [`FrameHead`].
#[repr(C)]
#[derive(StableAbi, Carry, Debug, Clone, Default)]
pub struct Identity {
    /// User.
    pub uid: u32,
    /// Primary group.
    pub gid: u32,
    /// Process; negative for GlusterFS's own services (−6 self-heal, −3 rebalance …).
    pub pid: i32,
    /// Further groups.
    pub groups: RVec<u32>,
    /// Owner of POSIX and internal locks.
    pub lk_owner: LkOwner,
    /// The client's clock: seconds since the epoch, 0 where it sent none. Times on disk come from it (ctime feature).
    pub time: i64,
    /// Nanoseconds of `time`.
    pub time_nsec: u32,
    /// What `time` is for, bits of the credential (v3).
    pub time_flags: u32,
}

/// The head of a frame. The host allocates it, with the first of the arena behind it; fields are only ever added at
/// its end, so a plugin may read those it knows.
#[repr(C)]
#[derive(StableAbi, Debug)]
pub struct FrameHead {
    /// Where futures of this call live.
    pub arena: Arena,
    /// Counts up in a process: for logs.
    pub unique: u64,
    /// Monotonic nanoseconds after which the call has failed; 0 for never.
    pub deadline: u64,
    /// Who asks.
    pub identity: Identity,
    /// From which client, in a brick.
    pub client: ROption<Client>,
}

/// A bump allocator for the futures of one call.
///
/// Only the thread that has entered it bumps it; every other one is sent to the heap, so sharing a frame between
/// threads is slower but never wrong.
#[repr(C)]
#[derive(StableAbi, Debug)]
pub struct Arena {
    owner: AtomicUsize,
    at: Cell<usize>,
    end: Cell<usize>,
}

// SAFETY: `at` and `end` are touched only by the thread whose token is in `owner` (and by the host, between calls).
unsafe impl Sync for Arena {}
// SAFETY: as above.
unsafe impl Send for Arena {}

/// A number that no other live thread has: the address of the thread's control block, never 0.
#[inline]
fn thread_token() -> usize {
    #[cfg(target_arch = "x86_64")]
    {
        let token: usize;
        // SAFETY: the first word of the control block is its own address, by the System V ABI for threads. One
        // instruction where `pthread_self` is a call through the linkage table, twice in every hop.
        unsafe {
            std::arch::asm!("mov {}, fs:0", out(reg) token, options(nostack, pure, readonly, preserves_flags));
        }
        token
    }
    #[cfg(not(target_arch = "x86_64"))]
    {
        // SAFETY: has no conditions.
        let token = unsafe { libc::pthread_self() };
        usize::try_from(token).unwrap_or(usize::MAX)
    }
}

impl Arena {
    /// An arena over the `len` bytes at `start`, which outlive it.
    #[must_use]
    pub fn new(start: usize, len: usize) -> Self {
        Self { owner: AtomicUsize::new(0), at: Cell::new(start), end: Cell::new(start + len) }
    }

    /// Makes this thread the one that bumps, unless one is at it. Answers whether [`leave`](Self::leave) is owed.
    pub fn enter(&self) -> bool {
        self.owner.compare_exchange(0, thread_token(), Ordering::Acquire, Ordering::Relaxed).is_ok()
    }

    /// Ends what [`enter`](Self::enter) began.
    pub fn leave(&self) {
        self.owner.store(0, Ordering::Release);
    }

    #[inline]
    fn entered_here(&self) -> bool {
        self.owner.load(Ordering::Relaxed) == thread_token()
    }

    /// Memory for `layout`: from the arena while it has room and this thread is in it, else from the heap.
    #[inline]
    pub fn allocate(&self, layout: Layout) -> (*mut u8, Origin) {
        if self.entered_here() {
            let before = self.at.get();
            let start = (before + (layout.align() - 1)) & !(layout.align() - 1);
            let next = start.saturating_add(layout.size());
            if next <= self.end.get() {
                self.at.set(next);
                return (std::ptr::with_exposed_provenance_mut(start), Origin(before));
            }
        }
        (from_heap(layout), Origin::HEAP)
    }

    /// Gives memory back: the heap's always; the arena's when it is the last that was taken, else with the frame.
    ///
    /// # Safety
    /// `memory` and `origin` are from [`allocate`](Self::allocate) with this `layout`, and nothing uses it any more.
    #[inline]
    pub unsafe fn release(&self, memory: *mut u8, layout: Layout, origin: Origin) {
        if origin == Origin::HEAP {
            // SAFETY: the caller's promise.
            unsafe { std::alloc::dealloc(memory, layout) };
        } else if self.entered_here() && self.at.get() == memory.addr() + layout.size() {
            self.at.set(origin.0);
        }
    }
}

#[cold]
fn from_heap(layout: Layout) -> *mut u8 {
    // SAFETY: no future the SDK puts here is zero-sized: a frame lies beside it.
    let heap = unsafe { std::alloc::alloc(layout) };
    if heap.is_null() {
        std::alloc::handle_alloc_error(layout);
    }
    heap
}

/// Where memory came from: where the arena stood before, or the heap.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Origin(usize);

impl Origin {
    /// No arena stands at address 0.
    const HEAP: Self = Self(0);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_thread_that_entered_bumps_and_the_last_taken_is_given_back() {
        let room = vec![0_u8; 1024].leak();
        let arena = Arena::new(room.as_mut_ptr().expose_provenance(), room.len());
        let layout = Layout::from_size_align(100, 8).unwrap();
        let (heap, origin) = arena.allocate(layout);
        assert_eq!(origin, Origin::HEAP, "nobody has entered");
        // SAFETY: just allocated.
        unsafe { arena.release(heap, layout, origin) };
        assert!(arena.enter());
        let (first, origin) = arena.allocate(layout);
        assert_ne!(origin, Origin::HEAP);
        std::thread::scope(|scope| {
            scope.spawn(|| {
                assert!(!arena.enter(), "one at a time");
                let (heap, origin) = arena.allocate(layout);
                assert_eq!(origin, Origin::HEAP);
                // SAFETY: just allocated.
                unsafe { arena.release(heap, layout, origin) };
            });
        });
        // SAFETY: just allocated.
        unsafe { arena.release(first, layout, origin) };
        let (again, _) = arena.allocate(layout);
        assert_eq!(first, again);
        arena.leave();
    }

    #[test]
    fn what_does_not_fit_comes_from_the_heap() {
        let room = vec![0_u8; 64].leak();
        let arena = Arena::new(room.as_mut_ptr().expose_provenance(), room.len());
        arena.enter();
        let layout = Layout::from_size_align(128, 8).unwrap();
        let (memory, origin) = arena.allocate(layout);
        assert_eq!(origin, Origin::HEAP);
        // SAFETY: just allocated.
        unsafe { arena.release(memory, layout, origin) };
    }
}
