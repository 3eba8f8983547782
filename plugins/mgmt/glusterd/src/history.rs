//! The command history: one line for each command that was asked for, and what came of it.

use crate::clock;
use rustix::fs::{Mode, OFlags};
use std::io::Write;
use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};

/// `cmd_history.log`. It is opened for each line, so that it may be moved away at any time.
#[derive(Debug)]
pub struct History {
    path: PathBuf,
    turn: Mutex<()>,
}

impl History {
    /// The history in this file.
    #[must_use]
    pub fn new(path: PathBuf) -> Self {
        Self { path, turn: Mutex::default() }
    }

    /// Makes sure that lines can be written.
    ///
    /// # Errors
    /// The file cannot be opened.
    pub fn check(&self) -> std::io::Result<()> {
        self.open().map(drop)
    }

    /// Notes a command, whether it was done, and what was said of it, if anything.
    ///
    /// # Errors
    /// The line cannot be written; the command has run all the same.
    pub fn note(&self, command: &str, is_done: bool, said: &str) -> std::io::Result<()> {
        let outcome = match (is_done, visible(said)) {
            (true, said) if said.is_empty() => "SUCCESS".to_owned(),
            (true, said) => format!("SUCCESS : {said}"),
            (false, why) => format!("FAILED : {why}"),
        };
        let line = format!("[{}]  : {} : {outcome}\n", clock::of_line(), visible(command));
        let _turn = self.turn.lock().unwrap_or_else(PoisonError::into_inner);
        self.open()?.write_all(line.as_bytes())
    }

    fn open(&self) -> std::io::Result<std::fs::File> {
        let flags = OFlags::WRONLY | OFlags::APPEND | OFlags::CREATE | OFlags::CLOEXEC | OFlags::NOFOLLOW;
        Ok(rustix::fs::open(&self.path, flags, Mode::RUSR | Mode::WUSR)?.into())
    }
}

/// Letters of a text that are noted at most: a line stays one that can be read.
const LONGEST: usize = 16_384;

/// The text without what could end the line or move a terminal's cursor; a line break stays one word apart.
fn visible(text: &str) -> String {
    text.chars().take(LONGEST).map(|c| if c.is_control() { ' ' } else { c }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_cannot_write_lines_of_its_own() {
        let folder = tempfile::tempdir().unwrap();
        let history = History::new(folder.path().join("cmd_history.log"));
        history.note("volume start v", true, "").unwrap();
        history.note("volume set v a\n[x]", false, "no\nDid you mean").unwrap();
        let text = std::fs::read_to_string(folder.path().join("cmd_history.log")).unwrap();
        let lines: Vec<_> = text.lines().map(|line| line.split_once("]  : ").unwrap().1).collect();
        assert_eq!(lines, ["volume start v : SUCCESS", "volume set v a [x] : FAILED : no Did you mean"]);
    }
}
