//! Commands that only succeed or fail: the one line, or the small document, that says which.

use crate::said::Said;
use crate::session::{Head, Session};
use crate::tree::element;
use gluster_xdr::cli::CliRsp;

/// How a command tells its outcome.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Verdict<'a> {
    /// What stands before the outcome: `volume set`.
    pub(crate) command: &'a str,
    /// What stands after a success, if anything does.
    pub(crate) good: &'a str,
    /// What stands after a failure that has no text of its own, if anything does.
    pub(crate) bad: Option<&'a str>,
}

impl Verdict<'_> {
    /// The line without its end.
    pub(crate) fn line(&self, reply: &CliRsp) -> String {
        let command = self.command;
        match (reply.op_ret, self.good, reply.op_errstr.as_str(), self.bad) {
            (0, "", ..) => format!("{command}: success"),
            (0, good, ..) => format!("{command}: success: {good}"),
            (_, _, "", None) => format!("{command}: failed"),
            (_, _, "", Some(why)) | (_, _, why, _) => format!("{command}: failed: {why}"),
        }
    }

    /// The line, on standard output or standard error.
    pub(crate) fn text(&self, reply: &CliRsp) -> Said {
        let line = self.line(reply) + "\n";
        if reply.op_ret == 0 { Said::out(line) } else { Said::refused(line) }
    }
}

/// The document of a command that only succeeds or fails: its name and a sentence.
pub(crate) fn document(session: &Session<'_>, reply: &CliRsp, operation: &str, sentence: &str) -> Said {
    let body = [element("cliOp").text(operation), element("output").text(sentence)];
    session.document(Head::of(reply), body)
}

/// The daemon's own text, or this one where it has none.
pub(crate) fn or<'a>(reply: &'a CliRsp, text: &'a str) -> &'a str {
    if reply.op_errstr.is_empty() { text } else { &reply.op_errstr }
}
