//! System calls that no safe library offers: the identity that the kernel sees for file operations.

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
