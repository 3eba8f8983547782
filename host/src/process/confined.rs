//! A process for code that nobody trusts: it gets the descriptors it is given and no others, is nobody where the host is
//! root, and ends with the thread that started it.
#![allow(
    unsafe_code,
    reason = "what a child does between fork and exec, and descriptors that came by number"
)]
use std::io;
use std::os::fd::{AsRawFd, BorrowedFd, FromRawFd, OwnedFd};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use rustix::process::{Pid, PidfdFlags, pidfd_open};
use tokio::io::Interest;
use tokio::io::unix::AsyncFd;

/// Variables that go on to the process; the host's others are none of its business.
const VARIABLES: [&str; 4] = ["PATH", "LD_LIBRARY_PATH", "TZ", "RUST_BACKTRACE"];

/// The user and the group that own nothing.
const NOBODY: u32 = 65_534;

/// A process that was started.
#[derive(Debug)]
pub struct Confined {
    /// The process.
    pub child: Child,
    /// Readable once it has ended.
    pub pidfd: OwnedFd,
}

/// Starts `program` as `mortar isolate-worker`, with these descriptors, for the translator of type `name`.
///
/// To be called on a thread that lives as long as the process is to.
/// # Errors
/// The kernel refuses.
pub fn spawn(program: &Path, name: &str, descriptors: [BorrowedFd<'_>; 4]) -> io::Result<Confined> {
    let numbers = descriptors.map(|descriptor| descriptor.as_raw_fd());
    let mut command = Command::new(program);
    command.arg0("mortar").arg("isolate-worker").arg(name).args(numbers.map(|number| number.to_string()));
    command.env_clear().envs(VARIABLES.into_iter().filter_map(|name| Some((name, std::env::var_os(name)?))));
    // A signal from the terminal is for the host.
    command.stdin(Stdio::null()).stdout(Stdio::null()).process_group(0);
    let host = rustix::process::getpid();
    // SAFETY: only system calls that are safe between fork and exec, and no memory is allocated.
    unsafe {
        command.pre_exec(move || confine(numbers, host));
    }
    let child = command.spawn()?;
    let pid = i32::try_from(child.id()).ok().and_then(Pid::from_raw).ok_or(io::ErrorKind::InvalidData)?;
    // Not waited for yet, so the number is still its.
    let pidfd = pidfd_open(pid, PidfdFlags::empty())?;
    Ok(Confined { child, pidfd })
}

/// What the child does to itself before it becomes the program.
fn confine(keep: [i32; 4], host: Pid) -> io::Result<()> {
    let check = |done: i32| if done < 0 { Err(io::Error::last_os_error()) } else { Ok(()) };
    // SAFETY: system calls with numbers, and some with a pointer to a local that lives through them, or to nothing.
    unsafe {
        if libc::geteuid() == 0 {
            // Nobody can neither signal the host nor look into it. Before the rest: a change of user forgets some of it.
            check(libc::setgroups(0, std::ptr::null()))?;
            check(libc::setresgid(NOBODY, NOBODY, NOBODY))?;
            check(libc::setresuid(NOBODY, NOBODY, NOBODY))?;
        }
        // Ends with the thread that started it; which may have ended before this line.
        check(libc::prctl(libc::PR_SET_PDEATHSIG, libc::SIGKILL))?;
        if libc::getppid() != host.as_raw_nonzero().get() {
            return Err(io::ErrorKind::BrokenPipe.into());
        }
        check(libc::prctl(libc::PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0))?;
        // What nobody keeps on purpose closes with exec, whoever forgot to say so.
        check(libc::close_range(3, libc::c_uint::MAX, libc::CLOSE_RANGE_CLOEXEC.cast_signed()))?;
        for descriptor in keep {
            check(libc::fcntl(descriptor, libc::F_SETFD, 0))?;
        }
        let none = libc::rlimit { rlim_cur: 0, rlim_max: 0 };
        check(libc::setrlimit(libc::RLIMIT_CORE, &raw const none))
    }
}

/// Lets this process end at the first signal that tells of a crash, whoever sent it: the standard library's handler, which
/// looks for overflown stacks, would let one pass that was sent by somebody else.
pub fn crash_at_once() {
    for signal in [libc::SIGSEGV, libc::SIGBUS] {
        // SAFETY: the default disposition has no code that could run at a wrong time.
        unsafe { libc::signal(signal, libc::SIG_DFL) };
    }
}

/// Watches a descriptor for reading. To be called inside the event pool.
///
/// # Errors
/// The kernel refuses.
pub(crate) fn watched(descriptor: OwnedFd) -> io::Result<AsyncFd<OwnedFd>> {
    // SAFETY: the watch owns the descriptor, which nobody else closes.
    Ok(unsafe { AsyncFd::register_with_interest(descriptor, Interest::READABLE) }?)
}

/// A descriptor that this process was started with.
///
/// # Errors
/// There is none with this number.
pub fn inherited(number: i32) -> io::Result<OwnedFd> {
    // SAFETY: asks about a number.
    if number < 3 || unsafe { libc::fcntl(number, libc::F_SETFD, libc::FD_CLOEXEC) } < 0 {
        return Err(io::Error::from_raw_os_error(libc::EBADF));
    }
    // SAFETY: it is open, and the command line gave it to whoever asks, once.
    Ok(unsafe { OwnedFd::from_raw_fd(number) })
}
