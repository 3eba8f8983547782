//! The command history: one line for each command that was asked for, and what came of it.

use rustix::fs::{Mode, OFlags};
use std::io::Write;
use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};
use std::time::{SystemTime, UNIX_EPOCH};

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
        let line = format!("[{}]  : {} : {outcome}\n", now(), visible(command));
        let _turn = self.turn.lock().unwrap_or_else(PoisonError::into_inner);
        self.open()?.write_all(line.as_bytes())
    }

    fn open(&self) -> std::io::Result<std::fs::File> {
        let flags = OFlags::WRONLY | OFlags::APPEND | OFlags::CREATE | OFlags::CLOEXEC | OFlags::NOFOLLOW;
        Ok(rustix::fs::open(&self.path, flags, Mode::RUSR | Mode::WUSR)?.into())
    }
}

/// The text without what could end the line or move a terminal's cursor; a line break stays one word apart.
fn visible(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect()
}

fn now() -> String {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let (days, rest) = (since.as_secs() / 86_400, since.as_secs() % 86_400);
    let (year, month, day) = civil(days);
    let (hour, minute, second) = (rest / 3600, rest / 60 % 60, rest % 60);
    format!(
        "{year:04}-{month:02}-{day:02} {hour:02}:{minute:02}:{second:02}.{:06} +0000",
        since.subsec_micros()
    )
}

/// Year, month and day of a day counted from 1970, by the Gregorian calendar.
fn civil(days: u64) -> (u64, u64, u64) {
    // Years begin in March, so that the leap day is the last one.
    let days = days + 719_468;
    let (era, day) = (days / 146_097, days % 146_097);
    let year = (day - day / 1460 + day / 36_524 - day / 146_096) / 365;
    let day = day - (365 * year + year / 4 - year / 100);
    let month = (5 * day + 2) / 153;
    let (month_of_year, day) =
        (if month < 10 { month + 3 } else { month - 9 }, day - (153 * month + 2) / 5 + 1);
    (era * 400 + year + u64::from(month_of_year <= 2), month_of_year, day)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_have_dates() {
        assert_eq!(civil(0), (1970, 1, 1));
        assert_eq!(civil(11_016), (2000, 2, 29));
        assert_eq!(civil(20_779), (2026, 11, 22));
    }

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
