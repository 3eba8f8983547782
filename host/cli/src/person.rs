//! Questions that want y or n.

use std::io::{BufRead, Write, stdin, stdout};

/// Who is asked before something is taken away.
pub(crate) trait Person {
    /// Puts the question; only a clear yes is one.
    fn agrees(&mut self, question: &str) -> bool;
}

/// Whoever sits at standard input; with `--mode=script` nobody does, and the answer is yes.
#[derive(Debug)]
pub(crate) struct Terminal {
    /// Nobody is to be asked.
    pub(crate) script: bool,
}

impl Person for Terminal {
    fn agrees(&mut self, question: &str) -> bool {
        if self.script {
            return true;
        }
        let mut out = stdout();
        let _closed = write!(out, "{question} (y/n) ").and_then(|()| out.flush());
        let mut line = String::new();
        let (agreed, complaint) = match stdin().lock().read_line(&mut line) {
            Ok(length) if length > 0 => judge(&line),
            _ => (false, "gluster cli read error\nInvalid input, please enter y/n\n"),
        };
        let _closed = out.write_all(complaint.as_bytes());
        agreed
    }
}

fn judge(line: &str) -> (bool, &'static str) {
    match line.trim_end_matches(['\n', '\r']).to_ascii_lowercase().as_str() {
        "y" | "yes" => (true, ""),
        "n" | "no" => (false, ""),
        _ => (false, "Invalid input, please enter y/n\n"),
    }
}

#[cfg(test)]
mod tests {
    use super::judge;

    #[test]
    fn only_a_clear_yes_is_one() {
        for yes in ["y\n", "Y\n", "yes", "YES\r\n"] {
            assert_eq!(judge(yes), (true, ""));
        }
        for no in ["n\n", "No\n"] {
            assert_eq!(judge(no), (false, ""));
        }
        for neither in ["\n", "maybe\n", "yy\n"] {
            assert_eq!(judge(neither), (false, "Invalid input, please enter y/n\n"));
        }
    }
}
