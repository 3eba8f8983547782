//! Bound: a process that may hold so much memory, and whose end tells when it was that.
//!
//! Whoever counts what it takes calls [`over`]. What nobody counts is refused by the kernel, some way above the limit; code
//! that does not look ends by a signal then, and how much there is at that moment tells why.
#![allow(unsafe_code, reason = "signal handlers, and the end of a process in the middle of an allocation")]
use std::io;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};

use rustix::process::{Pid, Resource, Rlimit, prlimit, setrlimit};

/// The status of a process that ended because it held too much.
pub const TOO_MUCH: i32 = 86;

/// What the process may take beside what the limit is for: stacks of its threads, and copies of what goes through.
const BESIDE: u64 = 256 << 20;

/// Bytes of data that were there before the limit.
static BEFORE: OnceLock<u64> = OnceLock::new();
/// With so many bytes of data a crash is one for want of memory.
static CROWDED: AtomicU64 = AtomicU64::new(u64::MAX);

/// Holds this process to `limit` bytes more than it had when this was called first; nothing for all it can get.
///
/// # Errors
/// The kernel refuses: a limit goes down by itself, and up again only by [`loosen`].
pub fn hold_to(limit: Option<u64>) -> io::Result<()> {
    let before = match BEFORE.get() {
        Some(before) => *before,
        None => {
            [libc::SIGSEGV, libc::SIGBUS, libc::SIGABRT].into_iter().try_for_each(handle)?;
            *BEFORE.get_or_init(|| data().unwrap_or_default())
        }
    };
    let most = limit.map(|limit| before.saturating_add(limit).saturating_add(BESIDE));
    CROWDED.store(most.map_or(u64::MAX, |most| most - BESIDE / 2), Ordering::Relaxed);
    Ok(setrlimit(Resource::Data, Rlimit { current: most, maximum: most })?)
}

/// Lets another process have all that it can get, until it is held again.
///
/// # Errors
/// There is no such process, or it is not this user's to change.
pub fn loosen(pid: u32) -> io::Result<()> {
    let pid = i32::try_from(pid).ok().and_then(Pid::from_raw).ok_or(io::ErrorKind::NotFound)?;
    prlimit(Some(pid), Resource::Data, Rlimit { current: None, maximum: None })?;
    Ok(())
}

/// Ends this process at once, because it holds too much. From wherever that is noticed: nothing is allocated, nobody waits.
pub extern "C" fn over() {
    // SAFETY: a system call that does not come back.
    unsafe { libc::_exit(TOO_MUCH) }
}

fn handle(signal: i32) -> io::Result<()> {
    // SAFETY: all zeroes is a set without signals and an action without flags.
    let mut action: libc::sigaction = unsafe { std::mem::zeroed() };
    action.sa_sigaction = crashed as extern "C" fn(i32) as usize;
    action.sa_flags = libc::SA_RESETHAND | libc::SA_NODEFER | libc::SA_ONSTACK;
    // SAFETY: the handler makes system calls that are safe anywhere, and touches a local and an atomic.
    let done = unsafe { libc::sigaction(signal, &raw const action, std::ptr::null_mut()) };
    if done < 0 { Err(io::Error::last_os_error()) } else { Ok(()) }
}

extern "C" fn crashed(signal: i32) {
    if data().is_some_and(|data| data >= CROWDED.load(Ordering::Relaxed)) {
        over();
    }
    // SAFETY: the disposition is the default one again, which ends the process here.
    unsafe { libc::raise(signal) };
}

/// The bytes of data that this process has, as the kernel counts them for the limit; nothing where it does not tell.
fn data() -> Option<u64> {
    let mut bytes = [0_u8; 128];
    // SAFETY: a path that ends with a zero, and a buffer of that size.
    let read = unsafe {
        let file = libc::open(c"/proc/self/statm".as_ptr(), libc::O_RDONLY | libc::O_CLOEXEC);
        let read = libc::read(file, bytes.as_mut_ptr().cast(), bytes.len());
        libc::close(file);
        read
    };
    let pages = pages(bytes.get(..usize::try_from(read).ok()?)?)?;
    // SAFETY: asks for a number.
    let page = u64::try_from(unsafe { libc::sysconf(libc::_SC_PAGESIZE) }).ok()?;
    pages.checked_mul(page)
}

/// The sixth number of a line of `statm`; nothing is allocated.
fn pages(line: &[u8]) -> Option<u64> {
    let number = line.split(|byte| *byte == b' ').nth(5)?;
    number.iter().try_fold(0_u64, |sum, digit| {
        let digit = u64::from(digit.checked_sub(b'0').filter(|digit| *digit < 10)?);
        sum.checked_mul(10)?.checked_add(digit)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_data_of_a_process_is_the_sixth_number_that_the_kernel_tells() {
        assert_eq!(pages(b"1000 200 30 4 0 567 0\n"), Some(567));
        assert_eq!(pages(b"1000 200 30 4 0"), None);
        assert_eq!(pages(b"1000 200 30 4 0 x 0\n"), None);
        let held = vec![1_u8; 64 << 20];
        assert!(data().is_some_and(|data| data > held.len() as u64));
    }
}
