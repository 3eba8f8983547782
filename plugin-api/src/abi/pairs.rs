//! The memory of a dict: one word that counts its pairs, null for none.

use std::ptr::NonNull;
use std::sync::atomic::{AtomicUsize, Ordering, fence};

use abi_stable::StableAbi;
use abi_stable::std_types::RVec;

use crate::dict::Pair;

/// Pairs, counted; made and freed by the same library.
#[repr(C)]
#[derive(StableAbi, Debug)]
pub struct Counted {
    refs: AtomicUsize,
    free: unsafe extern "C" fn(*mut Counted),
    pairs: RVec<Pair>,
}

/// A shared list of pairs; none costs nothing, and copying one is a word and a count.
///
/// One word on purpose: every argument and every answer of a fop carries one, and they are copied at every hop.
#[repr(transparent)]
#[derive(StableAbi, Debug)]
pub struct Pairs(*mut Counted);

// SAFETY: the count is atomic, and pairs are changed only by a sole owner.
unsafe impl Send for Pairs {}
// SAFETY: shared access only reads.
unsafe impl Sync for Pairs {}

unsafe extern "C" fn free(counted: *mut Counted) {
    // SAFETY: from `Box::into_raw` below, and its last count is gone.
    let counted = unsafe { Box::from_raw(counted) };
    // Values may hold buffers of other libraries, whose release does not panic across the line.
    drop(counted);
}

impl Pairs {
    /// No pairs.
    pub const NONE: Self = Self(std::ptr::null_mut());

    fn made(pairs: RVec<Pair>) -> Self {
        Self(Box::into_raw(Box::new(Counted { refs: AtomicUsize::new(1), free, pairs })))
    }

    /// The pairs, oldest first.
    #[inline]
    #[must_use]
    pub fn get(&self) -> &[Pair] {
        match NonNull::new(self.0) {
            // SAFETY: live while this count is held.
            Some(counted) => unsafe { &counted.as_ref().pairs },
            None => &[],
        }
    }

    /// The pairs to change: this owner's alone, copied before when others share them.
    pub fn get_mut(&mut self) -> &mut RVec<Pair> {
        match NonNull::new(self.0) {
            None => *self = Self::made(RVec::new()),
            // SAFETY: live while this count is held.
            Some(counted) if unsafe { counted.as_ref() }.refs.load(Ordering::Acquire) > 1 => {
                *self = Self::made(self.get().iter().cloned().collect());
            }
            Some(_) => {}
        }
        // SAFETY: not null by now, and counted once: nobody else can reach it, or count it meanwhile.
        unsafe { &mut (*self.0).pairs }
    }
}

impl Clone for Pairs {
    #[inline]
    fn clone(&self) -> Self {
        if let Some(counted) = NonNull::new(self.0) {
            // SAFETY: live while this count is held.
            unsafe { counted.as_ref() }.refs.fetch_add(1, Ordering::Relaxed);
        }
        Self(self.0)
    }
}

impl Drop for Pairs {
    #[inline]
    fn drop(&mut self) {
        if let Some(counted) = NonNull::new(self.0) {
            // SAFETY: live while this count is held; the last one frees it in its maker's library.
            unsafe {
                if counted.as_ref().refs.fetch_sub(1, Ordering::Release) == 1 {
                    fence(Ordering::Acquire);
                    (counted.as_ref().free)(counted.as_ptr());
                }
            }
        }
    }
}

impl Default for Pairs {
    fn default() -> Self {
        Self::NONE
    }
}
