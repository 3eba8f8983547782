//! Account: an allocator that counts, for each plugin's library its own.

use std::alloc::{GlobalAlloc, Layout, System};
use std::sync::atomic::{AtomicBool, AtomicPtr, AtomicU64, Ordering};

use abi_stable::std_types::RStr;

use crate::abi::account::{ACCOUNT, Account};
use crate::abi::tally::{BUFFERS, CONTEXTS, MEMORY};

/// The allocator that the export macros install: the system's, and a count beside it.
#[derive(Debug, Clone, Copy)]
pub struct Counting;

/// The limit is looked at whenever a shard has grown by this much.
const STEP_BITS: u32 = 16;

static LIMIT: AtomicU64 = AtomicU64::new(0);
static OVER: AtomicPtr<()> = AtomicPtr::new(std::ptr::null_mut());
/// Whether this library's allocator is the one that counts.
static COUNTS: AtomicBool = AtomicBool::new(false);

#[inline]
fn taken(bytes: usize) {
    let bytes = bytes.cast_signed() as i64;
    let before = MEMORY.up(bytes);
    if (before + bytes) >> STEP_BITS > before >> STEP_BITS {
        grown();
    }
}

#[inline]
fn given(bytes: usize) {
    MEMORY.down(bytes.cast_signed() as i64);
}

#[cold]
fn grown() {
    if !COUNTS.load(Ordering::Relaxed) {
        COUNTS.store(true, Ordering::Relaxed);
    }
    let limit = LIMIT.load(Ordering::Relaxed);
    if limit != 0 && held() > limit && LIMIT.swap(0, Ordering::AcqRel) != 0 {
        let over = OVER.load(Ordering::Acquire);
        if !over.is_null() {
            // SAFETY: only `set_limit` stores here, a function of this type.
            let over = unsafe { std::mem::transmute::<*mut (), extern "C" fn()>(over) };
            over();
        }
    }
}

extern "C" fn held() -> u64 {
    MEMORY.out()
}

extern "C" fn set_limit(limit: u64, over: extern "C" fn()) {
    OVER.store(over as *mut (), Ordering::Release);
    LIMIT.store(limit, Ordering::Release);
    if limit != 0 && held() > limit {
        grown();
    }
}

// SAFETY: the system's allocator does the work; the count touches nothing of it, and does not allocate.
unsafe impl GlobalAlloc for Counting {
    #[inline]
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        taken(layout.size());
        // SAFETY: the caller's promise.
        unsafe { System.alloc(layout) }
    }

    #[inline]
    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        taken(layout.size());
        // SAFETY: the caller's promise.
        unsafe { System.alloc_zeroed(layout) }
    }

    #[inline]
    unsafe fn dealloc(&self, memory: *mut u8, layout: Layout) {
        given(layout.size());
        // SAFETY: the caller's promise.
        unsafe { System.dealloc(memory, layout) }
    }

    #[inline]
    unsafe fn realloc(&self, memory: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        taken(size);
        given(layout.size());
        // SAFETY: the caller's promise.
        unsafe { System.realloc(memory, layout, size) }
    }
}

extern "C" fn contexts() -> u64 {
    CONTEXTS.out()
}

extern "C" fn buffers() -> u64 {
    BUFFERS.out()
}

static TABLE: Account = Account { held, limit: set_limit, contexts, buffers };

/// The extensions that the SDK gives every plugin.
pub(crate) extern "C" fn extension(id: RStr<'_>) -> *const () {
    if id.as_str() != ACCOUNT {
        return std::ptr::null();
    }
    // A probe that no other allocator counts: who links this library into something else has another one.
    let before = held();
    let probe = std::hint::black_box(vec![0_u8; 4096]);
    let counted = held() != before || COUNTS.load(Ordering::Relaxed);
    drop(probe);
    if counted { (&raw const TABLE).cast() } else { std::ptr::null() }
}
