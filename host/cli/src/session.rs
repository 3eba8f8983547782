//! What a command has at hand: the options, the daemon, a person.

use crate::command::Command;
use crate::daemon::{AskError, Daemon};
use crate::options::{Format, Options};
use crate::person::Person;
use crate::said::Said;
use crate::tree::{Element, element};
use gluster_xdr::cli::{CliProc, CliRsp};
use plugin_api::Dict;

/// How a command ends.
pub(crate) type Outcome = Result<Said, Stop>;

/// Why a command did not run to its end.
#[derive(Debug)]
pub(crate) enum Stop {
    /// Its words do not fit.
    Usage {
        /// For standard output, before the usage.
        out: String,
        /// Why, for standard error; empty where the usage says it all.
        why: String,
    },
    /// There is no reply.
    Ask(AskError),
}

impl Stop {
    /// The words do not fit, for this reason.
    pub(crate) fn usage(why: impl Into<String>) -> Self {
        Self::Usage { out: String::new(), why: why.into() }
    }

    /// The words do not fit; the usage says it all.
    pub(crate) fn misfit() -> Self {
        Self::usage("")
    }

    /// The words do not fit, and standard output is told.
    pub(crate) fn usage_out(out: impl Into<String>) -> Self {
        Self::Usage { out: format!("{}\n", out.into()), why: String::new() }
    }

    /// What a person is told.
    pub(crate) fn told(self, command: &Command) -> Said {
        match self {
            Self::Usage { out, why } => {
                let why = if why.is_empty() { why } else { why + "\n" };
                let err = format!("{why}\nUsage:\n{}\n\n", command.usage());
                Said { out, err, code: 1, ..Said::default() }
            }
            Self::Ask(AskError::Gone(_)) => Said::no_daemon(),
            Self::Ask(AskError::Late(_)) => Said::refused("Error : Request timed out\n"),
            Self::Ask(AskError::Refused(_)) => Said::default().with_code(1),
        }
    }
}

impl From<AskError> for Stop {
    fn from(error: AskError) -> Self {
        Self::Ask(error)
    }
}

/// The outcome that heads every document.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Head<'a> {
    /// 0, or −1 for a refusal.
    pub(crate) ret: i32,
    /// The daemon's number for the refusal.
    pub(crate) errno: i32,
    /// Its text.
    pub(crate) text: &'a str,
}

impl<'a> Head<'a> {
    /// A success.
    pub(crate) const GOOD: Head<'static> = Head { ret: 0, errno: 0, text: "" };

    /// A reply's own.
    pub(crate) fn of(reply: &'a CliRsp) -> Self {
        Self { ret: reply.op_ret, errno: reply.op_errno, text: &reply.op_errstr }
    }

    /// The same with a text where the reply has none.
    pub(crate) fn or(self, text: &'a str) -> Self {
        if self.text.is_empty() { Self { text, ..self } } else { self }
    }
}

/// What a command has at hand.
pub(crate) struct Session<'a> {
    /// The options.
    pub(crate) options: &'a Options,
    /// All words of the command.
    pub(crate) words: &'a [String],
    /// Who does the work.
    pub(crate) daemon: &'a mut dyn Daemon,
    /// Who is asked before something is taken away.
    pub(crate) person: &'a mut dyn Person,
}

impl Session<'_> {
    /// Asks the daemon; the words of the command go along, which the daemon writes to its history.
    ///
    /// # Errors
    /// There is no reply.
    pub(crate) fn ask(&mut self, procedure: CliProc, request: Dict) -> Result<CliRsp, Stop> {
        let request = match self.options.timeout.as_secs() {
            seconds if seconds > 120 => request.with("timeout", i64::try_from(seconds).unwrap_or(i64::MAX)),
            _ => request,
        };
        self.ask_plainly(procedure, request.with("cmd-str", self.words.join(" ")))
    }

    /// Asks the daemon for something that is not written to its history.
    ///
    /// # Errors
    /// There is no reply.
    pub(crate) fn ask_plainly(&mut self, procedure: CliProc, request: Dict) -> Result<CliRsp, Stop> {
        Ok(self.daemon.ask(procedure, request)?)
    }

    /// Puts a question to whoever sits there, to be answered y or n.
    pub(crate) fn agrees(&mut self, question: &str) -> bool {
        self.person.agrees(question)
    }

    /// Whether a document is wanted in place of text.
    pub(crate) fn wants_document(&self) -> bool {
        self.options.format != Format::Text
    }

    /// The document of an answer: the outcome first, then the command's own elements.
    pub(crate) fn document(&self, head: Head<'_>, body: impl IntoIterator<Item = Element>) -> Said {
        let root = element("cliOutput").number("opRet", head.ret).number("opErrno", head.errno);
        let root = root.leaf("opErrstr", head.text).children(body);
        let is_refusal = head.ret != 0;
        match self.options.format {
            Format::Json => {
                let code = u8::from(head.ret != 0);
                Said { out: root.json(), code, is_document: true, is_refusal, ..Said::default() }
            }
            _ => Said { out: root.xml(), is_document: true, is_refusal, ..Said::default() },
        }
    }

    /// In JSON, also what has no document of its own is one: its text, and whether it is good news.
    pub(crate) fn wrapped(&self, said: Said) -> Said {
        if self.options.format != Format::Json || said.is_document {
            return said;
        }
        let head = Head { ret: if said.code == 0 { 0 } else { -1 }, errno: 0, text: said.err.trim_end() };
        let code = said.code;
        let output = said.out.trim_end();
        self.document(head, [element("output").text(output)]).with_code(code).with_hint(Some(said.hint))
    }
}
