//! What a command prints, and its exit code.

use std::io::Write;

/// The usage text that follows a command line that makes no sense.
const USAGE: &str = "
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
    /// The output is a document: XML or JSON, as asked for.
    pub(crate) is_document: bool,
    /// The daemon has refused, whatever the exit code is.
    pub(crate) is_refusal: bool,
    /// For a person at a terminal, and nobody else: what the incumbent does not say.
    pub(crate) hint: String,
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

    /// A refusal that is told on standard output.
    pub(crate) fn refused_out(text: impl Into<String>) -> Self {
        Self { out: text.into(), code: 1, ..Self::default() }
    }

    /// Something that is no command at all.
    pub(crate) fn unrecognized(what: &str, code: u8) -> Self {
        Self { out: format!("unrecognized {what}\n{USAGE}"), code, ..Self::default() }
    }

    /// The daemon is not there, or went away.
    pub(crate) fn no_daemon() -> Self {
        Self::refused_out("Connection failed. Please check if gluster daemon is operational.\n")
    }

    /// The same with another exit code.
    #[must_use]
    pub(crate) fn with_code(self, code: u8) -> Self {
        Self { code, ..self }
    }

    /// The same with a hint for a person.
    #[must_use]
    pub(crate) fn with_hint(self, hint: Option<String>) -> Self {
        Self { hint: hint.unwrap_or_default(), ..self }
    }

    /// Whether a command was done that changes something: who did not want it after all is told nothing.
    pub(crate) fn is_done(&self) -> bool {
        self.code == 0 && !self.is_refusal && !self.out.is_empty()
    }

    /// Writes the texts; a reader that has gone away changes nothing about the outcome.
    pub(crate) fn print(&self) -> u8 {
        let (mut out, mut err) = (std::io::stdout(), std::io::stderr());
        let _closed = out.write_all(self.out.as_bytes()).and_then(|()| out.flush());
        let _closed = err.write_all(self.err.as_bytes());
        if !self.hint.is_empty() && std::io::IsTerminal::is_terminal(&err) {
            let _closed = err.write_all(self.hint.as_bytes());
        }
        self.code
    }
}
