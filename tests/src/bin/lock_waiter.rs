//! A process that wants a POSIX lock on a whole file: says when it has it, and keeps it until its standard input ends.
//!
//! Usage: `lock-waiter FILE`, or `lock-waiter FILE --try`, which does not wait and ends with 1 where it is held.

#![forbid(unsafe_code)]

use rustix::fs::{FlockOperation, fcntl_lock};
use std::fs::OpenOptions;
use std::io::{Read, Write, stdin, stdout};
use std::process::ExitCode;

fn main() -> std::io::Result<ExitCode> {
    let mut words = std::env::args().skip(1);
    let path = words.next().ok_or_else(|| std::io::Error::other("usage: lock-waiter FILE [--try]"))?;
    let file = OpenOptions::new().read(true).write(true).open(path)?;
    if words.next().is_some() {
        return match fcntl_lock(&file, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => Ok(ExitCode::SUCCESS),
            Err(rustix::io::Errno::AGAIN | rustix::io::Errno::ACCESS) => Ok(ExitCode::from(1)),
            Err(error) => Err(error.into()),
        };
    }
    fcntl_lock(&file, FlockOperation::LockExclusive)?;
    writeln!(stdout(), "locked")?;
    stdin().read_to_end(&mut Vec::new())?;
    Ok(ExitCode::SUCCESS)
}
