//! A process that locks parts of a file as it is told, line by line: `set w 0 100` is answered `yes` or `no`.
//!
//! Usage: `lock-peer FILE`. Kinds are `r`, `w` and `u` (take away), a length of 0 reaches to the end:
//! `set KIND START LENGTH` does not wait; `wait KIND START LENGTH` does; `get KIND START LENGTH` answers `free`, or kind,
//! start and length of what stands in the way; `flock KIND` locks the whole file in flock's way, without waiting;
//! `close` opens the file anew; `alone N` makes and removes the folder `FILE.inside` N times, each under a lock: who finds it
//! there was not alone.

#![forbid(unsafe_code)]

use nix::errno::Errno;
use nix::fcntl::{FcntlArg, fcntl};
use nix::libc;
use rustix::fs::{FlockOperation, flock};
use std::error::Error;
use std::fs::{File, OpenOptions};
use std::io::{Write, stdin, stdout};

type Outcome<T> = Result<T, Box<dyn Error>>;

fn main() -> Outcome<()> {
    let path = std::env::args().nth(1).ok_or("usage: lock-peer FILE")?;
    let open = || OpenOptions::new().read(true).write(true).create(true).truncate(false).open(&path);
    let mut file = open()?;
    for line in stdin().lines() {
        let line = line?;
        let words: Vec<&str> = line.split_whitespace().collect();
        let said = match words[..] {
            ["set", kind, start, length] => yes(lock(&file, &range(kind, start, length)?, false)?),
            ["wait", kind, start, length] => yes(lock(&file, &range(kind, start, length)?, true)?),
            ["get", kind, start, length] => in_the_way(&file, range(kind, start, length)?)?,
            ["flock", kind] => yes(lock_whole(&file, kind)?),
            ["close"] => {
                drop(file);
                file = open()?;
                yes(true)
            }
            ["alone", times] => {
                (0..times.parse()?).try_for_each(|_| be_alone(&file, &format!("{path}.inside")))?;
                yes(true)
            }
            _ => return Err(format!("unknown: {line}").into()),
        };
        writeln!(stdout(), "{said}")?;
    }
    Ok(())
}

fn yes(done: bool) -> String {
    if done { "yes" } else { "no" }.to_owned()
}

fn range(kind: &str, start: &str, length: &str) -> Outcome<libc::flock> {
    let kind = match kind {
        "r" => libc::F_RDLCK,
        "w" => libc::F_WRLCK,
        "u" => libc::F_UNLCK,
        other => return Err(format!("no kind {other}").into()),
    };
    Ok(libc::flock {
        l_type: i16::try_from(kind)?,
        l_whence: i16::try_from(libc::SEEK_SET)?,
        l_start: start.parse()?,
        l_len: length.parse()?,
        l_pid: 0,
    })
}

/// Whether it was given.
fn lock(file: &File, range: &libc::flock, wait: bool) -> Outcome<bool> {
    let how = if wait { FcntlArg::F_SETLKW(range) } else { FcntlArg::F_SETLK(range) };
    match fcntl(file, how) {
        Ok(_) => Ok(true),
        Err(Errno::EAGAIN | Errno::EACCES) => Ok(false),
        Err(other) => Err(other.into()),
    }
}

fn in_the_way(file: &File, mut range: libc::flock) -> Outcome<String> {
    fcntl(file, FcntlArg::F_GETLK(&mut range))?;
    let kind = match i32::from(range.l_type) {
        libc::F_UNLCK => return Ok("free".to_owned()),
        libc::F_RDLCK => "r",
        _ => "w",
    };
    Ok(format!("{kind} {} {}", range.l_start, range.l_len))
}

fn lock_whole(file: &File, kind: &str) -> Outcome<bool> {
    let how = match kind {
        "r" => FlockOperation::NonBlockingLockShared,
        "w" => FlockOperation::NonBlockingLockExclusive,
        _ => FlockOperation::Unlock,
    };
    match flock(file, how) {
        Ok(()) => Ok(true),
        Err(rustix::io::Errno::WOULDBLOCK) => Ok(false),
        Err(other) => Err(other.into()),
    }
}

fn be_alone(file: &File, inside: &str) -> Outcome<()> {
    lock(file, &range("w", "0", "0")?, true)?;
    std::fs::create_dir(inside)?;
    std::fs::remove_dir(inside)?;
    lock(file, &range("u", "0", "0")?, false)?;
    Ok(())
}
