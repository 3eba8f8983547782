//! What a frame is in memory: the call's identity and the arena its futures live in.

use std::alloc::Layout;
use std::cell::Cell;
use std::sync::atomic::{AtomicPtr, AtomicU32, AtomicU64, AtomicUsize, Ordering};

use abi_stable::StableAbi;
use abi_stable::std_types::{ROption, RVec};

use super::node::Node;
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
    /// The translator whose code runs for this call, or ran last: set when a fop is handed to it or its future is
    /// polled, and set back when control comes back to its caller. For watchers: any thread may read and compare it,
    /// and must know by other means that the graph lives before it reads the node.
    pub current: AtomicPtr<Node>,
    /// The translator that the call waits in: after a poll of the root that was pending, the deepest one whose future
    /// was (the first of them, where one waits in several children). Null before, and not changed by an answer.
    pub waiting: AtomicPtr<Node>,
    /// Counts up in a process: for logs.
    pub unique: u64,
    /// Monotonic nanoseconds after which the call is given up: its root answers `ETIMEDOUT`. 0 for the host's default,
    /// which counts from when the call is first seen waiting; `u64::MAX` for never.
    pub deadline: AtomicU64,
    /// Who asks.
    pub identity: Identity,
    /// From which client, in a brick.
    pub client: ROption<Client>,
    /// Who keeps the memory: the frame's owner, and every call that was given up and still runs. The last one gives the
    /// frame back.
    pub users: AtomicU32,
    /// How often it was forked off others.
    pub depth: u32,
    /// The number of the fop that the root of the call winds, or wound last.
    pub fop: AtomicU32,
}

/// A call whose root waits, as the host watches it; its memory is used again and never freed.
#[repr(C)]
#[derive(StableAbi, Debug)]
pub struct Wait {
    /// 0 while there is time; then for how many nanoseconds the call was seen waiting, and its root has been woken to give
    /// it up.
    pub overdue: AtomicU64,
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
    end: usize,
    start: usize,
}

// SAFETY: `at` and `end` are touched only by the thread whose token is in `owner` (and by the host, between calls).
unsafe impl Sync for Arena {}
// SAFETY: as above.
unsafe impl Send for Arena {}

