//! The last lines that were told, for the statedump.

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// More lines than this are not kept, whatever the option says.
const MOST: usize = 65_536;

/// A ring of lines.
#[derive(Debug, Default)]
pub(crate) struct History {
    lines: Mutex<VecDeque<String>>,
    size: usize,
}

impl History {
    /// A ring of `size` lines.
    pub(crate) fn new(size: usize) -> Self {
        Self { lines: Mutex::default(), size: size.min(MOST) }
    }

    /// Adds a line; the oldest goes when there is no room.
    pub(crate) fn add(&self, line: String) {
        let mut lines = self.lines();
        if lines.len() >= self.size {
            lines.pop_front();
        }
        if self.size > 0 {
            lines.push_back(line);
        }
    }

    /// Writes all lines, oldest first.
    pub(crate) fn dump(&self, out: &mut String) {
        for (at, line) in self.lines().iter().enumerate() {
            out.push_str(&format!("history[{at}]={line}\n"));
        }
    }

    fn lines(&self) -> MutexGuard<'_, VecDeque<String>> {
        self.lines.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_oldest_lines_go_first() {
        let history = History::new(2);
        ["a", "b", "c"].into_iter().for_each(|line| history.add(line.into()));
        let mut out = String::new();
        history.dump(&mut out);
        assert_eq!(out, "history[0]=b\nhistory[1]=c\n");
    }
}
