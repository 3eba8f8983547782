//! Calls that no safe library offers: the identity that the kernel sees for file operations, attributes of a name in an open
//! directory, the figures of the heap.

pub mod xattr_at;

use std::cell::Cell;

thread_local! {
    /// Set while a thread acts as somebody else, so that nesting is caught.
    static ACTING: Cell<bool> = const { Cell::new(false) };
}

/// Runs `work` with the file-system identity of somebody else, on this thread alone; root acts as it is.
///
/// `work` must not await: the identity belongs to the thread. Errors of the calls cannot happen to a process that is
/// root; one that is not runs `work` as itself.
pub fn with_fs_ids<R>(uid: u32, gid: u32, groups: &[u32], work: impl FnOnce() -> R) -> R {
    if uid == 0 && gid == 0 {
        return work();
    }
    struct Restore(bool);
    impl Drop for Restore {
        fn drop(&mut self) {
            // SAFETY: system calls without memory effects; back to root, which this thread was.
            unsafe {
                libc::syscall(libc::SYS_setfsuid, 0);
                libc::syscall(libc::SYS_setfsgid, 0);
                if self.0 {
                    libc::syscall(libc::SYS_setgroups, 0, std::ptr::null::<libc::gid_t>());
                }
            }
            ACTING.set(false);
        }
    }
    debug_assert!(!ACTING.get(), "a thread acts as one caller at a time");
    // SAFETY: a call that only reads the process's identity.
    if unsafe { libc::geteuid() } != 0 {
        return work();
    }
    ACTING.set(true);
    let _restore = Restore(!groups.is_empty());
    // SAFETY: the raw calls change this thread alone (the library's wrappers would change all); `groups` lives through
    // its call. Groups and gid go first: without root they could not be set any more.
    unsafe {
        if !groups.is_empty() {
            libc::syscall(libc::SYS_setgroups, groups.len(), groups.as_ptr());
        }
        libc::syscall(libc::SYS_setfsgid, gid);
        libc::syscall(libc::SYS_setfsuid, uid);
    }
    work()
}

/// The figures of the process's heap, as `mallinfo2(3)` names them: bytes, and numbers of blocks.
#[must_use]
pub fn heap() -> Heap {
    // SAFETY: the call takes nothing and answers plain figures, under the allocator's own locks.
    let info = unsafe { libc::mallinfo2() };
    Heap {
        arena: info.arena,
        ordblks: info.ordblks,
        smblks: info.smblks,
        hblks: info.hblks,
        hblkhd: info.hblkhd,
        usmblks: info.usmblks,
        fsmblks: info.fsmblks,
        uordblks: info.uordblks,
        fordblks: info.fordblks,
        keepcost: info.keepcost,
    }
}

/// What [`heap`] answers.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Heap {
    /// Bytes taken from the system, but for mapped blocks.
    pub arena: usize,
    /// Free blocks.
    pub ordblks: usize,
    /// Free blocks that are kept for quick use.
    pub smblks: usize,
    /// Mapped blocks.
    pub hblks: usize,
    /// Bytes in mapped blocks.
    pub hblkhd: usize,
    /// Always 0.
    pub usmblks: usize,
    /// Bytes in free blocks that are kept for quick use.
    pub fsmblks: usize,
    /// Bytes in use.
    pub uordblks: usize,
    /// Bytes in free blocks.
    pub fordblks: usize,
    /// Bytes at the end that could be given back.
    pub keepcost: usize,
}