/// A number that no other live thread has: the address of the thread's control block, never 0.
#[inline]
pub(crate) fn thread_token() -> usize {
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

/// In the token of a thread: a watchdog has seen this visit. Control blocks lie at even addresses.
const SEEN: usize = 1;

impl Arena {
    /// An arena over the `len` bytes at `start`, which outlive it.
    #[must_use]
    pub fn new(start: usize, len: usize) -> Self {
        let end = (start + len) & !(STEP - 1);
        let start = (start + (STEP - 1)) & !(STEP - 1);
        Self { owner: AtomicUsize::new(0), at: Cell::new(start), end, start }
    }

    /// Makes this thread the one that bumps, unless one is at it. Answers whether [`leave`](Self::leave) is owed.
    pub fn enter(&self) -> bool {
        self.owner.compare_exchange(0, thread_token(), Ordering::Acquire, Ordering::Relaxed).is_ok()
    }

    /// Ends what [`enter`](Self::enter) began.
    pub fn leave(&self) {
        self.owner.store(0, Ordering::Release);
    }

    /// For a watchdog, from any thread: whether the visit of a thread is going on that went on when this was last asked.
    /// The mark that tells so costs the thread only that what it allocates until it leaves is the heap's.
    pub fn is_visit_going_on(&self) -> bool {
        let owner = self.owner.load(Ordering::Relaxed);
        if owner != 0 && owner & SEEN == 0 {
            // It may have left meanwhile: then there is nothing to mark.
            let _ = self.owner.compare_exchange(owner, owner | SEEN, Ordering::Relaxed, Ordering::Relaxed);
        }
        owner & SEEN != 0
    }

    /// Makes it empty again: nothing that was allocated is used any more.
    pub fn reset(&self) {
        self.at.set(self.start);
    }

    #[inline]
    fn entered_here(&self) -> bool {
        self.owner.load(Ordering::Relaxed) == thread_token()
    }

    /// Memory for a `T`, and whether it is the arena's: while it has room and this thread is in it; else the heap's.
    #[inline]
    pub fn allocate<T>(&self) -> (*mut T, bool) {
        let start = self.at.get();
        let next = start.wrapping_add(const { steps::<T>() });
        // An arena ends far from the end of the address space, and no future is as large as what is left there.
        if const { align_of::<T>() <= STEP } && self.entered_here() && next <= self.end {
            self.at.set(next);
            return (std::ptr::with_exposed_provenance_mut(start), true);
        }
        (from_heap(const { Layout::new::<T>() }).cast(), false)
    }

    /// Gives the memory back of what began and ended without leaving this thread's stack.
    ///
    /// # Safety
    /// `memory` and `own` are from [`allocate`](Self::allocate), by this thread and in the same visit of the arena; nothing
    /// uses it any more, nor anything that was allocated after it.
    #[inline]
    pub unsafe fn rewind<T>(&self, memory: *mut T, own: bool) {
        if own {
            self.at.set(memory.addr());
        } else {
            // SAFETY: not from the arena, so from the heap; the rest is the caller's promise.
            unsafe { std::alloc::dealloc(memory.cast(), Layout::new::<T>()) };
        }
    }

    /// Gives memory back at any time: the heap's always; the arena's when it is the last that was taken, else with the
    /// frame.
    ///
    /// # Safety
    /// `memory` is from [`allocate`](Self::allocate), and nothing uses it any more.
    #[inline]
    pub unsafe fn release<T>(&self, memory: *mut T) {
        let addr = memory.addr();
        if !self.holds(addr) {
            // SAFETY: not from the arena, so from the heap; the rest is the caller's promise.
            unsafe { std::alloc::dealloc(memory.cast(), Layout::new::<T>()) };
        } else if self.entered_here() && self.at.get() == addr + const { steps::<T>() } {
            self.at.set(addr);
        }
    }

    /// Whether an address is one of the arena's.
    #[inline]
    fn holds(&self, addr: usize) -> bool {
        addr.wrapping_sub(self.start) < self.end - self.start
    }
}

/// What the arena hands out is aligned to, and a multiple of.
const STEP: usize = 16;

/// The bytes that a `T` takes in an arena.
const fn steps<T>() -> usize {
    assert!(size_of::<T>() < 1 << 30, "a future of this size is a mistake");
    (size_of::<T>() + (STEP - 1)) & !(STEP - 1)
}

#[cold]
#[inline(never)]
fn from_heap(layout: Layout) -> *mut u8 {
    // SAFETY: no future the SDK puts here is zero-sized: a frame lies beside it.
    let heap = unsafe { std::alloc::alloc(layout) };
    if heap.is_null() {
        std::alloc::handle_alloc_error(layout);
    }
    heap
}

impl FrameHead {
    /// A head with an empty identity over an arena.
    #[must_use]
    pub fn new(arena: Arena) -> Self {
        Self {
            arena,
            current: AtomicPtr::default(),
            waiting: AtomicPtr::default(),
            unique: 0,
            deadline: AtomicU64::new(0),
            identity: Identity::default(),
            client: ROption::RNone,
            users: AtomicU32::new(1),
            depth: 0,
            fop: AtomicU32::new(0),
        }
    }

    /// Says whose code runs now.
    #[inline]
    pub(crate) fn set_current(&self, node: *const Node) {
        self.current.store(node.cast_mut(), Ordering::Relaxed);
    }

    /// Says that `node` waits, unless somebody below it does.
    #[inline]
    pub(crate) fn waits_in(&self, node: *const Node) {
        if self.waiting.load(Ordering::Relaxed).is_null() {
            self.waiting.store(node.cast_mut(), Ordering::Relaxed);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_thread_that_entered_bumps_and_the_last_taken_is_given_back() {
        let room = vec![0_u8; 1024].leak();
        let start = room.as_mut_ptr().expose_provenance();
        let arena = Arena::new(start, room.len());
        let from_arena = |memory: *mut [u8; 100]| (start..start + 1024).contains(&memory.addr());
        let (heap, own) = arena.allocate::<[u8; 100]>();
        assert!(!own && !from_arena(heap), "nobody has entered");
        // SAFETY: just allocated.
        unsafe { arena.release(heap) };
        assert!(arena.enter());
        let (first, own) = arena.allocate::<[u8; 100]>();
        assert!(own && from_arena(first));
        std::thread::scope(|scope| {
            scope.spawn(|| {
                assert!(!arena.enter(), "one at a time");
                let (heap, own) = arena.allocate::<[u8; 100]>();
                assert!(!own && !from_arena(heap));
                // SAFETY: just allocated.
                unsafe { arena.release(heap) };
            });
        });
        let (second, own) = arena.allocate::<[u8; 100]>();
        // SAFETY: just allocated; the first while the second is there goes with the frame.
        unsafe {
            arena.release(first);
            arena.rewind(second, own);
        }
        assert_eq!(arena.allocate::<[u8; 100]>(), (second, true));
        arena.leave();
    }

    #[test]
    fn what_does_not_fit_comes_from_the_heap() {
        let room = vec![0_u8; 64].leak();
        let start = room.as_mut_ptr().expose_provenance();
        let arena = Arena::new(start, room.len());
        arena.enter();
        let (memory, own) = arena.allocate::<[u8; 128]>();
        assert!(!own && !(start..start + 64).contains(&memory.addr()));
        // SAFETY: just allocated.
        unsafe { arena.rewind(memory, own) };
        let (aligned, _) = arena.allocate::<Aligned>();
        assert!(aligned.is_aligned());
        // SAFETY: just allocated.
        unsafe { arena.release(aligned) };
    }

    #[repr(align(64))]
    struct Aligned(#[expect(dead_code, reason = "takes room")] [u8; 64]);
}
