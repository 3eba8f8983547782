//! What a command prints, and its exit code.

use std::io::Write;

/// The usage text that follows a command line that makes no sense.
pub(crate) const USAGE: &str = "
 Usage: gluster [options] <help> <peer> <pool> <volume>
 Options:
 --help  Shows the help information
 --version  Shows the version
 --print-logdir  Shows the log directory
 --print-statedumpdir Shows the state dump directory

";

/// The end of a command.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Said {
    /// For standard output.
    pub(crate) out: String,
    /// For standard error.
    pub(crate) err: String,
    /// The exit code.
    pub(crate) code: u8,
}

impl Said {
    /// A success with something to show.
    pub(crate) fn out(text: impl Into<String>) -> Self {
        Self { out: text.into(), ..Self::default() }
    }

    /// A success whose news goes to standard error: an empty listing.
    pub(crate) fn note(text: impl Into<String>) -> Self {
        Self { err: text.into(), ..Self::default() }
    }

    /// A refusal.
    pub(crate) fn refused(text: impl Into<String>) -> Self {
        Self { err: text.into(), code: 1, ..Self::default() }
    }

    /// A command whose words do not fit; `why` may be empty.
    pub(crate) fn usage(why: &str, pattern: &str) -> Self {
        let why = if why.is_empty() { String::new() } else { format!("{why}\n") };
        Self::refused(format!("{why}\nUsage:\n{pattern}\n\n"))
    }

    /// Something that is no command at all.
    pub(crate) fn unrecognized(what: &str, code: u8) -> Self {
        Self { out: format!("unrecognized {what}\n{USAGE}"), code, ..Self::default() }
    }

    /// The daemon is not there, or went away.
    pub(crate) fn no_daemon() -> Self {
        let out = "Connection failed. Please check if gluster daemon is operational.\n".to_owned();
        Self { out, code: 1, ..Self::default() }
    }

    /// Writes both texts; a reader that has gone away changes nothing about the outcome.
    pub(crate) fn print(&self) -> u8 {
        let _closed = std::io::stdout().write_all(self.out.as_bytes());
        let _closed = std::io::stderr().write_all(self.err.as_bytes());
        self.code
    }
}
