//! Rule `data`: what was acknowledged reads back, byte for byte.

use std::collections::VecDeque;
use std::thread;

use plugin_api::iatt_flags;
use plugin_api::prelude::*;

use super::Rule;
use super::trial::{End, Kept, Trial};
use crate::caller::Failed;
use crate::{Bench, Caller, Fake, Random};

pub(super) const RULE: Rule = Rule {
    name: "data",
    about: "acknowledged bytes read back: random writes, cuts, holes and copies by several callers, after short reads \
            below, and in the next graph",
    check,
};

/// Longest file.
const LONGEST: u64 = 384 * 1024;
/// Files of one caller.
const FILES: usize = 3;
/// Operations that a finding shows.
const SHOWN: usize = 6;

fn check(trial: &mut Trial<'_>) -> Kept {
    let operations = trial.size.pick(600, 20_000);
    let short = trial.random.one_in(2);
    let child = Fake::memory();
    let child = if short { child.with_short_reads(trial.random.number()) } else { child };
    child.stop_noting();
    trial.step("start");
    let mut bench = trial.start(&child)?;
    let callers = 1 + trial.random.index(4);
    trial.step(format!("{operations} operations each by {callers} callers"));
    let mut sets = Vec::new();
    for number in 0..callers {
        match Set::make(&bench, number, trial.random.number()) {
            Ok(set) => sets.push(set),
            Err(failed) => {
                let ends = unmade(trial, &failed);
                trial.finish(bench);
                return ends;
            }
        }
    }
    let found = at_once(&bench, &mut sets, |set, caller| set.operate(caller, operations));
    found.into_iter().for_each(|what| trial.found(what));
    sets.iter().flat_map(|set| &set.refused).for_each(|refused| trial.note(refused.clone()));
    if trial.panics(&bench) || trial.is_enough() {
        trial.finish(bench);
        return Err(End::Found);
    }
    sets.iter_mut().for_each(Set::close);
    trial.finish(bench);
    trial.step("reading all again in the next graph");
    bench = trial.start(&child)?;
    let found = at_once(&bench, &mut sets, Set::verify);
    found.into_iter().for_each(|what| trial.found(what));
    sets.iter_mut().for_each(Set::close);
    trial.finish(bench);
    Ok(())
}

/// A translator that lets nobody make files has no data to keep; one whose answers make no sense has a fault.
fn unmade(trial: &mut Trial<'_>, failed: &Failed) -> Kept {
    match failed.errno() {
        Some(errno) if is_refusal(errno) => Err(End::Skip(format!("it lets no file be made: {errno:?}"))),
        _ => {
            trial.found(format!("making a file: {failed}"));
            Err(End::Found)
        }
    }
}

