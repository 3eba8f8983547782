//! The work of a small program: what rules do while something goes wrong, and afterwards to see that all is well.

use plugin_api::prelude::*;

use super::data::is_refusal;
use super::trial::{End, Trial};
use crate::caller::Failed;
use crate::samples::Parts;
use crate::{Bench, Caller};

/// Makes a folder with a file, fills it, reads it, moves it, lists it and takes all away. Answers the first failure, with
/// what was done: the rest is tried all the same, so that nothing is left behind and every fop is met.
pub(super) fn round(caller: &Caller<'_>, name: &str) -> Result<(), (&'static str, Failed)> {
    let mut first = None;
    let mut try_to = |what, done: Result<(), Failed>| {
        if let Err(failed) = done {
            first.get_or_insert((what, failed));
        }
    };
    let root = caller.root();
    let folder = match caller.mkdir(&root, name).or_else(|failed| match failed.errno() {
        Some(Errno::EEXIST) => caller.lookup(&root, name).map(|(inode, _)| inode),
        _ => Err(failed),
    }) {
        Ok(folder) => folder,
        Err(failed) => return Err(("mkdir", failed)),
    };
    match caller.create(&folder, "a") {
        Ok(fd) => {
            try_to("writev", caller.write(&fd, 0, b"some bytes").map(drop));
            try_to("readv", caller.read(&fd, 0, 10).map(drop));
            try_to("fstat", caller.fstat(&fd).map(drop));
            try_to(
                "flush",
                caller.ask::<kind::flush>(Flush { fd: fd.clone(), xdata: Dict::new() }).map(drop),
            );
        }
        Err(failed) => try_to("create", Err(failed)),
    }
    try_to("lookup", caller.lookup(&folder, "a").map(drop));
    try_to("rename", caller.rename(caller.entry(&folder, "a"), caller.entry(&folder, "b")));
    try_to("readdirp", caller.names(&folder).map(drop));
    try_to("unlink", caller.unlink(&folder, "b"));
    // One of the two may have failed before.
    let _ = caller.unlink(&folder, "a");
    try_to("rmdir", caller.rmdir(&root, name));
    match first {
        Some(failed) => Err(failed),
        None => Ok(()),
    }
}

/// Whether a round's failure is a fault of the translator: no answer, or nonsense.
pub(super) fn is_fault(failed: &Failed) -> bool {
    failed.errno().is_none()
}

impl Trial<'_> {
    /// All has to be well: a round is answered, and nothing in it fails but by refusal.
    pub(super) fn serves(&mut self, bench: &Bench, name: &str) {
        let caller = Caller::new(bench, self.random.number());
        // What one round may not take away, the next one does not meet.
        let name = format!("{name}-{:x}", self.random.number());
        match round(&caller, &name) {
            Ok(()) => {}
            Err((what, Failed::Refused(errno))) if is_refusal(errno) => {
                self.note(format!("refuses {what} with {errno:?}"));
            }
            Err((what, failed)) => self.found(format!("afterwards {what} does not do: {failed}")),
        }
    }

    /// Something for every fop to act on: a folder with a file in it, both open.
    pub(super) fn parts(&mut self, bench: &Bench, name: &str) -> Result<Parts, End> {
        let caller = Caller::new(bench, self.random.number());
        let made = || -> Result<Parts, Failed> {
            let root = caller.root();
            let folder = caller.mkdir(&root, name)?;
            let fd = caller.create(&folder, "file")?;
            caller.write(&fd, 0, b"some bytes")?;
            let dir = caller.opendir(&folder)?;
            let loc = Loc::of(fd.inode().clone());
            Ok(Parts::sane(loc, caller.entry(&folder, "new"), caller.entry(&folder, "other"), fd, dir))
        };
        made().map_err(|failed| match failed.errno() {
            Some(errno) if is_refusal(errno) => End::Skip(format!("it lets no file be made: {errno:?}")),
            _ => {
                self.found(format!("making a file: {failed}"));
                End::Found
            }
        })
    }
}