fn at_once(
    bench: &Bench,
    sets: &mut [Set],
    work: impl Fn(&mut Set, &Caller<'_>) -> Result<(), String> + Sync,
) -> Vec<String> {
    let work = &work;
    thread::scope(|scope| {
        let threads: Vec<_> = sets
            .iter_mut()
            .map(|set| {
                let caller = Caller::new(bench, set.random.number());
                scope.spawn(move || work(set, &caller).err())
            })
            .collect();
        threads.into_iter().filter_map(|thread| thread.join().expect("a caller does not panic")).collect()
    })
}

/// Errors with which a translator may refuse what it has a reason not to do.
pub(super) fn is_refusal(errno: Errno) -> bool {
    [
        Errno::EROFS,
        Errno::EDQUOT,
        Errno::EACCES,
        Errno::EPERM,
        Errno::ENOSPC,
        Errno::EOPNOTSUPP,
        Errno::ENOSYS,
        Errno::EFBIG,
        Errno::EAGAIN,
        Errno::EBUSY,
    ]
    .contains(&errno)
}

/// The files of one caller, and what they have to hold.
struct Set {
    folder: String,
    files: Vec<File>,
    random: Random,
    log: VecDeque<String>,
    refused: Vec<String>,
}

struct File {
    name: String,
    fd: Option<Fd>,
    holds: Vec<u8>,
}

fn said(failed: &Failed) -> String {
    failed.to_string()
}

impl Set {
    fn make(bench: &Bench, number: usize, seed: u64) -> Result<Self, Failed> {
        let caller = Caller::new(bench, seed);
        let folder = format!("data-{number}");
        let inode = match caller.mkdir(&caller.root(), &folder) {
            // A store keeps its folder from one check to the next.
            Err(Failed::Refused(Errno::EEXIST)) => caller.lookup(&caller.root(), &folder)?.0,
            made => made?,
        };
        let mut files = Vec::new();
        for at in 0..FILES {
            let name = format!("file-{at}");
            files.push(File { fd: Some(caller.create(&inode, &name)?), name, holds: Vec::new() });
        }
        Ok(Self { folder, files, random: Random::new(seed), log: VecDeque::new(), refused: Vec::new() })
    }

    fn close(&mut self) {
        self.files.iter_mut().for_each(|file| file.fd = None);
    }

    fn operate(&mut self, caller: &Caller<'_>, operations: u32) -> Result<(), String> {
        for number in 0..operations {
            let at = self.random.index(FILES);
            let file = &self.files[at];
            let name = format!("{}/{}", self.folder, file.name);
            let fd = file.fd.clone().expect("open until the graph ends");
            self.log.truncate(SHOWN);
            let done = self.one(caller, at, &fd).and_then(|()| self.size_is(caller, at, &fd, number));
            if let Err(what) = done {
                let mut log: Vec<_> = self.log.iter().rev().cloned().collect();
                log.push(format!("operation {number}"));
                return Err(format!("{name}: {what}; before: {}", log.join(", ")));
            }
        }
        self.verify(caller)
    }

    /// One operation on one file, and what it must have done.
    fn one(&mut self, caller: &Caller<'_>, at: usize, fd: &Fd) -> Result<(), String> {
        let random = &mut self.random;
        let size = self.files[at].holds.len() as u64;
        let (offset, len) = range(random, size);
        let what = random.below(16);
        let (log, holds) = (&mut self.log, &mut self.files[at].holds);
        let mut note = |words: String| log.push_front(words);
        let done = match what {
            0..5 => {
                note(format!("read {offset} {len}"));
                return reads(caller, fd, offset, len, holds);
            }
            5..10 => {
                note(format!("write {offset} {len}"));
                write(caller, fd, offset, &random.bytes(len), holds)
            }
            10 => {
                let to = random.below(LONGEST);
                note(format!("truncate {to}"));
                let args = Ftruncate { fd: fd.clone(), offset: to, xdata: Dict::new() };
                caller.ask::<kind::ftruncate>(args).map(|_| holds.resize(index(to), 0))
            }
            11 => {
                note(format!("zerofill {offset} {len}"));
                let args = Zerofill { fd: fd.clone(), offset, len: len as u64, xdata: Dict::new() };
                caller.ask::<kind::zerofill>(args).map(|_| {
                    grow(holds, offset, len);
                    holds[index(offset)..index(offset) + len].fill(0);
                })
            }
            12 => {
                note(format!("discard {offset} {len}"));
                let args = Discard { fd: fd.clone(), offset, len: len as u64, xdata: Dict::new() };
                caller.ask::<kind::discard>(args).map(|_| {
                    let end = holds.len().min(index(offset) + len);
                    holds[index(offset).min(end)..end].fill(0);
                })
            }
            13 => {
                let keep = random.one_in(2);
                note(format!("fallocate {offset} {len} {}", if keep { "keeping the size" } else { "" }));
                let mode = if keep { libc::FALLOC_FL_KEEP_SIZE } else { 0 };
                let args = Fallocate { fd: fd.clone(), mode, offset, len: len as u64, xdata: Dict::new() };
                caller.ask::<kind::fallocate>(args).map(|_| {
                    if !keep {
                        grow(holds, offset, len);
                    }
                })
            }
            14 => {
                note(format!("seek {offset}"));
                return seeks(caller, fd, offset, holds);
            }
            _ => return self.copy(caller, at, offset, len),
        };
        self.refused(done)
    }

    /// Copies from another file of the set.
    fn copy(&mut self, caller: &Caller<'_>, at: usize, offset: u64, len: usize) -> Result<(), String> {
        let from = (at + 1) % FILES;
        let start = self.random.below(self.files[from].holds.len() as u64 + 1);
        self.log.push_front(format!("copy {start} {len} of {} to {offset}", self.files[from].name));
        let fd = |file: &File| file.fd.clone().expect("open until the graph ends");
        let args = CopyFileRange {
            fd_in: fd(&self.files[from]),
            offset_in: start,
            fd_out: fd(&self.files[at]),
            offset_out: offset,
            len,
            flags: 0,
            xdata: Dict::new(),
        };
        let done = match caller.ask::<kind::copy_file_range>(args) {
            Ok(copied) => {
                let source = self.files[from].holds[index(start)..].to_vec();
                let count =
                    usize::try_from(copied.count).ok().filter(|count| *count <= len.min(source.len()));
                let Some(count) = count else { return Err(format!("{} bytes copied", copied.count)) };
                if count > 0 {
                    let holds = &mut self.files[at].holds;
                    grow(holds, offset, count);
                    holds[index(offset)..index(offset) + count].copy_from_slice(&source[..count]);
                }
                Ok(())
            }
            Err(failed) => Err(failed),
        };
        self.refused(done)
    }

    /// A refusal is noted once and changes nothing; another failure is a fault.
    fn refused(&mut self, done: Result<(), Failed>) -> Result<(), String> {
        match done {
            Ok(()) => Ok(()),
            Err(Failed::Refused(errno)) if is_refusal(errno) => {
                let words = self.log.front().map_or("", |words| words.split(' ').next().unwrap_or_default());
                let refused = format!("refuses {words} with {errno:?}");
                if !self.refused.contains(&refused) {
                    self.refused.push(refused);
                }
                Ok(())
            }
            Err(failed) => Err(said(&failed)),
        }
    }

    fn size_is(&self, caller: &Caller<'_>, at: usize, fd: &Fd, number: u32) -> Result<(), String> {
        if !number.is_multiple_of(4) {
            return Ok(());
        }
        let iatt = caller.fstat(fd).map_err(|failed| said(&failed))?;
        same_size(&iatt, &self.files[at].holds, "fstat")
    }

    /// Finds every file again and reads all of it.
    fn verify(&mut self, caller: &Caller<'_>) -> Result<(), String> {
        let told = |failed: Failed| said(&failed);
        let (folder, _) = caller.lookup(&caller.root(), &self.folder).map_err(told)?;
        for file in &mut self.files {
            let whole = |what| format!("{}/{}: {what}", self.folder, file.name);
            let (inode, iatt) = caller.lookup(&folder, &file.name).map_err(|failed| whole(said(&failed)))?;
            same_size(&iatt, &file.holds, "lookup").map_err(whole)?;
            let fd = caller.open(&inode, libc::O_RDONLY).map_err(|failed| whole(said(&failed)))?;
            reads(caller, &fd, 0, file.holds.len() + 100, &file.holds).map_err(whole)?;
        }
        Ok(())
    }
}

/// Somewhere in a file or a little behind its end, often at the edge of a block.
fn range(random: &mut Random, size: u64) -> (u64, usize) {
    let mut offset = random.below((size + 20_000).min(LONGEST));
    if random.one_in(3) {
        offset &= !4095;
    }
    let len = match random.below(4) {
        0 => 4096,
        1 => 1 + random.below(100),
        _ => 1 + random.below(70_000),
    };
    (offset, index(len.min(LONGEST - offset).max(1)))
}

fn index(n: u64) -> usize {
    usize::try_from(n).expect("within the longest file")
}

fn grow(holds: &mut Vec<u8>, offset: u64, len: usize) {
    let end = index(offset) + len;
    if holds.len() < end {
        holds.resize(end, 0);
    }
}

fn same_size(iatt: &Iatt, holds: &[u8], fop: &str) -> Result<(), String> {
    let told = iatt.flags == 0 || iatt.flags & iatt_flags::SIZE != 0;
    if told && iatt.size != holds.len() as u64 {
        return Err(format!("{fop} says {} bytes, the file has {}", iatt.size, holds.len()));
    }
    Ok(())
}

/// Writes all of `bytes`, as a program does that is told how much was taken.
fn write(caller: &Caller<'_>, fd: &Fd, offset: u64, bytes: &[u8], holds: &mut Vec<u8>) -> Result<(), Failed> {
    let mut done = 0;
    while done < bytes.len() {
        let (count, post) = caller.write(fd, offset + done as u64, &bytes[done..])?;
        if count == 0 {
            return Err(Failed::Nonsense("a write takes nothing and does not fail".to_owned()));
        }
        let at = index(offset) + done;
        grow(holds, at as u64, count);
        holds[at..at + count].copy_from_slice(&bytes[done..done + count]);
        done += count;
        if post.flags != 0 {
            same_size(&post, holds, "writev").map_err(Failed::Nonsense)?;
        }
    }
    Ok(())
}

/// Reads, and compares.
fn reads(caller: &Caller<'_>, fd: &Fd, offset: u64, len: usize, holds: &[u8]) -> Result<(), String> {
    let expected = &holds[index(offset).min(holds.len())..(index(offset) + len).min(holds.len())];
    let found = caller.read(fd, offset, len).map_err(|failed| said(&failed))?;
    if let Some(at) = found.iter().zip(expected).position(|(found, expected)| found != expected) {
        let (place, wrong) = (offset + at as u64, found.iter().zip(expected).filter(|(a, b)| a != b).count());
        return Err(format!(
            "reading {len} at {offset}: byte {place} is {:#04x}, not {:#04x}; {wrong} bytes are wrong",
            found[at], expected[at]
        ));
    }
    if found.len() != expected.len() {
        return Err(format!("reading {len} at {offset}: {} bytes, not {}", found.len(), expected.len()));
    }
    Ok(())
}

/// Finds data: nothing but zeros may lie before it.
fn seeks(caller: &Caller<'_>, fd: &Fd, offset: u64, holds: &[u8]) -> Result<(), String> {
    let args = Seek { fd: fd.clone(), offset, what: 0, xdata: Dict::new() };
    let end = match caller.ask::<kind::seek>(args) {
        Ok(sought) if sought.offset < offset => return Err(format!("seek goes back to {}", sought.offset)),
        Ok(sought) => index(sought.offset).min(holds.len()),
        Err(Failed::Refused(Errno::ENXIO)) => holds.len(),
        Err(Failed::Refused(errno)) if is_refusal(errno) => return Ok(()),
        Err(failed) => return Err(said(&failed)),
    };
    let skipped = &holds[index(offset).min(end)..end];
    match skipped.iter().position(|byte| *byte != 0) {
        Some(at) => Err(format!(
            "seek from {offset} finds no data before {end}, and there is some at {}",
            index(offset) + at
        )),
        None => Ok(()),
    }
}
